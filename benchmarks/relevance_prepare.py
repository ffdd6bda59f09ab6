"""Pairs with a class, split, as files that `relevance_train.py` reads without a table library.

    python benchmarks/relevance_prepare.py ../shared/data OUT

Of amazon-beauty, -clothing and -grocery: pairs of products by what their lists say, split by
product. Of bundles-electronic and -clothing: pairs of one session, bundled or not, in folds of
sessions, with the behaviour that the other folds leave.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy import sparse

from goeswith.core.arrays_file import Arrays, save_arrays
from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.splits import session_folds
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.language.salam.label_split import PairSplit, split_products
from goeswith.language.salam.product_pairs import behaviour_from_relations, labelled_pairs
from goeswith.relations.build_graph import build_graph
from goeswith.relations.labelled_pairs import labelled_session_pairs
from goeswith.relations.relation import pair_keys
from goeswith.text.product_text import product_texts

REGIONS = ("amazon-beauty", "amazon-clothing", "amazon-grocery")
BUNDLES = ("bundles-electronic", "bundles-clothing")
VALID, TEST = 0.1, 0.2
MOST = {"train": 30_000, "valid": 3_000, "test": 12_000}
"""Pairs of a region that are read at most, drawn at random."""
FOLDS = 5


def put(arrays: Arrays, name: str, pairs: NodePairs) -> None:
    arrays |= {
        f"{name}/left": pairs.left.astype(np.int32),
        f"{name}/right": pairs.right.astype(np.int32),
        f"{name}/labels": pairs.labels.astype(np.int8),
        f"{name}/regions": pairs.regions.astype(np.int16),
    }


def put_behaviour(arrays: Arrays, name: str, behaviour: BehaviourGraph) -> None:
    for relation, matrix in behaviour.relations.items():
        small = sparse.triu(matrix).tocsr().astype(np.int8)
        small.sort_indices()
        arrays[f"{name}/{relation}"] = small


def region(data: Path, name: str, number: int, seeds: int, out: Path) -> None:
    dataset = load_data(data / name)
    write_json(product_texts(dataset.catalog), out / f"{name}.json")
    graph = build_graph(dataset)
    behaviour = behaviour_from_relations(graph)
    arrays: Arrays = {}
    put_behaviour(arrays, "all", behaviour)
    for seed in range(seeds):
        part = split_products(behaviour.n, VALID, TEST, seed)
        split = PairSplit.from_parts(behaviour, labelled_pairs(graph, dataset.catalog, seed), part)
        assert not split.inference_graph.holds(split.test).any()
        arrays[f"{seed}/part"] = part
        for kind, most in MOST.items():
            pairs: NodePairs = getattr(split, kind)
            pairs.regions[:] = number
            pairs = pairs.take(np.arange(min(len(pairs), most)))
            put(arrays, f"{seed}/{kind}", pairs)
            print(name, seed, kind, np.bincount(pairs.labels).tolist())
    save_arrays(arrays, out / f"{name}.safetensors")


def bundles(data: Path, name: str, seed: int, out: Path) -> None:
    dataset = load_data(data / name)
    assert dataset.sessions is not None and dataset.bundles is not None
    write_json(product_texts(dataset.catalog), out / f"{name}.json")
    judged = labelled_session_pairs(dataset.sessions, dataset.bundles)
    n = len(dataset.catalog)
    left, right = judged["source"].to_numpy(), judged["target"].to_numpy()
    session = judged["session_id"].rank("dense").to_numpy().astype(np.int64)
    # class 0 goes together; the number of a session is kept for the measure
    every = NodePairs(left, right, (~judged["bundled"].to_numpy()).astype(np.int64), session)
    arrays: Arrays = {}
    for number, fold in enumerate(session_folds(dataset.sessions, FOLDS, seed)):
        tested = judged["session_id"].is_in(fold.implode()).to_numpy()
        test, train = every.take(tested), every.take(~tested)
        taken = train.labels == 0
        edges = {
            "viewed": (train.left[~taken], train.right[~taken]),
            "bought": (train.left[taken], train.right[taken]),
        }
        # a pair of a test session is taken out, whatever train session holds it as well
        put_behaviour(arrays, f"{number}/seen", BehaviourGraph.from_edges(n, edges).without(test))
        is_test = np.isin(
            pair_keys(train.left, train.right, n), pair_keys(test.left, test.right, n)
        )
        put(arrays, f"{number}/train", train.take(~is_test))
        put(arrays, f"{number}/test", test)
        print(name, number, len(train), len(test), is_test.sum(), train.labels.mean())
    save_arrays(arrays, out / f"{name}.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    for number, name in enumerate(REGIONS):
        region(given.data, name, number, given.seeds, given.out)
    for name in BUNDLES:
        bundles(given.data, name, 0, given.out)


if __name__ == "__main__":
    main()
