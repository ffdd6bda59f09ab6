"""Slates for each shopper beside those for all: `python benchmarks/personal_slates.py DATA`.

Of the last basket of a sample of shoppers, one product is given and the rest is to be found. The
slate for all is the smoothed confidence that a basket with the product holds another one. Trees
re-rank its first products and those of similar shoppers, learned on the baskets before: without
the shopper (`learned for all`), and with her history (`learned for each`). Each is measured with
and without the products that she bought before; `new` counts only products that are new to her.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows, top_k
from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.shoppers.basket_metrics import hit_ratio, hits
from goeswith.shoppers.histories import Histories, histories_from_events
from goeswith.shoppers.members import Members

CANDIDATES: Final = (150, 50)
"""Products of the slate for all, and of similar shoppers."""
FOR_ALL: Final = 9
"""Columns that do not depend on the shopper."""
BLOCK: Final = 400
TREES: Final[dict[str, Any]] = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.06,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


class Part:
    """Shoppers with their history, a product of their next basket, and the rest of it."""

    def __init__(self, histories: Histories, count: int, rng: np.random.Generator) -> None:
        self.earlier, shoppers, baskets = histories.split_last()
        several = np.flatnonzero(np.diff(baskets.indptr) > 1)
        drawn = np.sort(rng.permutation(several)[:count])
        self.tests, truth = self.earlier.take(shoppers[drawn]), baskets[drawn]
        place = (rng.random(len(drawn)) * np.diff(truth.indptr)).astype(np.int64)
        self.sources: Rows = truth.indices[truth.indptr[:-1] + place].astype(np.int32)
        ones = np.ones(len(drawn), dtype=np.float32)
        given = sparse.csr_matrix((ones, (np.arange(len(drawn)), self.sources)), shape=truth.shape)
        self.rest: Sparse = (truth - given).tocsr()
        self.rest.eliminate_zeros()

    def candidates(self, catalog: Any) -> tuple[Rows, Rows, np.ndarray, Floats, np.ndarray]:
        """Shopper, product, whether she owns it, columns and label of each candidate."""
        members = Members.learn(catalog, self.earlier)
        parts = []
        for start in range(0, len(self.sources), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(self.sources)))
            parts.append(_block(members, self.tests.take(rows), self.sources[rows], start))
        shopper, product, owned, columns = (
            np.concatenate(arrays) for arrays in zip(*parts, strict=True)
        )
        n = self.rest.shape[1]
        keys = entry_rows(self.rest).astype(np.int64) * n + self.rest.indices
        return shopper, product, owned, columns, np.isin(shopper * np.int64(n) + product, keys)


def _block(
    members: Members, tests: Histories, sources: Rows, start: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Floats]:
    counts = members.counts
    beside = counts.beside[sources].toarray()
    own = members.tifu.own_vectors(tests)
    neighbours = members.tifu.neighbour_vectors(own)
    similar = members.up_cf.neighbour_scores(tests).toarray()
    last = tests.tail(1).counts
    after = (last @ counts.after).toarray() / np.maximum(np.diff(last.indptr), 1)[:, None]
    total = np.maximum(np.asarray(own.sum(axis=1)).ravel(), 1e-9)
    history = (own @ counts.beside).toarray() / total[:, None]
    candidate, rows = np.zeros(beside.shape, dtype=bool), np.arange(len(sources))
    for scores, most in zip((beside + 1e-4 * counts.latest, neighbours), CANDIDATES, strict=True):
        k = min(most, scores.shape[1])
        candidate[rows[:, None], np.argpartition(-scores, k - 1, axis=1)[:, :k]] = True
    candidate[rows, sources] = False
    pair = shopper, product = np.nonzero(candidate)
    bought = tests.counts.toarray()[pair]

    def of_best(scores: Floats) -> Floats:
        return (scores / np.maximum(scores.max(axis=1), 1e-9)[:, None])[pair]

    columns = [
        beside[pair],
        of_best(beside),
        counts.share[product],
        counts.latest[product],
        counts.discoveries[product],
        beside[pair] / (counts.share[product] + 1e-5),
        counts.intervals.repeats[product],
        counts.share[sources][shopper],
        counts.intervals.repeats[sources][shopper],
        neighbours[pair],
        of_best(neighbours),
        similar[pair],
        of_best(similar),
        history[pair],
        after[pair],
        bought,
        tests.lengths[shopper],
        own.toarray()[pair],
    ]
    return shopper + start, product, bought > 0, np.stack(columns, axis=1).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of tables with purchases of users")
    parser.add_argument("--shoppers", type=int, default=2500, help="sampled, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    data = load_data(given.data)
    assert data.events is not None
    histories, _ = histories_from_events(data.events, len(data.catalog))
    rng = np.random.default_rng(given.seed)
    test = Part(histories, given.shoppers, rng)
    learn = Part(test.earlier, given.shoppers, rng)
    _, _, _, known, label = learn.candidates(data.catalog)
    shopper, product, owned, columns, _ = test.candidates(data.catalog)
    new = (test.rest - test.rest.multiply(test.tests.counts.astype(bool))).tocsr()
    new.eliminate_zeros()
    scores = {"for all": np.where(columns[:, 0] > 0, columns[:, 0], -np.inf)}
    for name, used in (("learned for all", FOR_ALL), ("learned for each", columns.shape[1])):
        samples = lightgbm.Dataset(known[:, :used], label)
        booster = lightgbm.train({**TREES, "seed": given.seed}, samples, 120)
        scores[name] = np.asarray(booster.predict(columns[:, :used]))
    results = []
    for name, score in scores.items():
        for without_owned in (False, True):
            dense = np.full((len(test.sources), histories.n), -np.inf, dtype=np.float32)
            shown = ~owned if without_owned else np.ones(len(owned), dtype=bool)
            dense[shopper[shown], product[shown]] = score[shown]
            slate, _ = top_k(dense, 10)
            row: dict[str, Any] = {"slate": name, "without owned": without_owned}
            for metric, truth in (("attach@10", test.rest), ("attach@10.new", new)):
                has_truth = np.diff(truth.indptr) > 0
                row[metric] = round(float(hit_ratio(hits(slate, truth), 10)[has_truth].mean()), 4)
            print(row, flush=True)
            results.append(row)
    write_json(
        {"data": data.name, "seed": given.seed, "tests": len(test.sources), "results": results},
        given.out,
    )


if __name__ == "__main__":
    main()
