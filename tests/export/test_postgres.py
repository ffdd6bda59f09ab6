"""A table of a real PostgreSQL that is replaced in one transaction."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from goeswith.core.errors import ConfigError, DataError
from goeswith.export import postgres as module
from goeswith.export.postgres import TABLE, to_postgres
from goeswith.export.recommendation_rows import RecommendationRows
from goeswith.query.bundle import Bundle

Expected = Callable[[Bundle, int], list[tuple[object, ...]]]
COLUMNS = "source_id, rank, target_id, score, model, fallback, bought_together, bundle"


@pytest.fixture
def shop(postgres_url: str) -> Iterator[psycopg.Connection]:
    """A connection to an empty database of the shop's."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute("CREATE SCHEMA public")
        yield connection


def rows_of(shop: psycopg.Connection, table: str = TABLE) -> list[tuple[object, ...]]:
    return shop.execute(
        SQL("SELECT " + COLUMNS + " FROM {}").format(Identifier(*table.split(".")))
    ).fetchall()


def tables(shop: psycopg.Connection) -> list[str]:
    found = shop.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    return sorted(name for (name,) in found if not name.endswith("_pkey"))


def test_the_table_holds_the_answers_of_the_bundle(
    shop: psycopg.Connection, postgres_url: str, bundle: Bundle, expected: Expected
) -> None:
    place = to_postgres(RecommendationRows(bundle, 5), postgres_url)
    assert place.startswith("table public.goeswith_complements of postgres at 127.0.0.1:")
    assert "opensesame" not in place
    assert rows_of(shop) == expected(bundle, 5)
    (comment,) = shop.execute(f"SELECT obj_description('{TABLE}'::regclass)").fetchone() or ()
    assert comment == f"goeswith complements: bundle {bundle.id}, at most 5 answers a product"
    plan = shop.execute(
        SQL("SET enable_seqscan = off; EXPLAIN SELECT 1 FROM {} WHERE source_id = 'a/b'").format(
            Identifier(TABLE)
        )
    )
    while plan.nextset():
        pass
    assert "_pkey" in str(plan.fetchall())


def test_the_next_export_takes_the_place_of_the_last_with_its_rights(
    shop: psycopg.Connection,
    postgres_url: str,
    bundle: Bundle,
    later_bundle: Bundle,
    expected: Expected,
) -> None:
    to_postgres(RecommendationRows(bundle, 5), postgres_url)
    shop.execute('DROP ROLE IF EXISTS "the reader\'s"; CREATE ROLE "the reader\'s"')
    shop.execute(f'GRANT SELECT ON {TABLE} TO "the reader\'s" WITH GRANT OPTION')
    shop.execute(f"GRANT INSERT ON {TABLE} TO PUBLIC")
    to_postgres(RecommendationRows(later_bundle, 4, explain=True), postgres_url)
    assert rows_of(shop) == expected(later_bundle, 4)
    assert tables(shop) == [TABLE]
    for right in ("SELECT WITH GRANT OPTION", "INSERT"):
        query = "SELECT has_table_privilege('the reader''s', %s, %s)"
        assert shop.execute(query, [TABLE, right]).fetchone() == (True,)
    shop.execute(f'DROP TABLE {TABLE}; DROP ROLE "the reader\'s"')


def test_a_name_may_hold_any_character_and_a_schema(
    shop: psycopg.Connection, postgres_url: str, bundle: Bundle, expected: Expected
) -> None:
    shop.execute('DROP SCHEMA IF EXISTS "my shop" CASCADE; CREATE SCHEMA "my shop"')
    for table in ('my shop.an "odd" name; DROP', "my shop." + "n" * 63):
        for _ in range(2):
            to_postgres(RecommendationRows(bundle, 2), postgres_url, table)
        assert rows_of(shop, table) == expected(bundle, 2)


def test_readers_never_find_the_table_gone_empty_or_mixed(
    shop: psycopg.Connection, postgres_url: str, bundle: Bundle, later_bundle: Bundle
) -> None:
    to_postgres(RecommendationRows(bundle, 5), postgres_url)
    sizes = {b.id: sum(1 for _ in _all(b, k)) for b, k in ((bundle, 5), (later_bundle, 4))}
    seen: list[list[tuple[object, ...]]] = []
    done = threading.Event()

    def read() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            while not done.is_set():
                query = f"SELECT bundle, count(*) FROM {TABLE} GROUP BY bundle"
                seen.append(connection.execute(query).fetchall())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(5):
            to_postgres(RecommendationRows(later_bundle, 4), postgres_url)
            to_postgres(RecommendationRows(bundle, 5), postgres_url)
    finally:
        done.set()
        reader.join(30)
    assert len(seen) > 10
    assert {tuple(found) for found in seen} == {((name, size),) for name, size in sizes.items()}


def _all(bundle: Bundle, k: int) -> Iterator[dict[str, object]]:
    for batch in RecommendationRows(bundle, k):
        yield from batch.to_pylist()


@pytest.mark.parametrize("step", ["COPY", "swap"])
def test_an_export_killed_midway_leaves_the_old_table_and_nothing_else(
    shop: psycopg.Connection,
    postgres_url: str,
    odd_bundles: tuple[Bundle, Bundle],
    expected: Expected,
    step: str,
) -> None:
    bundle, later_bundle = odd_bundles
    to_postgres(RecommendationRows(bundle, 5), postgres_url)
    stop = "print('there', flush=True); time.sleep(60)"
    code = f"""
import time
from goeswith.query.bundle import Bundle
from goeswith.export import postgres
from goeswith.export.recommendation_rows import RecommendationRows
def stop(*_):
    {stop}
postgres._swap = stop
rows = RecommendationRows(Bundle.open({str(later_bundle.path)!r}), 4,
                  progress=stop if {step!r} == "COPY" else lambda *_: None)
postgres.to_postgres(rows, {postgres_url!r})
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"there\n"
    assert rows_of(shop) == expected(bundle, 5)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'goeswith export'"
    end = time.monotonic() + 30
    while shop.execute(running).fetchone() != (0,) and time.monotonic() < end:
        time.sleep(0.05)
    assert rows_of(shop) == expected(bundle, 5)
    assert tables(shop) == [TABLE]
    to_postgres(RecommendationRows(later_bundle, 4), postgres_url)
    assert rows_of(shop) == expected(later_bundle, 4)


def test_a_table_that_no_export_made_is_left_alone(
    shop: psycopg.Connection, postgres_url: str, bundle: Bundle
) -> None:
    shop.execute("CREATE TABLE orders (id int); CREATE VIEW seen AS SELECT 1 AS id")
    shop.execute("COMMENT ON VIEW seen IS 'goeswith complements of mine'")
    for table in ("orders", "seen", "public.orders"):
        with pytest.raises(ConfigError, match="was not made by an export"):
            to_postgres(RecommendationRows(bundle, 2), postgres_url, table)
    assert tables(shop) == ["orders", "seen"]


def test_a_view_of_the_old_table_is_not_broken(
    shop: psycopg.Connection, postgres_url: str, bundle: Bundle
) -> None:
    to_postgres(RecommendationRows(bundle, 2), postgres_url)
    shop.execute(f"CREATE VIEW best AS SELECT * FROM {TABLE} WHERE rank = 1")
    with pytest.raises(ConfigError, match=r"view best depends .* the existing data are unchanged"):
        to_postgres(RecommendationRows(bundle, 3), postgres_url)
    assert {row[1] for row in rows_of(shop)} == {1, 2}
    assert tables(shop) == ["best", TABLE]


def test_a_long_query_of_a_reader_is_waited_for_and_holds_nobody_up(
    shop: psycopg.Connection,
    postgres_url: str,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    to_postgres(RecommendationRows(bundle, 2), postgres_url)
    monkeypatch.setattr(module, "_LOCK_TRIES", 1)
    with psycopg.connect(postgres_url) as reader:
        rows_of(reader)  # its transaction is open, and so it holds the table
        with pytest.raises(ConfigError, match="lock timeout"):
            to_postgres(RecommendationRows(bundle, 3), postgres_url)
        assert len(rows_of(shop)) == len(rows_of(reader))
    assert tables(shop) == [TABLE]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"/postgres": "/nosuch"}, 'database "nosuch" does not exist'),
        ({"shop:": "nobody:"}, 'role "nobody" does not exist'),
        ({"/postgres": "/postgres?sslmode=opensesame"}, "sslmode"),
        ({"/postgres": "/postgres?sslmode=require"}, "SSL"),
        ({"opensesame@": "open@sesame@"}, "percent-encoded"),
        ({"opensesame@": "1/opensesame@"}, "percent-encoded"),
        ({"opensesame@": "open#sesame@"}, "percent-encoded"),
        ({"opensesame@": "1?opensesame@"}, "percent-encoded"),
        ({"opensesame@": "x/opensesame@"}, "cannot be read"),
        ({"postgresql:": "mysql:"}, "is not one of postgresql"),
    ],
)
def test_what_cannot_be_reached_says_why_without_the_password(
    postgres_url: str, bundle: Bundle, change: dict[str, str], why: str
) -> None:
    for old, new in change.items():
        assert old in postgres_url
        postgres_url = postgres_url.replace(old, new)
    with pytest.raises(ConfigError, match=why) as refused:
        to_postgres(RecommendationRows(bundle, 2), postgres_url)
    text = str(refused.value) + repr(refused.value.__cause__)
    assert "opensesame" not in text
    assert "sesame" not in text


def test_a_wrong_name_or_schema_is_refused(postgres_url: str, bundle: Bundle) -> None:
    for table in ("", "x" * 64, "a.", "é" * 32):
        with pytest.raises(ConfigError, match="cannot be the name of a table"):
            to_postgres(RecommendationRows(bundle, 2), postgres_url, table)
    with pytest.raises(ConfigError, match="no schema 'nosuch'"):
        to_postgres(RecommendationRows(bundle, 2), postgres_url, "nosuch.table")


def test_text_that_postgresql_cannot_hold_is_reported(
    shop: psycopg.Connection,
    postgres_url: str,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle, "models", ["co\0citation", *bundle.models[1:]])
    with pytest.raises(DataError, match=r"cannot store this: invalid byte sequence.*0x00"):
        to_postgres(RecommendationRows(bundle, 2), postgres_url)
    assert tables(shop) == []
