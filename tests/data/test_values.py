import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.parsing.prices import numbers
from goeswith.data.values import identifiers, lists, text


def cells(reader, values, dtype=None):
    return reader(pl.Series("column", values, dtype=dtype), "products.csv").to_list()


def test_text_loses_the_space_around_it_and_what_stands_for_no_value():
    assert cells(text, [" a b ", "", "  ", "nan", "None", None, "0"]) == [
        *("a b", None, None, None, None, None, "0")
    ]


def test_whole_numbers_read_as_floats_are_the_same_identifier_as_integers():
    assert cells(identifiers, [17850.0, float("nan"), None]) == ["17850", None, None]
    assert cells(identifiers, [17850, 3]) == ["17850", "3"]
    assert cells(identifiers, ["00123", "12.0"]) == ["00123", "12.0"]


@pytest.mark.parametrize("reader", [text, identifiers, numbers])
def test_a_column_of_lists_is_refused_where_one_value_is_expected(reader):
    with pytest.raises(DataError, match=r"products\.csv: the column 'column' holds List"):
        cells(reader, [["a"], ["b"]])


def test_prices_are_read_as_people_write_them():
    written = ["$1,299.00", "12,50 €", "£ 3", "1,234", "1e3", "-4", "12.99 - 15.99", "free", "NaN"]
    read = [1299.0, 12.5, 3.0, 1234.0, 1000.0, -4.0, None, None, None]
    assert cells(numbers, written) == read
    assert cells(numbers, [1.5, float("nan"), float("inf")]) == [1.5, None, None]


def test_categories_come_from_lists_or_from_written_lists():
    written = ["a | b", "a > b > ", "a;b", '["a", "b"]', "['a', 'b']", "Toys, Games", "[1, 2", None]
    read = [["a", "b"]] * 5 + [["Toys, Games"], ["[1, 2"], None]
    assert cells(lists, written) == read
    assert cells(lists, [["a", None, " b "], [], None]) == [["a", "b"], None, None]


def test_a_written_list_is_not_run_as_code():
    code = "[__import__('os').getcwd()]"
    assert cells(lists, [code]) == [[code]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5))
def test_numbers_written_as_text_are_the_same_numbers(values):
    assert cells(numbers, [repr(value) for value in values]) == values


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text("[]()'\",ab|;>{}0 ", max_size=15), min_size=1, max_size=4))
def test_any_text_gives_a_list_of_categories_or_none(values):
    found = cells(lists, values)
    assert len(found) == len(values)
    assert all(parts is None or all(parts) for parts in found)
