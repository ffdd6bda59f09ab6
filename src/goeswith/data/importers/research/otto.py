"""OTTO: sessions of clicks, carts and orders, one JSON object a session (Kaggle and GitHub)."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.json_records import as_text, record_files, records
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import identifiers

_EVENTS: Final = {"clicks": "view", "carts": "cart", "orders": "purchase"}
_BATCH: Final = 50_000
_COLUMNS: Final = ("session_id", "product_id", "timestamp", "event")


def otto(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Events by session; the data have no products and no users."""
    for path in record_files(sources, "otto", quarantine):
        name = path.name

        def on_progress(share: float, name: str = name) -> None:
            progress(name, share)

        of_file = records(path, quarantine, on_progress)
        while batch := list(islice(of_file, _BATCH)):
            rows = [row for number, record in batch for row in _rows(number, record)]
            quarantine.count_read(name, len(rows))
            yield "events", _events(rows, name, quarantine)
        progress(name, 1.0)


def _rows(number: int, record: dict[str, Any]) -> list[tuple[int | str | None, ...]]:
    """Row, session, product, time and type of each event; one row of nulls where there is none."""
    events = record.get("events")
    events = events if isinstance(events, list) else []
    values = [event for event in events if isinstance(event, dict)]
    session = as_text(record.get("session"))
    return [
        (number, session, *(as_text(event.get(key)) for key in ("aid", "ts", "type")))
        for event in values or [{}]
    ]


def _events(rows: list[Any], file: str, quarantine: Quarantine) -> pl.DataFrame:
    schema: dict[str, Any] = {ROW: pl.Int64} | dict.fromkeys(_COLUMNS, pl.String)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    frame = frame.with_columns(
        identifiers(frame["session_id"], file),
        identifiers(frame["product_id"], file),
        timestamps(frame["timestamp"], file),
    )
    frame = quarantine_missing(frame, ("session_id", "product_id", "timestamp"), file, quarantine)
    other = ~pl.col("event").is_in(list(_EVENTS)).fill_null(value=False)
    reason = f"type is none of {', '.join(_EVENTS)}"
    frame = quarantine.set_aside(frame, file, other, reason, "event")
    event = pl.col("event").replace_strict(_EVENTS, return_dtype=pl.String)
    return frame.select("session_id", "product_id", "timestamp", event)
