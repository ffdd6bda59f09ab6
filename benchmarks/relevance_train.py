"""Which branch tells what, what pre-training brings, and people's bundles: the part that trains.

    python benchmarks/relevance_train.py PREPARED ENCODER OUT [--part 0 --parts 1] [--only NAME]

Reads what `relevance_prepare.py` wrote; needs numpy, scipy, torch, transformers and pydantic. Each
experiment writes a file of its own into OUT, and one that is there is not run again; several
processes may take a part of them each. `relevance_report.py` makes tables of the files.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from scipy import sparse

from goeswith.core.atomic_files import atomic_path
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.label_split import PairSplit
from goeswith.language.salam.torch_build import make_network, read_texts, save_weights
from goeswith.language.salam.torch_encoder import Tokens, load_tokenizer, tokenize
from goeswith.language.salam.torch_feed import NodeInputs, predict
from goeswith.language.salam.torch_network import SalamNetwork
from goeswith.language.salam.torch_salam_training import train

REGIONS = ("amazon-beauty", "amazon-clothing", "amazon-grocery")
BUNDLES = ("bundles-electronic", "bundles-clothing")
BRANCHES = {
    "both": {},
    "language": {"graph": False},
    "graph": {"language": False},
    "graph, no paths": {"language": False, "paths": False},
    "both, no paths": {"paths": False},
}
SHARES = (1.0, 0.1, 0.01)
SHARED = 12_000
"""Training pairs of a region where regions are compared."""


class Prepared:
    """The files of `relevance_prepare.py`, and vectors of their texts."""

    def __init__(self, folder: Path, config: SalamConfig, most: int) -> None:
        self.folder, self.config, self.most = folder, config, most
        self._worlds: dict[str, tuple[Tokens, Any]] = {}

    def texts(self, *names: str) -> tuple[Tokens, Any]:
        """Tokens and vectors of the nodes of these data sets, one after the other.

        Vectors are kept beside the prepared files, as they cost minutes of a CPU.
        """
        key = "+".join(names)
        if key not in self._worlds:
            texts = [self._of(n) for n in names]
            vectors = np.concatenate(
                [self._vectors(n, t) for n, t in zip(names, texts, strict=True)]
            )
            tokenizer = load_tokenizer(self.config)
            every = [text for part in texts for text in part]
            tokens = tokenize(every, tokenizer, self.config.max_tokens)
            self._worlds[key] = tokens, vectors
        return self._worlds[key]

    def _of(self, name: str) -> list[str]:
        found: list[str] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    def _vectors(self, name: str, texts: list[str]) -> Any:
        file = self.folder / f"{name}-{Path(self.config.encoder).name}.npy"
        if not file.exists():
            _, vectors = read_texts(self.config, texts, lambda _: None)
            with atomic_path(file) as beside, beside.open("wb") as out:
                np.save(out, vectors)
        return np.load(file)

    def arrays(self, name: str) -> dict[str, Any]:
        """Those of a data set."""
        return load_file(self.folder / f"{name}.safetensors")

    def size(self, name: str) -> int:
        """How many nodes it has."""
        return len(self._of(name))

    def pairs(self, arrays: dict[str, Any], name: str) -> NodePairs:
        """Pairs by the name of their part."""
        left, right = arrays[f"{name}/left"], arrays[f"{name}/right"]
        labels, regions = arrays[f"{name}/labels"], arrays[f"{name}/regions"]
        pairs = NodePairs(left, right, labels.astype(np.int64), regions.astype(np.int64))
        return pairs.take(np.arange(min(len(pairs), self.most)))

    def region(self, name: str, seed: int) -> PairSplit:
        """A shop's pairs, split by product."""
        arrays = self.arrays(name)
        split = PairSplit.from_parts(behaviour(arrays, "all"), NOTHING, arrays[f"{seed}/part"])
        split.train, split.valid, split.test = (
            self.pairs(arrays, f"{seed}/{kind}") for kind in ("train", "valid", "test")
        )
        return split


NOTHING = NodePairs(
    *(np.zeros(0, np.int32) for _ in range(2)), *(np.zeros(0, np.int64) for _ in range(2))
)


def behaviour(arrays: dict[str, Any], name: str) -> BehaviourGraph:
    relations = {}
    for kind in ("viewed", "bought"):
        parts = [arrays[f"{name}/{kind}.{part}"] for part in ("data", "indices", "indptr")]
        shape = tuple(arrays[f"{name}/{kind}.shape"].tolist())
        upper = sparse.csr_matrix((parts[0].astype(np.float32), *parts[1:]), shape=shape)
        relations[kind] = (upper + upper.T).tocsr()
    return BehaviourGraph(shape[0], relations)


def shifted(pairs: NodePairs, by: int) -> NodePairs:
    return NodePairs(pairs.left + by, pairs.right + by, pairs.labels, pairs.regions)


def side_by_side(worlds: list[BehaviourGraph]) -> BehaviourGraph:
    kinds = worlds[0].relations
    joined = {k: sparse.block_diag([w.relations[k] for w in worlds], format="csr") for k in kinds}
    return BehaviourGraph(sum(w.n for w in worlds), joined)


def fitted(
    config: SalamConfig,
    texts: tuple[Tokens, Any],
    seen: BehaviourGraph,
    pairs: NodePairs,
    held: tuple[BehaviourGraph, NodePairs] | None,
    *,
    start: SalamNetwork | None = None,
) -> tuple[SalamNetwork, list[Any], float]:
    began = time.perf_counter()
    network = make_network(config, seen, texts[1].shape[1])
    if start is not None:
        network.load_state_dict(start.state_dict())
        network.pretrained = True
    held_out = None if held is None else (NodeInputs(*texts, held[0]), held[1])
    history = train(network, NodeInputs(*texts, seen), pairs, held_out, on_progress=lambda _: None)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return network, list(history), time.perf_counter() - began


def scores(logits: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> dict[str, Any]:
    from sklearn.metrics import confusion_matrix, f1_score

    found = logits.argmax(axis=1)
    classes = logits.shape[1]
    return {
        "macro_f1": float(f1_score(labels, found, average="macro")),
        "micro_f1": float(f1_score(labels, found, average="micro")),
        "f1": f1_score(labels, found, average=None, labels=range(classes)).tolist(),
        "confusion": confusion_matrix(labels, found, labels=range(classes)).tolist(),
    }


def branch(p: Prepared, out: Path, name: str, seed: int, which: str) -> None:
    """One data set, one of language only, graph only, both."""
    split, texts = p.region(name, seed), p.texts(name)
    config = p.config.model_copy(update={**BRANCHES[which], "seed": seed})
    network, history, seconds = fitted(
        config, texts, split.training_graph, split.train, (split.inference_graph, split.valid)
    )
    began = time.perf_counter()
    logits = predict(network, NodeInputs(*texts, split.inference_graph), split.test)
    elapsed = time.perf_counter() - began
    said = {
        "what": "branch",
        "data": name,
        "seed": seed,
        "branch": which,
        "fit_seconds": seconds,
        "trained_pairs_per_second": len(history) * len(split.train) / seconds,
        "gpu_megabytes": torch.cuda.max_memory_allocated() / 1e6
        if torch.cuda.is_available()
        else 0,
        "pairs_per_second": len(split.test) / elapsed,
        "history": history,
        "test": {kind: scores(values, split.test.labels) for kind, values in logits.items()},
    }
    (out.with_suffix(".json")).write_text(json.dumps(said))
    if which == "both":
        # what trees over both branches learn from and are asked of: see `relevance_report.py`
        valid = predict(network, NodeInputs(*texts, split.inference_graph), split.valid)
        kept = {f"test/{k}": v.astype(np.float16) for k, v in logits.items()}
        kept |= {f"valid/{k}": v.astype(np.float16) for k, v in valid.items()}
        save_file(kept, out.with_suffix(".safetensors"))


def regions(
    p: Prepared, out: Path, *, seed: int, share: float, target: str | None, which: str
) -> None:
    """Fine-tuned with a share of a region's labels, from nothing and from all regions.

    At a share of 1 one pre-training serves all three targets (target None).
    """
    texts = p.texts(*REGIONS)
    splits = [p.region(name, seed) for name in REGIONS]
    starts = np.cumsum([0, *(p.size(name) for name in REGIONS)])
    seen = side_by_side([split.training_graph for split in splits])
    known = side_by_side([split.inference_graph for split in splits])
    part = {}
    for number, name in enumerate(REGIONS):
        mine = share if target in {None, name} else 1.0
        part[name] = shifted(
            splits[number].train.take(np.arange(int(SHARED * mine))), starts[number]
        )
    valid = {
        n: shifted(splits[i].valid.take(np.arange(min(1000, len(splits[i].valid)))), starts[i])
        for i, n in enumerate(REGIONS)
    }
    config = p.config.model_copy(update={**BRANCHES[which], "seed": seed, "epochs": 2})
    before, _, seconds = fitted(
        config,
        texts,
        seen,
        NodePairs.concatenate(list(part.values())),
        (known, NodePairs.concatenate(list(valid.values()))),
    )
    for number, name in enumerate(REGIONS):
        if target not in {None, name}:
            continue
        test = shifted(splits[number].test, starts[number])
        few = len(part[name])
        # the same number of steps at least, whatever the share, as few pairs are soon read
        tuned = config.model_copy(
            update={
                "epochs": min(3 if few > 5000 else 8, 8),
                "batch": min(config.batch, max(16, few // 8)),
                "balance": False,
            }
        )
        said: dict[str, Any] = {
            "what": "regions",
            "branch": which,
            "data": name,
            "seed": seed,
            "share": share,
            "labels": few,
            "pretrain_seconds": seconds,
            "test": {},
        }
        for how, start in (("fine-tuned", None), ("pre-trained, fine-tuned", before)):
            held = known, valid[name]
            network, _, _ = fitted(tuned, texts, seen, part[name], held, start=start)
            logits = predict(network, NodeInputs(*texts, known), test)
            said["test"][how] = scores(list(logits.values())[-1], test.labels)
        logits = predict(before, NodeInputs(*texts, known), test)
        said["test"]["pre-trained"] = scores(list(logits.values())[-1], test.labels)
        out.with_name(f"{out.name}-{name}.json").write_text(json.dumps(said))


def bundles(p: Prepared, out: Path, name: str, fold: int, which: str) -> None:
    """Pairs of one session, bundled or not: logits of the pairs of a fold of sessions."""
    arrays, texts = p.arrays(name), p.texts(name)
    pairs, test = p.pairs(arrays, f"{fold}/train"), p.pairs(arrays, f"{fold}/test")
    seen = behaviour(arrays, f"{fold}/seen")
    sessions = np.unique(pairs.regions)
    held = np.isin(
        pairs.regions, np.random.default_rng(fold).permutation(sessions)[: len(sessions) // 10]
    )
    config = p.config.model_copy(
        update={
            **BRANCHES[which],
            "labels": "c_i",
            "max_tokens": 96,
            "batch": 128,
            "epochs": 4,
            "node_tokens": 40,
        }
    )
    valid = pairs.take(held)
    network, history, seconds = fitted(
        config, texts, seen, pairs.take(~held), (seen.without(valid), valid)
    )
    turned = NodePairs(test.right, test.left, test.labels, test.regions)
    # a bundle has no direction: both are asked
    both = [predict(network, NodeInputs(*texts, seen), direction) for direction in (test, turned)]
    mean = {k: (both[0][k] + both[1][k]) / 2 for k in both[0]}
    said = {
        "what": "bundles",
        "data": name,
        "fold": fold,
        "branch": which,
        "fit_seconds": seconds,
        "history": history,
        "test": {k: scores(v, test.labels) for k, v in mean.items()},
    }
    out.with_suffix(".json").write_text(json.dumps(said))
    save_file({k: v[:, 0] - v[:, 1] for k, v in mean.items()}, out.with_suffix(".safetensors"))


def judge(p: Prepared, out: Path) -> None:
    """One model of all three regions, with its weights."""
    texts = p.texts(*REGIONS)
    splits = [p.region(name, 0) for name in REGIONS]
    starts = np.cumsum([0, *(p.size(name) for name in REGIONS)])
    pairs = NodePairs.concatenate(
        [shifted(s.train, at) for s, at in zip(splits, starts, strict=True)]
    )
    valid = NodePairs.concatenate(
        [shifted(s.valid, at) for s, at in zip(splits, starts, strict=True)]
    )
    seen = side_by_side([split.training_graph for split in splits])
    known = side_by_side([split.inference_graph for split in splits])
    network, history, seconds = fitted(p.config, texts, seen, pairs, (known, valid))
    said = {
        "what": "judge",
        "fit_seconds": seconds,
        "history": history,
        "config": p.config.model_dump(mode="json"),
    }
    out.with_suffix(".json").write_text(json.dumps(said))
    network.half()
    save_weights(network, out.with_suffix(".weights"))


def experiments(seeds: int) -> dict[str, Callable[[Prepared, Path], None]]:
    """Name -> what is run, the most wanted first."""
    found: dict[str, Callable[[Prepared, Path], None]] = {"judge": judge}
    for fold, name, which in product(range(5), BUNDLES, ("both", "language")):
        key = f"bundles-{name}-{fold}-{which}"
        found[key] = partial(bundles, name=name, fold=fold, which=which)
    for which, seed, name in product(BRANCHES, range(seeds), REGIONS):
        found[f"branch-{name}-{seed}-{which}"] = partial(branch, name=name, seed=seed, which=which)
    for which, seed, share in product(("both", "graph"), range(seeds), SHARES):
        for target in (None,) if share == 1 else REGIONS:
            found[f"regions-{which}-{seed}-{100 * share:.0f}-{target}"] = partial(
                regions, seed=seed, share=share, target=target, which=which
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument("encoder")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin nothing after so long")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--most", type=int, default=10**9, help="pairs of a part, to try it out")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    config = SalamConfig(
        encoder=given.encoder, labels="s_c_i", batch=given.batch, max_tokens=80, learning_rate=1e-4
    )
    prepared = Prepared(given.prepared, config, given.most)
    began = time.perf_counter()
    names = {
        n: given.out / n.replace(", ", "-").replace(" ", "_") for n in experiments(given.seeds)
    }
    wanted = [
        n for n, f in names.items() if given.only in n and not f.with_suffix(".done").exists()
    ]
    for name in wanted[given.part :: given.parts]:
        file, run = names[name], experiments(given.seeds)[name]
        if time.perf_counter() - began > given.seconds:
            break
        start = time.perf_counter()
        run(prepared, file)
        file.with_suffix(".done").touch()
        print(
            f"{time.perf_counter() - began:6.1f} {name}: {time.perf_counter() - start:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
