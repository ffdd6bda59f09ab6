import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data


@pytest.fixture
def folder(tmp_path):
    """A function: file name -> text; writes them into one folder and returns it."""

    def write(**files):
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(content)
        return tmp_path

    return write


PRODUCTS = "product_id,type,title\nphone,phones,A phone\ncase,cases,A case\n"
EVENTS = "user_id,product_id,timestamp\nu,phone,2024-01-01\nu,case,2024-01-02\n"


def test_tables_of_different_formats_in_one_folder_are_read_together(folder):
    data = load_data(
        folder(
            products__csv=PRODUCTS,
            events__tsv=EVENTS.replace(",", "\t"),
            relations__jsonl='{"source": "phone", "target": "case", "relation": "also_bought"}\n',
            sessions__csv="session_id,product_id\n1,phone\n1,case\n",
            bundles__csv="bundle_id,session_id,product_id\n1,1,phone\n1,1,case\n",
        )
    )
    assert len(data.catalog) == 2
    assert data.events["product"].to_list() == [0, 1]
    assert data.relations.rows() == [(0, 1, "co_purchase")]
    assert data.sessions["product"].dtype == data.bundles["product"].dtype == pl.Int32
    assert data.quarantine.counts().is_empty()


def test_a_table_that_is_not_there_is_none(folder):
    data = load_data(folder(products__csv=PRODUCTS))
    assert (data.events, data.relations, data.sessions, data.bundles) == (None,) * 4


def test_without_products_the_catalogue_is_what_events_say_of_them(folder):
    events = (
        "basket_id,product_id,title,price\n"
        "1,mug,MUG,2\n1,bowl,BOWL,3\n2,mug,a mug,9\n3,mug,MUG,4\n4,bowl,,free\n4,,x,1\n"
    )
    data = load_data(folder(events__csv=events), max_bad_share=0.2)
    assert data.catalog.frame.rows() == [("bowl", "BOWL", 3.0), ("mug", "MUG", 4.0)]
    assert data.events.height == 5


def test_without_products_and_events_the_catalogue_is_what_relations_name(folder):
    lists = "source,target,relation\nb,a,also_bought\nb,c,also_viewed\n"
    assert load_data(folder(relations__csv=lists)).catalog.ids.to_list() == ["a", "b", "c"]


def test_too_many_bad_rows_stop_the_load_with_counts_and_an_example(folder):
    events = EVENTS + "u,tent,2024-01-03\n"
    where = folder(products__csv=PRODUCTS, events__csv=events)
    with pytest.raises(DataError, match=r"events\.csv: 1 of 3 rows .*not in the catalogue.*'tent'"):
        load_data(where)
    data = load_data(where, max_bad_share=0.5)
    assert data.events.height + data.quarantine.rows_removed("events.csv") == 3


def test_the_fingerprint_follows_content_and_not_the_time_of_writing(folder):
    first = load_data(folder(products__csv=PRODUCTS, events__csv=EVENTS)).fingerprint
    again = load_data(folder(products__csv=PRODUCTS, events__csv=EVENTS)).fingerprint
    other = load_data(folder(products__csv=PRODUCTS + "cable,cables,A cable\n")).fingerprint
    assert first == again != other
    assert len(first) == 64


def test_a_basket_of_a_hundred_thousand_products_is_read(tmp_path):
    names = pl.int_range(100_000, eager=True).cast(pl.String)
    pl.DataFrame({"product_id": names}).write_parquet(tmp_path / "products.parquet")
    basket = pl.DataFrame({"basket_id": ["all"] * 100_000, "product_id": names})
    basket.write_csv(tmp_path / "events.csv")
    assert load_data(tmp_path).events["product"].n_unique() == 100_000


def test_identifiers_that_are_numbers_match_however_they_are_stored(tmp_path):
    pl.DataFrame({"product_id": [1, 2]}).write_parquet(tmp_path / "products.parquet")
    floats = pl.DataFrame({"user_id": [7.0, 7.0], "product_id": [1.0, 2.0]})
    floats.write_parquet(tmp_path / "events.parquet")
    data = load_data(tmp_path)
    assert data.events.select("product", "user_id").rows() == [(0, "7"), (1, "7")]


def test_a_folder_that_does_not_exist_is_named_with_what_looks_like_it(tmp_path):
    (tmp_path / "my-shop").mkdir()
    with pytest.raises(DataError, match=r"there is no folder .*my-shp; did you mean .*my-shop"):
        load_data(tmp_path / "my-shp")


def test_a_folder_without_tables_says_what_it_holds(folder):
    where = folder(orders__csv=EVENTS)
    with pytest.raises(DataError, match=r"holds none of the tables .*it holds orders\.csv"):
        load_data(where)
    with pytest.raises(DataError, match="is a file; name it after its table"):
        load_data(where / "orders.csv")


def test_two_files_for_one_table_are_refused(folder):
    where = folder(events__csv=EVENTS, events__tsv=EVENTS.replace(",", "\t"))
    with pytest.raises(DataError, match=r"has events\.csv and events\.tsv; remove one"):
        load_data(where)


def test_tables_without_any_product_are_refused(folder):
    with pytest.raises(DataError, match="has no products: every product_id is missing"):
        load_data(folder(events__csv="user_id,product_id\nu,\n"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "products", "events", "relations"),
    [
        ("amazon-beauty", 12101, None, 239_344 + 155_350 + 9_021),
        ("amazon-grocery", 8713, 121_892, 373_377),
        ("amazon-office", 3459, 21_802, None),
    ],
)
def test_real_folders_are_read_whole(shared, name, products, events, relations):
    data = load_data(shared / name)
    assert len(data.catalog) == products
    assert (None if data.events is None else data.events.height) == events
    assert (None if data.relations is None else data.relations.height) == relations
    assert data.quarantine.counts().is_empty()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["bundles-electronic", "bundles-clothing"])
def test_real_bundles_are_read_with_the_sessions_they_were_found_in(shared, name):
    data = load_data(shared / name)
    kept = data.sessions.height + data.quarantine.rows_removed("sessions.parquet")
    assert kept == data.quarantine.rows_read("sessions.parquet")
    assert data.bundles.height == data.quarantine.rows_read("bundles.parquet")


def test_prefixes_and_what_came_next_are_read_as_rows(folder):
    test = (
        '{"prefix": ["phone"], "target": "case"}\n'
        '{"prefix": ["phone", "case"], "target": "phone"}\n'
    )
    data = load_data(folder(products__csv=PRODUCTS, test__jsonl=test))
    assert data.test.rows() == [([0], 1), ([0, 1], 0)]
    written = "prefix,target\nphone|case,phone\n"
    (data.folder / "test.jsonl").unlink()
    assert load_data(folder(test__csv=written)).test.rows() == [([0, 1], 0)]


def test_tests_of_unknown_products_are_set_aside(folder):
    test = (
        '{"prefix": ["phone"], "target": "case"}\n{"prefix": ["phone", "lamp"], "target": "case"}\n'
        '{"prefix": [], "target": "case"}\n{"prefix": ["case"], "target": "lamp"}\n'
    )
    data = load_data(folder(products__csv=PRODUCTS, test__jsonl=test), max_bad_share=1)
    assert data.test.rows() == [([0], 1)]
    assert sorted(data.quarantine.rows["row"]) == [2, 3, 4]


def test_without_products_those_of_tests_are_in_the_catalogue(folder):
    events = "session_id,product_id,position\ns,a,1\ns,b,2\n"
    test = '{"prefix": ["b", "c"], "target": "d"}\n'
    data = load_data(folder(events__csv=events, test__jsonl=test))
    assert data.catalog.ids.to_list() == ["a", "b", "c", "d"]
