"""Engines for the expressions of mining: DuckDB in the process, or an existing Spark session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import polars as pl

from goeswith.relations.expressions import Table


def _memory_table(arrow: Any) -> Table:
    import ibis

    return ibis.memtable(arrow)


def fetch(expression: Table) -> pl.DataFrame:
    """The result of an expression.

    Both Ibis (`to_pyarrow` with DuckDB) and pyarrow (`to_numpy`) would import pandas.
    """
    engine = expression.get_backend()
    if engine.name == "duckdb":
        rows = engine.con.sql(engine.compile(expression)).to_arrow_table()
        rows = rows.cast(expression.schema().to_pyarrow())
    else:
        rows = expression.to_pyarrow()
    return pl.DataFrame(pl.from_arrow(rows))


@dataclass(frozen=True)
class Engine:
    """An engine that runs Ibis expressions.

    Attributes:
        read: a parquet file, or a folder or pattern of them, as a lazy table.
        materialize: computes an expression once and returns a table with the result.
        pair_memory: bytes for counting pairs in this process; 0 if the engine
            counts them.
        load: an Arrow table in memory as a table.
    """

    read: Callable[[str], Table]
    materialize: Callable[[Table], Table]
    pair_memory: int = 0
    load: Callable[[Any], Table] = _memory_table


@contextmanager
def duckdb_engine(memory_mb: int) -> Iterator[Engine]:
    """A new DuckDB that spills to a temporary folder above its memory limit."""
    import ibis

    from goeswith.core.jit import has_numba

    with TemporaryDirectory(prefix="goeswith-") as folder:
        connection = ibis.duckdb.connect(
            memory_limit=f"{memory_mb}MiB",
            temp_directory=folder,
            preserve_insertion_order=False,
        )
        names = (f"step_{i}" for i in count())

        def load(arrow: Any) -> Table:
            name = next(names)
            connection.con.register(name, arrow)  # ibis.memtable imports pandas
            return connection.table(name)

        try:
            yield Engine(
                connection.read_parquet,
                lambda expression: connection.create_table(next(names), expression, temp=True),
                pair_memory=memory_mb * 2**20 if has_numba() else 0,
                load=load,
            )
        finally:
            connection.disconnect()


@contextmanager
def spark_engine(session: Any) -> Iterator[Engine]:
    """An existing Spark session, local or of a cluster; cached tables are released at the end.

    Args:
        session: a `pyspark.sql.SparkSession`. Spark recomputes partitions of lost workers.
    """
    import ibis

    connection = ibis.pyspark.connect(session)
    views: list[str] = []

    def materialize(expression: Table) -> Table:
        name = f"goeswith_{uuid4().hex}"
        view = connection.create_view(name, expression)
        session.catalog.cacheTable(name)
        views.append(name)
        return view

    try:
        yield Engine(connection.read_parquet, materialize)
    finally:
        for name in reversed(views):
            session.catalog.uncacheTable(name)
            session.catalog.dropTempView(name)
