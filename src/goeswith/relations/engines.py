"""Where the expressions of mining run: DuckDB in the process, or a Spark that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from goeswith.relations.expressions import Table


@dataclass(frozen=True)
class Engine:
    """An engine that runs Ibis expressions.

    Attributes:
        read: a parquet file, or a folder or pattern of them, as a table; nothing is read yet.
        keep: computes an expression once and returns the table that holds the result.
        pair_memory: bytes that counting pairs may take in this process, where it is done here and
            not by the engine; 0 where it never is.
    """

    read: Callable[[str], Table]
    keep: Callable[[Table], Table]
    pair_memory: int = 0


@contextmanager
def duckdb_engine(memory_mb: int) -> Iterator[Engine]:
    """A DuckDB of its own that goes on in a temporary folder where its memory ends."""
    import ibis

    from goeswith.core.compiled import available

    with TemporaryDirectory(prefix="goeswith-") as folder:
        connection = ibis.duckdb.connect(
            memory_limit=f"{memory_mb}MiB",
            temp_directory=folder,
            preserve_insertion_order=False,
        )
        names = (f"step_{i}" for i in count())
        try:
            yield Engine(
                connection.read_parquet,
                lambda expression: connection.create_table(next(names), expression, temp=True),
                pair_memory=memory_mb * 2**20 if available() else 0,
            )
        finally:
            connection.disconnect()


@contextmanager
def spark_engine(session: Any) -> Iterator[Engine]:
    """A Spark session, local or of a cluster; what it has kept is let go at the end.

    Args:
        session: a `pyspark.sql.SparkSession`. Spark itself counts again what a lost worker held.
    """
    import ibis

    connection = ibis.pyspark.connect(session)
    kept: list[str] = []

    def keep(expression: Table) -> Table:
        name = f"goeswith_{uuid4().hex}"
        view = connection.create_view(name, expression)
        session.catalog.cacheTable(name)
        kept.append(name)
        return view

    try:
        yield Engine(connection.read_parquet, keep)
    finally:
        for name in reversed(kept):
            session.catalog.uncacheTable(name)
            session.catalog.dropTempView(name)
