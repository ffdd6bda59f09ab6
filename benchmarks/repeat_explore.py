"""Repeats and new products on one list of ten: `python benchmarks/repeat_explore.py DATA -o FILE`.

Lists of ten with the best products to buy again, by one model, and the best new ones, by another:
at least n of them are new, from none to ten, and more where a shopper bought too few. Recall of
repeats and of new products on each, of the protocol `next_basket`, beside the products that most
baskets hold.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.next_basket import next_basket
from goeswith.settings.sections import Settings
from goeswith.shoppers import SHOPPER_MODELS

K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of tables with purchases of users")
    parser.add_argument("--again", default="time_frequency:tune=false")
    parser.add_argument("--new", default="tifu_knn:tune=false")
    parser.add_argument("--shoppers", type=int, default=3000, help="tested shoppers, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    data = load_data(given.data)
    (case,) = next_basket(BenchmarkData(data, Settings()), given.seed)
    drawn = np.random.default_rng(given.seed).permutation(len(case.shoppers))[: given.shoppers]
    drawn.sort()
    case.shoppers, case.baskets = case.shoppers[drawn], case.baskets[drawn]
    again, new, popular = (
        case.answer(case.fit(SHOPPER_MODELS.make(spec)))
        for spec in (given.again, given.new, "g_topfreq")
    )
    rows: list[dict[str, Any]] = []
    for count in range(K + 1):
        both = np.concatenate([again["again"][:, : K - count], new["new"]], axis=1)
        # empty ranks of the first behind the others
        order = np.argsort(both < 0, axis=1, kind="stable")[:, :K]
        listed = np.take_along_axis(both, order, axis=1)
        rows.append({"new": count} | _figures(case, listed))
    rows.append({"new": "g_topfreq"} | _figures(case, popular["all"][:, :K]))
    about = {"data": data.name, "again": given.again, "of new": given.new, "seed": given.seed}
    write_json({**about, "shoppers": len(case.shoppers), "results": rows}, given.out)


def _figures(case: Any, listed: np.ndarray) -> dict[str, float]:
    answers = {"all": listed, "again": listed, "new": listed}
    values = case.measure(answers).values()
    names = ("recall@10", "recall@10.repeat", "recall@10.explore")
    found = {name: round(values[name] or 0.0, 4) for name in names}
    print(found, flush=True)
    return found


if __name__ == "__main__":
    main()
