"""Columns and events of other names are understood, or the load stops with a remedy."""

import json

import pytest

from goeswith.core.errors import DataError
from goeswith.data.config import DataConfig
from goeswith.data.mapping.column_names import COLUMNS, normalize

ROWS = [
    f"P{i % 5},U{i % 4},B{i},{'view' if i % 3 else 'purchase'},2024-01-{1 + i % 28:02} 10:00:00"
    for i in range(30)
]
OURS = ["product_id", "user_id", "basket_id", "event", "timestamp"]


def table(header, rows=ROWS):
    return {"events.csv": "\n".join([header, *rows]) + "\n"}


@pytest.mark.parametrize(
    "header",
    [
        "product_id,user_id,order_id,event_type,event_time",
        "itemid,visitorid,transactionid,event,timestamp",
        "sku,customer,order,action,date",
        "Product ID,Customer ID,Order ID,Event Type,Event Time",
        "productId,userId,basketId,eventName,eventTime",
        "PRODUCT_ID,USER_ID,BASKET_ID,EVENT,TIMESTAMP",
        "aid,uid,order_number,type,ts",
        "StockCode,CustomerID,InvoiceNo,kind,InvoiceDate",
        "article_id,customer_id,receipt_no,what,t_dat",
        "Artikelnummer,Kundennummer,Bestellnummer,Ereignis,Bestelldatum",
        "Item,customer_unique_id,Transaction,behavior_type,date_time",
        " product_id ,user-id,basket.id,event_name,created_at",
    ],
)
def test_common_names_of_columns_are_understood(load, header):
    data = load(table(header))
    assert data.report.events == {"view": 20, "purchase": 10}
    assert data.report.contexts["baskets"]["count"] == 30
    assert data.report.users["count"] == 4
    assert data.report.last == "2024-01-28 10:00:00"
    read = data.report.tables[0].columns
    names = [name.strip() for name in header.split(",")]
    assert [read[ours] for ours in OURS] == names


@pytest.mark.parametrize(
    ("header", "column", "ours"),
    [
        ("product_id,user_id,basket_id,event,when_it_was", "when_it_was", "timestamp"),
        ("product_id,user_id,basket_id,event,delivery", "delivery", "timestamp"),
        ("product_id,person_ref,basket_id,event,timestamp", "person_ref", "user_id"),
        (
            "product_id,loyalty_key,basket_id,event,timestamp",
            "loyalty_key",
            "user_id",
        ),
        ("product_id,user_id,checkout_uuid,event,timestamp", "checkout_uuid", "basket_id"),
        ("product_id,user_id,old_order_hash,event,timestamp", "old_order_hash", "basket_id"),
        ("product_id,user_id,site_visit_key,event,timestamp", "site_visit_key", "session_id"),
    ],
)
def test_a_column_that_looks_like_a_missing_one_stops_the_load(load, header, column, ours):
    with pytest.raises(DataError, match=f"'{column}' may be {ours}") as error:
        load(table(header))
    assert f'{ours} = "{column}" (or "none"' in str(error.value)
    assert "[data.columns.events]" in str(error.value)
    assert load({}, columns={"events": {ours: column}}).report.tables[0].columns[ours] == column
    without = load({}, columns={"events": {ours: "none"}})
    assert column in without.report.tables[0].unused


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("view", "purchase"), ("0", "1")),
        (("view", "purchase"), ("false", "true")),
    ],
)
@pytest.mark.parametrize("name", ["is_purchase", "purchased", "bought", "clicked", "order_made"])
def test_marks_of_events_are_never_taken_for_purchases(load, old, new, name):
    rows = ROWS
    for before, after in zip(old, new, strict=True):
        rows = [row.replace(before, after) for row in rows]
    with pytest.raises(DataError, match=f"'{name}' may be event"):
        load(table(f"product_id,user_id,basket_id,{name},timestamp", rows))


def test_a_column_with_some_names_of_events_stops_the_load(load):
    rows = [row.replace("purchase", "glance") if i % 2 else row for i, row in enumerate(ROWS)]
    with pytest.raises(DataError, match="'foo' may be event"):
        load(table("product_id,user_id,basket_id,foo,timestamp", rows))


def test_a_type_that_varies_within_a_product_is_not_the_type_of_the_product(load):
    rows = [f"P{i % 5},u{i},b{i},{1 + i % 2},2024-01-0{1 + i % 9}" for i in range(40)]
    files = table("product_id,user_id,basket_id,type,timestamp", rows)
    with pytest.raises(DataError, match="'type' may be event"):
        load(files)
    assert load(files, columns={"events": {"event": "none"}}).report.events == {"purchase": 40}


def test_codes_of_events_need_a_meaning(load):
    rows = [row.replace("view", "1").replace("purchase", "4") for row in ROWS]
    files = table("product_id,user_id,basket_id,behavior_type,timestamp", rows)
    with pytest.raises(DataError, match=r"unknown name; give it a meaning under \[data.events\]"):
        load(files)
    data = load(files, events={"1": "view", "4": "purchase"})
    assert data.report.events == {"view": 20, "purchase": 10}


def test_a_setting_changes_the_meaning_of_a_name(load):
    data = load(table(",".join(OURS)), events={"View": "cart", "purchase": "ignore"})
    assert data.report.events == {"cart": 20}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("View", "view"),
        ("add_to_cart", "cart"),
        ("AddToCart", "cart"),
        ("Product Viewed", "view"),
        ("page_view", "view"),
        ("Order Completed", "purchase"),
        ("transaction", "purchase"),
        ("remove_from_cart", None),
        ("add-to-wishlist", None),
        ("impression", None),
        ("session_start", None),
        ("gekauft", "purchase"),
        ("acheté", "purchase"),
        ("Ajout au panier", "cart"),
        ("visto", "view"),
    ],
)
def test_common_names_of_events_are_understood(load, name, event):
    files = {"events.jsonl": "\n".join(
        json.dumps({"product_id": f"P{i}", "user_id": "u", "event": name if i % 2 else "view"})
        for i in range(10)
    )}  # fmt: skip
    data = load(files)
    expected = {"view": 5}
    if event:
        expected[event] = expected.get(event, 0) + 5
    assert data.report.events == expected


def test_a_date_and_a_time_of_day_in_two_columns_are_one_time(load):
    rows = [row.replace(" 10", ",10") for row in ROWS]
    data = load(table("product_id,user_id,basket_id,event,Date,Time", rows))
    assert data.report.first == "2024-01-01 10:00:00"
    assert data.report.tables[0].columns["timestamp"] == "Date + Time"


def test_the_number_of_an_order_in_a_shopify_export_is_its_name(load):
    header = "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem sku"
    lines = [
        "#1,a@x.example,2024-01-01 09:00:00 -0400,1,A,a",
        "#1,,2024-01-01 09:00:00 -0400,1,B,b",
    ]
    data = load(table(header, lines))
    assert data.report.contexts["baskets"]["count"] == 1
    assert data.report.first == "2024-01-01 13:00:00"


def test_of_several_ids_in_the_products_the_one_of_the_events_is_used(load):
    products = "id,sku,name\n1,P0,zero\n2,P1,one\n3,P2,two\n4,P3,three\n5,P4,four\n"
    data = load({**table(",".join(OURS)), "products.csv": products})
    assert data.catalog.ids.to_list() == ["P0", "P1", "P2", "P3", "P4"]
    assert data.catalog.text("title")[0] == "zero"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"events": {"basket_id": "ordr"}}, "no column 'ordr'"),
        ({"basket_id": "ordr"}, "no table has the column 'ordr'"),
    ],
)
def test_a_setting_that_names_no_column_stops_the_load(load, settings, message):
    with pytest.raises(DataError, match=message):
        load(table(",".join(OURS)), columns=settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": {"baskt_id": "x"}}, "did you mean 'basket_id'"),
        ({"columns": {"purchases": {"product_id": "x"}}}, "is not a table"),
        ({"events": {"x": "sale"}}, "an event is view, cart, purchase or ignore"),
        ({"zone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        ({"encoding": "utf-9"}, "is not a text encoding"),
        ({"encoding": "base64"}, "is not a text encoding"),
        ({"delimiter": ";;"}, "must be one ASCII character"),
        ({"parent": {"pattern": "^x$"}}, "has no group"),
        ({"parent": {"pattern": "("}}, "is not a regular expression"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_nearest_one(settings, message):
    with pytest.raises(ValueError, match=message):
        DataConfig(**settings)


def test_no_common_name_stands_for_two_columns_of_the_events():
    attributes = {"type", "title", "categories", "brand", "price"}
    taken = {}
    for ours, names in COLUMNS["events"].items():
        if ours not in attributes:
            for name in names:
                assert taken.setdefault(normalize(name), ours) == ours, name


@pytest.mark.parametrize("name", ["views", "n_purchases", "clicks", "Transactions"])
def test_numbers_of_events_are_never_taken_for_one_purchase(load, name):
    rows = [f"P{i % 5},U{i % 4},{i % 3}" for i in range(30)]
    with pytest.raises(DataError, match=f"'{name}' may be event"):
        load(table(f"product_id,user_id,{name}", rows))
