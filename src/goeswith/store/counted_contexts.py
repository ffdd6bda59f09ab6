"""The contexts that a bundle has counted, by which an update recognises events that it knows.

A context is a basket, a session or, for events without either, a user; views, carts and purchases
of one context are apart. Stored are a hash of its id, its first and last time and a hash of its
products: 21 bytes a context. An event is counted already if it is within the times of a counted
context of its id: an id that returns later (till receipts, a session that goes on) is new.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.data.mapping.repeated_ids import SEPARATOR, key_of, number_of

UNITS: Final = ("basket_id", "session_id", "user_id")
"""The columns with ids; an event is of the first that has a value."""
_USER: Final = UNITS.index("user_id")
_KINDS: Final = {"purchase": 0, "view": 1, "cart": 2}
_END: Final = 2**32 - 1
"""Last second that is stored; without times a context is from 0 to here."""
_STEPS: Final = (86_400, 60)
"""Seconds of a day and of a minute: times may be no more precise."""
_SHIFT: Final = 26 * 3600
"""Seconds by which equal contexts may differ: the same times in another zone."""
_NEAR: Final = _SHIFT + _STEPS[0]
"""Seconds beyond which no stored context can be one of a file."""
_SCHEMA: Final = {
    "group": pl.UInt8,
    "id": pl.UInt64,
    "products": pl.UInt32,
    "first": pl.UInt32,
    "last": pl.UInt32,
}
_KEY: Final = ["group", "id"]


@dataclass(frozen=True)
class Overlap:
    """Events of a file, compared with what is counted.

    Attributes:
        is_counted: (rows,) whether each event is already counted.
        contexts: number of contexts with such events, and
        changed: of them, those with other products than before.
        undecided: users that are counted already, where times are missing that would show which of
            their events are new.
        unmatched: contexts of two or more products under an id that is not counted, and
        twins: of them, those with the products and the first time of a counted context.
        within_times: whether the times of the file overlap those counted.
    """

    is_counted: pl.Series
    contexts: int
    changed: int
    undecided: int
    unmatched: int
    twins: int
    within_times: bool


@dataclass(frozen=True)
class CountedContexts:
    """Contexts in the counts of a bundle.

    Attributes:
        contexts: group (unit and kind of event), id, products, first, last.
        ranges: (r, 2) first and last second of every counted file with times.
    """

    contexts: pl.DataFrame
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, events: pl.DataFrame) -> CountedContexts:
        """Those of events as `clean_events` returns them."""
        return _of_rows(_keyed(events))

    def merge(self, other: CountedContexts) -> CountedContexts:
        """Both."""
        contexts = pl.concat([self.contexts, other.contexts]).unique(maintain_order=True)
        return CountedContexts(contexts, tuple(dict.fromkeys((*self.ranges, *other.ranges))))

    def save(self, path: Path) -> None:
        """Write to a file."""
        arrays = {name: self.contexts[name].to_numpy() for name in _SCHEMA}
        ranges = np.array(self.ranges, dtype=np.uint32).reshape(-1, 2)
        save_arrays({**arrays, "ranges": ranges}, path)

    @classmethod
    def load(cls, path: Path) -> CountedContexts:
        """Read a file of `save`.

        Raises:
            BundleError: it is missing or damaged.
        """
        arrays = load_arrays(path)
        columns = {name: np.array(arrays[name]) for name in _SCHEMA}
        ranges = tuple((int(first), int(last)) for first, last in arrays["ranges"].tolist())
        return cls(pl.DataFrame(columns, schema=_SCHEMA), ranges)

    def compare(self, events: pl.DataFrame) -> Overlap:
        """Which events of a file are in the counts."""
        rows = self._with_stored_ids(_keyed(events))
        contexts = _contexts(rows)
        matches = contexts.join(self._near(contexts), on=_KEY, suffix="_before")
        is_user = pl.col("group") // len(_KINDS) == _USER
        timed = (pl.col("last") < _END) & (pl.col("last_before") < _END)
        near = [
            (pl.col(name).cast(pl.Int64) - pl.col(f"{name}_before").cast(pl.Int64)).abs() <= _SHIFT
            for name in ("first", "last")
        ]
        same_products = pl.col("products") == pl.col("products_before")
        same = same_products & (~timed | (near[0] & near[1]))
        bounds = matches.with_columns(
            same.alias("same"),
            (is_user & ~timed & ~same_products).alias("undecided"),
            same_products.alias("unchanged"),
            pl.when(same | ~timed).then(0).otherwise(pl.col("first_before")).alias("low"),
            pl.when(same | ~timed).then(_END).otherwise(_end(pl.col("last_before"))).alias("high"),
        )
        decided = bounds.filter(~pl.col("undecided"))
        time, context = pl.col("time").fill_null(0), [*_KEY, "context"]
        counted = (
            rows.join(decided.select(*context, "low", "high", "same", "unchanged"), on=context)
            .filter(
                time.is_between(_start(pl.col("low"), time), pl.col("high"))
                & (~is_user | pl.col("same") | self._in_ranges(time))
            )
            .group_by("row", *context)
            .agg(pl.col("unchanged").any())
        )
        is_counted = np.zeros(events.height, dtype=bool)
        is_counted[counted["row"].to_numpy()] = True
        touched = counted.group_by(context).agg(pl.col("unchanged").any())
        unmatched = contexts.join(self.contexts, on=_KEY, how="anti").filter(
            (pl.col("size") > 1) & (pl.col("last") < _END)
        )
        kind = pl.col("group") % len(_KINDS)
        twins = unmatched.with_columns(kind).join(
            self.contexts.with_columns(kind), on=["group", "products", "first"], how="semi"
        )
        return Overlap(
            pl.Series(is_counted),
            touched.height,
            touched.height - int(touched["unchanged"].sum()),
            bounds.filter("undecided").select(_KEY).unique().height,
            unmatched.height,
            twins.height,
            bool(rows.select(self._in_ranges(pl.col("time")).any()).item()),
        )

    def with_events(self, events: pl.DataFrame) -> CountedContexts:
        """Those of further events, too."""
        return self.merge(_of_rows(self._with_stored_ids(_keyed(events))))

    def _with_stored_ids(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with the id under which the bundle has their context.

        An id that one file shows to be that of several users or shops is `number␟owner`, and in
        another file the number alone.
        """
        owned = pl.when(pl.col("user").is_not_null()).then(
            pl.col("number") + SEPARATOR + pl.col("user")
        )
        stored = self.contexts["id"].unique().implode()
        for text in (pl.col("number"), pl.col("key"), owned):  # the last one that is stored
            texts = rows.select(text.alias("text")).to_series()
            ids = _ids_of(texts)
            is_stored = ids.is_in(stored).fill_null(value=False)
            rows = rows.with_columns(
                pl.when(is_stored).then(ids).otherwise(pl.col("id")).alias("id")
            )
        return rows

    def _near(self, contexts: pl.DataFrame) -> pl.DataFrame:
        """Stored contexts that some of `contexts` may equal, by their times."""
        if not contexts.height or contexts["last"].max() == _END:
            return self.contexts
        first, last = (pl.col(name).cast(pl.Int64) for name in ("first", "last"))
        low, high = contexts.select(first.min() - _NEAR, last.max() + _NEAR).row(0)
        return self.contexts.filter((last == _END) | ((last >= low) & (first <= high)))

    def _in_ranges(self, time: pl.Expr) -> pl.Expr:
        inside = [
            time.is_between(_start(pl.lit(first), time), _end(pl.lit(last)))
            for first, last in self.ranges
        ]
        return pl.any_horizontal(inside) if inside else pl.lit(value=False)


def _start(second: pl.Expr, time: pl.Expr) -> pl.Expr:
    """A first second, or the start of its day or minute where `time` is no more precise."""
    second = second.cast(pl.Int64)
    start = second
    for step in reversed(_STEPS):
        start = pl.when(time % step == 0).then(second // step * step).otherwise(start)
    return start


def _end(second: pl.Expr) -> pl.Expr:
    """A last second, or the end of its day or minute if it is no more precise."""
    second = second.cast(pl.Int64)
    end = second
    for step in reversed(_STEPS):
        end = pl.when(second % step == 0).then(second + step - 1).otherwise(end)
    return end


def _keyed(events: pl.DataFrame) -> pl.DataFrame:
    """Events with `row`, `group`, `id` (the hash of `key`) and `time` (seconds, or null).

    `context` is apart for receipts of one number, `key` is their number and owner (`key_of`).
    """
    units = [name for name in UNITS if name in events.columns]
    unit = pl.coalesce(
        pl.when(pl.col(name).is_not_null()).then(pl.lit(UNITS.index(name))) for name in units
    )
    kind = pl.col("event").replace_strict(_KINDS, default=0, return_dtype=pl.Int64)
    time = pl.lit(None, dtype=pl.Int64)
    if "timestamp" in events.columns:
        time = pl.col("timestamp").dt.epoch("s").clip(0, _END - 1)
    context = pl.coalesce(units)
    is_user = unit == _USER
    user = pl.lit(None, dtype=pl.String)
    if "user_id" in units:
        user = pl.when(~is_user).then("user_id")
    rows = events.with_row_index("row").select(
        "row",
        (unit * len(_KINDS) + kind).cast(pl.UInt8).alias("group"),
        context.hash().alias("context"),
        pl.when(is_user).then(context).otherwise(key_of(context)).alias("key"),
        pl.when(is_user).then(context).otherwise(number_of(context)).alias("number"),
        user.alias("user"),
        pl.col("product").cast(pl.Int64),
        time.alias("time"),
    )
    return rows.with_columns(_ids_of(rows["key"]).alias("id"))


def _ids_of(texts: pl.Series) -> pl.Series:
    """(n,) hashes of texts, null where a text is."""
    distinct = texts.drop_nulls().unique()
    hashes = pl.DataFrame(
        {"text": distinct, "id": _hashes(distinct)}, schema={"text": pl.String, "id": pl.UInt64}
    )
    rows = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return rows.join(hashes, on="text", how="left", maintain_order="left")["id"]


def _of_rows(rows: pl.DataFrame) -> CountedContexts:
    times = rows["time"].drop_nulls()
    ranges = ((int(times.min()), int(times.max())),) if len(times) else ()  # type: ignore[arg-type]
    return CountedContexts(_contexts(rows).select(list(_SCHEMA)), ranges)


def _contexts(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a context: `_SCHEMA`, `size` (the number of its products) and `context`."""
    found = (
        rows.group_by([*_KEY, "context"], maintain_order=True)
        .agg(
            pl.col("product").unique().alias("product"),
            pl.col("time").min().fill_null(0).alias("first"),
            pl.col("time").max().fill_null(_END).alias("last"),
        )
        .with_row_index("place")
    )
    exploded = found.select("place", "product").explode("product")
    sums = (
        exploded.with_columns(pl.Series("mixed", _mixed(exploded["product"].to_numpy())))
        .group_by("place")
        .agg(pl.col("mixed").sum().alias("products"), pl.len().alias("size"))
        .with_columns(pl.col("products") % 2**32)
    )
    joined = found.drop("product").join(sums, on="place", how="left", maintain_order="left")
    columns = (pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
    return joined.select(*columns, "size", "context")


def _hashes(ids: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """(n,) hashes of texts, equal on every machine and in every version."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in ids.to_list())
    return np.frombuffer(b"".join(digests), dtype="<u8")


def _mixed(
    products: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """(n,) 32 random bits for each row number, so that sums differ between sets (splitmix64)."""
    x = products.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((x ^ (x >> np.uint64(31))) >> np.uint64(32), dtype=np.uint64)
