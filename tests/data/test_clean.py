from datetime import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.clean import (
    clean_bundles,
    clean_products,
    clean_relations,
    clean_sessions,
)
from goeswith.data.clean_events import clean_events
from goeswith.data.quarantine import Quarantine

SHOP = Catalog.from_records([{"product_id": name} for name in ("phone", "case", "cable")])


def cleaned(cleaner, table, *catalog):
    frame = pl.DataFrame(table, strict=False).with_row_index("_row", offset=1)
    quarantine = Quarantine()
    quarantine.count_read("table", frame.height)
    result = cleaner(frame.cast({"_row": pl.Int64}), "table", quarantine, *catalog)
    return result, quarantine


def reasons(quarantine):
    """Row -> why."""
    return dict(quarantine.rows.sort("row").select("row", "reason").iter_rows())


def test_products_without_an_id_and_repeats_are_set_aside_and_the_first_is_used():
    table = {"product_id": ["a", None, "b", "a", " a "], "title": ["first", "x", "y", "z", "w"]}
    catalog, quarantine = cleaned(clean_products, table)
    assert catalog.frame.rows() == [("a", "first"), ("b", "y")]
    why = reasons(quarantine)
    assert list(why) == [2, 4, 5]
    assert "missing" in why[2]
    assert "repeat" in why[4]


def test_a_bad_price_is_dropped_and_counted_and_its_product_kept():
    table = {"product_id": list("abcde"), "price": [1.5, float("nan"), -2.0, None, 0.0]}
    catalog, quarantine = cleaned(clean_products, table)
    assert catalog.frame["price"].to_list() == [1.5, None, None, None, 0.0]
    assert list(reasons(quarantine)) == [2, 3]
    assert quarantine.rows_removed("table") == 0
    quarantine.check()


def test_prices_in_text_are_read_and_those_that_are_none_are_counted():
    table = {"product_id": list("abcd"), "price": ["$3.50", "n/a", None, "NaN"]}
    catalog, quarantine = cleaned(clean_products, table)
    assert catalog.frame["price"].to_list() == [3.5, None, None, None]
    assert quarantine.rows["value"].to_list() == ["n/a", "NaN"]


def test_attributes_that_goeswith_does_not_know_are_kept_and_no_type_is_invented():
    catalog, _ = cleaned(clean_products, {"product_id": ["a"], "colour": ["red"]})
    assert catalog.frame.columns == ["product_id", "colour"]
    assert catalog.type_names == []


def test_a_missing_column_is_named_with_what_looks_like_it():
    with pytest.raises(DataError, match="no column 'product_id'; it has productid, title") as error:
        cleaned(clean_products, {"productid": ["a"], "title": ["x"]})
    assert "rename 'productid' to 'product_id'?" in str(error.value)


def test_events_of_unknown_products_are_set_aside_with_the_product():
    table = {"user_id": ["u", "v", "w"], "product_id": ["case", "tent", None]}
    events, quarantine = cleaned(clean_events, table, SHOP)
    assert events.select("product", "user_id", "event").rows() == [(1, "u", "purchase")]
    assert quarantine.rows.select("row", "value").rows() == [(3, None), (2, "tent")]


def test_an_event_that_belongs_to_nobody_is_set_aside():
    table = {
        "user_id": ["u", None, "nan"],
        "basket_id": [None, "b", ""],
        "product_id": ["case"] * 3,
    }
    events, quarantine = cleaned(clean_events, table, SHOP)
    assert events.height == 2
    assert reasons(quarantine) == {3: "no user_id or basket_id"}


def test_events_need_somebody_they_belong_to():
    with pytest.raises(DataError, match="no column 'user_id'"):
        cleaned(clean_events, {"product_id": ["case"]}, SHOP)


def test_event_names_of_common_logs_are_understood_and_others_set_aside():
    table = {
        "user_id": ["u"] * 4,
        "product_id": ["case"] * 4,
        "event": ["View", "addtocart", "transaction", "sneeze"],
    }
    events, quarantine = cleaned(clean_events, table, SHOP)
    assert events["event"].to_list() == ["view", "cart", "purchase"]
    assert reasons(quarantine)[4].startswith("event has an unknown name")


@pytest.mark.parametrize(
    "times",
    [
        [datetime(2024, 1, 2), None],
        ["2024-01-02", "soon"],
        [1704153600, 0],
        ["1704153600000", "?"],
        ["02/01/2024", "31/31/2024", "25/01/2024"],
    ],
)
def test_timestamps_of_several_formats_are_read_and_bad_ones_set_aside(times):
    n = len(times)
    table = {"user_id": ["u"] * n, "product_id": ["case"] * n, "timestamp": times}
    events, quarantine = cleaned(clean_events, table, SHOP)
    assert events.height == n - 1
    assert events["timestamp"][0] == datetime(2024, 1, 2)
    assert reasons(quarantine) == {2: "timestamp is missing or invalid"}


def test_quantities_that_are_not_positive_are_set_aside_and_missing_ones_stay():
    table = {
        "user_id": ["u"] * 5,
        "product_id": ["case"] * 5,
        "quantity": ["2", "0", "-1", "many", None],
    }
    events, quarantine = cleaned(clean_events, table, SHOP)
    assert events["quantity"].to_list() == [2.0, None]
    assert list(reasons(quarantine)) == [2, 3, 4]


def test_a_position_that_is_no_whole_number_is_set_aside():
    positions = ["1", "1.5", "x", "1e100"]
    table = {"user_id": ["u"] * 4, "product_id": ["case"] * 4, "position": positions}
    events, quarantine = cleaned(clean_events, table, SHOP)
    assert events["position"].to_list() == [1]
    assert list(reasons(quarantine)) == [2, 3, 4]


def test_product_lists_become_the_three_relations():
    names = ["also_bought", "bought_together", "also_buy", "also_viewed", "buy_after_viewing"]
    table = {"source": ["phone"] * 5, "target": ["case"] * 5, "relation": names, "rank": range(5)}
    relations, _ = cleaned(clean_relations, table, SHOP)
    assert relations["relation"].to_list() == [
        *["co_purchase"] * 3,
        *["co_view", "view_then_purchase"],
    ]
    assert relations.select("source", "target").unique().rows() == [(0, 1)]


def test_relations_to_itself_to_the_unknown_and_of_unknown_kind_are_set_aside():
    table = {
        "source": ["phone", "phone", "tent", "phone", "case"],
        "target": ["case", "phone", "case", "tent", "cable"],
        "relation": ["also_bought"] * 4 + ["likes"],
    }
    relations, quarantine = cleaned(clean_relations, table, SHOP)
    assert relations.height == 1
    why = reasons(quarantine)
    assert why[2] == "source and target are one product"
    assert why[3] == "source is not in the catalogue"
    assert why[4] == "target is not in the catalogue"
    assert why[5].startswith("relation is none of co_purchase")


def test_a_table_of_unknown_relations_only_is_an_error_with_the_nearest_known():
    table = {"source": ["phone"], "target": ["case"], "relation": ["also_bougth"]}
    with pytest.raises(DataError, match="did you mean 'also_bought'"):
        cleaned(clean_relations, table, SHOP)


def test_products_of_sessions_beyond_the_catalogue_are_expected_and_counted():
    table = {"session_id": ["1", "1", None], "product_id": ["case", "tent", "case"]}
    sessions, quarantine = cleaned(clean_sessions, table, SHOP)
    assert sessions.rows() == [("1", 1)]
    expected = dict(quarantine.rows.select("row", "expected").iter_rows())
    assert expected == {2: True, 3: False}


def test_bundles_keep_their_session_and_intent():
    table = {"bundle_id": ["7"], "session_id": ["1"], "product_id": ["cable"], "intent": ["charge"]}
    bundles, _ = cleaned(clean_bundles, table, SHOP)
    assert bundles.to_dicts() == [
        {"bundle_id": "7", "session_id": "1", "product": 2, "intent": "charge"}
    ]


IDS = st.sampled_from(["phone", "case", "tent", "", "nan", None, " cable "])
CELLS = st.one_of(st.none(), st.text("019-/.: nae", max_size=10))


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(IDS, IDS, CELLS, CELLS), min_size=1, max_size=12))
def test_every_row_is_kept_or_set_aside(rows):
    ids, others, first, second = (list(column) for column in zip(*rows, strict=True))
    tables = [
        (clean_products, {"product_id": ids, "price": first}),
        (clean_sessions, {"session_id": others, "product_id": ids}),
        (clean_relations, {"source": ids, "target": others, "relation": ["co_view"] * len(ids)}),
        (
            clean_events,
            {"product_id": ids, "user_id": others, "quantity": first, "position": second},
        ),
    ]
    for cleaner, table in tables:
        frame = pl.DataFrame(table, schema=dict.fromkeys(table, pl.String))
        result, quarantine = cleaned(cleaner, frame, *([] if cleaner is clean_products else [SHOP]))
        assert len(result) + quarantine.rows_removed("table") == len(rows)
