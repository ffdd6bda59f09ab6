"""Tables and queries of a database as parquet parts of a table, read only, with a watermark.

With a watermark (a column such as `created_at`), a call reads the rows from the last value on and
adds a part to the table. Rows that have exactly that value come again with later ones; equal lines
in two parts of a table count once. Without new rows there is no part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

import polars as pl

from goeswith.core.atomic_files import atomic_path, write_json
from goeswith.core.errors import ConfigError, DataError
from goeswith.data.sources.database_readers import (
    Batches,
    DuckdbReader,
    PostgresReader,
    SqliteReader,
    quoted,
)
from goeswith.data.sources.warehouse import WAREHOUSES, Warehouse

_NAME: Final = re.compile(r"^[^\W\d][\w$]*(\.[^\W\d][\w$]*)?$")
_QUERY: Final = re.compile(r"^\s*(select|with)\b", re.IGNORECASE)
_DAY_FIRST: Final = re.compile(r"^\d{1,2}[./-]\d{1,2}[./-]\d{2}")
_STATE: Final = "watermarks.json"
_SCHEMES: Final = ("sqlite", "duckdb", "postgresql", "postgres", *WAREHOUSES)
_DRIVERS: Final = ("sqlite3", "_duckdb", "duckdb", "psycopg")
FORM: Final = (
    "sqlite:///FILE, duckdb:///FILE, postgresql://USER:PASSWORD@HOST:PORT/NAME, mysql://..., "
    "bigquery://PROJECT/DATASET or snowflake://..."
)


@dataclass(frozen=True)
class PulledTable:
    """A part that was read: its file (None for no rows), its rows, and the new watermark."""

    path: Path | None
    rows: int
    watermark: str | int | float | None


def pull_table(
    url: str, source: str, table: str, out: Path, watermark: str | None = None
) -> PulledTable:
    """Read a table or a query into the folder `out`.

    Args:
        url: of the database, `FORM`.
        source: the name of a table (`orders`, `shop.orders`), or a query (`select ...`).
        table: of goeswith: events, products or relations.
        out: the folder; `TABLE.parquet` is replaced or, with a watermark, `TABLE_0001.parquet` and
            further parts are added.
        watermark: a column that grows, with which only new rows are read.

    Raises:
        ConfigError: the address, the name or the query is none; the database cannot be read.
        DataError: the table has no such column or one without an order, or was pulled without a
            watermark before.
    """
    scheme = url.partition(":")[0]
    statement = _statement(source, plain=scheme in WAREHOUSES)
    state_file = out / _STATE
    state = _read_state(state_file)
    last = state.get(table, {})
    if watermark and last and (last["column"], last["source"]) != (watermark, source):
        raise DataError(
            f"{state_file}: {table} was read from {last['source']!r} by {last['column']!r}; give "
            "the same table or query and column, or another folder"
        )
    if (out / f"{table}.parquet").exists() and watermark:
        raise DataError(
            f"{out / table}.parquet is complete, without a watermark; remove it, or give another "
            "folder"
        )
    if last and not watermark:
        raise DataError(f"{state_file}: {table} is read by {last['column']!r}; give --watermark")
    number = last.get("parts", 0) + 1
    path = out / (f"{table}_{number:04d}.parquet" if watermark else f"{table}.parquet")
    value, at_value = last.get("value"), last.get("rows_at_value")
    with _reader(url) as reader:
        rows_of = f"({statement}) AS q"
        condition = ""
        if watermark:
            # SQLite reads a quoted name that is no column as a text, unless it is qualified
            column = f"q.{reader.quoted(watermark)}"
            condition = "" if value is None else f" WHERE {column} >= {_literal(value)}"
            newest = reader.value(f"SELECT MAX({column}) FROM {rows_of}")  # noqa: S608
            _check_order(watermark, newest, typed=scheme != "sqlite")
            if newest is not None:
                at_newest = _count_from(reader, rows_of, column, newest)
                if (newest, at_newest) == (value, at_value):
                    return PulledTable(None, 0, value)
                value, at_value = newest, at_newest
        query = f"SELECT * FROM {rows_of}{condition}"  # noqa: S608
        rows = _write(reader.batches(query), path)
    if watermark and rows:
        entry = {
            "column": watermark,
            "source": source,
            "value": value,
            "rows_at_value": at_value,
            "parts": number,
        }
        write_json(state | {table: entry}, state_file)
    return PulledTable(path if rows else None, rows, value)


def _count_from(reader: _Reader, rows_of: str, column: str, value: str | int | float) -> int:
    """Number of rows with the watermark `value`, the largest one."""
    counting = f"SELECT COUNT(*) FROM {rows_of} WHERE {column} >= {_literal(value)}"  # noqa: S608
    return int(reader.value(counting))


def check_address(url: str) -> None:
    """Refuse an address that is none of a database.

    Raises:
        ConfigError: its scheme is unknown.
    """
    scheme, separator, _ = url.partition(":")
    if not separator or scheme not in _SCHEMES:
        shown = f"{scheme}:..." if separator else repr(scheme)
        raise ConfigError(
            f"{shown} is not the address of a database or of files; use {FORM} for a database, "
            "s3://, gs://, az:// or https:// for files"
        )


def _check_order(column: str, value: object, *, typed: bool) -> None:
    """Refuse a text whose order is not that of the events: later rows would never be read.

    Raises:
        DataError: it begins with the day, or is a number as a text.
    """
    if not isinstance(value, str):
        return
    if _DAY_FIRST.match(value) or (not typed and value.isdigit()):
        raise DataError(
            f"the watermark {column!r} is text such as {value!r}, whose order is not that of the "
            "events; give a query that turns it into a number or into 2024-12-31 18:05:00"
        )


def _read_state(file: Path) -> dict[str, Any]:
    """How far the tables were read, by name; empty without a file.

    Raises:
        DataError: the file is damaged.
    """
    if not file.is_file():
        return {}
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        state = None
    fields = {"column", "source"}
    if not isinstance(state, dict) or not all(
        isinstance(entry, dict) and fields <= entry.keys() for entry in state.values()
    ):
        raise DataError(
            f"{file} is damaged; restore it from a copy, or read the database into another folder"
        )
    return state


def _statement(source: str, *, plain: bool) -> str:
    source = source.strip().rstrip(";")
    if _QUERY.match(source):
        return source
    if _NAME.match(source):
        name = source if plain else ".".join(map(quoted, source.split(".")))
        return f"SELECT * FROM {name}"  # noqa: S608
    raise ConfigError(
        f"{source!r} is neither the name of a table nor a query that starts with select or with"
    )


def _literal(value: str | int | float) -> str:
    """A value as SQL; text is compared as the type of its column."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def _write(batches: Batches, path: Path) -> int:
    """Write the rows, if there are any, in the schema of the first batch."""
    from pyarrow import parquet

    rows, first = 0, next(batches, None)
    if first is None or not first.height:
        return 0
    schema = first.to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    with (
        atomic_path(path) as temporary,
        parquet.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        batch: pl.DataFrame | None = first
        while batch is not None:
            writer.write_table(batch.to_arrow(compat_level=pl.CompatLevel.oldest()))
            rows += batch.height
            batch = next(batches, None)
    return rows


_Reader: TypeAlias = SqliteReader | DuckdbReader | PostgresReader | Warehouse


@contextmanager
def _reader(url: str) -> Iterator[_Reader]:
    """A database that is open for reading.

    Raises:
        ConfigError: the address is none, or the database refuses; no password is in the message.
    """
    check_address(url)
    scheme = url.partition(":")[0]
    reader: _Reader
    try:
        if scheme in ("sqlite", "duckdb"):
            path = Path(unquote(url.partition(":///")[2]))
            if not path.is_file():
                raise ConfigError(f"there is no database {path}; the address is {FORM}")
            reader = SqliteReader(path) if scheme == "sqlite" else DuckdbReader(path)
        elif scheme in ("postgresql", "postgres"):
            reader = PostgresReader(url)
        else:
            reader = Warehouse(url)
        try:
            yield reader
        finally:
            reader.close()
    except (ConfigError, DataError):
        raise
    except Exception as error:
        if scheme not in WAREHOUSES and type(error).__module__.partition(".")[0] not in _DRIVERS:
            raise
        raise ConfigError(f"the database cannot be read: {_hidden(str(error), url)}") from None


def _hidden(text: str, url: str) -> str:
    """A message on one line, without the password of an address."""
    password = urlsplit(url).password or ""
    for secret in filter(None, (url, password, unquote(password))):
        text = text.replace(secret, "***")
    return " ".join(text.split())
