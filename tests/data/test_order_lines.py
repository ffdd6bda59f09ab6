"""Orders that do not count, lines that are no product, and variants of a parent."""

import polars as pl
import pytest

from goeswith.core.errors import DataError


def orders(column, values, *, first_only=False):
    """20 orders of two lines; `values` in turn, on each line or on the first of an order."""
    lines = [f"product_id,basket_id,user_id,{column}"]
    for i in range(20):
        value = values[i % len(values)]
        lines += [f"a{i % 3},O{i},u{i},{value}"]
        lines += [f"b{i % 3},O{i},u{i},{'' if first_only else value}"]
    return {"events.csv": "\n".join(lines) + "\n"}


@pytest.mark.parametrize("first_only", [False, True])
@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("status", ["completed", "cancelled"]),
        ("Order Status", ["wc-completed", "wc-cancelled"]),
        ("order_status", ["delivered", "canceled"]),
        ("Financial Status", ["paid", "voided", "refunded", "partially_refunded"]),
        ("payment_status", ["PAID", "FAILED"]),
        ("Bestellstatus", ["abgeschlossen", "storniert"]),
        ("Zahlungsstatus", ["bezahlt", "erstattet"]),
        ("orderState", ["COMPLETE", "CANCELLED"]),
        ("status", ["shipped", "returned"]),
        ("status", ["ok", "test"]),
        ("status", ["not cancelled", "cancelled"]),
        ("status", ["completed", "Pending payment"]),
        ("status", ["processing", "checkout-draft"]),
        ("cancelled", ["0", "1"]),
        ("is_cancelled", ["false", "true"]),
        ("Cancelled at", ["", "2024-01-02 10:00"]),
        ("refunded_at", ["", "2024-01-02"]),
        ("cancel_reason", ["", "customer"]),
        ("is_return", ["N", "Y"]),
        ("is_test", ["0", "1"]),
        ("test", ["false", "true"]),
    ],
)
def test_orders_that_were_taken_back_do_not_count(load, column, values, first_only):
    data = load(orders(column, values, first_only=first_only))
    assert data.report.contexts["baskets"]["count"] == 10
    counts = data.quarantine.counts()
    assert counts["rows"].sum() == 20
    assert counts["expected"].all()


@pytest.mark.parametrize("column", ["Status der Bestellung", "state", "fulfillment", "stage"])
def test_a_column_with_cancelled_orders_is_never_ignored(load, column):
    with pytest.raises(DataError, match=f"'{column}' may be status"):
        load(orders(column, ["ok", "cancelled"]))
    data = load({}, columns={"events": {"status": column}})
    assert data.report.contexts["baskets"]["count"] == 10


def test_the_load_says_which_statuses_count(load):
    data = load(orders("status", ["paid", "odd", "voided", "1"]))
    counted = {status: entry["counted"] for status, entry in data.report.statuses.items()}
    assert counted == {"paid": True, "odd": True, "voided": False, "1": True}
    assert "order status counted: 1, odd, paid; left out: voided" in data.report.lines()


def test_the_statuses_that_do_not_count_are_a_setting(load):
    data = load(orders("status", ["2", "12"]), ignore={"statuses": ["2"]})
    assert data.report.contexts["baskets"]["count"] == 10
    assert load({}, ignore={"statuses": []}).report.contexts["baskets"]["count"] == 20


def test_a_cancelled_line_does_not_cancel_the_order(load):
    lines = ["product_id,basket_id,cancelled_at", "a,O1,", "b,O1,2024-01-01", "c,O1,"]
    data = load({"events.csv": "\n".join([*lines, "a,O2,2024-01-01", "b,O2,"])})
    assert data.report.events == {"purchase": 3}


def test_test_orders_may_count(load):
    data = load(orders("is_test", ["0", "1"]), ignore={"test_orders": False})
    assert data.report.contexts["baskets"]["count"] == 20


def test_a_later_event_takes_a_purchase_back(load):
    lines = [
        *("product_id,basket_id,event", "a,O1,purchase", "b,O1,purchase", "a,O1,refund"),
        *("a,O2,purchase", "b,O2,purchase", "a,O2,order_cancelled", "a,O3,purchase"),
    ]
    data = load({"events.csv": "\n".join(lines)})
    assert data.events.select("basket_id", "product").rows() == [("O1", 1), ("O3", 0)]


EVENTS = "product_id,user_id,basket_id,event,timestamp\n" + "".join(
    f"P{i % 4},U{i},O{i},purchase,2024-01-{1 + i % 28:02} 10:00\n" for i in range(40)
)


@pytest.mark.parametrize(
    "label",
    [
        *("(not set)", "undefined", "NONE", "N/A", "#N/A", "(other)", "unknown", "-", "\\N", "?"),
        *(
            "{{product_id}}",
            "Total",
            "Grand Total",
            "TOTAL:",
            "Summe",
            "Subtotal",
            "(not provided)",
        ),
        *(
            "Shipping",
            "SHIPPING",
            "Versandkosten",
            "gift card",
            "Gift wrap",
            "Discount",
            "POST",
            "Amazon Fee",
        ),
    ],
)
def test_texts_that_are_no_product_make_none(load, label):
    lines = "".join(f"{label},U{i},O{i},purchase,2024-01-01 10:00\n" for i in range(10))
    data = load({"events.csv": EVENTS + lines})
    assert data.catalog.ids.to_list() == ["P0", "P1", "P2", "P3"]
    assert data.report.events == {"purchase": 40}
    assert data.quarantine.counts().select("rows", "expected").rows() == [(10, True)]


def test_a_product_with_such_an_id_is_a_product_if_the_catalogue_has_it(load):
    products = "product_id,title\nTotal,Total cereal\n" + "".join(f"P{i},x{i}\n" for i in range(4))
    data = load(
        {"events.csv": EVENTS + "Total,U1,O1,purchase,2024-01-01\n", "products.csv": products}
    )
    assert data.report.events == {"purchase": 41}


@pytest.mark.parametrize(
    "line",
    ["Total,,,,1091", "20,,Total,,", "X,,,purchase,2024-01-01", "X,U1,O1,purchase,soon", ",,,,"],
)
def test_a_row_that_is_set_aside_makes_no_product(load, line):
    data = load({"events.csv": EVENTS + line + "\n"})
    assert data.catalog.ids.to_list() == ["P0", "P1", "P2", "P3"]
    assert data.quarantine.rows_removed("events.csv") == 1


def test_products_and_lines_may_be_left_out(load):
    files = {
        "events.csv": EVENTS + "SHIP-1,U1,O1,purchase,2024-01-01\nP9,U1,O1,purchase,2024-01-01\n"
    }
    data = load(files, ignore={"products": ["ship*", "P9"]})
    assert data.catalog.ids.to_list() == ["P0", "P1", "P2", "P3"]


def test_variants_count_as_the_parent_that_a_column_gives(load):
    products = "product_id,parent_id,title\nP0,P0,zero\nP1,P0,one\nP2,,two\nP3,PX,three\n"
    data = load({"events.csv": EVENTS, "products.csv": products}, parent={"column": "parent_id"})
    assert data.catalog.frame.select("product_id", "title").rows() == [
        *(("P0", "zero"), ("P2", "two"), ("PX", "three"))
    ]
    assert data.events["product"].value_counts(sort=True).row(0) == (0, 20)
    assert data.events.height == 40


def test_variants_count_as_the_parent_within_their_id(load):
    events = EVENTS.replace("P1,", "P0-S,").replace("P2,", "P0-XL,")
    data = load({"events.csv": events}, parent={"pattern": "^(.+)-(?:S|XL)$"})
    assert data.catalog.ids.to_list() == ["P0", "P3"]


def test_a_parent_column_that_does_not_exist_stops_the_load(load):
    with pytest.raises(DataError, match="no table has the column 'mother'"):
        load({"events.csv": EVENTS}, parent={"column": "mother"})


def test_a_line_whose_title_is_shipping_makes_no_product(load):
    lines = ["basket_id,product_id,title", "1,10,Camera", "1,99,Shipping", "2,11,Lens"]
    data = load({"events.csv": "\n".join([*lines, "2,99,shipping", "2,10,Camera"])})
    assert data.catalog.ids.to_list() == ["10", "11"]


@pytest.mark.parametrize("basket", ["basket_id", "Order ID"])
def test_the_user_and_the_time_of_an_order_may_stand_on_its_first_line_only(load, basket):
    lines = [f"product_id,{basket},user_id,timestamp"]
    for i in range(20):
        lines += [f"a{i % 3},O{i},{f'u{i}' if i % 4 else ''},2024-01-{1 + i:02}"]
        lines += [f"b{i % 3},O{i},,", f"c{i % 3},O{i},,"]
    data = load({"events.csv": "\n".join(lines)})
    assert data.events.height == 60
    assert data.events["user_id"].null_count() == 15
    assert (
        data.events.group_by("basket_id").agg(pl.col("timestamp").n_unique())["timestamp"].to_list()
        == [1] * 20
    )


def test_a_guest_is_not_taken_for_the_customer_of_the_order_before(load):
    lines = ["product_id,basket_id,user_id"]
    for i in range(20):
        user = f"u{i}" if i % 2 else ""
        lines += [f"a{i % 3},{i % 5},{user}", f"b{i % 3},{i % 5},{user}"]
    data = load({"events.csv": "\n".join(lines)})
    assert data.events["user_id"].null_count() == 20


def shop_lines(title):
    """20 orders of two products and a line with a title and no product id."""
    lines = ["item_sku,order_id,item_name"]
    for i in range(20):
        lines += [f"a{i % 3},O{i},A", f"b{i % 3},O{i},B", f",O{i},{title}"]
    return {"events.csv": "\n".join(lines) + "\n"}


def test_lines_of_shipping_without_a_product_id_are_no_products(load):
    data = load(shop_lines("Flat rate"))
    assert data.quarantine.counts().select("rows", "expected").rows() == [(20, True)]
    assert data.events.height == 40


def test_lines_with_a_title_alone_stop_the_load_until_their_title_is_left_out(load):
    with pytest.raises(
        DataError, match=r"20 of 60 rows .*\(rows 3, 6, 9, for example 'UPS 2'"
    ) as stop:
        load(shop_lines("UPS 2"))
    assert "products under [data.ignore] of goeswith.toml" in str(stop.value)
    assert load({}, ignore={"products": ["ups*"]}).events.height == 40
