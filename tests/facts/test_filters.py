from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError
from goeswith.facts.filters import Filter, match_rows, parse_filter
from goeswith.query.constraints import Constraints

SHOP = pl.DataFrame(
    {
        "product_id": ["a", "b", "c", "d"],
        "price": [5.0, 20.0, None, 30.0],
        "in_stock": [True, False, True, None],
        "sold": ["1", "20", "many", None],
        "brand": ["Mu", "Nu", "mu ", None],
        "categories": [["Pots, Pans", "Steel"], ["Steel"], [], None],
        "since": [date(2024, 1, 1), date(2024, 6, 1), None, date(2025, 1, 1)],
        "shape": [{"x": 1}] * 4,
    }
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("price<=20", "ab"),
        ("price < 20", "a"),
        ("price>5", "bd"),
        ("price!=5", "bcd"),
        ("price in 5|30", "ad"),
        ("in_stock=true", "ac"),
        ("in_stock=no", "b"),
        ("in_stock != true", "bd"),
        ("sold>=2", "b"),
        ("brand=MU", "ac"),
        ("brand!=mu", "bd"),
        ("brand in mu|nu", "abc"),
        ("brand contains u", "abc"),
        ("categories=steel", "ab"),
        ("categories!=steel", "cd"),
        ("categories in pots, pans|wood", "a"),
        ("categories contains pan", "a"),
        ("since<2024-06-01", "a"),
        ("since>=2024-06-01", "bd"),
        ("brand=.*", ""),
        ("brand=", ""),
    ],
)
def test_a_filter_keeps_the_products_that_meet_it(text: str, kept: str) -> None:
    found = match_rows(SHOP, [parse_filter(text)])
    assert "".join(SHOP["product_id"].filter(pl.Series(found))) == kept


def test_a_column_named_like_a_pattern_is_refused() -> None:
    for name in ("*", "^p.*$"):
        with pytest.raises(ConfigError, match="as a pattern"):
            match_rows(SHOP.rename({"sold": name}), [parse_filter(f"{name}=1")])


def test_filters_are_joined_by_and_and_none_keeps_all() -> None:
    both = match_rows(SHOP, [parse_filter("price>1"), parse_filter("brand=nu")])
    assert both.tolist() == [False, True, False, False]
    assert match_rows(SHOP, []).tolist() == [True] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prise<=20", "did you mean 'price'"),
        ("price<=cheap", "'cheap' is not a number"),
        ("price<=nan", "'nan' is not a number"),
        ("brand<=3", "has no numbers"),
        ("categories<3", "have no order"),
        ("since=soon", "write one as 2024-01-31"),
        ("shape=1", "cannot be filtered"),
    ],
)
def test_a_filter_that_does_not_suit_the_catalogue_says_why(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        match_rows(SHOP, [parse_filter(text)])


@pytest.mark.parametrize(
    "text", ["", "price", "<=20", "=", " " * 500, "x" * 501, "a in " + "b|" * 200]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="the filter"):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("price==20", "has two =; use one: price=20"),
        ("price>20 and price<30", "each as a filter of its own"),
        ("brand=Mu AND in_stock = true", "each as a filter of its own"),
    ],
)
def test_what_other_languages_write_is_refused_with_a_remedy(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_filter(text)


def test_a_value_may_contain_and() -> None:
    assert parse_filter("title contains salt and pepper").value == "salt and pepper"


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_message(text: str) -> None:
    try:
        match_rows(SHOP, [parse_filter(text)])
    except ConfigError as error:
        assert "filter" in str(error)


@given(
    st.sampled_from(["price", "brand"]),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "in", "contains"]),
    st.integers(-5, 50),
)
def test_a_filter_reads_back_as_it_is_written(column: str, op: str, value: int) -> None:
    written = Filter.model_validate({"column": column, "op": op, "value": value})
    assert parse_filter(str(written)).values == written.values


def test_constraints_are_bounded() -> None:
    with pytest.raises(ConfigError, match="where: tuple should have at most 20"):
        Constraints.from_text(where=["price<1"] * 21)
    with pytest.raises(ConfigError, match="ban: "):
        Constraints.from_text(ban=["a"] * 1001)
    with pytest.raises(ConfigError, match="diversity: "):
        Constraints.from_text(diversity=2)
