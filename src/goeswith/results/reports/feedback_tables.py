"""The feedback log as tables of DuckDB: every line is parsed once, and stored as parquet beside it.

Parsed parts lie in the folder `.results` of the log, named after the file, the bytes they were
parsed from and the version of the columns, so that a later report parses only the lines that were
added, also to a file that a service still writes. A connection has three views:
`answers`, `touches` (impressions and clicks) and `actions` (carts, purchases, unreadable lines).
Ids that only join are stored as 64-bit hashes of DuckDB, which takes a fraction of the space.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, NamedTuple

from goeswith.core.atomic_files import atomic_path
from goeswith.core.errors import DataError
from goeswith.data.feedback import FEEDBACK_PATTERN, last_line_end

CACHE: Final = ".results"
_VERSION: Final = 4
"""Of the columns; parsed files of another version are written again."""
_DIGEST_BYTES: Final = 4096
_MAX_PARTS: Final = 16
"""Parts of a file; more are merged into one."""
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
    "uncounted": "BOOLEAN",
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
    "source_id, source_type, market, experiment, variant, counted, uncounted, rules, products, "
    "types, models, fallbacks, teams, propensities FROM lines WHERE event = 'answer'",
    "touches": "SELECT CASE WHEN recommendation_id IS NOT NULL THEN hash(recommendation_id) END "
    "AS answer, hash(product_id) AS product, happened, event = 'click' AS clicked FROM lines "
    "WHERE event IN ('impression', 'click')",
    "actions": "SELECT event, happened, product_id, user_id, session_id, event_id, order_id, "
    "currency, price, coalesce(quantity, 1) AS quantity FROM lines "
    "WHERE event IS NULL OR event IN ('cart', 'purchase')",
}


@contextmanager
def feedback_connection(folder: Path, memory_mb: int = 1000) -> Iterator[Any]:
    """A DuckDB connection with the views of all complete lines of a folder, spilling to disk.

    The view `unfinished` has one number: files whose last line is incomplete. The table `parts` has
    the name of each parsed part; see `part_file`.

    Raises:
        DataError: the folder has no feedback, or no complete line.
    """
    import duckdb

    paths = sorted(path for path in folder.glob(FEEDBACK_PATTERN) if path.stat().st_size)
    if not paths:
        raise DataError(
            f"{folder} has no feedback ({FEEDBACK_PATTERN}); use the folder of serve.feedback, to "
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
            logs = [_parsed(connection, path, Path(spill)) for path in paths]
            parts = [part for log in logs for part in log.parts]
            if not parts:
                raise DataError(f"{folder} has no complete line of feedback yet")
            for name in _TABLES:
                create_view(connection, name, [part.files[name] for part in parts])
            connection.execute("CREATE TEMP TABLE parts (name VARCHAR)")
            connection.executemany("INSERT INTO parts VALUES (?)", [[part.name] for part in parts])
            unfinished = sum(log.has_rest for log in logs)
            connection.execute(f"CREATE TEMP VIEW unfinished AS SELECT {unfinished:d} AS files")
            yield connection
        finally:
            connection.close()


class _Part(NamedTuple):
    """What was parsed of the bytes from `start` to `end` of a file.

    Attributes:
        name: of its files, with the bytes, the digest and the version of the columns.
        digest: of the last bytes before `end`.
        files: table -> parquet file.
    """

    name: str
    start: int
    end: int
    digest: str
    files: dict[str, Path]


class _Parsed(NamedTuple):
    """The parts of a file, in order, and whether an incomplete line follows them."""

    parts: list[_Part]
    has_rest: bool


def _parsed(connection: Any, path: Path, spill: Path) -> _Parsed:
    """A file with its new lines parsed.

    A line that a running service is writing is left for a later report.
    """
    cache, size = path.parent / CACHE, path.stat().st_size
    chain, position = list[_Part](), 0
    with path.open("rb") as file:
        end = last_line_end(file, size)
        # a file that was written again has other bytes there
        found = [p for p in _stored_parts(cache, path.stem) if p.digest == _digest(file, p.end)]
    while options := [part for part in found if part.start == position and part.end <= end]:
        chain.append(max(options, key=lambda part: part.end))
        position = chain[-1].end
    if position == end and len(chain) <= _MAX_PARTS:
        return _Parsed(chain, end < size)
    cache.mkdir(exist_ok=True)
    if position < end:
        with path.open("rb") as file:
            part = _part(cache, path.stem, position, end, _digest(file, end))
        is_all = end - position == size
        _read_lines(connection, path if is_all else _copy(path, position, end, spill))
        if is_all and path.stat().st_size != size:  # a service has added lines meanwhile
            _read_lines(connection, _copy(path, position, end, spill))
        _write_part(connection, part)
        chain.append(part)
    if len(chain) > _MAX_PARTS:
        merged = _part(cache, path.stem, 0, end, chain[-1].digest)
        for name, target in merged.files.items():
            files = connection.read_parquet([str(part.files[name]) for part in chain])
            with atomic_path(target) as partial:
                files.write_parquet(str(partial))
        chain = [merged]
    current = {file for part in chain for file in part.files.values()}
    for old in cache.glob(f"{escape(path.stem)}-*.parquet"):
        if old not in current and not may_be_read(old):
            old.unlink(missing_ok=True)
    return _Parsed(chain, end < size)


def _part(cache: Path, stem: str, start: int, end: int, digest: str) -> _Part:
    name = f"{stem}-{start}-{end}-{digest}.{columns_version()}"
    return _Part(name, start, end, digest, {t: part_file(cache, name, t) for t in _TABLES})


def part_file(cache: Path, name: str, table: str) -> Path:
    """The parsed file of a table of a part."""
    return cache / f"{name}.{table}.parquet"


def create_view(connection: Any, name: str, files: list[Path]) -> None:
    """A view of parquet files."""
    connection.read_parquet([str(file) for file in files]).create_view(name)


def _digest(file: IO[bytes], end: int) -> str:
    start = max(end - _DIGEST_BYTES, 0)
    file.seek(start)
    return hashlib.sha256(file.read(end - start)).hexdigest()[:16]


def columns_version() -> str:
    """Of the parsed files: ids are hashes of one version of the engine."""
    from duckdb import __version__ as engine

    return f"v{_VERSION}-{engine}"


def _stored_parts(cache: Path, stem: str) -> list[_Part]:
    """Parts of a file in this version of the columns, with all tables."""
    last = f".{columns_version()}.{next(reversed(_TABLES))}.parquet"  # the one that is written last
    parts = []
    for path in cache.glob(f"{escape(stem)}-*{escape(last)}"):
        bounds = re.fullmatch(r"-(\d+)-(\d+)-(\w+)", path.name[len(stem) :].removesuffix(last))
        if bounds is not None:
            part = _part(cache, stem, int(bounds[1]), int(bounds[2]), bounds[3])
            if all(file.exists() for file in part.files.values()):
                parts.append(part)
    return parts


def _copy(path: Path, start: int, end: int, folder: Path) -> Path:
    """Some bytes of a file as a file of its own."""
    target = folder / "lines.jsonl"
    with path.open("rb") as file, target.open("wb") as out:
        file.seek(start)
        left = end - start
        while left and (block := file.read(min(left, 1 << 20))):
            out.write(block)
            left -= len(block)
    return target


def _read_lines(connection: Any, source: Path) -> None:
    """Parse a file into the table `lines`."""
    # a line that is no JSON has no event
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items())
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE lines AS SELECT *, CASE WHEN occurred <= timestamp "  # noqa: S608
        "THEN occurred ELSE timestamp END AS happened FROM (SELECT * REPLACE (TRY_CAST(timestamp "
        "AS TIMESTAMP) AS timestamp), TRY_CAST(occurred_at AS TIMESTAMP) AS occurred FROM "
        "read_json(?, format = 'newline_delimited', ignore_errors = true, maximum_object_size = "
        f"1000000, columns = {{{columns}}}))",
        [str(source)],
    )


def _write_part(connection: Any, part: _Part) -> None:
    """Write the parquet files of `lines`."""
    for name, query in _TABLES.items():
        with atomic_path(part.files[name]) as partial:
            connection.execute(f"COPY ({query}) TO '{_quoted(partial)}' (FORMAT parquet)")
    connection.execute("DROP TABLE lines")


def may_be_read(parsed: Path) -> bool:
    """Whether a report that is being computed may still read a file; the log grows meanwhile."""
    try:
        return time.time() < parsed.stat().st_mtime + _LONGEST_REPORT
    except FileNotFoundError:
        return False


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
