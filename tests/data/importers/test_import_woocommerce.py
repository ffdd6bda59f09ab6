"""WooCommerce's exports: truth counted by hand."""

import polars as pl

from goeswith.data.folder import load_data

ITEMS = (
    "order_id,order_number,date,status,customer_id,billing_email,item_id,item_product_id,item_name,"
    "item_sku,item_quantity,item_price,item_refunded,item_refunded_qty,item_meta\n"
    "11,11,2024-05-01 10:00:00,completed,7,ann@example.com,1,100,Hoodie - Blue,HOOD-B,1,40,0,0,\n"
    "11,11,2024-05-01 10:00:00,completed,7,ann@example.com,2,102,Beanie,,2,18,18,-1,\n"
    "12,12,2024-05-02 10:00:00,cancelled,0,bob@example.com,3,102,Beanie,,1,18,0,0,\n"
    "13,13,2024-05-03 10:00:00,on-hold,0,Guest@Example.com,4,102,Beanie,,1,18,0,0,\n"
    "13,13,2024-05-03 10:00:00,on-hold,0,Guest@Example.com,5,100,Hoodie,HOOD,1,40,40,1,\n"
    "14,14,2024-05-04 10:00:00,pending,8,,6,102,Beanie,,1,18,0,0,\n"
    "15,15,2024-05-04 10:00:00,wc-refunded,8,,7,102,Beanie,,1,18,0,0,\n"
    "16,16,2024-05-04 10:00:00,failed,8,,8,102,Beanie,,1,18,0,0,\n"
    "17,17,2024-05-04 10:00:00,processing,8,,9,999,Gone,GONE,1,18,0,0,\n"
)
PRODUCTS = (
    "\ufeffID,Type,SKU,Name,Published,Short description,Regular price,Categories,Parent,Upsells,"
    "Cross-sells,Brands\n"
    '100,variable,HOOD,Hoodie,1,"<p>Warm\nand <b>soft</b></p>",,'
    '"Clothing > Hoodies\\, men, Sale",,,"id:102, NOPE",Knit\n'
    "101,variation,HOOD-B,Hoodie - Blue,1,,40,,id:100,,,\n"
    "102,simple,,Beanie,1,,18,Clothing > Hats,,HOOD,,\n"
    "103,simple,DRAFT,Draft,-1,,1,Clothing > Hats,,,,\n"
)


def test_woocommerce_counts_are_those_counted_by_hand(imported, reasons):
    done = imported("woocommerce", {"orders.csv": ITEMS, "wc-product-export.csv": PRODUCTS}, 0.2)
    assert done.rows == {"products": 3, "events": 3}
    assert reasons(done, "orders.csv") == {
        "the order does not count by its status": 4,
        "all pieces of the line were cancelled or refunded": 1,
        "the product is not in the export of products": 1,
    }
    events = pl.read_parquet(done.folder / "events.parquet")
    assert events.select("basket_id", "product_id", "user_id", "quantity").rows() == [
        ("11", "HOOD-B", "7", 1.0),
        ("11", "id:102", "7", 1.0),
        ("13", "id:102", "guest@example.com", 1.0),
    ]
    assert reasons(done, "wc-product-export.csv: links") == {
        "a link set by hand; pairs are counted in the orders": 3
    }


def test_woocommerce_products_alone_give_links_and_groups(imported):
    done = imported("woocommerce", {"p.csv": PRODUCTS}, 0.5)
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.select("product_id", "variant_group", "type", "brand").rows() == [
        ("HOOD", "HOOD", "Hoodies, men", "Knit"),
        ("HOOD-B", "HOOD", "Hoodies, men", "Knit"),
        ("id:102", None, "Hats", None),
    ]
    assert products["description"][0] == "Warm and soft"
    relations = pl.read_parquet(done.folder / "relations.parquet")
    assert set(relations.rows()) == {
        ("HOOD", "id:102", "bought_together", 1),
        ("id:102", "HOOD", "also_viewed", 1),
    }
    assert load_data(done.folder).relations.height == 2


def test_woocommerce_advanced_order_export_has_its_own_names(imported, reasons):
    lines = (
        "Order Number;Order Status;Order Date;Email (Billing);SKU;Item Name;Quantity (- Refund)\n"
        "5;Completed;2024-05-01 10:00;a@b.c;X;Cap;2\n;;;;;;\n"
        "5;Completed;2024-05-01 10:00;;Y;Hat;0\n"
    )
    done = imported("woocommerce", {"orders.csv": lines}, 0)
    assert done.rows == {"products": 1, "events": 1}
    assert reasons(done, "orders.csv") == {
        "a blank line": 1,
        "the quantity is not above 0: a return or a correction": 1,
    }


def test_the_default_category_is_no_category(imported):
    products = PRODUCTS.replace("Clothing > Hats,,HOOD", "Uncategorized,,HOOD")
    done = imported("woocommerce", {"orders.csv": ITEMS, "wc-product-export.csv": products}, 0.2)
    frame = load_data(done.folder).catalog.frame
    beanie = frame.filter(pl.col("title") == "Beanie")
    assert beanie["type"].to_list() == [None]
    assert beanie["categories"].to_list() == [[]]
