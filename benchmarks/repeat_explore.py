"""Repeats and new products on one list of ten: `python benchmarks/repeat_explore.py DATA -o FILE`.

Lists of ten with the best products to buy again, by one model, and the best new ones, by another:
at least n of them are new, from none to ten, and more where a shopper bought too few. Recall of
repeats and of new products on each, of the protocol `next_basket`, beside the products that most
baskets hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.evaluation.protocols.next_basket import NextBasketCase
from goeswith.shoppers import SHOPPER_MODELS
from sampled_shoppers import sample_parser, sampled_case

K = 10


def main() -> None:
    parser = sample_parser(__doc__)
    parser.add_argument("--again", default="time_frequency:tune=false")
    parser.add_argument("--new", default="tifu_knn:tune=false")
    given = parser.parse_args()
    name, case = sampled_case(given)
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
    about = {"data": name, "again": given.again, "of new": given.new, "seed": given.seed}
    write_json({**about, "shoppers": len(case.shoppers), "results": rows}, given.out)


def _figures(case: NextBasketCase, listed: np.ndarray) -> dict[str, float]:
    answers = {"all": listed, "again": listed, "new": listed}
    values = case.measure(answers).values()
    names = ("recall@10", "recall@10.repeat", "recall@10.explore")
    found = {name: round(values[name] or 0.0, 4) for name in names}
    print(found, flush=True)
    return found


if __name__ == "__main__":
    main()
