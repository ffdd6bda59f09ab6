"""Whether a shop has views enough to say what is a substitute."""

import polars as pl
import pytest

from goeswith.data.dataset import Dataset
from goeswith.pipeline.kind_tags import tag_products
from goeswith.settings.sections import KindSettings

TITLES = ("Hot water bottle", "Bed socks", "Cake tin", "Rolling pin")
PRODUCTS = pl.DataFrame({"product_id": list("abcd"), "title": list(TITLES)})


def _log(views: int) -> Dataset:
    """A log in which each product is bought three times, and viewed in as many sessions."""
    rows = [(f"b{i}", p, "purchase") for i in range(3) for p in "abcd"]
    rows += [(f"v{i}", p, "view") for i in range(views) for p in "abcd"]
    events = pl.DataFrame(rows, schema=["session_id", "product_id", "event"], orient="row")
    return Dataset.from_frames(events=events, products=PRODUCTS)


@pytest.mark.parametrize(("views", "decide"), [(0, False), (19, False), (20, True)])
def test_views_decide_from_twenty_sessions_of_the_median_product(views: int, decide: bool) -> None:
    data = _log(views)
    assert data.views_decide is decide
    assert tag_products(data, KindSettings())[1]["exclude"] is not decide


def test_lists_of_five_also_viewed_products_decide() -> None:
    pairs = [(s, t) for s in "abcdef" for t in "abcdef" if s != t]
    products = pl.DataFrame({"product_id": list("abcdef"), "title": [*TITLES, "Mug", "Teapot"]})
    lists = pl.DataFrame(pairs, schema=["source", "target"], orient="row")
    viewed = Dataset.from_frames(
        products=products, relations=lists.with_columns(relation=pl.lit("also_viewed"))
    )
    bought = Dataset.from_frames(
        products=products, relations=lists.with_columns(relation=pl.lit("also_bought"))
    )
    assert viewed.views_decide
    assert not bought.views_decide
    assert tag_products(bought, KindSettings())[1]["exclude"]


def test_sessions_of_a_few_people_do_not_decide() -> None:
    sessions = pl.DataFrame({"session_id": ["1", "1", "2", "2"], "product_id": list("abcd")})
    bundles = sessions.with_columns(bundle_id=pl.col("session_id"))
    data = Dataset.from_frames(products=PRODUCTS, sessions=sessions, bundles=bundles)
    assert not data.views_decide
