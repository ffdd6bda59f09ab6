import gzip
import json
import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data
from goeswith.data.importers.amazon import _parse_dictionary
from goeswith.data.importers.run_importer import import_tables

PHONE_2014 = {
    "asin": "B0PHONE",
    "title": "A phone",
    "price": 99.5,
    "imUrl": "http://images/phone.jpg",
    "salesRank": {"Cell Phones": 12},
    "brand": "Ring",
    "categories": [["Cell Phones & Accessories", "Cell Phones"], ["Electronics", "Phones"]],
    "related": {
        "also_bought": ["B0CASE", "B0GONE"],
        "also_viewed": ["B0OTHER"],
        "bought_together": ["B0CASE"],
        "buy_after_viewing": ["B0CASE", "B0PHONE"],
    },
}
CASE_2014 = {"asin": "B0CASE", "description": "It's a case, 5\" long\n", "categories": [["Cases"]]}
OTHER_2014 = {"asin": "B0OTHER", "title": "Another phone"}


def lines(*records, write=repr):
    return "".join(write(record) + "\n" for record in records)


def jsonl(*records):
    return lines(*records, write=json.dumps)


def counts(done):
    """(file, reason) -> rows."""
    table = done.quarantine.counts()
    return {(row["file"], row["reason"]): row["rows"] for row in table.to_dicts()}


@pytest.mark.parametrize("packed", [False, True])
def test_metadata_of_2014_gives_products_and_four_relations(imported, packed):
    text = lines(PHONE_2014, CASE_2014, OTHER_2014).encode()
    file = "meta.json.gz" if packed else "meta.json"
    done = imported("amazon-2014", {file: gzip.compress(text) if packed else text})
    assert done.rows == {"products": 3, "relations": 4}
    products = pl.read_parquet(done.folder / "products.parquet")
    phone, case, _ = products.to_dicts()
    assert phone == {
        "product_id": "B0PHONE",
        "type": "Cell Phones",
        "title": "A phone",
        "categories": ["Cell Phones & Accessories", "Cell Phones", "Electronics", "Phones"],
        "brand": "Ring",
        "price": 99.5,
        "description": None,
    }
    assert case["description"] == "It's a case, 5\" long"
    relations = pl.read_parquet(done.folder / "relations.parquet")
    assert sorted(relations.select("target", "relation", "rank").rows()) == [
        ("B0CASE", "also_bought", 1),
        ("B0CASE", "bought_together", 1),
        ("B0CASE", "buy_after_viewing", 1),
        ("B0OTHER", "also_viewed", 1),
    ]


def test_related_products_outside_the_catalogue_are_counted_and_no_fault(imported):
    done = imported("amazon-2014", {"meta.json": lines(PHONE_2014, CASE_2014, OTHER_2014)})
    related = "meta.json: related"
    assert counts(done) == {
        (related, "the related product is not in the catalogue"): 1,
        (related, "the product is related to itself"): 1,
    }
    assert done.quarantine.rows_read(related) == done.rows[
        "relations"
    ] + done.quarantine.rows_removed(related)


def test_what_an_import_leaves_is_read_without_anything_set_aside(imported):
    reviews = jsonl({"reviewerID": "A1", "asin": "B0CASE", "unixReviewTime": 1400000000})
    files = {"meta.json": lines(PHONE_2014, CASE_2014, OTHER_2014), "reviews.json": reviews}
    done = imported("amazon-2014", files)
    data = load_data(done.folder)
    assert data.quarantine.counts().is_empty()
    assert set(data.relations["relation"]) == {"co_purchase", "co_view", "view_then_purchase"}
    assert data.events.height == 1


def test_lines_that_are_no_dictionary_repeats_and_products_without_asin_are_set_aside(imported):
    text = lines(PHONE_2014, CASE_2014, PHONE_2014, {"title": "?"}) + "{'asin': \n[1]\n"
    done = imported("amazon-2014", {"meta.json": text}, max_bad_share=1.0)
    aside = done.quarantine.rows.sort("row").select("row", "expected").rows()
    assert aside == [(3, True), (4, False), (5, False), (6, False)]
    assert done.quarantine.rows_read("meta.json") == 6 == done.rows["products"] + len(aside)


@pytest.mark.parametrize(
    "line",
    [
        "__import__('os').system('true')",
        "{'asin': open('x')}",
        "{'asin': 'a'" + "," * 3,
        "[" * 5000 + "]" * 5000,
        "{'asin': '" + "x" * 1_000_001 + "'}",
        "\0",
        "",
    ],
    ids=["call", "call inside", "broken", "deep", "long", "nul", "empty"],
)
def test_a_line_is_never_run_and_never_breaks_the_reader(line):
    assert _parse_dictionary(line) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_any_dictionary_is_read_back_from_its_line(record):
    assert _parse_dictionary(repr(record)) == record


@settings(max_examples=80, deadline=None)
@given(st.text("{}[]()'\":,ab1\\\n ", max_size=25))
def test_any_line_is_a_dictionary_or_nothing(line):
    assert isinstance(_parse_dictionary(line), dict | None)


def test_metadata_of_2018_gives_also_buy_and_also_view(imported):
    phone = {
        "asin": "B0PHONE",
        "category": ["Cell Phones &amp; Accessories", "Cell Phones", "</span></span>"],
        "title": "Phone &amp; charger",
        "brand": "Ring",
        "price": "$1,099.99",
        "description": ["Long.", "Wide."],
        "also_buy": ["B0CASE"],
        "also_view": ["B0CASE", "B0GONE"],
        "main_cat": "Cell Phones",
    }
    case = {"asin": "B0CASE", "category": [], "price": ".a-box-inner{background}", "brand": ""}
    done = imported("amazon", {"meta.json": jsonl(phone, case, case)})
    first, second = pl.read_parquet(done.folder / "products.parquet").to_dicts()
    assert first["categories"] == ["Cell Phones & Accessories", "Cell Phones"]
    assert (first["type"], first["price"]) == ("Cell Phones", 1099.99)
    assert (first["title"], first["description"]) == ("Phone & charger", "Long. Wide.")
    assert second["price"] is None
    assert second["type"] is None
    assert done.rows["relations"] == 2
    expected = dict(done.quarantine.rows.select("row", "kept").iter_rows())
    assert expected == {2: True, 3: False}


def test_metadata_and_reviews_of_2023_use_the_parent(imported):
    meta = jsonl(
        {
            "main_category": "All Beauty",
            "title": "Comb",
            "price": 4.5,
            "store": "Shop",
            "details": {"Brand": "Maker"},
            "categories": ["Hair Care", "Combs"],
            "parent_asin": "P1",
            "bought_together": ["P2"],
        },
        {"main_category": "All Beauty", "price": None, "categories": [], "parent_asin": "P2"},
    )
    review = {"asin": "variant", "user_id": "U", "rating": 5.0, "timestamp": 1588687728923}
    reviews = jsonl(
        review | {"parent_asin": "P1"}, review | {"parent_asin": "P9"}, {"user_id": "U"}
    )
    done = imported("amazon", {"meta.jsonl": meta, "reviews.jsonl": reviews}, max_bad_share=0.5)
    first, second = pl.read_parquet(done.folder / "products.parquet").to_dicts()
    assert (first["type"], first["brand"], second["type"]) == ("Combs", "Maker", "All Beauty")
    events = pl.read_parquet(done.folder / "events.parquet")
    assert events["product_id"].to_list() == ["P1"]
    assert events["timestamp"].dt.year().to_list() == [2020]
    assert counts(done) == {
        ("reviews.jsonl", "the product has no metadata"): 1,
        ("reviews.jsonl", "product_id is missing or unreadable"): 1,
    }
    assert pl.read_parquet(done.folder / "relations.parquet")["target"].to_list() == ["P2"]


def test_a_file_of_another_format_is_named_with_the_right_one(imported):
    with pytest.raises(DataError, match="lines of 2014 are Python dictionaries"):
        imported("amazon", {"meta.json": lines(PHONE_2014)})


def test_a_damaged_archive_leaves_no_table_behind(imported, tmp_path):
    text = lines(*({"asin": str(i), "title": str(random.Random(i).random())} for i in range(999)))
    with pytest.raises(DataError, match="not a complete gzip file"):
        imported("amazon-2014", {"meta.json.gz": gzip.compress(text.encode())[:-100]})
    assert not list(tmp_path.glob("out/*"))


def test_a_large_file_is_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("goeswith.data.importers.amazon._BATCH_LINES", 10)
    records = [{"asin": str(i), "related": {"also_bought": [str(i + 1)]}} for i in range(95)]
    (tmp_path / "meta.json").write_text(lines(*records))
    done = import_tables("amazon-2014", [tmp_path / "meta.json"], tmp_path / "out")
    assert done.rows == {"products": 95, "relations": 94}
    assert load_data(tmp_path / "out").relations.height == 94
