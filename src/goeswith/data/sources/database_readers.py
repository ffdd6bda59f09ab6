"""Readers of SQLite, DuckDB and PostgreSQL: read only, in one transaction, in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import polars as pl

from goeswith.core.errors import ConfigError

_BATCH: Final = 50_000

Batches: TypeAlias = "Iterator[pl.DataFrame]"


def quoted(name: str) -> str:
    """A name in SQL, with any characters."""
    return '"' + name.replace('"', '""') + '"'


class _Reader:
    def quoted(self, name: str) -> str:
        """The name of a column in SQL."""
        return quoted(name)


class SqliteReader(_Reader):
    """A file of SQLite. Values of a column may differ in type, so that they are read as text."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self._connection.execute("BEGIN")

    def value(self, statement: str) -> Any:
        """The value of a query of one row and one column."""
        return self._connection.execute(statement).fetchone()[0]

    def batches(self, statement: str) -> Batches:
        """The rows of a query."""
        cursor = self._connection.execute(statement)
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(_BATCH):
            columns = zip(*rows, strict=True)
            yield pl.DataFrame(
                [
                    pl.Series(name, [None if v is None else _text(v) for v in column], pl.String)
                    for name, column in zip(names, columns, strict=True)
                ]
            )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


class DuckdbReader(_Reader):
    """A file of DuckDB."""

    def __init__(self, path: Path) -> None:
        import duckdb

        self._connection = duckdb.connect(str(path), read_only=True)
        self._connection.execute("BEGIN TRANSACTION")

    def value(self, statement: str) -> Any:
        """The value of a query of one row and one column."""
        query = f"SELECT CAST(({statement}) AS VARCHAR)"
        return self._connection.execute(query).fetchall()[0][0]

    def batches(self, statement: str) -> Batches:
        """The rows of a query."""
        import pyarrow as pa

        for batch in self._connection.sql(statement).to_arrow_reader(_BATCH):
            frame = pl.from_arrow(pa.Table.from_batches([batch]))
            assert isinstance(frame, pl.DataFrame)
            if frame.height:
                yield frame

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class PostgresReader(_Reader):
    """PostgreSQL, by COPY in one read-only transaction. Columns are text."""

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise ConfigError("PostgreSQL needs: pip install 'goeswith[export]'") from error
        self._connection = psycopg.connect(
            url, connect_timeout=10, application_name="goeswith data pull"
        )
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def value(self, statement: str) -> Any:
        """The value of a query of one row and one column."""
        row = self._connection.execute(f"SELECT ({statement})::text".encode()).fetchone()
        return row[0] if row else None

    def batches(self, statement: str) -> Batches:
        """The rows of a query."""
        import pyarrow as pa
        from pyarrow import csv

        copy_statement = f"COPY ({statement}) TO STDOUT WITH (FORMAT csv, HEADER)"
        with self._connection.cursor() as cursor:
            described = cursor.execute(f"{statement} LIMIT 0".encode()).description or []
            names = [column.name for column in described]
            with cursor.copy(copy_statement.encode()) as copy:
                reader = csv.open_csv(
                    pa.PythonFile(_Chunks(iter(copy)), mode="r"),
                    parse_options=csv.ParseOptions(newlines_in_values=True),
                    convert_options=csv.ConvertOptions(
                        column_types=dict.fromkeys(names, pa.string()),
                        strings_can_be_null=True,
                        quoted_strings_can_be_null=False,
                        null_values=[""],
                    ),
                )
                for batch in reader:
                    frame = pl.from_arrow(pa.Table.from_batches([batch]))
                    assert isinstance(frame, pl.DataFrame)
                    if frame.height:
                        yield frame

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class _Chunks:
    """A readable file of chunks of bytes."""

    closed = False

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts = [self._rest]
        length = len(self._rest)
        while size < 0 or length < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(bytes(chunk))
            length += len(chunk)
        content = b"".join(parts)
        size = len(content) if size < 0 else size
        self._rest = content[size:]
        return content[:size]

    def close(self) -> None:
        self.closed = True
