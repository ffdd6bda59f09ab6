"""Tables of PostgreSQL, read with a watermark."""

import polars as pl
import psycopg
import pytest

from goeswith.core.errors import ConfigError
from goeswith.data.folder import load_data
from goeswith.data.sources.database import pull_table


@pytest.fixture
def lines(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS sales")
        connection.execute("DROP TABLE IF EXISTS sales.lines")
        connection.execute(
            "CREATE TABLE sales.lines (order_id int, sku text, created_at timestamptz)"
        )
        connection.execute(
            "INSERT INTO sales.lines VALUES (1, E'a\n\"x\"', '2024-05-01 10:00+02'), (1, 'b', "
            "'2024-05-01 10:00+02'), (2, NULL, '2024-05-01 09:00+02'), (2, '', NULL)"
        )
        yield connection


def test_a_table_with_a_watermark(lines, postgres_url, tmp_path):
    first = pull_table(postgres_url, "sales.lines", "events", tmp_path, "created_at")
    assert first.rows == 4
    frame = pl.read_parquet(first.path)
    assert frame["sku"].to_list() == ['a\n"x"', "b", None, ""]
    lines.execute("INSERT INTO sales.lines VALUES (3, 'c', '2024-05-03 10:00+02')")
    query = "sales.lines"
    second = pull_table(postgres_url, query, "events", tmp_path, "created_at")
    assert pl.read_parquet(second.path)["sku"].to_list() == ['a\n"x"', "b", "c"]
    lines.execute("DELETE FROM sales.lines")
    assert pull_table(postgres_url, query, "events", tmp_path, "created_at").path is None


def test_a_query_is_read_as_events(lines, postgres_url, tmp_path):
    query = "select order_id, sku, created_at from sales.lines where sku > ''"
    assert pull_table(postgres_url, query, "events", tmp_path).rows == 2
    assert load_data(tmp_path).events["basket_id"].to_list() == ["1", "1"]


def test_writing_is_refused_and_no_password_is_shown(lines, postgres_url, tmp_path):
    writing = "with gone as (delete from sales.lines returning *) select * from gone"
    with pytest.raises(ConfigError) as error:
        pull_table(postgres_url, writing, "events", tmp_path)
    assert "the database cannot be read" in str(error.value)
    assert lines.execute("SELECT count(*) FROM sales.lines").fetchone() == (4,)
    wrong = postgres_url.replace("/postgres", "/gone")
    with pytest.raises(ConfigError, match="the database cannot be read") as error:
        pull_table(wrong, "lines", "events", tmp_path)
    assert "opensesame" not in str(error.value)
