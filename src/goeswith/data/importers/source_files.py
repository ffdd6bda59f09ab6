"""Which files an importer was given."""

from __future__ import annotations

from pathlib import Path

from goeswith.core.errors import DataError
from goeswith.data.tables import table_format


def given_files(sources: list[Path]) -> list[Path]:
    """The files given, and the files of the folders given, sorted within each.

    Raises:
        DataError: nothing was given, or it does not exist.
    """
    if not sources:
        raise DataError("give the file or folder to import")
    files: list[Path] = []
    for source in sources:
        if not source.exists():
            raise DataError(f"there is no file or folder {source}")
        files += sorted(source.iterdir()) if source.is_dir() else [source]
    return [file for file in files if file.is_file()]


def named_file(files: list[Path], stem: str) -> Path | None:
    """The file `stem` in a readable format, or None."""
    return next((f for f in files if f.name.split(".")[0] == stem and table_format(f)), None)


def needed_file(files: list[Path], stem: str, name: str) -> Path:
    """As `named_file`.

    Raises:
        DataError: it is not there; `name` is the format.
    """
    file = named_file(files, stem)
    if file is None:
        there = ", ".join(path.name for path in files[:10]) or "no file"
        raise DataError(f"{name} needs a file named {stem}; given were {there}")
    return file
