"""Warehouses are read through Ibis; its SQLite backend stands for one."""

import sqlite3

import pytest

from goeswith.core.errors import ConfigError
from goeswith.data.sources.database import pull_table

ibis = pytest.importorskip("ibis")
# SQLite's backend, which stands for the others, goes through pandas
pytestmark = pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    """The address of a warehouse, and a function that adds an order."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (order_id TEXT, sku TEXT, day INTEGER)")

    def order(number, day):
        rows = [(number, sku, day) for sku in ("a", "b")]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        connection.commit()

    order("o1", 1)
    monkeypatch.setattr(ibis, "connect", lambda url: ibis.sqlite.connect(str(path)))
    yield "bigquery://project/shop", order
    connection.close()


def test_tables_and_queries_are_read_with_a_watermark(warehouse, tmp_path):
    url, order = warehouse
    first = pull_table(url, "orders", "events", tmp_path / "out", "day")
    assert (first.rows, first.watermark) == (2, 1)
    order("o2", 2)
    second = pull_table(url, "orders", "events", tmp_path / "out", "day")
    assert (second.rows, second.watermark, second.path.name) == (4, 2, "events_0002.parquet")
    query = "select sku from orders where day > 1"
    assert pull_table(url, query, "products", tmp_path / "out").rows == 2


def test_what_cannot_be_read_is_said_without_the_address(warehouse, tmp_path):
    url, _ = warehouse
    with pytest.raises(ConfigError, match="the database cannot be read"):
        pull_table(url, "no_such_table", "events", tmp_path)
    with pytest.raises(ConfigError, match="no plain name"):
        pull_table(url, "orders", "events", tmp_path, "day) --")


def test_a_missing_backend_is_named(tmp_path, monkeypatch):
    def connect(url):
        raise ImportError("No module named 'MySQLdb'")

    monkeypatch.setattr(ibis, "connect", connect)
    with pytest.raises(ConfigError, match=r"ibis-framework\[mysql\]"):
        pull_table("mysql://u:secret@h/shop", "orders", "events", tmp_path)
