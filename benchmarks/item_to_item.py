"""The ten best of every product, beside peers: `python benchmarks/item_to_item.py`.

    python benchmarks/item_to_item.py --peers PYTHON [--products 100000] [--events 1000000]

PYTHON is one of an environment of its own with implicit, rectools, lenskit, rusket and polars. The
shop is synthetic (`shops.py`), so that the true complements of each product are known.

From the same columns of integers (each a process on one thread, imports and compiled code counted,
from when the columns are in memory): fit, then the ten best of every product. The peers, and
goeswith where it says `baskets`, have the purchases of each session; `complement signal` has the
views too. `pairs, cosine` is made to do what implicit's CosineRecommender does: every pair counts,
however rare, in both directions.

From raw parquet with string ids to a parquet file of ten answers a product: `goeswith fit --budget
fast` and `goeswith export`, the library alone, and `implicit_script.py`, the shortest script that
does it with polars and implicit. Whole processes, start and imports too.

Accuracy is against the planted truth, of the same 20,000 products drawn as often as they are
bought. precision@10 is the share of ten places with a product that truly goes with the source, an
empty place is wrong; `wrong way` the share of places with a product that the source truly goes
with, not the other way round; `substitutes` that with one of the source's type; `filled` that with
any.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from item_libraries import OURS, PEERS, K
from side_by_side import (
    RESULTS,
    arguments,
    both,
    child,
    in_turns,
    load,
    machine,
    medians,
    show,
    spent,
    timed,
)

if TYPE_CHECKING:
    from shops import Shop

RESULT = RESULTS / "item-to-item.json"
SAMPLE = 20_000
SCRIPT = Path(__file__).with_name("implicit_script.py")
PACKAGES = (
    "numpy",
    "scipy",
    "polars",
    "duckdb",
    "numba",
    "implicit",
    "rectools",
    "lenskit",
    "rusket",
)


BASE = "implicit, CosineRecommender"


def run(who: str, path: Path) -> dict[str, Any]:
    with np.load(path) as held:
        columns = {name: held[name] for name in ("basket", "product")}
        n = int(held["n"])
    columns["log"] = path.with_name("log.parquet")
    found, figures = spent(lambda: (OURS | PEERS)[who](columns, n))
    np.save(path.with_name("found.npy"), found)
    return figures


def write_columns(shop: Shop, events: int, folder: Path) -> dict[str, int]:
    """The log as integers, and of its purchases each product once a basket."""
    import polars as pl

    shop.write_log(folder / "log.parquet", events)
    log = pl.read_parquet(folder / "log.parquet").drop_nulls("basket_id")
    bought = log.unique(["basket_id", "product"], keep="first", maintain_order=True)
    basket = (bought["basket_id"].rank("dense") - 1).cast(pl.Int32).to_numpy()
    np.savez(
        folder / "columns.npz",
        basket=basket,
        product=bought["product"].to_numpy(),
        n=shop.products,
    )
    return {
        "products": shop.products,
        "events": events,
        "baskets": int(basket.max()) + 1,
        "entries": len(basket),
    }


def accuracy(shop: Shop, found: Any, drawn: Any) -> dict[str, float]:
    """How true the answers (n, K) of the products drawn are."""
    answers = found[drawn]
    there, targets = answers >= 0, np.maximum(answers, 0)
    sources = drawn[:, None]
    shares = {
        "precision@10": shop.goes_with(sources, targets),
        "wrong_way": shop.goes_with(targets, np.broadcast_to(sources, targets.shape)),
        "substitutes": shop.substitutes(sources, targets),
        "filled": there,
    }
    return {name: round(float((what & there).mean()), 4) for name, what in shares.items()}


def library(data: str, out: str) -> None:
    """Parquet to parquet with the library alone."""
    import polars as pl

    from goeswith import load_data
    from goeswith.models import make_model
    from goeswith.relations.build_graph import build_graph

    dataset = load_data(Path(data))
    model = make_model("copurchase", {}).fit(dataset.catalog, build_graph(dataset))
    ids = dataset.catalog.frame["product_id"]
    products, scores = model.recommend(np.arange(len(ids), dtype=np.int32), K)
    row, place = np.nonzero(products >= 0)
    pl.DataFrame(
        {
            "source_id": ids.gather(row),
            "target_id": ids.gather(products[row, place]),
            "rank": place + 1,
            "score": scores[row, place],
        }
    ).write_parquet(out)


WAYS = (
    "goeswith, fit --budget fast, export",
    "goeswith, fit --budget fast --without all parts, export",
    "goeswith, the library: load, mine, recommend",
    "polars and implicit, a script",
)


def whole(who: str, folder: Path, peers: str) -> dict[str, Any]:
    """From parquet to parquet: what it took."""
    data, out, bundle = str(folder / "shop"), str(folder / "answers.parquet"), str(folder / "b")
    ours = [sys.executable, "-m", "goeswith.cli.main"]
    fit = [*ours, "fit", data, "--out", bundle, "--budget", "fast"]
    export = [*ours, "export", bundle, "--to", "parquet", "--out", out]
    commands = {
        WAYS[0]: [fit, export],
        WAYS[1]: [[*fit, "--without", "session,reverse,similars,search"], export],
        WAYS[2]: [[sys.executable, __file__, "--library", data, out]],
        WAYS[3]: [[peers, str(SCRIPT), f"{data}/events.parquet", out]],
    }[who]
    steps = [timed(command) for command in commands]
    return {
        "processor_seconds": round(sum(step["processor_seconds"] for step in steps), 3),
        "peak_mb": max(step["peak_mb"] for step in steps),
    }


def exported(path: Path, n: int) -> tuple[Any, dict[str, Any]]:
    """(n, K) of an exported file, and its rows and columns."""
    import polars as pl

    table = pl.read_parquet(path)
    found = np.full((n, K), -1, dtype=np.int32)
    source, target = (
        table[name].str.slice(1).cast(pl.Int32).to_numpy() for name in ("source_id", "target_id")
    )
    found[source, table["rank"].to_numpy() - 1] = target
    return found, {"rows": len(table), "columns": len(table.columns)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--whole-rounds", type=int, default=5, help="from parquet to parquet")
    parser.add_argument("--library", nargs=2)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.child[0], Path(given.child[1]))))
        return
    if given.library:
        library(*given.library)
        return
    if not given.peers:
        parser.error("--peers is needed")
    measure(given)


def measure(given: argparse.Namespace) -> None:
    from goeswith.core.atomic_files import write_json
    from shops import Shop

    before, shop = load(), Shop(given.products)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "columns.npz"
        data = write_columns(shop, given.events, folder)
        shop.write(folder / "shop", given.events)
        with np.load(path) as held:
            bought = np.bincount(held["product"], minlength=shop.products)
        rng = np.random.default_rng(0)
        drawn = np.sort(rng.choice(shop.products, SAMPLE, p=bought / bought.sum()))
        truth: dict[str, dict[str, Any]] = {}

        def one(who: str) -> dict[str, Any] | None:
            python = sys.executable if who in OURS else given.peers
            figures = child([python, __file__, "--child", who, str(path)])
            if figures is not None and who not in truth:
                truth[who] = accuracy(shop, np.load(folder / "found.npy"), drawn)
            return figures

        def end_to_end(who: str) -> dict[str, Any]:
            figures = whole(who, folder, given.peers)
            if who not in truth:
                found, size = exported(folder / "answers.parquet", shop.products)
                truth[who] = {**accuracy(shop, found, drawn), **size}
            return figures

        one(next(iter(OURS)))  # compiles, once for every later process
        runs, left_out = in_turns([*OURS, *PEERS], given.rounds, one)
        files, _ = in_turns(WAYS, given.whole_rounds, end_to_end)
    tables = {"from columns": medians(runs), "from parquet to parquet": medians(files)}
    bases = {"from columns": BASE, "from parquet to parquet": WAYS[3]}
    for title, table in tables.items():
        base = table[bases[title]].copy()
        for who, figures in table.items():
            for key in ("processor_seconds", "peak_mb"):
                figures[f"{key}_to_base"] = round(figures[key] / base[key], 3)
            figures.update(truth[who])
    write_json(
        {
            "command": "python benchmarks/item_to_item.py --peers PYTHON"
            f" --products {given.products} --events {given.events}"
            f" --rounds {given.rounds} --whole-rounds {given.whole_rounds}",
            "data": {"name": "synthetic shop, seed 0", **data, "drawn": SAMPLE},
            **machine(before),
            "versions": both(given.peers, PACKAGES),
            "bases": bases,
            "medians": tables,
            "left_out": left_out,
            "runs": {**runs, **files},
        },
        RESULT,
    )
    columns = [
        ("processor s", "processor_seconds:.2f"),
        ("to base", "processor_seconds_to_base:.2f"),
        ("peak MiB", "peak_mb:.0f"),
        ("to base", "peak_mb_to_base:.2f"),
        ("precision@10", "precision@10:.3f"),
        ("wrong way", "wrong_way:.3f"),
        ("substitutes", "substitutes:.3f"),
        ("filled", "filled:.3f"),
    ]
    for table in tables.values():
        show(table, columns)


if __name__ == "__main__":
    main()
