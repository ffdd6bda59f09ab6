"""What an epoch of each trained model costs, beside peers: `python benchmarks/training_steps.py`.

    python benchmarks/training_steps.py --peers PYTHON [--products 20000] [--sequences 4000]

PYTHON is one of an environment of its own with gensim, implicit, torch, and rectools with its
extra `torch`. Each model is a process on one thread; the rounds are interleaved; processor seconds
of the steps of one epoch, the first epoch having warmed up. Preparing, validating and saving are
not in it. What an example is differs: a pair for skip-gram (gensim makes two of each), a sequence
for session models, a source for those that compare a source with the whole catalogue.

The synthetic shop (`shops.py`) gives lists: ten complements and ten look-alikes of every product.
Sequences are sessions of several missions; with `--cut 51` all purchases in pieces of 51, so that
no library fills places up. Dimension 64; pairs in batches of 1,024 with five
negatives each (goeswith: 512 in a step, shared, that count as five); sequences of 50 at most in
batches of 128, two layers, two heads, dropout .2, ids alone, softmax over all products.

`outside_torch` is the share of a goeswith epoch's processor time that is in none of torch's
operations, by its profiler: Python, numpy, and the way from one operation to the next.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import (
    RESULTS,
    arguments,
    both,
    child,
    in_turns,
    load,
    machine,
    medians,
    memory_kb,
    show,
)
from training_models import BASES, OURS, PEERS

RESULT = RESULTS / "training-steps.json"
EACH = 10
PACKAGES = ("numpy", "torch", "gensim", "implicit", "rectools", "pytorch-lightning")


def make(path: Path, products: int, session_products: int, count: int, cut: int) -> dict[str, Any]:
    """Write lists of complements and look-alikes, and sequences, of two synthetic shops."""
    from shops import Shop

    shop, rng = Shop(products), np.random.default_rng(0)
    rows = np.repeat(np.arange(products), EACH)
    types, lines = shop.type_of(rows), shop.line_of(rows)
    kinds = shop.complement_types[types, rng.integers(shop.complements, size=len(rows))]

    def some_of(kinds: Any, lines: Any) -> Any:
        ranks = rng.integers(shop.per_type // shop.lines, size=len(rows))
        return shop.rows(kinds * shop.per_type + ranks * shop.lines + lines)

    goes = np.unique(np.column_stack([rows, some_of(kinds, lines)]), axis=0)
    alike = np.column_stack([rows, some_of(types, rng.integers(shop.lines, size=len(rows)))])
    alike = np.unique(alike[alike[:, 0] != alike[:, 1]], axis=0)
    table = shop.catalogue(0, products)
    sessions = Shop(session_products, missions=6.0, bought=0.9)
    log, place = sessions.block(0), 0
    while log["session"].n_unique() < count:
        place += 1
        log.extend(sessions.block(place))
    first = log["session"].rank("dense") <= count
    log = log.filter(first & (log["event"] == "purchase"))
    log = log.filter(log["session"].is_duplicated())  # one product alone teaches nothing
    starts = np.append(np.flatnonzero(np.diff(log["session"], prepend=-1)), len(log))
    if cut:
        starts = np.arange(0, len(log) + 1, cut)
        log = log.head(starts[-1])
    np.savez(
        path,
        n=products,
        goes=goes.astype(np.int32),
        alike=alike.astype(np.int32),
        **{name: table[name].to_numpy().astype(str) for name in ("product_id", "title", "type")},
        session_n=session_products,
        products=log["product"].to_numpy(),
        starts=starts,
    )
    lengths = np.diff(starts)
    return {
        "products": products,
        "complement_pairs": len(goes),
        "lookalike_pairs": len(alike),
        "session_products": session_products,
        "sequences": len(lengths),
        "mean_length": round(float(lengths.mean()), 1),
        "longest": int(lengths.max()),
    }


def run(who: str, path: Path) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    with np.load(path) as held:
        data = dict(held)
    result: dict[str, Any] = (OURS | PEERS)[who](data)
    a_million = result["epoch_seconds"] / result["examples"] * 1e6
    return {**result, "a_million": round(a_million, 2), "peak_mb": memory_kb("VmHWM") // 1024}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--session-products", type=int, default=5_000)
    parser.add_argument("--sequences", type=int, default=4_000)
    parser.add_argument("--cut", type=int, default=0, help="all purchases in pieces of so many")
    parser.add_argument("--only", default="", help="those whose names hold this; writes nothing")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.child[0], Path(given.child[1]))))
        return
    if not given.peers:
        parser.error("--peers is needed")
    from goeswith.core.atomic_files import write_json

    before = load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        data = make(path, given.products, given.session_products, given.sequences, given.cut)
        print(data, flush=True)

        def one(who: str) -> dict[str, Any] | None:
            python = sys.executable if who in OURS else given.peers
            return child([python, __file__, "--child", who, str(path)])

        taking_part = [who for who in [*OURS, *PEERS] if given.only.lower() in who.lower()]
        runs, left_out = in_turns(taking_part, given.rounds, one)
    middle = medians(runs)
    for who, peers in BASES.items():
        for peer in peers:
            if who in middle and peer in middle:
                ratio = middle[who]["a_million"] / middle[peer]["a_million"]
                middle[who][f"to {peer}"] = round(ratio, 2)
                middle[who].setdefault("ratio", round(ratio, 2))
    if not given.only:
        write_json(
            {
                "command": "python benchmarks/training_steps.py --peers PYTHON"
                f" --products {given.products} --session-products {given.session_products}"
                f" --sequences {given.sequences} --rounds {given.rounds} --cut {given.cut}",
                "data": {"name": "synthetic shops, seed 0", **data},
                **machine(before),
                "versions": both(given.peers, PACKAGES),
                "medians": middle,
                "left_out": left_out,
                "runs": runs,
            },
            RESULT.with_stem(f"{RESULT.stem}-cut-{given.cut}") if given.cut else RESULT,
        )
    columns = [
        ("s a million", "a_million:,.1f"),
        ("to the peer", "ratio:.2f"),
        ("epoch s", "epoch_seconds:.2f"),
        ("examples", "examples:,.0f"),
        ("steps", "steps:.0f"),
        ("out of torch", "outside_torch:.2f"),
        ("peak MiB", "peak_mb:.0f"),
    ]
    show(middle, columns)


if __name__ == "__main__":
    main()
