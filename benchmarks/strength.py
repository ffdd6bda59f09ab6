"""How often pairs of each strength come true: `python benchmarks/strength.py DATA...`.

Evidence says strong, medium or weak (`Evidence.strength`). Pairs are counted in earlier baskets,
and compared with later ones, as the protocols `time` and `basket` split them: whether a later
basket held the pair, which share of the later baskets with the source did, and how many times as
often as chance that is. A basket of m products counts 1 / m in shares, as a shopper looks at one
product of it. `said` is the share of the earlier baskets, which a percentage on a card
would have shown.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np

from goeswith.core.arrays import Sparse
from goeswith.core.atomic_files import write_json
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols.basket_protocol import BasketCase, basket_protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.splits import time_split
from goeswith.models.basket_counts import BasketCounts
from goeswith.ranking.baskets.pair_table import look_up
from goeswith.relations.baskets.basket_matrix import basket_matrix, with_baskets
from goeswith.relations.mine import mine
from goeswith.relations.relation import CO_PURCHASE, Relation
from goeswith.settings.sections import Settings
from goeswith.store.evidence import pair_strength

STRENGTHS: Final = ("strong", "medium", "weak")


def by_time(dataset: Dataset, settings: Settings) -> tuple[Relation, Sparse] | None:
    """Earlier pairs and later baskets of the protocol `time`; None without times."""
    events = dataset.events
    if events is None or "timestamp" not in events.columns:
        return None
    earlier, later = time_split(events, settings.evaluation.time_share)
    purchases = with_baskets(later)
    if purchases is None:
        return None
    n = len(dataset.catalog)
    return mine(earlier, n, settings.relations)[CO_PURCHASE], basket_matrix(purchases, n)


def by_basket(dataset: Dataset, settings: Settings) -> tuple[Relation, Sparse]:
    """Earlier pairs and held-out baskets of the protocol `basket`, of seed 0."""
    (case,) = basket_protocol(BenchmarkData(dataset, settings), 0)
    assert isinstance(case, BasketCase)
    return case.train[CO_PURCHASE], case.baskets


def reliability(pairs: Relation, later: Sparse) -> list[dict[str, Any]]:
    """A row for each strength."""
    strength = np.array(
        [
            pair_strength("bought_together", count, customers, lower)
            for count, customers, lower in zip(
                pairs.times_seen.tolist(),
                [None] * len(pairs) if pairs.customers is None else pairs.customers.tolist(),
                pairs.measure("pmi_lower").tolist(),
                strict=True,
            )
        ]
    )
    source, target = pairs.sources, pairs.targets
    seen = look_up(BasketCounts.count(later, by_basket=False).pairs, source, target) > 0
    counts = BasketCounts.count(later, by_basket=True)
    held = look_up(counts.pairs, source, target).astype(np.float64)
    of_source, chance = counts.products[source], counts.products[source] * counts.share[target]
    said = pairs.measure("confidence")
    rows = []
    for name in STRENGTHS:
        at = (strength == name) & (of_source > 0)
        total = max(float(of_source[at].sum()), 1e-12)
        rows.append(
            {
                "strength": name,
                "pairs": int(at.sum()),
                "in_a_later_basket": float(seen[at].mean()) if at.any() else None,
                "later_share": float(held[at].sum()) / total,
                "said": float((said * of_source)[at].sum()) / total,
                "later_lift": float(held[at].sum()) / max(float(chance[at].sum()), 1e-12),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+", help="folders of tables")
    parser.add_argument("-o", "--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    settings, results = Settings(), []
    for path in arguments.data:
        dataset = load_data(path, settings=settings.data)
        for protocol, split in (
            ("time", by_time(dataset, settings)),
            ("basket", by_basket(dataset, settings)),
        ):
            if split is None:
                continue
            rows = reliability(*split)
            later = split[1].shape[0]
            results.append(
                {"data": dataset.name, "protocol": protocol, "later_baskets": later, "rows": rows}
            )
            for row in rows:
                figures = (f"{row[name] or 0:.4f}" for name in list(row)[2:])
                print(dataset.name, protocol, row["strength"], row["pairs"], *figures, sep="\t")
    if arguments.out is not None:
        write_json(results, arguments.out)


if __name__ == "__main__":
    main()
