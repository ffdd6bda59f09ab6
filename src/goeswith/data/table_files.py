"""The files of a folder by the table that they hold.

A table is `events.csv`, or several files (`events.csv` and `events_2024-02.csv`), or a folder of
them (`events.parquet/part-0.parquet`, as Spark writes it). Case does not matter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from goeswith.core.errors import DataError
from goeswith.data.mapping.load_report import NO_TABLE
from goeswith.data.mapping.names_file import NAMES
from goeswith.data.sources.packed_files import PACKED_SUFFIXES
from goeswith.data.tables import READABLE_SUFFIXES, table_format
from goeswith.data.text_encoding import is_gzip

TABLES: Final = ("products", "events", "relations", "sessions", "bundles", "test")

_PART: Final = re.compile(
    r"^[-_. ]?(?:part|teil|week|month|year|day|chunk|shard|split|file|kw|p|w|q|v)?[-_. ]?"
    r"(?:\d[\d\-_.t:qw]*|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-_. ]?\d*)$"
)
"""What stands after the name of a table in the name of a part: a number or a date."""
_DATA_SUFFIXES: Final = frozenset(NAMES["files"]["data_suffixes"])
_LEFTOVERS: Final = frozenset(NAMES["files"]["leftovers"])
_OTHER_NAMES: Final[dict[str, list[str]]] = NAMES["files"]["other_names"]
_READ_ELSEWHERE: Final = (
    "kinds.csv",
    "goeswith.toml",
    "quarantine.parquet",
    "watermarks.json",
    "remote_files.json",
)


@dataclass
class TableFiles:
    """The files of a folder.

    Attributes:
        tables: table -> its files, in order.
        not_read: name of a file or folder -> why it is not read.
    """

    tables: dict[str, list[Path]] = field(default_factory=dict)
    not_read: dict[str, str] = field(default_factory=dict)


def find_table_files(folder: Path) -> TableFiles:
    """The files of the tables in a folder, and what is not read.

    Args:
        folder: of the tables, or a single file or folder named after its table.

    Raises:
        DataError: no such folder, no table in it, two files for one table, or a file that seems to
            be a table and cannot be read.
    """
    if folder.is_file():
        return TableFiles({_single_table(folder): [folder]})
    if not folder.is_dir():
        siblings = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
        matches = get_close_matches(folder.name, siblings, n=1)
        hint = f"; did you mean {folder.parent / matches[0]}?" if matches else ""
        raise DataError(f"there is no folder {folder}{hint}")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from error
    table, rest = _table_of(folder.name)
    if table and not rest and not any(_table_of(entry.name)[0] for entry in entries):
        files = _folder_files(folder)
        if files:
            return TableFiles({table: files})
    sorted_entries = _sort_entries(folder, entries)
    if not sorted_entries.tables:
        there = ", ".join(path.name for path in entries[:10]) or "nothing"
        raise DataError(
            f"{folder} holds none of the tables {', '.join(TABLES)} as "
            f"{', '.join(READABLE_SUFFIXES)} (also .gz, .zst, .zip); it holds {there}. Rename a "
            "file, or make tables with `goeswith import`"
        )
    return sorted_entries


def _single_table(path: Path) -> str:
    table, rest = _table_of(path.name)
    if table is None or not (not rest or _PART.match(rest)) or table_format(path) is None:
        raise DataError(
            f"{path} is a file; name it after its table ({', '.join(TABLES)}), or give their folder"
        )
    return table


def _table_of(name: str) -> tuple[str | None, str]:
    """The table that a name starts with, and what follows it before the suffix."""
    stem = name.lower()
    if "=" in stem:  # a partition (event=view/) is no table
        return None, stem
    for suffix in (".gz", *PACKED_SUFFIXES, *READABLE_SUFFIXES):
        stem = stem.removesuffix(suffix)
    for table in TABLES:
        if stem == table:
            return table, ""
        if stem.startswith(table) and not stem[len(table)].isalpha():
            return table, stem[len(table) :]
        single = table.removesuffix("s")
        if re.match(rf"{single}(?![a-z])", stem):
            return table, _SINGULAR
    return None, stem


def _sort_entries(folder: Path, entries: list[Path]) -> TableFiles:
    result = TableFiles()
    main: dict[str, Path] = {}
    parts: dict[str, list[Path]] = {}
    doubtful: list[tuple[str, Path, str]] = []
    for path in entries:
        if path.name.startswith((".", "_")) or path.name.lower() in _READ_ELSEWHERE:
            continue
        table, rest = _table_of(path.name)
        reason = _unreadable(path) if table else ""
        if table is None:
            result.not_read[path.name] = _why_no_table(path)
        elif reason:
            doubtful.append((table, path, reason))
        elif not rest:
            if table in main:
                raise DataError(f"{folder} has {main[table].name} and {path.name}; remove one")
            main[table] = path
        elif _PART.match(rest):
            parts.setdefault(table, []).append(path)
        else:
            advice = _rename_advice(table) if rest == _SINGULAR else _NO_PART
            doubtful.append((table, path, advice))
    _add_tables(result, main, parts)
    _refuse_inner_tables(folder, result)
    for table, path, reason in doubtful:
        if _is_serious(table, path, reason, result):
            raise DataError(f"{path} looks like the table {table} and is not read: {reason}")
        result.not_read[path.name] = reason
    _refuse_other_names(folder, result)
    return result


def _add_tables(result: TableFiles, main: dict[str, Path], parts: dict[str, list[Path]]) -> None:
    for table in TABLES:
        paths = ([main[table]] if table in main else []) + parts.get(table, [])
        files = [file for path in paths for file in _files(path)]
        if files:
            _refuse_copies(files)
            result.tables[table] = files


_SINGULAR: Final = " (singular)"
_NO_PART: Final = (
    "the name does not say that it is a part. Give it a number or a date (such as "
    "events_2024-01.csv) to read it with the others; move it, or start its name with _, to leave "
    "it out"
)


def _rename_advice(table: str) -> str:
    return f"name it {table}, in the plural, to read it; start its name with _ to leave it out"


def _is_serious(table: str, path: Path, reason: str, result: TableFiles) -> bool:
    """Whether a file that is not read may change the meaning of what is."""
    if reason in (_NO_PART, _rename_advice(table)):
        return table in ("products", "events", "relations")
    return table not in result.tables and reason not in (_LEFTOVER, _NO_DATA)


_INNER_FOLDER: Final = "a folder that is not named after a table"
_LEFTOVER: Final = "its suffix is that of a copy or an unfinished file"
_NO_DATA: Final = "its suffix is not that of a table"


def _unreadable(path: Path) -> str:
    """Why a file or folder cannot be a table that is read, or an empty text."""
    suffix = path.suffix.lower().lstrip(".")
    if path.is_dir():
        return "" if _folder_files(path) else "the folder has no readable file"
    if not path.is_file():
        broken = path.is_symlink() and not path.exists()
        return "it is a link to a missing file" if broken else "it is not a regular file"
    if table_format(path) is not None:
        return ""
    if suffix in _LEFTOVERS or path.name.endswith("~"):
        return _LEFTOVER
    if suffix and suffix not in _DATA_SUFFIXES:
        return _NO_DATA
    advice = {
        "json": "write one JSON object a line, for example with `jq -c '.[]'`, into a .jsonl file",
        "zip": "name it .csv.zip or as what is in it",
        "bz2": "unpack it, or pack it with gzip",
        "zst": "name it .csv.zst or as what is in it",
        "xz": "unpack it, or pack it with gzip",
        "txt": "name it .csv or .tsv",
        "": "name it .csv, .tsv, .jsonl or .parquet",
    }.get(suffix, "save it as .csv or .parquet")
    if suffix == "gz":
        advice = "name it .csv.gz, .jsonl.gz or as what is in it"
    what = f"{suffix} is not a format that is read" if suffix else "it has no suffix"
    return f"{what}; {advice}"


def _why_no_table(path: Path) -> str:
    if path.is_dir():
        return _INNER_FOLDER
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix in _DATA_SUFFIXES:
        return f"not named after a table ({', '.join(TABLES)})"
    return NO_TABLE


def _refuse_other_names(folder: Path, result: TableFiles) -> None:
    """Refuse a folder without a table where a file of another name may be it.

    Raises:
        DataError: names the file and the name that it needs.
    """
    if not result.tables:
        return
    for table, names in _OTHER_NAMES.items():
        if table in result.tables or (table == "relations" and "events" in result.tables):
            continue
        if table == "events" and {"relations", "bundles", "test"} & result.tables.keys():
            continue
        for name in result.not_read:
            stem = name.lower().split(".")[0]
            if stem in names and table_format(Path(name)) is not None:
                raise DataError(
                    f"{folder / name} may be the table {table}, which the folder does not have. "
                    f"Name it {table}{''.join(Path(name).suffixes)} to read it; move it, or start "
                    "its name with _, to leave it out"
                )


def _refuse_inner_tables(folder: Path, result: TableFiles) -> None:
    """Refuse a folder in the folder that has a table which is missing outside.

    Raises:
        DataError: names the file.
    """
    for name, reason in result.not_read.items():
        if reason != _INNER_FOLDER:
            continue
        for path in sorted((folder / name).iterdir()):
            table, rest = _table_of(path.name)
            is_table = table in _OTHER_NAMES and not rest and table_format(path) is not None
            if is_table and table not in result.tables:
                raise DataError(
                    f"{path} is in a folder that is not read, and {folder} has no table "
                    f"{table}; move it into {folder}, or give {path.parent}"
                )


def _files(path: Path) -> list[Path]:
    return _folder_files(path) if path.is_dir() else [path]


def _folder_files(folder: Path) -> list[Path]:
    """The files of a table in a folder and its folders, without what Spark writes beside them."""
    files = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and table_format(path) is not None:
            files.append(path)
    return files


def _refuse_copies(files: list[Path]) -> None:
    """Refuse two files of a table with the same content.

    Raises:
        DataError: its rows would count twice.
    """
    if len(files) < 2:
        return
    by_size: dict[int, list[Path]] = {}
    for file in files:
        by_size.setdefault(file.stat().st_size, []).append(file)
    for same_size in by_size.values():
        digests: dict[str, Path] = {}
        # columns that folder names hold (event=view/) make equal files different
        same_size = [file for file in same_size if "=" not in file.parent.name]  # noqa: PLW2901
        for file in same_size if len(same_size) > 1 else []:
            digest = fingerprint([file], names=False)
            if digest in digests and file.stat().st_size:
                raise DataError(
                    f"{digests[digest]} and {file.name} have the same content, which would count "
                    "twice; remove one"
                )
            digests[digest] = file


def fingerprint(files: Iterable[Path], *, names: bool = True) -> str:
    """SHA-256 over names and contents of files, in any order.

    The ends of lines in text files do not matter: a file that a Windows program has saved again is
    the same.
    """
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda file: file.name):
        if names:
            digest.update(path.name.encode())
        digest.update(bytes.fromhex(content_sha256(path)))
    return digest.hexdigest()


def content_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; of a text file with the ends of lines of Unix."""
    with path.open("rb") as content:
        binary = table_format(path) in (".parquet", ".xlsx") or is_gzip(path)
        if binary or path.suffix.lower() in PACKED_SUFFIXES:
            return hashlib.file_digest(content, "sha256").hexdigest()
        digest = hashlib.sha256()
        while block := content.read(2**20):
            if block.endswith(b"\r"):
                block += content.read(1)
            digest.update(block.replace(b"\r\n", b"\n"))
    return digest.hexdigest()
