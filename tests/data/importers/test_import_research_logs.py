"""Published logs in their layouts: truth counted by hand."""

import json

import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data


def events(done, *columns):
    return pl.read_parquet(done.folder / "events.parquet").select(columns).rows()


def test_rees46(imported, reasons):
    done = imported(
        "rees46",
        {
            "2019-Oct.csv": (
                "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,"
                "user_session\n"
                "2019-10-01 00:00:00 UTC,view,1,9,electronics.smart_phone,acme,99.9,7,s1\n"
                "2019-10-01 00:01:00 UTC,cart,1,9,electronics.smart_phone,acme,99.9,7,s1\n"
                "2019-10-01 00:02:00 UTC,remove_from_cart,1,9,,acme,99.9,7,s1\n"
                "2019-10-01 00:03:00 UTC,purchase,2,9,,,0.00,7,s1\n"
                "2019-10-01 00:03:00 UTC,wish,2,9,,,0.00,7,s1\n"
            )
        },
        0.3,
    )
    assert events(done, "event", "product_id", "session_id", "basket_id") == [
        ("view", "1", "s1", None),
        ("cart", "1", "s1", None),
        ("purchase", "2", "s1", "s1"),
    ]
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.select("product_id", "type", "price").rows() == [
        ("1", "smart phone", 99.9),
        ("2", None, None),
    ]
    assert reasons(done) == {
        "a product removed from a cart": 1,
        "event_type is none of view, cart, purchase": 1,
    }
    assert load_data(done.folder).events.height == 3


def test_otto(imported, reasons):
    session = {
        "session": 12,
        "events": [
            {"aid": 5, "ts": 1659304800025, "type": "clicks"},
            {"aid": 5, "ts": 1659304900025, "type": "carts"},
            {"aid": 5, "ts": 1659304900025, "type": "orders"},
            {"aid": None, "ts": 1659304900025, "type": "orders"},
        ],
    }
    lines = json.dumps(session) + "\n" + json.dumps({"session": 13, "events": []}) + "\n"
    done = imported("otto", {"train.jsonl": lines}, 0.5)
    assert events(done, "session_id", "product_id", "event") == [
        ("12", "5", "view"),
        ("12", "5", "cart"),
        ("12", "5", "purchase"),
    ]
    assert reasons(done) == {"product_id is missing or unreadable": 2}


def test_otto_has_milliseconds_and_on_kaggle_seconds(imported):
    first = {"session": 1, "events": [{"aid": 5, "ts": 1659304800025, "type": "clicks"}]}
    second = {"session": 2, "events": [{"aid": 5, "ts": 1659304800, "type": "clicks"}]}
    for session in (first, second):
        done = imported("otto", {"train.jsonl": json.dumps(session) + "\n"}, 0)
        ((time,),) = events(done, "timestamp")
        assert time.isoformat(timespec="seconds") == "2022-07-31T22:00:00"


def test_hm(imported, reasons):
    done = imported(
        "hm",
        {
            "articles.csv": (
                "article_id,product_code,prod_name,product_type_name,product_group_name,"
                "colour_group_name,index_group_name,detail_desc\n"
                '0108775015,0108775,Strap top,Vest top,Garment Upper body,Black,Ladieswear,"A, b"\n'
                "0108775044,0108775,Strap top,Vest top,Garment Upper body,White,Ladieswear,\n"
            ),
            "transactions_train.csv": (
                "t_dat,customer_id,article_id,price,sales_channel_id\n"
                "2018-09-20,c1,0108775015,0.05,2\n2018-09-20,c1,0108775044,0.05,2\n"
                "2018-09-21,c1,0108775015,0.05,2\n2018-09-21,c1,9999999999,0.05,2\n"
            ),
        },
        0.3,
    )
    assert events(done, "basket_id", "product_id") == [
        ("c1.2018-09-20", "0108775015"),
        ("c1.2018-09-20", "0108775044"),
        ("c1.2018-09-21", "0108775015"),
    ]
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products["variant_group"].to_list() == ["0108775", "0108775"]
    assert reasons(done) == {"the product is not in the export of products": 1}


def test_olist(imported, reasons):
    done = imported(
        "olist",
        {
            "olist_orders_dataset.csv": (
                '"order_id","customer_id","order_status","order_purchase_timestamp"\n'
                '"o1","c1","delivered","2017-10-02 10:56:33"\n'
                '"o2","c2","canceled","2017-10-02 10:56:33"\n'
                '"o3","c3","unavailable","2017-10-02 10:56:33"\n'
            ),
            "olist_order_items_dataset.csv": (
                '"order_id","order_item_id","product_id","price"\n"o1",1,"p1",58.90\n'
                '"o1",2,"p2",10\n"o2",1,"p1",58.90\n"o3",1,"p1",58.90\n'
            ),
            "olist_customers_dataset.csv": (
                '"customer_id","customer_unique_id"\n"c1","u1"\n"c2","u1"\n'
            ),
            "olist_products_dataset.csv": (
                '"product_id","product_category_name"\n"p1","cama_mesa_banho"\n"p2",\n'
            ),
            "product_category_name_translation.csv": (
                "\ufeffproduct_category_name,product_category_name_english\n"
                "cama_mesa_banho,bed_bath_table\n"
            ),
            "olist_sellers_dataset.csv": '"seller_id"\n"s"\n',
        },
    )
    assert events(done, "basket_id", "product_id", "user_id") == [
        ("o1", "p1", "u1"),
        ("o1", "p2", "u1"),
    ]
    assert reasons(done) == {"the order does not count by its status": 2}
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.rows() == [("p1", "bed bath table"), ("p2", None)]
    assert done.quarantine.notes[0].startswith("olist_sellers_dataset.csv is not read")


def test_yoochoose(imported):
    done = imported(
        "yoochoose",
        {
            "yoochoose-clicks.dat": (
                "1,2014-04-07T10:51:09.277Z,214536502,0\n"
                "1,2014-04-07T10:54:09.868Z,214536500,S\nbad,line\n"
                "2,2014-04-07T10:54:09.868Z,214536500,12\n"
            ),
            "yoochoose-buys.dat": "1,2014-04-07T10:58:00.306Z,214536502,0,0\n",
        },
        0.3,
    )
    assert events(done, "event", "session_id", "basket_id", "product_id") == [
        ("purchase", "1", "1", "214536502"),
        ("view", "1", None, "214536502"),
        ("view", "1", None, "214536500"),
        ("view", "2", None, "214536500"),
    ]
    rows = done.quarantine.rows
    assert rows.select("file", "row", "reason").rows() == [
        ("yoochoose-clicks.dat", 3, "the line has not 4 fields")
    ]
    assert done.quarantine.rows_read("yoochoose-clicks.dat") == 4


def test_ta_feng(imported):
    done = imported(
        "ta-feng",
        {
            "ta_feng_all_months_merged.csv": (
                '"TRANSACTION_DT","CUSTOMER_ID","AGE_GROUP","PIN_CODE","PRODUCT_SUBCLASS",'
                '"PRODUCT_ID","AMOUNT","ASSET","SALES_PRICE"\n'
                '"11/1/2000","01104905","45-49","115",110411,"4710199010372",2,24,30\n'
                '"11/1/2000","01104905","45-49","115",110412,"4710199010373",1,24,30\n'
                '"12/1/2000","01104905","45-49","115",110411,"4710199010372",0,24,30\n'
            )
        },
    )
    assert events(done, "basket_id", "product_id", "quantity") == [
        ("01104905.2000-11-01", "4710199010372", 2.0),
        ("01104905.2000-11-01", "4710199010373", 1.0),
    ]
    assert pl.read_parquet(done.folder / "products.parquet")["type"][0] == "subclass 110411"


def test_dunnhumby(imported, reasons):
    done = imported(
        "dunnhumby",
        {
            "product.csv": (
                "PRODUCT_ID,MANUFACTURER,DEPARTMENT,BRAND,COMMODITY_DESC,SUB_COMMODITY_DESC,"
                "CURR_SIZE_OF_PRODUCT\n25671,2,GROCERY,National,FRZN ICE,ICE - CRUSHED,22 LB\n"
            ),
            "transaction_data.csv": (
                "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,SALES_VALUE,STORE_ID,RETAIL_DISC,"
                "TRANS_TIME,WEEK_NO,COUPON_DISC,COUPON_MATCH_DISC\n"
                "2375,26984851472,1,25671,1,1.39,364,-0.6,1631,1,0,0\n"
                "2375,26984851472,1,25671,0,0,364,-0.6,1631,1,0,0\n"
                "2375,26984851472,1,1,1,1.39,364,-0.6,1631,1,0,0\n"
            ),
        },
        0.5,
    )
    assert events(done, "user_id", "basket_id", "position", "quantity") == [
        ("2375", "26984851472", 11631, 1.0)
    ]
    assert len(reasons(done)) == 2


def test_basket_lines(imported, reasons):
    done = imported(
        "basket-lines", {"groceries.csv": "\ufeffmilk,bread, milk\n\nbeer,\n , \n"}, 0.5
    )
    assert events(done, "basket_id", "product_id") == [
        ("groceries.csv:1", "milk"),
        ("groceries.csv:1", "bread"),
        ("groceries.csv:3", "beer"),
    ]
    assert reasons(done) == {"the line has no product": 1}


def test_basket_lines_of_fimi_have_spaces(imported):
    done = imported("basket-lines", {"retail.dat": "0 1 2 \n3 4\n"})
    assert len(events(done, "product_id")) == 5


@pytest.mark.parametrize("ends", ["\r", "\r\n", "\n"])
def test_basket_lines_end_as_any_system_writes_them(imported, ends):
    done = imported("basket-lines", {"retail.dat": ends.join(["0 1 2", "3 4", ""])})
    assert len(events(done, "product_id")) == 5


def test_a_basket_line_may_have_a_long_field(imported):
    done = imported("basket-lines", {"retail.dat": "a,b\nc," + "x" * 200_000 + "\n"})
    assert len(events(done, "product_id")) == 4


@pytest.mark.parametrize("mark", ["1", "True", "t", "2.0"])
def test_matrices(imported, mark):
    content = f",milk,bread\nb1,{mark},0\nb2,,{mark}\nb3,maybe,1\nb4,1\n"
    done = imported("one-hot", {"matrix.csv": content}, 0.6)
    quantity = 2.0 if mark == "2.0" else 1.0
    assert events(done, "basket_id", "product_id", "quantity") == [
        ("matrix.csv:b1", "milk", quantity),
        ("matrix.csv:b2", "bread", quantity),
    ]
    assert done.quarantine.rows["row"].to_list() == [3, 4]


def test_matrices_without_ids_and_with_tabs(imported):
    done = imported("one-hot", {"matrix.tsv": "milk\tbread\n\t1\n1\t\n"})
    assert events(done, "basket_id", "product_id") == [
        ("matrix.tsv:2", "bread"),
        ("matrix.tsv:3", "milk"),
    ]


def test_a_matrix_with_one_name_twice_is_refused(imported):
    with pytest.raises(DataError, match="it has the column 'milk' twice"):
        imported("one-hot", {"matrix.csv": "milk,milk\n1,0\n"})


def test_a_second_catalogue_is_not_read_and_noted(imported):
    product = "article_id,prod_name,product_type_name\n1,Shirt,Top\n"
    log = "t_dat,customer_id,article_id\n2020-01-01,u,1\n"
    done = imported("hm", {"a.csv": product, "b.csv": product, "log.csv": log})
    assert done.rows == {"products": 1, "events": 1}
    assert done.quarantine.notes == ["b.csv is not read: a.csv has the same columns"]
