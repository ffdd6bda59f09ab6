"""Running an importer: write its batches, then replace all tables at once."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.core.atomic_files import atomic_path
from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.config import IgnoreConfig
from goeswith.data.importers import find_importer
from goeswith.data.quarantine import Quarantine
from goeswith.data.table_files import TABLES
from goeswith.data.tables import table_format


@dataclass(frozen=True)
class ImportResult:
    """The result of an import: the folder, rows by table, and the rows set aside."""

    folder: Path
    rows: dict[str, int]
    quarantine: Quarantine


def import_tables(  # noqa: PLR0917
    name: str,
    sources: list[Path],
    out: Path,
    max_bad_share: float = 0.05,
    progress: ShareProgress = lambda _what, _share: None,
    ignore: IgnoreConfig | None = None,
) -> ImportResult:
    """Read a public format and write products, events and relations, those that apply, as parquet.

    Rows set aside are written to `quarantine.parquet` even where the import stops because they
    are too many. Tables of an earlier import in `out` are replaced when the new ones are complete.

    Args:
        name: one of `goeswith.data.importers.FORMATS`.
        sources: files or folders.
        out: the folder to write.
        max_bad_share: largest share of a file's rows that may be set aside, expected rows aside.
        progress: called while files are read.
        ignore: orders, products and users that do not count; None for the defaults.

    Raises:
        ConfigError: no such format.
        DataError: a file is missing or cannot be read, or too many of its rows are bad.
    """
    importer = find_importer(name)
    quarantine = Quarantine(max_share=max_bad_share, ignore=ignore or IgnoreConfig())
    rows: dict[str, int] = {}
    with ExitStack() as tables:
        writers: dict[str, Any] = {}
        for table, batch in importer(sources, quarantine, progress):
            if table not in writers:
                writers[table] = _writer(tables, out / f"{table}.parquet", batch)
            writers[table].write_table(batch.to_arrow(compat_level=pl.CompatLevel.oldest()))
            rows[table] = rows.get(table, 0) + batch.height
        quarantine.write(out / "quarantine.parquet")
        quarantine.check()
        if not any(rows.values()):
            raise DataError(f"there is nothing to import in {', '.join(map(str, sources))}")
        _refuse_leftovers(out, writers)
    return ImportResult(out, rows, quarantine)


def _writer(tables: ExitStack, path: Path, batch: pl.DataFrame) -> Any:
    from pyarrow import parquet

    temporary = tables.enter_context(atomic_path(path))
    schema = batch.to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return tables.enter_context(parquet.ParquetWriter(temporary, schema, compression="zstd"))


def _refuse_leftovers(out: Path, writers: dict[str, Any]) -> None:
    """Refuse a folder with tables that this import does not write.

    Raises:
        DataError: such a table would be read with the new ones.
    """
    for path in sorted(out.iterdir()):
        table = path.name.split(".")[0]
        if table not in TABLES or table_format(path) is None:
            continue
        if table not in writers or path.name != f"{table}.parquet":
            raise DataError(
                f"{out} holds {path.name}, which this import does not write and which would be "
                "read with its tables; remove it, or give another folder"
            )
