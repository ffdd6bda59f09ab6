"""Databases and warehouses that are read through Ibis: MySQL, BigQuery, Snowflake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from goeswith.core.errors import ConfigError

WAREHOUSES: Final = ("mysql", "bigquery", "snowflake")
"""Schemes of an address, and backends of Ibis."""

_BATCH: Final = 50_000
_PLAIN: Final = re.compile(r"[^\W\d]\w*")


class Warehouse:
    """A connection that only selects. The account should have no right to write.

    Raises:
        ConfigError: Ibis or the backend is not installed.
    """

    def __init__(self, url: str) -> None:
        backend = url.partition(":")[0]
        missing = f"{backend}:// needs: pip install 'ibis-framework[{backend}]'"
        try:
            import ibis

            self._connection = ibis.connect(url)
        except ImportError as error:
            raise ConfigError(missing) from error

    def quoted(self, name: str) -> str:
        """A plain name as it is: each warehouse quotes, and folds case, in its own way."""
        if not _PLAIN.fullmatch(name):
            raise ConfigError(f"the column {name!r} has no plain name; rename it in a query")
        return name

    def value(self, statement: str) -> Any:
        """The value of a query of one row and one column, times as text."""
        rows = self._connection.sql(statement).to_pyarrow().to_pylist()
        value = next(iter(rows[0].values())) if rows else None
        return value if value is None or isinstance(value, (str, int, float)) else str(value)

    def batches(self, statement: str) -> Iterator[pl.DataFrame]:
        """The rows of a query."""
        for batch in self._connection.sql(statement).to_pyarrow_batches(chunk_size=_BATCH):
            frame = pl.DataFrame(pl.from_arrow(batch))
            if frame.height:
                yield frame

    def close(self) -> None:
        """End the connection."""
        self._connection.disconnect()
