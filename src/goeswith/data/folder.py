"""A folder of tables: the argument DATA of the commands.

It may hold `products`, `events`, `relations`, `sessions`, `bundles` and `test`, each as one file of
any readable format (`products.parquet`, `events.csv.gz`). Without products the catalogue is made of
the products in the other tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from goeswith.core.errors import DataError
from goeswith.data.dataset import TABLES, Dataset
from goeswith.data.quarantine import Quarantine
from goeswith.data.tables import READABLE_SUFFIXES, read_table, table_format


def load_data(path: Path | str, max_bad_share: float = 0.05) -> Dataset:
    """Read and clean the tables of a folder, or a single table.

    Args:
        path: the folder that holds the tables, or one file named after its table, such as
            `events.csv`.
        max_bad_share: largest share of a file's rows that may be set aside.

    Raises:
        DataError: the folder or its tables are missing, a file cannot be read or lacks a column,
            or too many of its rows are bad.
    """
    path = Path(path)
    files = {table_name(path): path} if _is_table(path) else find_tables(path)
    folder = path if path.is_dir() else path.parent
    quarantine = Quarantine(max_share=max_bad_share)
    tables = {name: read_table(file, quarantine) for name, file in files.items()}
    return Dataset.from_tables(
        tables,
        {name: file.name for name, file in files.items()},
        quarantine,
        name=folder.resolve().name,
        folder=folder,
        fingerprint=fingerprint(files.values()),
    )


def table_name(path: Path) -> str:
    """The table that a file holds, by its name: `events.csv.gz` -> `events`."""
    return path.name.split(".")[0]


def _is_table(path: Path) -> bool:
    return path.is_file() and table_name(path) in TABLES and table_format(path) is not None


def find_tables(folder: Path) -> dict[str, Path]:
    """Table -> its file.

    Raises:
        DataError: no such folder, no table in it, or two files for one table.
    """
    if not folder.is_dir():
        if folder.exists():
            raise DataError(
                f"{folder} is a file; name it after its table ({', '.join(TABLES)}), or give "
                "their folder"
            )
        siblings = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
        matches = get_close_matches(folder.name, siblings, n=1)
        hint = f"; did you mean {folder.parent / matches[0]}?" if matches else ""
        raise DataError(f"there is no folder {folder}{hint}")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = table_name(path)
        if name not in TABLES or table_format(path) is None or not path.is_file():
            continue
        if name in files:
            raise DataError(f"{folder} has {files[name].name} and {path.name}; remove one")
        files[name] = path
    if not files:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise DataError(
            f"{folder} holds none of the tables {', '.join(TABLES)} as "
            f"{', '.join(READABLE_SUFFIXES)} (also .gz); it holds {there}. Rename a file, or make "
            "tables with `goeswith import`"
        )
    return files


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files, in any order."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda file: file.name):
        digest.update(path.name.encode())
        with path.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()
