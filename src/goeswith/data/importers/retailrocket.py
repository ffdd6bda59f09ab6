"""RetailRocket: views, carts and transactions of a shop, with properties of items over time.

Of the properties only `categoryid` and `available` are readable (the others are hashed); the latest
value of each is used. Products have no title.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.source_files import find_file, list_source_files, require_file
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import Quarantine
from goeswith.data.tables import read_table, require_columns, table_batches
from goeswith.data.values import identifiers, text

_EVENT_NAMES: Final = {"view": "view", "addtocart": "cart", "transaction": "purchase"}
_PROPERTIES: Final = ("categoryid", "available")
_LATEST_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "product_id": pl.String,
    "property": pl.String,
    "value": pl.String,
    "time": pl.Datetime("us"),
}


def retailrocket(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Products with category path and availability; events by visitor and transaction."""
    files = list_source_files(sources)
    events_file = require_file(files, "events", "retailrocket")
    parts = [file for file in files if file.name.startswith("item_properties")]
    progress(events_file.name, 0.0)
    events = _events(events_file, quarantine)
    yield "events", events
    products = events.select(pl.col("product_id").unique())
    latest = pl.DataFrame(schema=_LATEST_SCHEMA)
    for done, part in enumerate(parts, start=1):
        progress(part.name, done / (len(parts) + 1))
        for batch in table_batches(part, quarantine):
            latest = _update_latest(latest, batch, part.name, quarantine)
    if parts:
        products = pl.concat([products, latest.select("product_id")]).unique()
        category, available = (
            latest.filter(pl.col("property") == name).select("product_id", "value")
            for name in _PROPERTIES
        )
        products = products.join(
            category.rename({"value": "categoryid"}), on="product_id", how="left"
        ).join(
            available.select("product_id", available=pl.col("value") == "1"), "product_id", "left"
        )
        tree = find_file(files, "category_tree")
        parents = _parents(tree, quarantine) if tree else {}
        paths = pl.Series(
            "categories",
            [_path(leaf, parents) for leaf in products["categoryid"]],
            dtype=pl.List(pl.String),
        )
        products = products.with_columns(paths, paths.list.last().alias("type")).drop("categoryid")
    yield "products", products.sort("product_id")
    progress(events_file.name, 1.0)


def _events(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    file = path.name
    frame = read_table(path, quarantine)
    require_columns(frame, ("timestamp", "visitorid", "event", "itemid", "transactionid"), file)
    ids = ("visitorid", "itemid", "transactionid")
    frame = frame.with_columns(
        *(identifiers(frame[name], file) for name in ids),
        timestamps(frame["timestamp"], file),
    )
    frame = quarantine_missing(frame, ["timestamp", "visitorid", "itemid"], file, quarantine)
    is_event = pl.col("event").is_in(list(_EVENT_NAMES)).fill_null(value=False)
    reason = f"event is none of {', '.join(_EVENT_NAMES)}"
    frame = quarantine.set_aside(frame, file, ~is_event, reason, "event")
    return frame.select(
        pl.col("visitorid").alias("user_id"),
        pl.col("transactionid").alias("basket_id"),
        pl.col("itemid").alias("product_id"),
        pl.col("event").replace_strict(_EVENT_NAMES, return_dtype=pl.String),
        "timestamp",
    )


def _update_latest(
    latest: pl.DataFrame, batch: pl.DataFrame, file: str, quarantine: Quarantine
) -> pl.DataFrame:
    """The latest value of each property of each product, after a new batch."""
    require_columns(batch, ("timestamp", "itemid", "property", "value"), file)
    unused = ~pl.col("property").is_in(_PROPERTIES)
    count = batch.select(unused.sum()).item()
    quarantine.count_expected(file, count, "a property that is hashed, not used", "property")
    batch = batch.filter(~unused.fill_null(value=False))
    batch = batch.with_columns(
        identifiers(batch["itemid"], file).alias("product_id"),
        text(batch["value"], file),
        timestamps(batch["timestamp"], file).alias("time"),
    )
    batch = quarantine_missing(batch, list(_LATEST_SCHEMA), file, quarantine)
    both = pl.concat([latest, batch.select(list(_LATEST_SCHEMA))])
    newest = both.sort("time", maintain_order=True).unique(["product_id", "property"], keep="last")
    reason = "a later value of the property is used"
    quarantine.count_expected(file, both.height - newest.height, reason, "")
    return newest


def _parents(path: Path, quarantine: Quarantine) -> dict[str, str | None]:
    """Category -> its parent."""
    tree = read_table(path, quarantine)
    require_columns(tree, ("categoryid", "parentid"), path.name)
    tree = tree.with_columns(identifiers(tree[name], path.name) for name in tree.columns[1:])
    tree = quarantine_missing(tree, ["categoryid"], path.name, quarantine)
    return dict(tree.select("categoryid", "parentid").iter_rows())


def _path(leaf: str | None, parents: dict[str, str | None]) -> list[str] | None:
    """Names of the categories from the root to `leaf`; a cycle in the tree ends the path."""
    path: list[str] = []
    while leaf is not None and leaf not in path:
        path.append(leaf)
        leaf = parents.get(leaf)
    return [f"category {name}" for name in reversed(path)] or None
