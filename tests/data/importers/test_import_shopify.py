"""Shopify's exports: truth counted by hand."""

import gzip
import io

import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data

HEADER = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,"
    "Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,"
    "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,"
    "Lineitem sku,"
    "Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,Notes,"
    "Note Attributes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Id,Tags,"
    "Risk Level,Source,Lineitem discount\n"
)
ORDER_COLUMNS = HEADER.strip().split(",")


def order_line(**values):
    """A line of orders_export; `q` doubles quotation marks."""
    cells = [str(values.get(name, "")) for name in ORDER_COLUMNS]
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


def first(name, status, item, sku, **more):
    values = {"Name": name, "Financial Status": status, "Created at": "2024-05-01 10:00:00 +0200"}
    values |= {"Email": "Ann@Example.com", "Lineitem name": item, "Lineitem sku": sku}
    return order_line(**(values | {"Lineitem quantity": 1, "Lineitem price": "9.50"} | more))


def later(name, item, sku, quantity=1):
    line = {"Name": name, "Lineitem name": item, "Lineitem sku": sku}
    return order_line(**line, **{"Lineitem quantity": quantity, "Lineitem price": "4.00"})


ORDERS = "\ufeff" + HEADER + (
    first("#1001", "paid", "Mug - Red", "MUG-R", Notes='two lines,\n"quoted"')
    + later("#1001", "Tea", "")
    + later("#1001", "Tip", "")
    + first("#1002", "refunded", "Mug - Red", "MUG-R")
    + later("#1002", "Tea", "")
    + first("#1003", "voided", "Mug - Red", "MUG-R")
    + first("#1004", "paid", "Mug - Red", "MUG-R", **{"Cancelled at": "2024-05-02 10:00:00 +0200"})
    + later("#1004", "Tea", "")
    + first("#1005", "partially_refunded", "Mug - Blue", "MUG-B", Email="")
    + later("#1005", "Tea", "", 3)
    + first("#1006", "paid", "Mug - Red", "MUG-R", **{"Payment Method": "bogus"})
    + later("#1006", "Tea", "")
)  # fmt: skip

PRODUCT_HEADER = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,"
    "Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Price,"
    "Image Src,Image Position,Gift Card,Status\n"
)
PRODUCTS = PRODUCT_HEADER + (
    'mug,Mug,"<p>A mug,\n &amp; a ""lid""</p>",Kiln,Home & Garden > Kitchen > Mugs,,kitchen,true,'
    "Color,Red,,,,,MUG-R,9.50,https://cdn/1.jpg,1,false,active\n"
    "mug,,,,,,,,,Blue,,,,,MUG-B,9.50,https://cdn/2.jpg,2,,\n"
    "mug,,,,,,,,,,,,,,,,https://cdn/3.jpg,3,,\n"
    "tea,Tea,,Leaf,,Tea,,true,Title,Default Title,,,,,,4.00,,,false,active\n"
    "card,Gift card,,Shop,,Gift Cards,,true,Amount,10,,,,,GC-10,10.00,,,true,active\n"
    "old,Old mug,,Kiln,,Mug,,false,Title,Default Title,,,,,OLD,1.00,,,false,archived\n"
)


def test_shopify_counts_are_those_counted_by_hand(imported, reasons):
    done = imported(
        "shopify", {"orders_export.csv": ORDERS, "products_export.csv": PRODUCTS}, max_bad_share=0
    )
    assert done.rows == {"products": 3, "events": 4}
    assert reasons(done, "orders_export.csv") == {
        "the order does not count by its status": 3,
        "the order was cancelled or refunded": 2,
        "the order is a test": 2,
        "shipping, a tip, a voucher or the like, no product": 1,
    }
    assert done.quarantine.rows_read("orders_export.csv") == 12
    assert reasons(done, "products_export.csv") == {
        "a row of a further picture, no variant": 1,
        "a gift card": 1,
        "a draft, an archived product or a container of variants": 1,
    }
    events = pl.read_parquet(done.folder / "events.parquet")
    assert events.select("basket_id", "product_id", "user_id", "quantity").rows() == [
        ("#1001", "MUG-R", "ann@example.com", 1.0),
        ("#1001", "Tea", "ann@example.com", 1.0),
        ("#1005", "MUG-B", None, 1.0),
        ("#1005", "Tea", None, 3.0),
    ]
    assert events["timestamp"].dt.hour().unique().to_list() == [8]


def test_shopify_variants_are_one_group_with_the_attributes_of_their_product(imported):
    done = imported("shopify", {"orders.csv": ORDERS, "products.csv": PRODUCTS})
    products = pl.read_parquet(done.folder / "products.parquet").sort("product_id")
    assert products.select("product_id", "variant_group", "type", "brand", "price").rows() == [
        ("MUG-B", "mug", "Mugs", "Kiln", 9.5),
        ("MUG-R", "mug", "Mugs", "Kiln", 9.5),
        ("Tea", "tea", "Tea", "Leaf", 4.0),
    ]
    assert products["description"][0] == 'A mug, & a "lid"'
    data = load_data(done.folder)
    assert len(data.catalog) == 3
    assert data.events.height == 4


def test_shopify_names_of_2024(imported):
    new = (
        "Title,URL handle,Description,Vendor,Product category,Type,Status,SKU,Option1 name,"
        "Option1 value,Price,Product image URL\nMug,mug,,Kiln,,Mug,Active,MUG-R,Color,Red,9.50,\n"
    )
    done = imported("shopify", {"products.csv": new})
    assert done.rows == {"products": 1}


def test_shopify_orders_without_products_make_the_catalogue(imported):
    done = imported("shopify", {"orders.csv": ORDERS})
    assert done.rows == {"products": 3, "events": 4}
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.rows_by_key("product_id", named=True)["Tea"][0]["title"] == "Tea"


def test_shopify_orders_of_overlapping_exports_count_once(imported, reasons):
    done = imported("shopify", {"orders_1.csv": ORDERS, "orders_2.csv": ORDERS})
    assert done.rows["events"] == 4
    assert reasons(done, "orders_2.csv")["the order is in an earlier file"] == 5


def test_shopify_spreadsheet_with_semicolons_in_windows_1252(imported):
    lines = HEADER.replace(",", ";") + first("#1", "paid", "Café", "C").replace('","', '";"')
    done = imported("shopify", {"orders.csv": lines.encode("cp1252")})
    assert pl.read_parquet(done.folder / "products.parquet")["title"].to_list() == ["Café"]
    assert done.quarantine.notes == ["orders.csv is not UTF-8 and read as Windows-1252"]


def test_shopify_another_file_is_refused_with_its_columns(imported, tmp_path):
    with pytest.raises(DataError, match=r"orders needs 'Name'.*its columns are id, total"):
        imported("shopify", {"orders.csv": "id,total\n1,2\n"})
    done = imported("shopify", {"orders.csv": ORDERS, "customers.csv": "id,mail\n1,2\n"})
    assert done.quarantine.notes[0].startswith("customers.csv is not read: orders needs 'Name'")


def test_shopify_orders_as_parquet(imported):
    def packed(path):
        table = io.BytesIO()
        pl.read_csv(ORDERS.encode(), infer_schema=False).write_parquet(table)
        path.write_bytes(gzip.compress(table.getvalue()))

    assert imported("shopify", {"orders.parquet.gz": packed}).rows["events"] == 4
    with pytest.raises(DataError, match=r"orders\.parquet is not a complete parquet file"):
        imported("shopify", {"orders.parquet": b"PAR1"})
