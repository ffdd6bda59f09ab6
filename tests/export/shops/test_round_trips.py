"""From the export of a shop to the file that it imports: import, fit, export, and back in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from tests.export.shops.shop_file_readers import READERS

from goeswith.data.folder import load_data
from goeswith.data.importers.run_importer import import_tables
from goeswith.export.recommendation_rows import RecommendationRows
from goeswith.export.shops import SHOP_FORMATS, shop_format
from goeswith.export.shops.shop_export import export_to_shop
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings

SKUS = ("TENT-1", "PEG-1", "LAMP-1", "MUG-1")
PAIRS = [("TENT-1", "PEG-1")] * 6 + [("TENT-1", "LAMP-1")] * 4 + [("LAMP-1", "MUG-1")] * 5
EXPECTED = {
    "TENT-1": ["PEG-1", "LAMP-1"],
    "PEG-1": ["TENT-1"],
    "LAMP-1": ["MUG-1", "TENT-1"],
    "MUG-1": ["LAMP-1"],
}


def lines(header: str, rows: list[str], separator: str = ",") -> str:
    return "\n".join([header.replace(",", separator), *rows]) + "\n"


def day(order: int) -> str:
    return f"2024-05-{order % 28 + 1:02d} 10:00:00"


def shopify() -> dict[str, str]:
    orders = []
    for number, (one, other) in enumerate(PAIRS):
        orders.append(f"#{number},u{number}@x.com,paid,{day(number)} +0200,1,{one},9.00,{one},")
        orders.append(f"#{number},,,,1,{other},9.00,{other},")
    orders.append(f"#90,v@x.com,refunded,{day(1)} +0200,1,Peg,9.00,PEG-1,")
    products = [
        f"{sku.lower()},{sku} title,{sku[:-2]},Default Title,{sku},9.00,active" for sku in SKUS
    ]
    return {
        "orders_export.csv": lines(
            "Name,Email,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
            "Lineitem sku,Cancelled at",
            orders,
        ),
        "products_export.csv": lines(
            "Handle,Title,Type,Option1 Value,Variant SKU,Variant Price,Status", products
        ),
    }


def woocommerce() -> dict[str, str]:
    orders = [
        f"{number},{day(number)},wc-completed,{number},{sku},{sku} title,1"
        for number, pair in enumerate(PAIRS)
        for sku in pair
    ]
    orders.append(f"90,{day(1)},wc-cancelled,9,PEG-1,Peg,1")
    products = [f"{n},simple,{sku},{sku} title,1,{sku[:-2]},9.00" for n, sku in enumerate(SKUS)]
    return {
        "orders.csv": lines(
            "order_id,order_date,status,customer_id,item_sku,item_name,item_quantity", orders
        ),
        "products.csv": lines("ID,Type,SKU,Name,Published,Categories,Regular price", products),
    }


def magento() -> dict[str, str]:
    heads = [f"{n},complete,complete,{n},,{day(n)}" for n in range(len(PAIRS))]
    heads.append(f"90,canceled,canceled,9,,{day(1)}")
    items = [
        f"{10 * number + place},{number},,simple,{sku},{sku} title,1,0,0,9"
        for number, pair in enumerate(PAIRS)
        for place, sku in enumerate(pair)
    ]
    items.append("900,90,,simple,PEG-1,Peg,1,0,0,9")
    products = [f"{sku},,simple,Default/{sku[:-2]},{sku} title,1,9" for sku in SKUS]
    return {
        "sales_order.csv": lines(
            "entity_id,state,status,customer_id,customer_email,created_at", heads
        ),
        "sales_order_item.csv": lines(
            "item_id,order_id,parent_item_id,product_type,sku,name,qty_ordered,qty_canceled,"
            "qty_refunded,price",
            items,
        ),
        "products.csv": lines(
            "sku,store_view_code,product_type,categories,name,product_online,price", products
        ),
    }


SHOPS: dict[str, Callable[[], dict[str, str]]] = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "magento": magento,
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """A bundle of each shop system, from files in its layout."""
    fitted = {}
    for name, files in SHOPS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "source").mkdir()
        for file, content in files().items():
            (folder / "source" / file).write_text(content)
        imported = import_tables(name, [folder / "source"], folder / "shop")
        assert imported.rows == {"products": 4, "events": 2 * len(PAIRS)}
        if name == "shopify":  # its exports have no product ids: a shop joins them
            path = folder / "shop" / "products.parquet"
            products = pl.read_parquet(path)
            number = pl.col("product_id").replace_strict({s: 100 + i for i, s in enumerate(SKUS)})
            products.with_columns(shopify_id=number.cast(pl.Int64)).write_parquet(path)
        settings = Settings(fit=FitSettings(model="copurchase", k=2))
        fit_bundle(load_data(folder / "shop"), folder / "bundle", settings)
        fitted[name] = Bundle.open(folder / "bundle")
    return fitted


def exported(bundle: Bundle, name: str, path: Path, id_column: str | None = None) -> str:
    export_to_shop(RecommendationRows(bundle, 2), shop_format(name), path, id_column=id_column)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SHOPS)
@pytest.mark.parametrize("target", [name for name in SHOP_FORMATS if name != "shopify"])
def test_what_was_bought_together_comes_out_for_every_platform(
    bundles: dict[str, Bundle], source: str, target: str, tmp_path: Path
) -> None:
    found = READERS[target](exported(bundles[source], target, tmp_path / "out"))
    listed = {sku: targets[: len(EXPECTED[sku])] for sku, targets in found.items()}
    assert listed == EXPECTED


def test_shopify_gets_the_ids_of_its_products(bundles: dict[str, Bundle], tmp_path: Path) -> None:
    text = exported(bundles["shopify"], "shopify", tmp_path / "out.jsonl", "shopify_id")
    number = {sku: str(100 + place) for place, sku in enumerate(SKUS)}
    expected = {number[sku]: [number[one] for one in targets] for sku, targets in EXPECTED.items()}
    found = READERS["shopify"](text)
    assert {one: targets[: len(expected[one])] for one, targets in found.items()} == expected


@pytest.mark.parametrize(
    ("name", "key", "column"),
    [("woocommerce", "SKU", "Cross-sells"), ("magento", "sku", "crosssell_skus")],
)
def test_links_that_the_shop_took_come_back_with_its_next_product_export(
    bundles: dict[str, Bundle], name: str, key: str, column: str, tmp_path: Path
) -> None:
    text = exported(bundles[name], name, tmp_path / "out.csv")
    links = {row[key]: row[column] for row in csv.DictReader(io.StringIO(text))}
    products = list(csv.DictReader(io.StringIO(SHOPS[name]()["products.csv"])))
    with (tmp_path / "products.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*products[0], column])
        writer.writeheader()
        writer.writerows(row | {column: links[row[key]]} for row in products)
    (tmp_path / "out.csv").unlink()
    import_tables(name, [tmp_path / "products.csv"], tmp_path / "again")
    relations = load_data(tmp_path / "again").relations
    assert relations is not None
    catalog = load_data(tmp_path / "again").catalog.ids
    back: dict[str, list[str]] = {}
    for source, target in relations.sort("source", "rank").select("source", "target").iter_rows():
        back.setdefault(catalog[source], []).append(catalog[target])
    assert {sku: targets[: len(EXPECTED[sku])] for sku, targets in back.items()} == EXPECTED


@pytest.mark.parametrize(("target", "separator"), [("google", "\t"), ("meta", ",")])
def test_a_supplemental_feed_has_the_ids_of_the_main_feed(
    bundles: dict[str, Bundle], target: str, separator: str, tmp_path: Path
) -> None:
    rows = [separator.join([sku, f"{sku} title", "9.00 EUR", "in_stock"]) for sku in SKUS]
    feed = lines("id,title,price,availability", rows, separator)
    main = tmp_path / ("feed.tsv" if target == "google" else "feed.csv")
    main.write_text(feed)
    import_tables("product-feed", [main], tmp_path / "feed")
    ids = pl.read_parquet(tmp_path / "feed" / "products.parquet")["product_id"].to_list()
    found = READERS[target](exported(bundles["woocommerce"], target, tmp_path / "out"))
    assert set(found) == set(ids)
    assert {one for targets in found.values() for one in targets} <= set(ids)
    assert all(one != other for targets in found.values() for one, other in pairwise(targets))
