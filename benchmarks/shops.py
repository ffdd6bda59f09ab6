"""Made-up shops with a planted truth: `python benchmarks/shops.py OUT --products 100000`.

A product has a type and a line (a style that its accessories share). Types are bought by a power
law, and so are the products of a line in a type. Every type has a few complement types, and never
the other way round. Who comes for something is on a mission: looks at some of its type
(substitutes), perhaps buys one, and then, later in the session, products of complement types in the
same line; now and then anything popular besides.

So v goes with u exactly where the type of v is a complement of that of u and both have one line,
which `Shop.goes_with` knows without a table of pairs. A product has as many substitutes,
complements and events in a shop of any size, so that figures can be compared between sizes.

Everything is made in blocks of sessions, each of its own seed, and written a block at a time.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from goeswith.core.arrays import Rows
from goeswith.core.atomic_files import atomic_path, write_json, write_parquet

Ints = npt.NDArray[np.int64]

_BLOCK: Final = 50_000
"""Missions of a block: some hundred thousand events."""
_START: Final = 1_700_000_000
"""Seconds: when the year of the log begins."""
_YEAR: Final = 365 * 24 * 3600
_STEP: Final = 20
"""Seconds between two events of a session."""
_WORDS: Final = [a + b for a in "bdfgklmnprst" for b in "aeiou"]


@dataclass(frozen=True)
class Shop:
    """A shop, and all that happens in it.

    Attributes:
        products: how many; a multiple of `per_type`.
        seed: of the shop and its log.
        per_type: products of a type.
        lines: lines in every type.
        complements: complement types of a type.
        bought: how often a mission ends with a purchase.
        with_it: how often each complement type is then bought too.
        views: substitutes looked at in a mission, on average.
        noise: popular products bought besides in a mission, on average.
        missions: missions of a session, on average, one at least.
        visits: sessions of a user, on average.
        type_power: power of the popularity of types, and
        product_power: of products within a line of a type.
    """

    products: int
    seed: int = 0
    per_type: int = 50
    lines: int = 10
    complements: int = 3
    bought: float = 0.6
    with_it: float = 0.5
    views: float = 1.0
    noise: float = 0.2
    missions: float = 1.0
    visits: float = 5.0
    type_power: float = 0.8
    product_power: float = 1.0

    def __post_init__(self) -> None:
        if self.products % self.per_type or self.per_type % self.lines:
            raise ValueError("products must be a multiple of per_type, and that of lines")
        if (self.types - 1) // 2 < self.complements:
            raise ValueError(f"{self.types} types are too few for {self.complements} complements")

    @property
    def types(self) -> int:
        """How many types there are."""
        return self.products // self.per_type

    @cached_property
    def complement_types(self) -> Ints:
        """(types, complements) which types go with each: less than half the way round a circle.

        So none leads back, and those of one type are all different.
        """
        half = (self.types - 1) // 2
        edges = 1 + np.arange(self.complements + 1) * half // self.complements
        rng = np.random.default_rng([self.seed, 1])
        steps = rng.integers(edges[:-1], edges[1:], (self.types, self.complements))
        return (np.arange(self.types)[:, None] + steps) % self.types

    @cached_property
    def _stride(self) -> int:
        """Rows are numbers times this: a catalogue in no order that tells anything."""
        stride = int(self.products * 0.618) | 1
        while math.gcd(stride, self.products) > 1:
            stride += 2
        return stride

    def rows(self, numbers: Ints) -> Rows:
        """Rows of the catalogue of products by number: type, then rank and line within it."""
        return ((numbers * self._stride) % self.products).astype(np.int32)

    def numbers(self, rows: npt.ArrayLike) -> Ints:
        """What `rows` undoes."""
        back = pow(self._stride, -1, self.products)
        return (np.asarray(rows, dtype=np.int64) * back) % self.products

    def type_of(self, rows: npt.ArrayLike) -> Ints:
        """Types of products."""
        return self.numbers(rows) // self.per_type

    def line_of(self, rows: npt.ArrayLike) -> Ints:
        """Lines of products."""
        return self.numbers(rows) % self.lines

    def goes_with(self, sources: npt.ArrayLike, targets: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each target truly goes with its source; the arrays are broadcast."""
        found = self.complement_types[self.type_of(sources)]
        types = (found == self.type_of(targets)[..., None]).any(axis=-1)
        return types & (self.line_of(sources) == self.line_of(targets))

    def substitutes(self, sources: npt.ArrayLike, targets: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each target is of the source's type."""
        return self.type_of(sources) == self.type_of(targets)

    @cached_property
    def _type_shares(self) -> npt.NDArray[np.float64]:
        order = np.random.default_rng([self.seed, 2]).permutation(self.types)
        return _shares(self.types, self.type_power)[np.argsort(order)]

    def _some_types(self, rng: np.random.Generator, count: int) -> Ints:
        return np.searchsorted(np.cumsum(self._type_shares), rng.random(count)).clip(
            max=self.types - 1
        )

    def _some_of(self, rng: np.random.Generator, types: Ints, lines: Ints) -> Ints:
        """A product (number) of each type and line, popular ones more often."""
        of_a_line = self.per_type // self.lines
        shares = np.cumsum(_shares(of_a_line, self.product_power))
        rank = np.searchsorted(shares, rng.random(len(types))).clip(max=of_a_line - 1)
        return types * self.per_type + rank * self.lines + lines

    def block(self, place: int) -> pl.DataFrame:
        """Events of the block `place`: session, user, product (Int32 row), event, timestamp.

        In order within a session. Sessions of one block have numbers of their own.
        """
        rng = np.random.default_rng([self.seed, 3, place])
        m = _BLOCK
        opens = rng.random(m) < 1 / self.missions
        opens[0] = True
        mission, lines = np.arange(m), rng.integers(self.lines, size=m)
        anchor_type = self._some_types(rng, m)
        anchor = self._some_of(rng, anchor_type, lines)
        buys = rng.random(m) < self.bought
        # (mission, when, product, whether bought): substitutes, anchors, what goes with them, noise
        looked = np.repeat(mission, rng.poisson(self.views, m))
        other_lines = rng.integers(self.lines, size=len(looked))
        extra, kind = np.nonzero(buys[:, None] & (rng.random((m, self.complements)) < self.with_it))
        goes = self.complement_types[anchor_type[extra], kind]
        stray = np.repeat(mission, rng.poisson(self.noise, m))
        strays = self._some_of(
            rng, self._some_types(rng, len(stray)), rng.integers(self.lines, size=len(stray))
        )
        parts: list[tuple[Ints, npt.NDArray[Any], Ints, bool]] = [
            (
                looked,
                rng.random(len(looked)),
                self._some_of(rng, anchor_type[looked], other_lines),
                False,
            ),
            (mission, np.full(m, 1.0), anchor, False),
            (mission[buys], np.full(int(buys.sum()), 2.0), anchor[buys], True),
        ]
        when = 3 + rng.random(len(extra))
        accessory = self._some_of(rng, goes, lines[extra])
        parts += [(extra, when, accessory, False), (extra, when + 1, accessory, True)]
        when = 4 * rng.random(len(stray))
        parts += [(stray, when, strays, False), (stray, when + 1e-6, strays, True)]
        if not self.views:
            parts = [part for part in parts if part[3]]
        of, step, product = (np.concatenate([part[i] for part in parts]) for i in range(3))
        paid = np.concatenate([np.full(len(part[0]), part[3]) for part in parts])
        order = np.lexsort((step, of))
        of, product, paid = of[order], product[order], paid[order]
        session = np.cumsum(opens) - 1
        sessions = int(session[-1]) + 1
        here = session[of]
        first = np.searchsorted(here, here)
        start = _START + rng.integers(_YEAR, size=sessions)
        # as many users a block as its share of all, so that a log of any length has such visitors
        users = max(round(sessions / self.visits), 1)
        user = place * users + rng.integers(users, size=sessions)
        return pl.DataFrame(
            {
                "session": place * m + here,
                "user": user[here],
                "product": self.rows(product),
                "event": pl.Series(paid).replace_strict(
                    {True: "purchase", False: "view"}, return_dtype=pl.Categorical
                ),
                "timestamp": pl.Series(
                    (start[here] + _STEP * (np.arange(len(here)) - first)) * 1_000_000
                ).cast(pl.Datetime("us", "UTC")),
            }
        )

    def events(self, count: int) -> Iterator[pl.DataFrame]:
        """The first `count` events, a block at a time."""
        place = 0
        while count > 0:
            block = self.block(place).head(count)
            if not len(block):
                raise ValueError("nothing happens in this shop")
            yield block
            count, place = count - len(block), place + 1

    def catalogue(self, start: int, stop: int) -> pl.DataFrame:
        """Products of some rows, as a shop would list them."""
        rows = np.arange(start, stop)
        numbers = self.numbers(rows)
        types, place = numbers // self.per_type, numbers % self.per_type
        lines, rank = place % self.lines, place // self.lines
        words = np.array(_WORDS)
        first, second, third = types % 60, types // 60 % 60, types // 3600 % 60
        titles = pl.DataFrame(
            {
                "kind": words[third] + words[second] + words[first],
                "model": words[rank % 60] + words[(rank + types) % 60],
                "line": words[lines],
            }
        )
        brand = (types * 7 + rank) % max(self.products // 200, 1)
        price = 5 * (1 + types % 50) * (1 + rank % 7 / 10)
        return pl.DataFrame(
            {
                "product_id": _ids("P", rows),
                "title": titles.select(pl.concat_str(pl.all(), separator=" ")).to_series(),
                "type": _ids("type ", types),
                "brand": _ids("brand ", brand),
                "price": price.round(2),
            }
        )

    def write(self, folder: Path, events: int) -> None:
        """Write `products` and `events` for `goeswith`, and the truth beside them, in blocks."""
        folder.mkdir(parents=True, exist_ok=True)
        size = 500_000
        _write(
            (
                self.catalogue(start, min(start + size, self.products)).to_arrow()
                for start in range(0, self.products, size)
            ),
            folder / "products.parquet",
        )
        _write(
            (_as_logged(block).to_arrow() for block in self.events(events)),
            folder / "events.parquet",
        )
        truth = pl.DataFrame(
            {
                "source_type": np.repeat(np.arange(self.types), self.complements),
                "target_type": self.complement_types.ravel(),
            }
        )
        write_parquet(truth, folder / "truth" / "types.parquet")
        write_json({**asdict(self), "events": events}, folder / "truth" / "shop.json")

    def write_log(self, path: Path, events: int) -> None:
        """Write the events as `mine_table` takes them: all integers, products by row."""
        micros = pl.col("timestamp").dt.epoch("us").alias("time")
        basket = pl.when(pl.col("event") == "purchase").then(pl.col("session"))
        columns = (
            pl.col("product"),
            pl.col("event").cast(pl.String),
            pl.col("user").cast(pl.Int32).alias("user_id"),
            pl.col("session").cast(pl.Int32).alias("session_id"),
            basket.cast(pl.Int32).alias("basket_id"),
            micros,
        )
        _write((block.select(columns).to_arrow() for block in self.events(events)), path)

    @classmethod
    def read(cls, folder: Path) -> Shop:
        """The shop that a folder was written by."""
        written = json.loads((folder / "truth" / "shop.json").read_text(encoding="utf-8"))
        written.pop("events")
        return cls(**written)


def _shares(count: int, power: float) -> npt.NDArray[np.float64]:
    shares = np.arange(1, count + 1) ** -power
    return shares / shares.sum()


def _ids(prefix: str, numbers: npt.ArrayLike) -> pl.Series:
    return pl.select(pl.lit(prefix) + pl.Series(numbers).cast(pl.String).str.zfill(8)).to_series()


def _as_logged(block: pl.DataFrame) -> pl.DataFrame:
    return block.select(
        user_id=_ids("u", block["user"]),
        session_id=_ids("s", block["session"]),
        basket_id=pl.when(pl.col("event") == "purchase").then(_ids("b", block["session"])),
        product_id=_ids("P", block["product"]),
        event=pl.col("event").cast(pl.String),
        timestamp=pl.col("timestamp"),
    )


def _write(tables: Iterator[pa.Table], path: Path) -> None:
    with atomic_path(path) as beside:
        writer = None
        for table in tables:
            writer = writer or pq.ParquetWriter(beside, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:
            raise ValueError(f"{path}: nothing to write")
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--events", type=int, help="ten a product where left out")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    shop = Shop(given.products, given.seed)
    shop.write(given.out, given.events or 10 * given.products)
    print(f"{given.out}: {shop.products:,} products of {shop.types:,} types")


if __name__ == "__main__":
    main()
