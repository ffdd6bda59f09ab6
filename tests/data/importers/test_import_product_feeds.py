"""Feeds of Google Merchant Center and Meta: truth counted by hand; hostile XML is refused."""

import gzip

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.folder import load_data
from goeswith.data.importers.shops.feed_xml import feed_items

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<title>Shop</title><link>https://shop.example</link><description>All</description>
<item><g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>
<g:id>T1</g:id><g:title>Tent &amp; pegs</g:title>
<g:description><![CDATA[<p>Two <b>people</b></p>]]></g:description>
<g:price>129.00 EUR</g:price><g:availability>in_stock</g:availability><g:brand>Nimbus</g:brand>
<g:product_type>Outdoor &gt; Camping &gt; Tents</g:product_type></item>
<item><g:id>S1-L</g:id><title>Shirt L</title><g:price>nope</g:price>
<g:item_group_id>S1</g:item_group_id><g:availability>out of stock</g:availability>
<g:google_product_category>212</g:google_product_category></item>
<item><g:title>No id</g:title></item>
<item><g:id>T1</g:id><g:title>Again</g:title></item>
</channel></rss>"""


def test_google_merchant_rss_counts_are_those_counted_by_hand(imported):
    done = imported("product-feed", {"feed.xml": RSS}, 0.5)
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.select("product_id", "title", "type", "price", "available").rows() == [
        ("T1", "Tent & pegs", "Tents", 129.0, True),
        ("S1-L", "Shirt L", None, None, False),
    ]
    assert products["variant_group"].to_list() == [None, "S1"]
    assert products["description"][0] == "Two people"
    assert products["categories"][0].to_list() == ["Outdoor", "Camping", "Tents"]
    assert dict(done.quarantine.counts().select("reason", "rows").iter_rows()) == {
        "product_id is missing or unreadable": 1,
        "product_id is a repeat; the first row is used": 1,
        "price is not a valid number; the product stays without a price": 1,
    }
    assert done.quarantine.rows_read("feed.xml") == 4


def test_atom_of_meta_packed_with_gzip(imported):
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">'
        "<title>Shop</title><entry><g:id>1</g:id><g:title>Café</g:title>"
        "<g:fb_product_category>home &gt; kitchen</g:fb_product_category></entry></feed>"
    )
    done = imported("product-feed", {"feed.xml.gz": gzip.compress(atom.encode())})
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.select("product_id", "title", "type").rows() == [("1", "Café", "kitchen")]


def test_tab_separated_feed_with_spaces_in_names(imported):
    tsv = (
        "\ufeffid\ttitle\tdescription\tavailability\tprice\titem group id\tproduct type\n"
        "1\tCap\tA 12\u2033 cap\tin stock\t9.90 USD\tG\tHats\n"
        "1\tCap\tA cap\tin stock\t9.90 USD\tG\tHats\n"
    )
    done = imported("product-feed", {"feed.tsv": tsv}, 0.5)
    products = pl.read_parquet(done.folder / "products.parquet")
    assert products.select("product_id", "type", "variant_group", "price").rows() == [
        ("1", "Hats", "G", 9.9)
    ]


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss SYSTEM "https://example.com/feed.dtd">',
    ],
)
def test_document_types_and_entities_are_refused(imported, head):
    with pytest.raises(DataError, match=r"feed\.xml, line 1: the feed declares a document type"):
        imported("product-feed", {"feed.xml": head + "<rss><item><id>&x;</id></item></rss>"})


def test_incomplete_and_deep_xml_is_refused(imported):
    with pytest.raises(DataError, match="line 1: the feed is not complete XML"):
        imported("product-feed", {"feed.xml": "<rss><item><id>1</id>"})
    with pytest.raises(DataError, match="nests more than 64 elements"):
        imported("product-feed", {"feed.xml": "<a>" * 70})


@given(st.binary(max_size=300))
def test_any_bytes_are_items_or_an_error_of_the_data(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("feeds") / "feed.xml"
    path.write_bytes(content)
    try:
        assert all(isinstance(item, dict) for item in feed_items(path, ("item",)))
    except DataError as error:
        assert "feed.xml" in str(error)


def test_a_feed_and_events_are_a_shop(imported):
    done = imported("product-feed", {"feed.xml": RSS}, 0.5)
    (done.folder / "events.csv").write_text("basket_id,product_id\n1,T1\n1,S1-L\n2,T1\n")
    assert load_data(done.folder).events.height == 3
