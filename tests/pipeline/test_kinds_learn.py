"""What a log says of the table of kinds."""

from __future__ import annotations

import csv

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.dataset import Dataset
from goeswith.kinds.table import LINK_COLUMNS
from goeswith.kinds.table_reader import load_table
from goeswith.pipeline.kinds_learn import learn_links, links_text

TITLES = {
    "pot": "Teapot",
    "cosy": "Tea cosy",  # a link of strength 3: bought together here
    "strainer": "Tea strainer",  # a link of strength 3: never together here
    "mat": "Doormat",  # no link with the next: always together here
    "bulb": "Light bulb",
    "soap": "Soap bar",
    "dagamed": "Dagamed",
}


def shop(*, lists: bool = False) -> Dataset:
    random = np.random.default_rng(0)
    baskets = []
    for i in range(3000):
        basket = {
            0: ["pot", "cosy"],
            1: ["strainer"],
            2: ["mat", "bulb"],
            3: ["soap"],
        }[i % 4]
        basket = [*basket, *random.choice(["soap", "dagamed"], 1)]
        if i % 40 == 0:
            basket += ["pot", "mat"]
        baskets += [(i, product) for product in dict.fromkeys(basket)]
    events = pl.DataFrame(baskets, schema=["basket_id", "product_id"], orient="row")
    products = pl.DataFrame(list(TITLES.items()), schema=["product_id", "title"], orient="row")
    if lists:
        pairs = events.join(events, on="basket_id").filter(
            pl.col("product_id") != pl.col("product_id_right")
        )
        relations = pairs.select(
            source="product_id", target="product_id_right", relation=pl.lit("co_purchase")
        ).unique()
        return Dataset.from_frames(products=products, relations=relations)
    return Dataset.from_frames(events=events, products=products)


def test_links_are_confirmed_contradicted_and_suggested() -> None:
    learned = learn_links(shop())
    status = {(link.source, link.target): link for link in learned.links}
    confirmed = status["teapot", "tea_cosy"]
    assert confirmed.status == "confirmed"
    assert (confirmed.reason, confirmed.strength) == ("accessory", 3)
    assert confirmed.count == 750
    assert confirmed.lift_low <= confirmed.lift <= confirmed.lift_high
    assert status["teapot", "tea_strainer"].status == "contradicted"
    assert status["teapot", "tea_strainer"].count < 30
    (suggested,) = [link for link in learned.links if link.status == "suggested"]
    assert {suggested.source, suggested.target} == {"doormat", "light_bulb"}
    assert (suggested.reason, suggested.strength) == ("", None)
    assert (learned.tagged, learned.products, learned.kinds) == (6, 7, 6)
    counts = learned.counts()
    assert learned.checked == counts["confirmed"] + counts["contradicted"] + counts["undecided"]


def test_nothing_that_the_table_forbids_or_has_is_suggested() -> None:
    table = load_table()
    for link in learn_links(shop(), min_count=1, min_lift=1).links:
        if link.status == "suggested":
            assert table.link(link.source, link.target) is None
            assert table.link(link.target, link.source) is None
            assert not table.replaces(link.source, link.target)
            assert table.forbidden(link.source, link.target) is None


def test_the_counts_of_a_pair_are_those_of_its_baskets() -> None:
    data = shop()
    pairs = {(link.source, link.target): link for link in learn_links(data).links}
    link = pairs["teapot", "tea_cosy"]
    events = data.events
    assert events is not None
    row = {title: data.catalog.row(product) for product, title in TITLES.items()}
    holds = events.group_by("basket_id").agg(pl.col("product"))
    both = holds.filter(
        pl.col("product").list.contains(row["Teapot"])
        & pl.col("product").list.contains(row["Tea cosy"])
    )
    pots = holds.filter(pl.col("product").list.contains(row["Teapot"]))
    assert link.count == both.height
    assert link.confidence == pytest.approx(both.height / pots.height, abs=1e-3)


def test_lists_without_counts_are_compared_too() -> None:
    learned = learn_links(shop(lists=True))
    assert learned.checked > 0
    assert learned.counts()["undecided"] <= learned.checked


def test_a_file_of_rows_begins_as_a_file_of_links() -> None:
    rows = list(csv.DictReader(links_text(learn_links(shop()).links).splitlines()))
    assert tuple(rows[0])[:5] == LINK_COLUMNS
    assert {row["status"] for row in rows} == {"confirmed", "contradicted", "suggested"}


def test_a_shop_without_kinds_or_purchases_is_refused() -> None:
    events = pl.DataFrame({"basket_id": [1, 1], "product_id": ["x1", "x2"]})
    with pytest.raises(DataError, match="no product has a kind"):
        learn_links(Dataset.from_frames(events=events))
    alone = pl.DataFrame({"basket_id": [1, 2], "product_id": ["pot", "cosy"]})
    products = pl.DataFrame(list(TITLES.items()), schema=["product_id", "title"], orient="row")
    with pytest.raises(DataError, match="no two kinds were bought together"):
        learn_links(Dataset.from_frames(events=alone, products=products))
