"""Tables of SQLite and DuckDB, complete and with a watermark."""

import sqlite3

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError
from goeswith.data.folder import load_data
from goeswith.data.sources.database import pull_table

CREATE = "CREATE TABLE lines (id INTEGER, order_id TEXT, sku TEXT, created_at TIMESTAMP)"
FIRST = (
    "INSERT INTO lines VALUES (1, 'o1', 'a', '2024-05-01 10:00:00'), "
    "(2, 'o1', 'b''s', '2024-05-01 10:00:00'), (3, NULL, NULL, '2024-05-01 09:00:00')"
)
SECOND = (
    "INSERT INTO lines VALUES (4, 'o2', 'a', '2024-05-01 10:00:00'), "
    "(5, 'o2', 'b''s', '2024-05-02 10:00:00')"
)


@pytest.fixture(params=["sqlite", "duckdb"])
def database(request, tmp_path):
    """The URL of a database, and a function that runs statements in it."""
    path = tmp_path / f"shop.{request.param}"
    connect = sqlite3.connect if request.param == "sqlite" else duckdb.connect

    def run(*statements):
        connection = connect(str(path))
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    run(CREATE, FIRST)
    return f"{request.param}:///{path}", run


def test_a_table_or_a_query_is_read_completely(database, tmp_path):
    url, run = database
    out = tmp_path / "shop"
    pulled = pull_table(url, "lines", "events", out)
    assert (pulled.rows, pulled.path.name, pulled.watermark) == (3, "events.parquet", None)
    run(SECOND)
    query = "select order_id, sku from lines where order_id is not null;"
    assert pull_table(url, query, "events", out).rows == 4
    assert load_data(out).events["basket_id"].to_list() == ["o1", "o1", "o2", "o2"]


def test_a_watermark_reads_each_row_once(database, tmp_path):
    url, run = database
    out = tmp_path / "shop"
    query = "SELECT order_id, sku, created_at FROM lines WHERE order_id IS NOT NULL"
    assert pull_table(url, query, "events", out, "created_at").rows == 2
    run(SECOND)
    second = pull_table(url, query, "events", out, "created_at")
    # the two rows with the time of the watermark come again
    assert (second.rows, second.path.name) == (4, "events_0002.parquet")
    assert load_data(out).events.height == 4
    state = (out / "watermarks.json").read_text()
    third = pull_table(url, query, "events", out, "created_at")
    assert (third.rows, third.path) == (0, None)
    assert str(third.watermark).startswith("2024-05-02 10:00:00")
    assert (out / "watermarks.json").read_text() == state
    assert [path.name for path in sorted(out.glob("events*"))] == [
        "events_0001.parquet",
        "events_0002.parquet",
    ]


def test_a_new_row_with_the_last_value_is_read(database, tmp_path):
    url, run = database
    pull_table(url, "lines", "events", tmp_path / "out", "created_at")
    run("INSERT INTO lines VALUES (6, 'o3', 'c', '2024-05-01 10:00:00')")
    part = pull_table(url, "lines", "events", tmp_path / "out", "created_at").path
    assert "o3" in pl.read_parquet(part)["order_id"].to_list()
    assert pull_table(url, "lines", "events", tmp_path / "out", "created_at").path is None


def test_the_command_says_that_nothing_is_new(database, tmp_path):
    url, _ = database
    arguments = ["data", "pull", url, "--events", "lines", "--watermark", "id"]
    first, second = (
        CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")]) for _ in range(2)
    )
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "there are no new rows of events" in second.stderr
    assert "no new rows" not in first.stderr


def test_a_watermark_of_numbers(database, tmp_path):
    url, run = database
    pull_table(url, "lines", "events", tmp_path / "out", "id")
    run(SECOND)
    part = pull_table(url, "lines", "events", tmp_path / "out", "id").path
    assert pl.read_parquet(part)["id"].cast(pl.Int64).to_list() == [3, 4, 5]


@pytest.mark.parametrize(
    ("source", "watermark", "message"),
    [
        ("DELETE FROM lines", None, "neither the name of a table nor a query"),
        ("nothing_here", None, "the database cannot be read: .*nothing_here"),
        ("lines; DROP TABLE lines", None, "neither the name of a table nor a query"),
        ("select 1); DELETE FROM lines; --", None, "the database cannot be read"),
        ("lines", "missing", "the database cannot be read: .*missing"),
    ],
)
def test_what_is_no_query_or_would_write_is_refused(database, tmp_path, source, watermark, message):
    url, _ = database
    with pytest.raises(ConfigError, match=message):
        pull_table(url, source, "events", tmp_path / "out", watermark)
    assert pull_table(url, "lines", "events", tmp_path / "after").rows == 3


def test_a_watermark_stays_with_its_query(database, tmp_path):
    url, _ = database
    out = tmp_path / "out"
    pull_table(url, "lines", "events", out, "created_at")
    with pytest.raises(DataError, match="was read from 'lines' by 'created_at'"):
        pull_table(url, "lines", "events", out, "id")
    with pytest.raises(DataError, match="give --watermark"):
        pull_table(url, "lines", "events", out)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"events": 5}', "[" * 100_000])
def test_a_damaged_watermark_is_refused(tmp_path, content):
    (tmp_path / "watermarks.json").write_text(content)
    with pytest.raises(DataError, match="is damaged"):
        pull_table("sqlite:///none.sqlite", "lines", "events", tmp_path, "created_at")


def test_addresses_that_are_none(tmp_path):
    with pytest.raises(
        ConfigError, match=r"not the address of a database or of files; use sqlite:///FILE"
    ):
        pull_table("mongodb://x", "lines", "events", tmp_path)
    with pytest.raises(ConfigError, match=r"there is no database .*gone\.db"):
        pull_table(f"sqlite:///{tmp_path}/gone.db", "lines", "events", tmp_path)


@pytest.mark.parametrize("days", ["'31.12.2024 18:05', '01.01.2025 09:00'", "'999', '1000'"])
def test_a_text_without_the_order_of_the_events_is_no_watermark(tmp_path, days):
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE lines (sku TEXT, day TEXT)")
    connection.executemany(
        "INSERT INTO lines VALUES ('a', ?)", [(day.strip(" '"),) for day in days.split(",")]
    )
    connection.commit()
    connection.close()
    with pytest.raises(DataError, match=r"'day' is text such as .*, whose order is not that"):
        pull_table(f"sqlite:///{path}", "lines", "events", tmp_path, "day")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ftp://shop/x", "--events", "lines"], "ftp:... is not the address"),
        (["shop.db", "--events", "lines"], "'shop.db' is not the address"),
        (["sqlite:///shop.db", "--products", "p", "--watermark", "x"], "--watermark is for"),
    ],
)
def test_the_command_refuses_what_it_would_not_use(tmp_path, arguments, message):
    done = CliRunner().invoke(app, ["data", "pull", *arguments, "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, ConfigError)
    assert message in str(done.exception)
    assert not (tmp_path / "out").exists()
