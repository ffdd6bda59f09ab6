"""Order lines in one table and their orders in another, as databases of shop systems have them."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.importers.shops.table_layouts import LaidOutFile
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import identifiers


def joined_orders(
    lines: list[LaidOutFile],
    orders: list[LaidOutFile],
    quarantine: Quarantine,
    progress: ShareProgress,
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Name and lines of each file, with the columns of their orders.

    Both tables have `basket_id`, the key of an order.

    Raises:
        DataError: there are lines without a table of orders, or orders without lines.
    """
    if bool(lines) != bool(orders):
        there, missing = ("lines", "orders") if lines else ("orders", "order lines")
        raise DataError(f"there is a table of {there} and none of {missing}; give both")
    if not lines:
        return
    frames = []
    for file in orders:
        frame = file.read(quarantine)
        frames.append(frame.with_columns(identifiers(frame["basket_id"], file.path.name)))
    heads = pl.concat(frames, how="diagonal_relaxed").drop(ROW)
    heads = heads.unique("basket_id", keep="last", maintain_order=True)
    for file in lines:
        name = file.path.name
        progress(name, 0.0)
        frame = file.read(quarantine)
        frame = frame.with_columns(identifiers(frame["basket_id"], name))
        outside = ~pl.col("basket_id").is_in(heads["basket_id"].implode())
        reason = "the order is not in the table of orders"
        frame = quarantine.set_aside(frame, name, outside, reason, "basket_id")
        yield name, frame.join(heads, on="basket_id", how="left", maintain_order="left")
