"""Simulated shoppers of a fitted bundle, such as the demo, and the page of their results.

    python benchmarks/demo_shoppers.py demo/bundle OUT

The shoppers are those of `shopper_simulator.py`, in front of the 300 best sellers and the lists
of the bundle. A product suits another if both are bought together at least twice as often as by
chance; prices are drawn. Tenths of the shoppers: 2 get no recommendations, 4 the lists of the
bundle, 4 the best sellers. OUT gets `feedback/`, `experiment.toml` and `results.html`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

from goeswith.query.bundle import Bundle
from goeswith.results.experiments.experiment_file import read_experiment
from goeswith.results.reports.results_page import write_page
from goeswith.results.reports.results_report import report_results
from shopper_simulator import Floats, Ints, Shoppers, write_feedback

SOURCES, MIN_LIFT = 300, 2.0
EXPERIMENT = """name = "recommendations-2026-01"
holdout = 0.2
metric = "revenue"

[variants.recommendations]
[variants.best-sellers]
model = "popularity"
"""


@dataclass(frozen=True)
class BundleShop:
    """The products of lists of a bundle, as `Shoppers` takes a shop."""

    bundle: Bundle
    table: pl.DataFrame
    suits: Any
    seed: int = 0

    @property
    def products(self) -> int:
        """Number of products."""
        return len(self.table)

    def catalogue(self, start: int, stop: int) -> pl.DataFrame:
        """Id, type and price of products."""
        return self.table[start:stop]

    def goes_with(self, sources: Any, targets: Any) -> Any:
        """Whether each target suits its source."""
        return self.suits[sources, targets]


class BundleShoppers(Shoppers):
    """Shoppers of the best sellers."""

    @cached_property
    def candidates(self) -> Ints:
        """(sources, 2 c) the c products that suit best, to be bought without a list; twice."""
        order = np.argsort(~self.shop.suits, axis=1, kind="stable")[:, :5]
        return np.concatenate([order, order], axis=1)

    def sources(self, count: int, rng: np.random.Generator) -> Ints:
        """A best seller, the first ones more often."""
        shares = 1 / np.arange(1, len(self.shop.suits) + 1) ** 0.7
        return rng.choice(len(shares), count, p=shares / shares.sum())

    def suit(self, source: Ints, shown: Ints) -> Floats:
        """Click probability of an examined product."""
        rate = np.where(self.shop.suits[source[:, None], shown], self.suits, self.suits_other)
        return np.where(shown < 0, 0.0, np.minimum(rate * self.appeal[shown], 1.0))


def bundle_shop(bundle: Bundle, k: int) -> tuple[BundleShop, Ints, Ints]:
    """The shop, and for each source the list of the bundle and the best sellers."""
    rows, _ = bundle.evidence.most_purchased(SOURCES)
    sources = [bundle.products.ids[row] for row in rows.tolist()]
    lists = [[one.product_id for one in bundle.complements(source, k)] for source in sources]
    lists = [found + [s for s in sources if s not in found][: k - len(found)] for found in lists]
    ids = list(dict.fromkeys([*sources, *(one for found in lists for one in found)]))
    place = {one: i for i, one in enumerate(ids)}
    suits = np.zeros((len(sources), len(ids)), bool)
    for i, source in enumerate(sources):
        for one in bundle.complements(source, min(bundle.k, 3 * k)):
            if one.product_id in place:
                suits[i, place[one.product_id]] = (one.evidence.lift or 0) >= MIN_LIFT
    rng = np.random.default_rng(0)
    numbers = [bundle.products.row(one) for one in ids]
    table = pl.DataFrame(
        {
            "product_id": ids,
            "type": [bundle.products.type(row) or "no type" for row in numbers],
            "price": np.round(np.exp(rng.normal(1.2, 0.6, len(ids))), 2),
        }
    )
    own = np.array([[place[one] for one in found] for found in lists])
    best = np.array([[j for j in range(k + 1) if j != i][:k] for i in range(len(sources))])
    return BundleShop(bundle, table, suits), own, best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shoppers", type=int, default=20_000)
    options = parser.parse_args()
    shop, own, best = bundle_shop(Bundle.open(options.bundle), 6)
    shoppers = BundleShoppers(shop=shop)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    arrivals = shoppers.arrivals(options.shoppers, rng)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "experiment.toml").write_text(EXPERIMENT, encoding="utf-8")
    experiment = read_experiment(options.out / "experiment.toml")
    units = [experiment.assign(f"u{i}") or "" for i in range(options.shoppers)]
    names = np.array(units)[arrivals[0]]
    shown = np.where((names == "recommendations")[:, None], own[arrivals[2]], best[arrivals[2]])
    shown[names == "holdout"] = -1
    visits = shoppers.visit(arrivals, shown, rng)
    folder = options.out / "feedback"
    write_feedback(visits, shop, folder, names, experiment=experiment.name)  # type: ignore[arg-type]
    write_page(report_results(folder), options.out / "results.html")
    extra = (visits.revenue - visits.revenue_without).sum()
    print(f"{len(names):,} visits; incremental revenue in truth {extra:,.2f} EUR")
    print(f"goeswith results {folder}")
    print(f"goeswith experiment results {options.out / 'experiment.toml'} {folder}")


if __name__ == "__main__":
    main()
