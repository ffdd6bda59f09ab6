"""Columns with unknown names that may be one that a table lacks, by their values."""

from __future__ import annotations

from typing import Final

import polars as pl

from goeswith.data.quarantine import ROW

_ROWS: Final = 20_000
_MIN_OVERLAP: Final = 0.5
"""Share of the ids of one table that the other one has, from which a column is the same id."""
_MIN_DISTINCT: Final = 0.5
"""Share of the rows of a catalogue that have a title of their own."""
_MIN_WORDS: Final = 1.5
"""Mean words of a title."""
_MAX_NAMES: Final = 3


def guess_columns(tables: dict[str, pl.DataFrame]) -> dict[str, dict[str, list[str]]]:
    """What columns with unknown names may be.

    Args:
        tables: table -> its rows, with columns of goeswith where their names are known.

    Returns:
        Table -> column of goeswith that it lacks -> columns of the table, the likeliest first:
        `product_id` of events and products, which have the same ids, `title` of the products, and
        `basket_id` of events without user, session and basket.
    """
    events, products = tables.get("events"), tables.get("products")
    found: dict[str, dict[str, list[str]]] = {}
    if events is not None and products is not None:
        for table, names in _shared_ids(events.head(_ROWS), products.head(_ROWS)).items():
            found.setdefault(table, {})["product_id"] = names
    if products is not None and "title" not in products.columns:
        taken = found.get("products", {}).get("product_id", [])[:1]
        titles = [name for name in _texts(products.head(_ROWS)) if name not in taken]
        if titles:
            found.setdefault("products", {})["title"] = titles[:_MAX_NAMES]
    if events is not None and not {"user_id", "session_id", "basket_id"} & set(events.columns):
        taken = found.get("events", {}).get("product_id", [])[:1]
        orders = [name for name in _orders(events.head(_ROWS)) if name not in taken]
        if orders:
            found.setdefault("events", {})["basket_id"] = orders[:_MAX_NAMES]
    return found


def _shared_ids(events: pl.DataFrame, products: pl.DataFrame) -> dict[str, list[str]]:
    """The columns of both tables with the same values, for the tables that lack the id."""
    frames = {"events": events, "products": products}
    lacking = [table for table, frame in frames.items() if "product_id" not in frame.columns]
    if not lacking:
        return {}
    values = {
        table: {
            name: ids
            for name in (_flat(frame) if table in lacking else ["product_id"])
            if len(ids := _distinct(frame[name])) > 1
        }
        for table, frame in frames.items()
    }
    shares: dict[tuple[str, str], tuple[float, int]] = {}
    for one, ids in values["events"].items():
        for other, known in values["products"].items():
            share = len(ids & known) / min(len(ids), len(known))
            # a title may be the same in both tables, too; an id is shorter and never repeated
            unique = len(known) == products.height
            if share >= _MIN_OVERLAP and (unique or "products" not in lacking):
                length = sum(map(len, known)) // len(known)
                shares[one, other] = (share * min(len(ids), len(known)), -length)
    pairs = sorted(shares, key=lambda pair: shares[pair], reverse=True)[:_MAX_NAMES]
    found = {}
    for place, table in enumerate(frames):
        if table in lacking and pairs:
            found[table] = list(dict.fromkeys(pair[place] for pair in pairs))
    return found


def _distinct(values: pl.Series) -> set[str]:
    return set(values.cast(pl.String).str.strip_chars().drop_nulls().to_list())


def _flat(frame: pl.DataFrame) -> list[str]:
    """Columns of texts and whole numbers."""
    return [
        name
        for name, dtype in frame.schema.items()
        if name != ROW and (dtype == pl.String or dtype.is_integer())
    ]


def _texts(products: pl.DataFrame) -> list[str]:
    """Columns of different texts of several words, the shortest first."""
    lengths = {}
    for name in _flat(products):
        values = products[name].drop_nulls() if products[name].dtype == pl.String else pl.Series()
        if not len(values) or values.n_unique() < _MIN_DISTINCT * products.height:
            continue
        words = values.str.count_matches(r"[^\W\d_]{2,}").mean()
        if isinstance(words, float) and words >= _MIN_WORDS:
            lengths[name] = float(values.str.len_chars().mean() or 0)  # type: ignore[arg-type]
    return sorted(lengths, key=lambda name: lengths[name])


def _orders(events: pl.DataFrame) -> list[str]:
    """Columns whose values stand in one to a few successive rows each, as the lines of an order."""
    found = {}
    for name in _flat(events):
        values = events[name].drop_nulls()
        if not len(values):
            continue
        runs, distinct = int(values.rle_id().max() or 0) + 1, values.n_unique()  # type: ignore[arg-type]
        if runs == distinct and 1 < distinct < events.height:
            found[name] = distinct
    return sorted(found, key=lambda name: -found[name])
