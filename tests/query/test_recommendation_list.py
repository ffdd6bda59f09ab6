"""Recommendations are lists, and data frames of ids and evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import goeswith as gw

QUERIES: dict[str, Any] = {
    "complements": lambda bundle: bundle.complements("phone-1", k=3),
    "filtered": lambda bundle: bundle.basket(["phone-1", "camera-2"], k=3),
    "session": lambda bundle: bundle.session(["phone-1", "phone-2"], k=3),
    "new": lambda bundle: bundle.complements_of_new({"type": "phone"}, k=3),
    "model": lambda bundle: bundle.complements_by("cocitation", "phone-1", k=3),
    "similars": lambda bundle: bundle.similars("phone-1", k=3),
    "reverse": lambda bundle: bundle.reverse("case-1", k=3),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_query_has_a_data_frame_with_one_row_a_recommendation(
    shop_bundle: Path, query: Any
) -> None:
    found = query(gw.open(shop_bundle))
    frame = found.to_frame()
    assert isinstance(found, list)
    assert frame["product_id"].to_list() == [one.product_id for one in found]
    assert frame["rank"].to_list() == list(range(1, len(found) + 1))
    assert frame["why"].to_list() == [one.why for one in found]


def test_a_notebook_shows_recommendations_as_a_table(shop_bundle: Path) -> None:
    found = gw.open(shop_bundle).complements("phone-1", k=3)
    assert found[0].product_id in found._repr_html_()
    assert found.to_frame()["baskets"].to_list() == [one.evidence.bought_together for one in found]
    assert found[:0] == []


def test_no_recommendations_are_an_empty_frame_of_the_same_columns(shop_bundle: Path) -> None:
    from goeswith.query.recommendation_list import RecommendationList

    found = gw.open(shop_bundle).complements("phone-1", k=3)
    assert RecommendationList().to_frame().schema == found.to_frame().schema
