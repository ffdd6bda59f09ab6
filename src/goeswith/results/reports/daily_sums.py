"""The sums of a report by day of the answer, stored, so that a later report sums changed days only.

Lines change the sums of earlier days too: an impression or a click of an older answer, a purchase
that belongs to an older click, or another purchase with its `event_id`. What each purchase belongs
to is therefore computed for the complete log every time, as clicks and purchases are few, and
compared with what is stored. A day is summed again if it has a new answer, an answer with a new
impression or click, or one with other purchases than before.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from goeswith.core.atomic_files import atomic_path, write_text
from goeswith.results.reports import fact_queries as sql
from goeswith.results.reports.feedback_tables import (
    columns_version,
    create_view,
    may_be_read,
    part_file,
)
from goeswith.results.reports.impression_tables import create_impression_views, create_impressions

_TABLES: Final = ("cells", "rule_cells", "attributed")
_VERSION: Final = 1
"""Of these tables and their queries."""

_CHANGED: Final = """
CREATE TEMP TABLE changed AS
SELECT answer FROM new_answers
UNION SELECT answer FROM new_touches WHERE answer IS NOT NULL
UNION SELECT answer FROM (FROM attributed EXCEPT FROM old_attributed)
UNION SELECT answer FROM (FROM old_attributed EXCEPT FROM attributed)
"""
"""Answers whose sums may differ from the stored ones."""

_DAYS: Final = f"""
CREATE TEMP TABLE days AS SELECT DISTINCT {sql.DAY} AS day FROM answers SEMI JOIN changed
USING (answer)
"""  # noqa: S608

_SUMMED: Final = f"""
CREATE TEMP VIEW summed_answers AS
SELECT a.* FROM answers a SEMI JOIN days ON {sql.DAY} IS NOT DISTINCT FROM days.day
"""  # noqa: S608

_OTHER_DAYS: Final = """
INSERT INTO {table} SELECT old.* FROM old_{table} old ANTI JOIN days
ON old.day IS NOT DISTINCT FROM days.day
"""


class SumsOf(NamedTuple):
    """What the sums of a report depend on, beside the log.

    Attributes:
        is_seen: an impression is what the shop reports as seen, not what was sent.
        touch: what a purchase is attributed to.
        window_hours: from touch to purchase, at most.
        currency: of the revenue.
    """

    is_seen: bool
    touch: sql.Touch
    window_hours: int
    currency: str | None


def create_sums(db: Any, cache: Path, of: SumsOf) -> None:
    """The tables `cells` and `rule_cells`, and `touched` as far as the attach rate needs it.

    Args:
        db: a feedback connection with `bought` and `answered`.
        cache: folder of parsed files.
        of: what is summed.
    """
    parts = sorted(name for (name,) in db.execute("FROM parts").fetchall())
    # the last view of a product is found among all impressions
    stored = _latest(cache, of, parts) if of.touch == "click" else None
    if stored is None:
        create_impressions(db, seen=of.is_seen)
    else:
        db.execute(sql.TOUCHED_BY_CLICK)
    db.execute(sql.TOUCHES[of.touch])
    db.execute(sql.ATTRIBUTED, [of.currency, of.window_hours])
    if stored is not None:
        _restrict_to_changed_days(db, cache, stored, parts)
        create_impression_views(db, seen=of.is_seen)
    # joins as written: the optimizer hashes the impressions with all their text, and spills
    db.execute("SET disabled_optimizers = 'build_side_probe_side'")
    db.execute(sql.CELLS)
    db.execute(sql.RULE_CELLS)
    db.execute("RESET disabled_optimizers")
    if stored is not None:
        for table in ("cells", "rule_cells"):
            db.execute(_OTHER_DAYS.format(table=table))
    if of.touch == "click" and (stored is None or stored.parts != parts):
        _store(db, cache, of, parts)


def _restrict_to_changed_days(db: Any, cache: Path, stored: _Stored, parts: list[str]) -> None:
    """The views and tables of the answers of days that are summed again."""
    for table in _TABLES:
        create_view(db, f"old_{table}", [_file(cache, stored.name, table)])
    new = sorted(set(parts) - set(stored.parts))
    for table in ("answers", "touches"):
        if new:
            create_view(db, f"new_{table}", [part_file(cache, name, table) for name in new])
        else:
            db.execute(f"CREATE TEMP VIEW new_{table} AS FROM {table} LIMIT 0")
    for query in (_CHANGED, _DAYS, _SUMMED, sql.TOUCHED_OF_SUMMED):
        db.execute(query)


class _Stored(NamedTuple):
    """Sums of an earlier state of a log, by the names of its parts."""

    name: str
    parts: list[str]


def _latest(cache: Path, of: SumsOf, parts: list[str]) -> _Stored | None:
    """The sums of the most of these parts; None if there are none."""
    found = []
    for path in cache.glob(f"sums-*-{_digest(list(of))}.json"):
        try:
            names = json.loads(path.read_text(encoding="utf-8"))["parts"]
        except (OSError, ValueError):  # removed meanwhile
            continue
        one = _Stored(path.stem, names)
        is_there = all(_file(cache, one.name, table).exists() for table in _TABLES)
        if is_there and set(names) <= set(parts):
            found.append(one)
    return max(found, key=lambda one: len(one.parts), default=None)


def _store(db: Any, cache: Path, of: SumsOf, parts: list[str]) -> None:
    """Store the sums, and remove earlier ones that no report reads any more."""
    name = f"sums-{_digest(parts)}-{_digest(list(of))}"
    for table in _TABLES:
        with atomic_path(_file(cache, name, table)) as partial:
            db.table(table).write_parquet(str(partial))
    write_text(json.dumps({"parts": parts}), cache / f"{name}.json")
    for old in cache.glob("sums-*"):
        if not old.name.startswith(f"{name}.") and not may_be_read(old):
            old.unlink(missing_ok=True)


def _digest(content: list[Any]) -> str:
    text = json.dumps([_VERSION, columns_version(), content])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file(cache: Path, name: str, table: str) -> Path:
    return cache / f"{name}.{table}.parquet"
