"""`goeswith import` and the section [data.ignore] of the project file."""

import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app

HEADER = (
    "Name,Email,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem sku,Cancelled at,Payment Method\n"
)
LINES = (
    "#1,ann@shop.example,paid,2024-05-01 10:00:00 +0000,1,Mug,9.50,MUG,,card\n"
    "#1,,,,1,Engraving,4.00,ENGRAVE-2,,\n"
    "#2,bob@shop.example,refunded,2024-05-01 11:00:00 +0000,1,Mug,9.50,MUG,,card\n"
    "#3,eva@shop.example,on hold,2024-05-01 12:00:00 +0000,1,Mug,9.50,MUG,,card\n"
    "#4,QA@shop.example,paid,2024-05-01 13:00:00 +0000,1,Mug,9.50,MUG,,card\n"
    "#5,joe@shop.example,paid,2024-05-01 14:00:00 +0000,1,Gift wrap,1.00,WRAP,,card\n"
    "#6,kim@shop.example,paid,2024-05-01 15:00:00 +0000,1,Mug,9.50,MUG,,(for testing) Bogus\n"
)


@pytest.fixture
def baskets(tmp_path, monkeypatch):
    """A function: lines of [data.ignore] -> product ids by order, after an import."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text(HEADER + LINES)

    def imported(*ignore):
        (tmp_path / "goeswith.toml").write_text("\n".join(["[data.ignore]", *ignore]))
        done = CliRunner().invoke(app, ["import", "shopify", "orders.csv", "--out", "shop"])
        assert done.exit_code == 0, done.output
        events = pl.read_parquet("shop/events.parquet")
        groups = events.group_by("basket_id").agg(pl.col("product_id").sort())
        return dict(sorted(groups.iter_rows()))

    return imported


def test_the_defaults(baskets):
    assert baskets() == {"#1": ["ENGRAVE-2", "MUG"], "#3": ["MUG"], "#4": ["MUG"]}


@pytest.mark.parametrize(
    ("line", "orders"),
    [
        ("statuses = ['on hold']", ["#1", "#2", "#4"]),
        ("statuses = []", ["#1", "#2", "#3", "#4"]),
        ("users = ['qa@*']", ["#1", "#3"]),
        ("test_orders = false", ["#1", "#3", "#4", "#6"]),
        ("non_products = false", ["#1", "#3", "#4", "#5"]),
    ],
)
def test_a_setting_decides_which_orders_count(baskets, line, orders):
    assert list(baskets(line)) == orders


def test_products_of_the_settings_are_left_out_and_counted(baskets):
    assert baskets("products = ['engrave-*']")["#1"] == ["MUG"]
    aside = pl.read_parquet("shop/quarantine.parquet")
    left_out = aside.filter(pl.col("reason") == "the product is left out by [data.ignore]")
    assert left_out["value"].to_list() == ["ENGRAVE-2"]
    assert left_out["expected"].all()
