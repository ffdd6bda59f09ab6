"""Exports of GA4, Segment, Snowplow and Matomo: truth counted by hand."""

import gzip
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data
from goeswith.data.importers import find_importer
from goeswith.data.quarantine import Quarantine

MICROS = 1_714_550_400_000_000  # 2024-05-01 08:00 UTC


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def shown(done):
    events = pl.read_parquet(done.folder / "events.parquet")
    return events.select("event", "product_id", "user_id", "session_id", "basket_id").rows()


def ga4_event(name, items=(), order=None, session="77", minute=0):
    params = [{"key": "ga_session_id", "value": {"string_value": None, "int_value": session}}]
    return {
        "event_date": "20240501",
        "event_timestamp": str(MICROS + minute * 60_000_000),
        "event_name": name,
        "event_params": params,
        "user_id": None,
        "user_pseudo_id": "1.2",
        "ecommerce": {"transaction_id": order or "(not set)"},
        "items": [
            {"item_id": item, "item_name": item.title(), "item_category": "Home",
             "item_category2": "Mugs", "quantity": "1", "price": 9.5}
            for item in items
        ],
    }  # fmt: skip


GA4 = (
    ga4_event("session_start"),
    ga4_event("view_item", ["a"]),
    ga4_event("view_item_list", ["a", "b"]),
    ga4_event("add_to_cart", ["a"]),
    ga4_event("view_item", [""]),
    ga4_event("purchase", ["a", "b"], order="T1"),
    ga4_event("purchase", ["a", "b"], order="T1", minute=5),
    ga4_event("purchase", ["a", "b"], order="T2"),
    ga4_event("refund", ["b"], order="T2"),
    ga4_event("purchase", ["a"], order="T3"),
    ga4_event("refund", order="T3"),
)
GA4_EVENTS = [
    ("view", "a", "1.2", "1.2.77", None),
    ("cart", "a", "1.2", "1.2.77", None),
    ("purchase", "a", "1.2", "1.2.77", "T1"),
    ("purchase", "b", "1.2", "1.2.77", "T1"),
    ("purchase", "a", "1.2", "1.2.77", "T2"),
]


def test_ga4_counts_are_those_counted_by_hand(imported, reasons):
    done = imported("ga4", {"events_20240501.jsonl.gz": gzip.compress(lines(*GA4).encode())}, 0.3)
    assert shown(done) == GA4_EVENTS
    assert reasons(done) == {
        "no view, cart or purchase of a product": 2,
        "a refund or a cancellation": 2,
        "the purchase was refunded or cancelled": 2,
        "the order was sent twice": 2,
        "product_id is missing or unreadable": 1,
    }
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.rows() == [("a", "Mugs", "A", None, 9.5), ("b", "Mugs", "B", None, 9.5)]
    assert load_data(done.folder).events.height == 5


def test_ga4_parquet_is_read_as_its_json(imported):
    records = [event | {"event_timestamp": int(event["event_timestamp"])} for event in GA4]
    frame = pl.DataFrame(records, infer_schema_length=None)
    done = imported("ga4", {"events.parquet": frame.write_parquet}, 0.3)
    assert shown(done) == GA4_EVENTS


def test_ga4_hits_of_the_measurement_protocol(imported):
    item = {"item_id": "a", "item_name": "A"}
    hit = {
        "client_id": "9.9",
        "timestamp_micros": MICROS,
        "events": [
            {"name": "view_item", "params": {"session_id": 5, "items": [item]}},
            {"name": "purchase", "params": {"transaction_id": "T", "items": [item]}},
        ],
    }
    done = imported("ga4", {"hits.json": json.dumps([hit], indent=1)})
    assert shown(done) == [
        ("view", "a", "9.9", "9.9.5", None),
        ("purchase", "a", "9.9", None, "T"),
    ]


def track(event, message, user="u1", **properties):
    return {
        "type": "track",
        "event": event,
        "messageId": message,
        "userId": user,
        "anonymousId": "anon",
        "context": {"sessionId": 1714550400},
        "timestamp": "2024-05-01T08:00:00.000Z",
        "properties": properties,
    }


def test_segment_counts_are_those_counted_by_hand(imported, reasons):
    two = [{"product_id": "a", "name": "A", "quantity": 2}, {"sku": "b", "name": "B"}]
    done = imported(
        "segment",
        {
            "events.jsonl": lines(
                {"type": "page", "messageId": "0", "name": "Home"},
                track("Product Viewed", "1", product_id="a", name="A", category="Mugs"),
                track("Product Added", "2", user=None, product_id="a"),
                track("Product Removed", "3", product_id="a"),
                track("Order Completed", "4", order_id="O1", products=two),
                track("Order Completed", "4", order_id="O1", products=two),
                track("Order Completed", "5", order_id="O2", products=two),
                track("Order Cancelled", "6", order_id="O2", products=two[:1]),
                track("Order Completed", "7", order_id="O3", products=two),
                track("Order Refunded", "8", order_id="O3"),
                {"batch": [track("Product Clicked", "9", product_id="b")]},
            )
            + "no json\n",
        },
        0.1,
    )
    session = "1714550400"
    assert shown(done) == [
        ("view", "a", "u1", session, None),
        ("cart", "a", "anon", session, None),
        ("purchase", "a", "u1", session, "O1"),
        ("purchase", "b", "u1", session, "O1"),
        ("purchase", "b", "u1", session, "O2"),
        ("view", "b", "u1", session, None),
    ]
    assert reasons(done) == {
        "no view, cart or purchase of a product": 2,
        "the event was sent twice": 2,
        "a refund or a cancellation": 2,
        "the purchase was refunded or cancelled": 3,
        "the line is not a JSON object": 1,
    }


def snowplow_event(kind, number, products, **contexts):
    prefix = "com_snowplowanalytics_snowplow_ecommerce_"
    return {
        "event_id": str(number),
        "event": "unstruct",
        "event_name": "snowplow_ecommerce_action",
        "collector_tstamp": "2024-05-01T08:00:00.000Z",
        "domain_userid": "d1",
        "domain_sessionid": "s1",
        f"unstruct_event_{prefix}snowplow_ecommerce_action_1": {"type": kind},
        f"contexts_{prefix}product_1": [
            {"id": product, "name": product, "category": "home/mugs"} for product in products
        ],
        **{f"contexts_{prefix}{name}_1": [{"transaction_id": v}] for name, v in contexts.items()},
    }


def test_snowplow_counts_are_those_counted_by_hand(imported, reasons):
    sold = snowplow_event("transaction", 3, ["a", "b"], transaction="T1")
    done = imported(
        "snowplow",
        {
            "enriched.jsonl": lines(
                {"event": "page_view", "event_id": "1"},
                snowplow_event("product_view", 2, ["a"]),
                sold,
                sold,
                snowplow_event("transaction", 4, ["a"], transaction="T2"),
                snowplow_event("refund", 5, [], refund="T2"),
                snowplow_event("list_view", 6, ["a", "b"]),
                {"event": "transaction_item", "event_id": "7", "ti_orderid": "T9", "ti_sku": "z",
                 "domain_userid": "d1", "collector_tstamp": "2024-05-01T08:00:00.000Z"},
            )
        },
        0,
    )  # fmt: skip
    assert shown(done) == [
        ("view", "a", "d1", "s1", None),
        ("purchase", "a", "d1", "s1", "T1"),
        ("purchase", "b", "d1", "s1", "T1"),
        ("purchase", "z", "d1", None, "T9"),
    ]
    assert reasons(done) == {
        "no view, cart or purchase of a product": 2,
        "the event was sent twice": 2,
        "a refund or a cancellation": 1,
        "the purchase was refunded or cancelled": 1,
    }
    assert pl.read_parquet(done.folder / "products.parquet")["type"].to_list()[0] == "mugs"


def test_snowplow_columns_of_a_warehouse(imported):
    row = {
        "event_id": "1",
        "domain_userid": "d",
        "collector_tstamp": "2024-05-01 08:00:00",
        "UNSTRUCT_EVENT_COM_SNOWPLOWANALYTICS_SNOWPLOW_ECOMMERCE_SNOWPLOW_ECOMMERCE_ACTION_1": (
            '{"type": "product_view"}'
        ),
        "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1_0_0": '[{"id": "a"}]',
    }
    done = imported("snowplow", {"events.parquet": pl.DataFrame([row]).write_parquet})
    assert shown(done) == [("view", "a", "d", None, None)]


def test_matomo_counts_are_those_counted_by_hand(imported, reasons):
    visit = {
        "idVisit": "12",
        "visitorId": "f00",
        "userId": None,
        "serverTimestamp": 1714550400,
        "actionDetails": [
            {"type": "action", "url": "https://shop.example/", "timestamp": 1714550400},
            {"type": "action", "productViewSku": "a", "productViewName": "A",
             "productViewCategories": ["Home", "Mugs"], "timestamp": 1714550401},
            {"type": "ecommerceAbandonedCart", "timestamp": 1714550402,
             "itemDetails": [{"itemSKU": "b", "itemName": "B", "quantity": "1"}]},
            {"type": "ecommerceOrder", "orderId": "O1", "timestamp": 1714550403,
             "itemDetails": [{"itemSKU": "a", "itemName": "A", "quantity": 1, "price": 9.5},
                             {"itemSKU": "b", "itemName": "B", "quantity": 2, "price": 3}]},
        ],
    }  # fmt: skip
    empty = {"idVisit": "13", "visitorId": "f01", "actionDetails": []}
    done = imported("matomo", {"visits.json": json.dumps([visit, empty, 7])}, 0.3)
    assert shown(done) == [
        ("view", "a", "f00", "12", None),
        ("cart", "b", "f00", "12", None),
        ("purchase", "a", "f00", "12", "O1"),
        ("purchase", "b", "f00", "12", "O1"),
    ]
    assert reasons(done) == {
        "no view, cart or purchase of a product": 1,
        "the line is not a JSON object": 1,
    }


def test_files_that_are_no_records_are_refused(imported, tmp_path):
    with pytest.raises(DataError, match=r"ga4 needs files with the suffix \.json"):
        imported("ga4", {"events.csv": "a,b\n1,2\n"})
    with pytest.raises(DataError, match=r"events\.json is neither JSON nor JSON lines"):
        imported("ga4", {"events.json": "[{]"})
    with pytest.raises(DataError, match=r"events\.parquet is not a complete parquet file"):
        imported("ga4", {"events.json": "[]", "events.parquet": b"PAR1"})
    with pytest.raises(DataError, match="nothing to import"):
        (tmp_path / "source" / "events.parquet").unlink()
        (tmp_path / "source" / "events.json").unlink()
        imported("ga4", {"e.jsonl": lines(ga4_event("login"))})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part),
    max_leaves=5,
)
KEYS = (
    "events", "event_params", "items", "event_name", "batch", "properties", "event", "products",
    "actionDetails", "ecommerce", "context", "itemDetails",
)  # fmt: skip


@pytest.mark.parametrize("name", ["ga4", "segment", "snowplow", "matomo"])
@settings(max_examples=15, deadline=None)
@given(record=st.dictionaries(st.sampled_from(KEYS), JSON))
def test_any_record_is_read_or_set_aside(tmp_path_factory, name, record):
    path = tmp_path_factory.mktemp("records") / "events.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    quarantine = Quarantine()
    for table, frame in find_importer(name)([path], quarantine, lambda _what, _share: None):
        assert table in {"products", "events"}
        assert frame.height
    assert quarantine.rows_read("events.jsonl") >= 1
