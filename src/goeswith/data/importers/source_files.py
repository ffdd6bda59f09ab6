"""The input files of an importer."""

from __future__ import annotations

from pathlib import Path

from goeswith.core.errors import DataError
from goeswith.data.tables import table_format


def list_source_files(sources: list[Path]) -> list[Path]:
    """The files among `sources` and the files in the folders among them, sorted within each.

    Raises:
        DataError: there is no source, or it does not exist.
    """
    if not sources:
        raise DataError("give the file or folder to import")
    files: list[Path] = []
    for source in sources:
        if not source.exists():
            raise DataError(f"there is no file or folder {source}")
        files += sorted(source.iterdir()) if source.is_dir() else [source]
    return [file for file in files if file.is_file()]


def find_file(files: list[Path], stem: str) -> Path | None:
    """The first file named `stem` with a readable suffix, or None."""
    return next((f for f in files if f.name.split(".")[0] == stem and table_format(f)), None)


def require_file(files: list[Path], stem: str, name: str) -> Path:
    """As `find_file`.

    Raises:
        DataError: it is not there; `name` is the format.
    """
    file = find_file(files, stem)
    if file is None:
        there = ", ".join(path.name for path in files[:10]) or "no file"
        raise DataError(f"{name} needs a file named {stem}; got {there}")
    return file
