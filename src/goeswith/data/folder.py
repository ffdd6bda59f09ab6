"""A folder of tables: the argument DATA of the commands.

It may hold `products`, `events`, `relations`, `sessions`, `bundles` and `test`, each as files of
any readable format (`products.parquet`, `events.csv.gz`). Without products the catalogue is made of
the products in the other tables.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from goeswith.data.config import DataConfig
from goeswith.data.dataset import Dataset
from goeswith.data.mapping.mapped_table import read_mapped_table
from goeswith.data.quarantine import Quarantine
from goeswith.data.table_files import find_table_files, fingerprint


def load_data(
    path: Path | str, max_bad_share: float | None = None, *, settings: DataConfig | None = None
) -> Dataset:
    """Read and clean the tables of a folder, or a single table.

    Args:
        path: the folder that holds the tables, or one file named after its table, such as
            `events.csv`.
        max_bad_share: largest share of a file's rows that may be set aside; None is that of
            `settings`.
        settings: the section `data` of a project file (`load_settings(...).data`); None for the
            defaults.

    Raises:
        DataError: the folder or its tables are missing, a file cannot be read or lacks a column,
            the meaning of a column is not clear, or too many of its rows are bad.
    """
    path = Path(path)
    config = settings or DataConfig()
    if max_bad_share is not None:
        config = config.model_copy(update={"max_bad_share": max_bad_share})
    files = find_table_files(path)
    folder = path if path.is_dir() else path.parent
    quarantine = Quarantine(max_share=config.max_bad_share)
    tables: dict[str, pl.DataFrame] = {}
    mappings = {}
    for name, paths in sorted(files.tables.items()):  # events before products
        events = tables.get("events")
        event_ids = None if events is None else events.get_column("product_id", default=None)
        tables[name], mappings[name] = read_mapped_table(
            name, paths, folder, quarantine, config, event_ids=event_ids
        )
    every_file = [file for paths in files.tables.values() for file in paths]
    return Dataset.from_tables(
        tables,
        {name: mappings[name][0].file for name in tables},
        quarantine,
        name=folder.resolve().name,
        folder=folder,
        fingerprint=fingerprint(every_file),
        config=config,
        mappings=mappings,
        not_read=files.not_read,
    )
