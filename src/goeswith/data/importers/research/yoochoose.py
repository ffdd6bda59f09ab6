"""YooChoose (RecSys Challenge 2015): clicks and purchases of sessions, files without a header."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.research.headerless import headerless_batches
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import identifiers

_CLICKS: Final = ("session_id", "timestamp", "product_id", "category")
_BUYS: Final = ("session_id", "timestamp", "product_id", "price", "quantity")


def yoochoose(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Views and purchases by session, which is also the basket of a purchase.

    The data have no products; the category of a click (`S`, `0` to `12`, a brand) is not used.
    """
    files = list_source_files(sources)
    logs: list[tuple[Path, tuple[str, ...]]] = [(f, _BUYS) for f in files if "buys" in f.name]
    logs += [(file, _CLICKS) for file in files if "clicks" in file.name]
    if not logs:
        there = ", ".join(file.name for file in files[:10]) or "no file"
        raise DataError(f"yoochoose needs yoochoose-clicks.dat or yoochoose-buys.dat; got {there}")
    quarantine.notes += [
        f"{file.name} is not read: its name has neither clicks nor buys"
        for file in files
        if file not in [log for log, _ in logs]
    ]
    for file, names in logs:
        progress(file.name, 0.0)
        for batch in headerless_batches(file, names, quarantine):
            frame = batch.with_columns(
                identifiers(batch["session_id"], file.name),
                identifiers(batch["product_id"], file.name),
                timestamps(batch["timestamp"], file.name),
            )
            required = ("session_id", "product_id", "timestamp")
            frame = quarantine_missing(frame, required, file.name, quarantine)
            bought = names == _BUYS
            basket = pl.col("session_id") if bought else pl.lit(None, pl.String)
            yield (
                "events",
                frame.select(
                    "session_id",
                    basket.alias("basket_id"),
                    "product_id",
                    pl.lit("purchase" if bought else "view").alias("event"),
                    "timestamp",
                ),
            )
        progress(file.name, 1.0)
