"""A list shows one product of a variant group, with the counts of the group."""

import polars as pl
import pytest

import goeswith as gw
from goeswith.query.constraints import Constraints
from goeswith.relations.build_graph import mine_catalog
from goeswith.relations.config import MiningConfig
from goeswith.relations.mine import mine
from goeswith.relations.mining_report import MiningReport

SIZES = ("S", "M", "L")
ONCE = MiningConfig(min_co_purchase=1)


def dataset(group=True, sizes=SIZES, titles=True, types=True):
    """Shirts 0 to 5 go with trousers 0 to 5, in any sizes."""
    products, rows = [], []
    for model in range(6):
        for kind in ("shirt", "trousers"):
            for size in sizes:
                record = {"product_id": f"{kind}-{model}-{size}", "size": size}
                record |= {"variant_group": f"{kind}-{model}"} if group else {}
                record |= {"title": f"Zorb {model} {size}"} if titles else {}
                record |= {"type": kind, "brand": "Acme"} if types else {}
                products.append(record)
    for order in range(180):
        model = order % 6
        for kind, step in (("shirt", 7), ("trousers", 11)):
            size = sizes[(order // 6 * step + order // 60) % len(sizes)]
            rows.append((f"o{order}", f"u{order}", f"{kind}-{model}-{size}"))
    events = pl.DataFrame(rows, schema=["basket_id", "user_id", "product_id"], orient="row")
    return gw.Dataset.from_frames(events=events, products=pl.DataFrame(products))


def names(found):
    return [one.product_id.rsplit("-", 1)[0] for one in found]


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"titles": False},
        {"types": False},
        {"titles": False, "types": False},
        {"sizes": ("XS", "S", "M", "L", "XL", "XXL")},
        {"group": False},
    ],
)
@pytest.mark.parametrize("model", ["copurchase", "cocitation", "popularity"])
def test_a_list_has_one_product_of_a_group(tmp_path, shape, model):
    data = dataset(**shape)
    bundle = gw.fit(data, tmp_path / "bundle", model=model)
    for source in ("shirt-0-M", "trousers-3-S"):
        for k in (3, 8):
            found = names(bundle.complements(source, k))
            assert len(found) == len(set(found))
            assert source.rsplit("-", 1)[0] not in found
    assert bundle.complements("shirt-0-M", 1)[0].more_variants == len(shape.get("sizes", SIZES)) - 1
    found = names(bundle.basket(["shirt-0-M", "shirt-1-S"], 8))
    assert len(found) == len(set(found))


def test_the_counts_of_a_group_are_those_of_all_its_sizes(tmp_path):
    bundle = gw.fit(dataset(), tmp_path / "bundle", model="copurchase")
    for size in SIZES:
        (one,) = bundle.complements(f"shirt-2-{size}", 1)
        assert one.product_id.startswith("trousers-2-")
        assert (one.evidence.bought_together, one.evidence.customers) == (30, 30)
        assert one.more_variants == 2


def test_without_a_group_of_the_shop_counts_are_of_products(tmp_path):
    bundle = gw.fit(dataset(group=False), tmp_path / "bundle", model="copurchase")
    (one,) = bundle.complements("shirt-2-M", 1)
    assert one.evidence.bought_together < 30


@pytest.mark.parametrize("size", SIZES)
def test_a_filter_has_another_size_shown(tmp_path, size):
    bundle = gw.fit(dataset(), tmp_path / "bundle", model="copurchase")
    found = bundle.complements("shirt-2-M", 1, Constraints.from_text(where=[f"size = {size}"]))
    assert [one.product_id for one in found] == [f"trousers-2-{size}"]


def test_counts_of_products_where_those_of_groups_are_too_many(monkeypatch):
    data = dataset()
    monkeypatch.setattr("goeswith.relations.build_graph._MAX_EDGES_OF_VARIANTS", 10)
    report = MiningReport()
    graph = mine_catalog(data.events, data.catalog, ONCE, report)
    assert graph["co_purchase"].count.max() < 30
    assert report.notes[0].startswith("counts are of single variants")
    assert len(report.relations) == 1


def test_measures_are_those_of_the_groups():
    data = dataset()
    one = mine_catalog(data.events, data.catalog, ONCE)["co_purchase"]
    rows = [3 * (row // 3) for row in data.events["product"].to_list()]
    events = data.events.with_columns(pl.Series("product", rows, dtype=pl.Int32))
    rolled = mine(events, len(data.catalog), ONCE)["co_purchase"]
    assert len(one) == 9 * len(rolled)
    for measure in ("lift", "confidence", "llr", "pmi_lower"):
        assert set(one.measure(measure).round(9)) == set(rolled.measure(measure).round(9))
    assert set(one.sized_lift_lower().round(9)) == set(rolled.sized_lift_lower().round(9))


def test_the_default_model_reads_baskets_of_a_shop_with_variants(tmp_path):
    bundle = gw.fit(dataset(), tmp_path / "bundle")
    found = bundle.complements("shirt-0-M", 3)
    assert names(found)[0] == "trousers-0"
    assert found[0].evidence.bought_together == 30
