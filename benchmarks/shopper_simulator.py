"""Simulated shoppers of a shop with known complements.

    python benchmarks/shopper_simulator.py OUT

The products and their complements are those of `shops.py`. A shopper makes several visits. In a
visit the shopper looks at a product, buys it or not, and may need something that goes with it. Who
needs something looks at the list from the top, goes on to the next rank with the probability
`patience`, clicks what suits, buys it or not, and leaves the list after a click with the
probability `satisfied`. Who needs something may also buy it without any list, and then a purchase
from the list replaces that purchase, so that only a part of the revenue is incremental.

With `satisfied = 0` this is the position-based click model: the propensity of rank r is
patience^(r - 1). With `satisfied = 1` it is the cascade model.

What is known: whether a product is a complement, the propensity of each rank, and for every visit
the revenue with and without recommendations.

OUT gets a folder of feedback as the service writes it, with a holdout group of 20 % and two
variants.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

from shops import Shop

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

START: Final = 1_767_225_600_000
"""2026-01-01 in milliseconds."""
DAY: Final = 86_400_000


@dataclass(frozen=True)
class Visits:
    """What n visits saw and did, in order of time.

    Attributes:
        shopper, day: (n,) number of the shopper and of the day.
        source: (n,) row of the product looked at.
        shown: (n, k) rows of the list; -1 without recommendations.
        examined, clicked, bought: (n, k) what became of each rank.
        bought_source: (n,) whether the product itself was bought.
        anyway: (n,) row of a complement bought without a list; -1 for none.
        revenue, revenue_without: (n,) with the list, and as it would have been without.
    """

    shopper: Ints
    day: Ints
    source: Ints
    shown: Ints
    examined: Flags
    clicked: Flags
    bought: Flags
    bought_source: Flags
    anyway: Ints
    revenue: Floats
    revenue_without: Floats


@dataclass(frozen=True)
class Shoppers:
    """Shoppers of a shop; see the module for the model.

    Attributes:
        shop: the products and what goes with them.
        k: ranks of a list.
        days: of the log; `visits`: of a shopper, on average.
        need: share of visits with a need, on average; `variety`: variance of it between shoppers,
            relative to the mean.
        suits, suits_other: probability that an examined complement, or any other product, is
            clicked by who needs something, for a product of average appeal.
        buys: of a clicked product; `buys_source`: of the product looked at.
        anyway: probability that a need is met without a list.
        patience, satisfied: see the module.
    """

    shop: Shop = field(default_factory=lambda: Shop(2000, seed=1))
    k: int = 6
    days: int = 28
    visits: float = 4.0
    need: float = 0.3
    variety: float = 2.0
    suits: float = 0.4
    suits_other: float = 0.04
    buys: float = 0.4
    buys_source: float = 0.1
    anyway: float = 0.25
    patience: float = 0.85
    satisfied: float = 0.9

    @cached_property
    def prices(self) -> Floats:
        """(products,) as in the catalogue of the shop."""
        return self.shop.catalogue(0, self.shop.products)["price"].to_numpy()

    @cached_property
    def appeal(self) -> Floats:
        """(products,) how much more or less than others a product is clicked; 1 on average."""
        rng = np.random.default_rng([self.shop.seed, 10])
        return np.minimum(rng.lognormal(-0.08, 0.4, self.shop.products), 2.0)

    @property
    def propensity(self) -> Floats:
        """(k,) probability that a rank is examined by who has a need, if nothing is clicked."""
        return self.patience ** np.arange(self.k)

    @cached_property
    def candidates(self) -> Ints:
        """(products, c) rows for the list of each source: its complements, then as many others."""
        shop, rows = self.shop, np.arange(self.shop.products)
        numbers = shop.numbers(rows)
        types, lines = numbers // shop.per_type, numbers % shop.lines
        ranks = np.arange(shop.per_type // shop.lines)
        first = shop.complement_types[types] * shop.per_type + lines[:, None]
        complements = (first[:, :, None] + ranks * shop.lines).reshape(len(rows), -1)
        # others: of any type, of another line, no product twice
        rng = np.random.default_rng([shop.seed, 11])
        slots = rng.permutation(shop.types * len(ranks))
        starts = rng.integers(len(slots), size=(len(rows), 1))
        slot = slots[(starts + np.arange(complements.shape[1])) % len(slots)]
        line = (lines[:, None] + rng.integers(1, shop.lines, size=slot.shape)) % shop.lines
        others = slot // len(ranks) * shop.per_type + slot % len(ranks) * shop.lines + line
        return np.concatenate([shop.rows(complements), shop.rows(others)], axis=1).astype(np.int64)

    @cached_property
    def fits(self) -> Flags:
        """(products, c) which candidates are complements."""
        return self.shop.goes_with(np.arange(self.shop.products)[:, None], self.candidates)

    def ranking(self, strength: float, seed: int = 0) -> Ints:
        """(products, k) a list for each source: complements score `strength` above the noise."""
        rng = np.random.default_rng([self.shop.seed, 12, seed])
        noise = rng.normal(size=self.candidates.shape)
        order = np.argsort(-(strength * self.fits + noise), axis=1)[:, : self.k]
        return np.take_along_axis(self.candidates, order, axis=1)

    def suit(self, source: Ints, shown: Ints) -> Floats:
        """Probability that a product is clicked by who needs something and examines it."""
        fits = self.shop.goes_with(source[:, None], np.maximum(shown, 0))
        rate = np.where(fits, self.suits, self.suits_other) * self.appeal[shown]
        return np.where(shown < 0, 0.0, np.minimum(rate, 1.0))

    def arrivals(self, shoppers: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Flags]:
        """Shopper, day, source and need of each visit, in order of time."""
        count = rng.poisson(self.visits - 1, shoppers) + 1
        shopper = np.repeat(np.arange(shoppers), count)
        day = rng.integers(self.days, size=len(shopper))
        order = np.argsort(day, kind="stable")
        shopper, day = shopper[order], day[order]
        shape = 1 / self.variety
        needs = np.minimum(rng.gamma(shape, self.need / shape, shoppers), 1.0)
        source = self.sources(len(shopper), rng)
        return shopper, day, source, rng.random(len(shopper)) < needs[shopper]

    def sources(self, count: int, rng: np.random.Generator) -> Ints:
        """Products that are looked at, popular ones more often."""
        types = self.shop._some_types(rng, count)
        lines = rng.integers(self.shop.lines, size=count)
        return self.shop.rows(self.shop._some_of(rng, types, lines)).astype(np.int64)

    def visit(
        self, arrivals: tuple[Ints, Ints, Ints, Flags], shown: Ints, rng: np.random.Generator
    ) -> Visits:
        """What happens in visits that are shown these lists, (n, k) with -1 for nothing."""
        shopper, day, source, needy = arrivals
        n, k = shown.shape
        suit = self.suit(source, shown)
        examined, clicked = np.zeros((n, k), bool), np.zeros((n, k), bool)
        reads = needy & (shown >= 0).any(axis=1)
        for rank in range(k):
            examined[:, rank] = reads
            clicked[:, rank] = reads & (rng.random(n) < suit[:, rank])
            leaves = clicked[:, rank] & (rng.random(n) < self.satisfied)
            reads = reads & ~leaves & (rng.random(n) < self.patience)
        bought = clicked & (rng.random((n, k)) < self.buys)
        own = rng.random(n) < self.buys_source
        half = self.candidates.shape[1] // 2
        other = self.candidates[source, rng.integers(half, size=n)]
        would = needy & (rng.random(n) < self.anyway)
        base = np.where(own, self.prices[source], 0.0)
        without = base + np.where(would, self.prices[other], 0.0)
        met = bought.any(axis=1)
        spent = (bought * self.prices[shown]).sum(axis=1)
        revenue = base + np.where(met, spent, np.where(would, self.prices[other], 0.0))
        anyway = np.where(would & ~met, other, -1)
        return Visits(
            shopper, day, source, shown, examined, clicked, bought, own, anyway, revenue, without
        )


def write_feedback(
    visits: Visits,
    shop: Shop,
    folder: Path,
    variant: npt.NDArray[Any],
    *,
    seed: int = 0,
    counted: str = "sent",
    prefix: str = "u",
    **columns: Any,
) -> None:
    """Write visits as the service stores them, in one file.

    Args:
        visits: of any number of shoppers.
        shop: for ids, types and prices.
        folder: of the feedback.
        variant: (n,) of each visit; '' without an experiment.
        seed: of the times of day, and part of the ids.
        counted: sent or seen.
        prefix: of the ids of shoppers.
        columns: more fields of the answers, a value or (n,) each.
    """
    rng = np.random.default_rng([seed, 20])
    n, k = visits.shown.shape
    catalog = shop.catalogue(0, shop.products)
    ids, types = catalog["product_id"].to_numpy(), catalog["type"].to_numpy()
    at = START + visits.day * DAY + np.sort(rng.integers(DAY // 2, size=n))
    names = pl.select(pl.format("r{}-{}", pl.lit(seed), pl.arange(n))).to_series()
    who = pl.DataFrame({"n": visits.shopper, "v": np.arange(n)}).select(
        session_id=pl.format("s{}-{}", pl.lit(seed), "v"), user_id=pl.format(prefix + "{}", "n")
    )
    full = (visits.shown >= 0).all(axis=1)
    lists = pl.Series(ids[visits.shown], dtype=pl.Array(pl.String, k)).cast(pl.List(pl.String))
    kinds = pl.Series(types[visits.shown], dtype=pl.Array(pl.String, k)).cast(pl.List(pl.String))
    shown = pl.Series(full)
    none = pl.lit([], dtype=pl.List(pl.String))
    answers = pl.DataFrame(
        {
            "timestamp": at, "event": "answer", "recommendation_id": names, "bundle": "simulated",
            "counted": counted, "source_id": ids[visits.source],
            "source_type": types[visits.source], "variant": pl.Series(variant).cast(pl.String),
            "products": lists, "types": kinds, **columns,
        }
    ).with_columns(
        who["session_id"], who["user_id"], timestamp=_time(),
        models=pl.lit(["ranker"] * k), fallbacks=pl.lit([False] * k),
        products=pl.when(shown).then("products").otherwise(none),
        types=pl.when(shown).then("types").otherwise(none),
    ).with_columns(
        models=pl.col("models").list.head(pl.col("products").list.len()),
        fallbacks=pl.col("fallbacks").list.head(pl.col("products").list.len()),
        variant=pl.when(pl.col("variant") != "").then("variant"),
    )  # fmt: skip
    parts = []
    listed = visits.examined if counted == "seen" else np.zeros_like(visits.examined)
    for kind, flags, delay in (
        ("impression", listed, 5_000),
        ("click", visits.clicked, 60_000),
        ("cart", visits.bought, 1_800_000),
        ("purchase", visits.bought, 3_600_000),
    ):
        row, rank = np.nonzero(flags)
        parts.append(_events(kind, row, visits.shown[row, rank], at[row] + delay))
    for flags, product in (
        (visits.bought_source, visits.source), (visits.anyway >= 0, visits.anyway)
    ):  # fmt: skip
        row = np.flatnonzero(flags)
        parts.append(_events("purchase", row, product[row], at[row] + 3_600_000))
    paid = pl.col("event") == "purchase"
    linked = pl.col("event").is_in(["impression", "click"])
    every = pl.concat(parts)
    visit, product = every["visit"].to_numpy(), every["product"].to_numpy()
    events = (
        every.with_columns(
            who["session_id"].gather(visit),
            who["user_id"].gather(visit),
            recommendation_id=names.gather(visit),
            event_id=pl.format("e{}-{}", pl.lit(seed), pl.int_range(pl.len())),
            order_id=pl.format("o{}-{}", pl.lit(seed), "visit"),
            price=catalog["price"].gather(product),
            product_id=catalog["product_id"].gather(product),
        )
        .with_columns(
            timestamp=_time(),
            recommendation_id=pl.when(linked).then("recommendation_id"),
            order_id=pl.when(paid).then("order_id"),
            price=pl.when(paid).then("price"),
            currency=pl.when(paid).then(pl.lit("EUR")),
            quantity=pl.when(paid).then(1),
        )
        .drop("visit", "product")
    )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"feedback-20260101T{seed:06d}.000000Z-1.jsonl").open("wb") as file:
        for frame in (answers, events):
            frame.write_ndjson(file)


def _events(kind: str, visit: Ints, product: Ints, at: Ints) -> pl.DataFrame:
    frame = pl.DataFrame({"visit": visit, "product": product, "timestamp": at})
    return frame.cast(pl.Int64).with_columns(event=pl.lit(kind))


def _time() -> pl.Expr:
    stamp = pl.from_epoch("timestamp", time_unit="ms")
    return stamp.dt.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--shoppers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shoppers, rng = Shoppers(), np.random.default_rng(options.seed)
    arrivals = shoppers.arrivals(options.shoppers, rng)
    group = rng.choice(3, size=options.shoppers, p=[0.2, 0.4, 0.4])[arrivals[0]]
    lists = np.stack([shoppers.ranking(strength) for strength in (0.0, 1.0, 2.0)])
    shown = lists[group, arrivals[2]]
    shown[group == 0] = -1
    visits = shoppers.visit(arrivals, shown, rng)
    names = np.array(["holdout", "current", "better"])[group]
    write_feedback(visits, shoppers.shop, options.out, names, seed=options.seed)
    extra = (visits.revenue - visits.revenue_without)[group > 0].sum()
    print(f"{options.out}: {len(names):,} visits of {options.shoppers:,} shoppers")
    print(f"clicked {visits.clicked.any(axis=1)[group > 0].mean():.2%} of lists")
    print(f"incremental revenue {extra:,.2f} of {visits.revenue.sum():,.2f}")


if __name__ == "__main__":
    main()
