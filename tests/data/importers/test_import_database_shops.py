"""Magento and PrestaShop, whose orders are two tables: truth counted by hand."""

import polars as pl
import pytest

from goeswith.core.errors import DataError

SALES_ORDER = (
    "entity_id,state,status,increment_id,customer_id,customer_email,created_at\n"
    "1,complete,complete,000000001,7,ann@example.com,2024-05-01 10:00:00\n"
    "2,canceled,storno_custom,000000002,7,ann@example.com,2024-05-02 10:00:00\n"
    "3,closed,closed,000000003,,bob@example.com,2024-05-03 10:00:00\n"
    "4,processing,processing,000000004,,Bob@example.com,2024-05-04 10:00:00\n"
)
SALES_ORDER_ITEM = (
    "item_id,order_id,parent_item_id,product_id,product_type,sku,name,qty_ordered,qty_canceled,"
    "qty_refunded,price\n"
    "1,1,,50,configurable,WH01-S,Hoodie,1.0000,0.0000,0.0000,40\n"
    "2,1,1,51,simple,WH01-S,Hoodie-S,1.0000,0.0000,0.0000,0\n"
    "3,1,,60,simple,BAG,Bag,2.0000,0.0000,2.0000,30\n"
    "4,2,,60,simple,BAG,Bag,1.0000,1.0000,0.0000,30\n"
    "5,3,,60,simple,BAG,Bag,1.0000,0.0000,1.0000,30\n"
    "6,4,,70,bundle,SET-BAG-STRAP,Set,1.0000,0.0000,0.0000,50\n"
    "7,4,6,60,simple,BAG,Bag,1.0000,0.0000,0.0000,30\n"
    "8,4,6,80,simple,STRAP,Strap,3.0000,1.0000,1.0000,5\n"
    "9,9,,80,simple,STRAP,Strap,3.0000,1.0000,1.0000,5\n"
)
MAGENTO_PRODUCTS = (
    "sku,store_view_code,attribute_set_code,product_type,categories,name,short_description,"
    "product_online,visibility,price,additional_attributes,related_skus,crosssell_skus,upsell_skus,"
    "configurable_variations\n"
    'WH01,,Top,configurable,"Default Category/Men,Default Category/Men/Hoodies",Hoodie,'
    '"<p>Warm</p>",1,"Catalog, Search",40,"color=Red,manufacturer=Knit",,"BAG,STRAP",,'
    '"sku=WH01-S,size=S|sku=WH01-M,size=M"\n'
    "WH01,de,Top,configurable,,Kapuzenpulli,,,,,,,,,\n"
    "WH01-S,,Top,simple,Default Category/Men/Hoodies,Hoodie-S,,1,Not Visible Individually,40,,,,,\n"
    "BAG,,Bag,simple,Default Category/Bags,Bag,,1,,30,,STRAP,,,\n"
    "STRAP,,Bag,simple,Default Category/Bags,Strap,,1,,5,,,,,\n"
    "OFF,,Bag,simple,Default Category/Bags,Off,,2,,5,,,,,\n"
)
MAGENTO = {
    "sales_order.csv": SALES_ORDER,
    "sales_order_item.csv": SALES_ORDER_ITEM,
    "export_products.csv": MAGENTO_PRODUCTS,
}


def test_magento_counts_are_those_counted_by_hand(imported, reasons):
    done = imported("magento", MAGENTO, 0.2)
    assert done.rows == {"products": 4, "events": 3}
    assert reasons(done, "sales_order_item.csv") == {
        "the variant of the line above, which has its SKU": 1,
        "a bundle, whose parts have lines of their own": 1,
        "the order does not count by its status": 2,
        "all pieces of the line were cancelled or refunded": 1,
        "the order is not in the table of orders": 1,
    }
    events = pl.read_parquet(done.folder / "events.parquet")
    assert events.select("basket_id", "product_id", "user_id", "quantity").rows() == [
        ("1", "WH01-S", "7", 1.0),
        ("4", "BAG", "bob@example.com", 1.0),
        ("4", "STRAP", "bob@example.com", 1.0),
    ]
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.select("product_id", "variant_group", "type", "brand").rows()[:3] == [
        ("WH01", "WH01", "Hoodies", "Knit"),
        ("WH01-S", "WH01", "Hoodies", None),
        ("BAG", None, "Bags", None),
    ]


def test_magento_links_are_relations_where_there_are_no_orders(imported):
    done = imported("magento", {"products.csv": MAGENTO_PRODUCTS})
    relations = pl.read_parquet(done.folder / "relations.parquet")
    assert set(relations.rows()) == {
        ("WH01", "BAG", "bought_together", 1),
        ("WH01", "STRAP", "bought_together", 2),
        ("BAG", "STRAP", "also_bought", 1),
    }


def test_magento_lines_without_their_orders_are_refused(imported):
    with pytest.raises(DataError, match="a table of lines and none of orders; give both"):
        imported("magento", {"sales_order_item.csv": SALES_ORDER_ITEM})


def test_prestashop_counts_are_those_counted_by_hand(imported, reasons):
    done = imported(
        "prestashop",
        {
            "ps_orders.csv": (
                "id_order;reference;id_customer;current_state;valid;date_add\n"
                "1;XKBKNABJK;3;5;1;2024-05-01 10:00:00\n2;OHSATSERP;3;6;0;2024-05-01 11:00:00\n"
                "3;UOYEVOLI;4;7;1;2024-05-01 12:00:00\n4;KHWLILZLL;4;10;0;2024-05-01 13:00:00\n"
                "5;FFATNOMMJ;4;15;1;2024-05-01 14:00:00\n"
            ),
            "ps_order_detail.csv": (
                "id_order_detail;id_order;product_id;product_attribute_id;product_name;"
                "product_quantity;product_quantity_return;product_quantity_refunded;product_price\n"
                '1;1;1;9;"T-shirt : Size- S";1;0;0;23.9\n2;1;2;0;Mug;2;1;1;11.9\n'
                "3;2;2;0;Mug;1;0;0;11.9\n4;3;2;0;Mug;1;0;0;11.9\n5;4;2;0;Mug;1;0;0;11.9\n"
                "6;5;2;0;Mug;1;0;1;11.9\n7;5;1;9;T-shirt;1;0;0;23.9\n"
            ),
            "product_2024.csv": (
                "Product ID;Image;Name;Reference;Category;Price (tax excl.);Price (tax incl.);"
                "Quantity;Status;Position\n"
                '1;i.jpg;"Tee ""S""";demo_1;Men;€23.90;€28.68;9;1;1\n'
                "2;;Mug;demo_2;Home;€11.90;;9;1;2\n"
                "3;;Off;demo_3;Home;€11.90;€14.28;9;0;3\n"
            ),
        },
        0,
    )
    assert done.rows == {"products": 2, "events": 3}
    assert reasons(done, "ps_order_detail.csv") == {
        "the order does not count by its status": 3,
        "all pieces of the line were cancelled or refunded": 1,
    }
    events = pl.read_parquet(done.folder / "events.parquet")
    assert events.select("basket_id", "product_id", "user_id", "quantity").rows() == [
        ("1", "1", "3", 1.0),
        ("1", "2", "3", 1.0),
        ("5", "1", "4", 1.0),
    ]
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products["title"].to_list() == ['Tee "S"', "Mug"]
    assert products["price"].to_list() == [28.68, None]


@pytest.mark.parametrize(
    ("lines", "titles", "noted"),
    [
        # 1.7: Status is 1 for what is out of stock
        ("1;Tee;Men;€28.68;9;0\n2;Mug;Home;€9.00;0;1\n3;Cap;Men;€5.00;-2;1\n", "Tee Mug Cap", True),
        # 8: Status is 1 for what is online
        ("1;Tee;Men;€28.68;9;1\n2;Mug;Home;€9.00;0;1\n3;Cap;Men;€5.00;2;0\n", "Tee Mug", False),
    ],
)
def test_the_status_of_prestashop_products_is_the_stock_in_1_7(imported, lines, titles, noted):
    header = "Product ID;Name;Category;Price (tax incl.);Quantity;Status\n"
    done = imported("prestashop", {"product.csv": header + lines}, 0)
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products["title"].to_list() == titles.split()
    assert any("out of stock" in note for note in done.quarantine.notes) == noted
