"""The feedback log as tables of DuckDB: every file is parsed once, and stored as parquet beside it.

Parsed files lie in the folder `.results` of the log, named after the file, its size and the version
of the columns, so that a later report parses only what is new.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from goeswith.core.atomic_files import atomic_path
from goeswith.core.errors import DataError
from goeswith.data.feedback import FEEDBACK_PATTERN

CACHE: Final = ".results"
_VERSION: Final = 2
"""Of the columns; parsed files of another version are written again."""
_COLUMNS: Final = {
    "timestamp": "VARCHAR",
    "occurred_at": "VARCHAR",
    "event": "VARCHAR",
    "recommendation_id": "VARCHAR",
    "product_id": "VARCHAR",
    "source_id": "VARCHAR",
    "source_type": "VARCHAR",
    "session_id": "VARCHAR",
    "user_id": "VARCHAR",
    "event_id": "VARCHAR",
    "order_id": "VARCHAR",
    "market": "VARCHAR",
    "experiment": "VARCHAR",
    "variant": "VARCHAR",
    "counted": "VARCHAR",
    "currency": "VARCHAR",
    "price": "DOUBLE",
    "quantity": "BIGINT",
    "rules": "VARCHAR[]",
    "products": "VARCHAR[]",
    "types": "VARCHAR[]",
    "models": "VARCHAR[]",
    "fallbacks": "BOOLEAN[]",
    "teams": "VARCHAR[]",
    "propensities": "DOUBLE[]",
}


@contextmanager
def feedback_connection(folder: Path, memory_mb: int = 1000) -> Iterator[Any]:
    """A DuckDB connection with the view `log` of all lines of a folder, spilling to disk.

    Raises:
        DataError: the folder holds no feedback.
    """
    import duckdb

    paths = sorted(path for path in folder.glob(FEEDBACK_PATTERN) if path.stat().st_size)
    if not paths:
        raise DataError(
            f"{folder} holds no feedback ({FEEDBACK_PATTERN}); name the folder serve.feedback"
        )
    with TemporaryDirectory(prefix="goeswith-") as spill:
        connection = duckdb.connect(
            config={
                "memory_limit": f"{memory_mb}MiB",
                "temp_directory": spill,
                "preserve_insertion_order": False,
            }
        )
        try:
            # a bar would be printed among the result
            connection.execute("SET enable_progress_bar = false")
            parsed = [str(_parsed(connection, path)) for path in paths]
            connection.read_parquet(parsed).create_view("log")
            yield connection
        finally:
            connection.close()


def _parsed(connection: Any, path: Path) -> Path:
    """The parquet file of a feedback file, written if there is none for its present size."""
    cache = path.parent / CACHE
    size = path.stat().st_size
    target = cache / f"{path.stem}-{size}.v{_VERSION}.parquet"
    if target.exists():
        return target
    cache.mkdir(exist_ok=True)
    with atomic_path(target) as partial:
        # a line that a running service is writing has no event, like one that is no JSON
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items())
        statement = (
            "COPY (SELECT * REPLACE (TRY_CAST(timestamp AS TIMESTAMP) AS timestamp, "  # noqa: S608
            "TRY_CAST(occurred_at AS TIMESTAMP) AS occurred_at) FROM read_json(?, "
            "format = 'newline_delimited', ignore_errors = true, "
            f"maximum_object_size = 1000000, columns = {{{columns}}})) "
            f"TO '{_quoted(partial)}' (FORMAT parquet)"
        )
        connection.execute(statement, [str(path)])
    for old in cache.glob(f"{path.stem}-*.parquet"):
        if old != target:
            old.unlink(missing_ok=True)
    return target


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
