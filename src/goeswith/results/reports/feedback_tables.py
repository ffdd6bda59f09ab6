"""The feedback log as tables of DuckDB: every file is parsed once, and stored as parquet beside it.

Parsed files lie in the folder `.results` of the log, named after the file, its size and the version
of the columns, so that a later report parses only what is new. A connection has three views:
`answers`, `touches` (impressions and clicks) and `actions` (carts, purchases, unreadable lines).
Ids that only join are stored as 64-bit hashes of DuckDB, which takes a fraction of the space.
"""

from __future__ import annotations

import time
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
_LONGEST_REPORT: Final = 600.0
"""Seconds after which no report reads a parsed file of an earlier state of the log."""
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
_TABLES: Final = {
    "answers": "SELECT hash(recommendation_id) AS answer, happened, user_id, session_id, "
    "source_id, source_type, market, experiment, variant, counted, rules, products, types, models, "
    "fallbacks, teams, propensities FROM lines WHERE event = 'answer'",
    "touches": "SELECT CASE WHEN recommendation_id IS NOT NULL THEN hash(recommendation_id) END "
    "AS answer, hash(product_id) AS product, happened, event = 'click' AS clicked FROM lines "
    "WHERE event IN ('impression', 'click')",
    "actions": "SELECT event, happened, product_id, user_id, session_id, event_id, order_id, "
    "currency, price, coalesce(quantity, 1) AS quantity FROM lines "
    "WHERE event IS NULL OR event IN ('cart', 'purchase')",
}


@contextmanager
def feedback_connection(folder: Path, memory_mb: int = 1000) -> Iterator[Any]:
    """A DuckDB connection with the views of all lines of a folder, spilling to disk.

    Raises:
        DataError: the folder holds no feedback.
    """
    import duckdb

    paths = sorted(path for path in folder.glob(FEEDBACK_PATTERN) if path.stat().st_size)
    if not paths:
        raise DataError(
            f"{folder} holds no feedback ({FEEDBACK_PATTERN}); name the folder serve.feedback, to "
            "which the service writes with the first request that has a user_id or session_id"
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
            parsed = [_parsed(connection, path) for path in paths]
            for name in _TABLES:
                connection.read_parquet([str(files[name]) for files in parsed]).create_view(name)
            yield connection
        finally:
            connection.close()


def _parsed(connection: Any, path: Path) -> dict[str, Path]:
    """The parquet files of a feedback file, written if there are none for its present size."""
    from duckdb import __version__ as engine

    cache = path.parent / CACHE
    stem = f"{path.stem}-{path.stat().st_size}.v{_VERSION}-{engine}"
    targets = {name: cache / f"{stem}.{name}.parquet" for name in _TABLES}
    if all(target.exists() for target in targets.values()):
        return targets
    cache.mkdir(exist_ok=True)
    # a line that a running service is writing has no event, like one that is no JSON
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items())
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE lines AS SELECT *, CASE WHEN occurred <= timestamp "  # noqa: S608
        "THEN occurred ELSE timestamp END AS happened FROM (SELECT * REPLACE (TRY_CAST(timestamp "
        "AS TIMESTAMP) AS timestamp), TRY_CAST(occurred_at AS TIMESTAMP) AS occurred FROM "
        "read_json(?, format = 'newline_delimited', ignore_errors = true, maximum_object_size = "
        f"1000000, columns = {{{columns}}}))",
        [str(path)],
    )
    for name, query in _TABLES.items():
        with atomic_path(targets[name]) as partial:
            connection.execute(f"COPY ({query}) TO '{_quoted(partial)}' (FORMAT parquet)")
    connection.execute("DROP TABLE lines")
    for old in cache.glob(f"{path.stem}-*.parquet"):
        if old not in targets.values() and not _may_be_read(old):
            old.unlink(missing_ok=True)
    return targets


def _may_be_read(parsed: Path) -> bool:
    """Whether a report that is being computed may still read a file; the log grows meanwhile."""
    try:
        return time.time() < parsed.stat().st_mtime + _LONGEST_REPORT
    except FileNotFoundError:
        return False


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
