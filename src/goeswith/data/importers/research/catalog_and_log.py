"""Data sets of a table of products and a log of purchases of these products."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_repeats
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.order_lines import in_catalog
from goeswith.data.importers.shops.table_layouts import LaidOutFile, first_file, with_texts
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import identifiers


def catalog_and_log(
    products: list[LaidOutFile],
    logs: list[LaidOutFile],
    quarantine: Quarantine,
    progress: ShareProgress,
    *,
    clean_products: Callable[[pl.DataFrame, str], pl.DataFrame],
    clean_events: Callable[[pl.DataFrame, str, Quarantine], pl.DataFrame],
) -> TableBatches:
    """Products of the first file, and the events of the logs in batches.

    Args:
        products: files of products, which may be missing.
        logs: files of events.
        quarantine: takes bad rows, and events of products outside the catalogue.
        progress: called for each log.
        clean_products: products with text columns and distinct ids, and the name of their file ->
            the columns of goeswith.
        clean_events: the same for a batch of a log, with `_row`; sets bad rows aside.
    """
    catalog = None
    for file in first_file(products, quarantine):
        name = file.path.name
        texts = [column for column in file.layout.columns if column != "product_id"]
        frame = with_texts(file.read(quarantine), texts, name)
        frame = frame.with_columns(identifiers(frame["product_id"], name))
        frame = quarantine_repeats(frame, "product_id", name, quarantine)
        catalog = clean_products(frame, name)
        yield "products", catalog
    for file in logs:
        name = file.path.name
        progress(name, 0.0)
        for batch in file.batches(quarantine):
            events = clean_events(batch, name, quarantine)
            if catalog is not None:
                events = in_catalog(events, name, catalog, quarantine)
            yield "events", events.drop(ROW)
        progress(name, 1.0)
