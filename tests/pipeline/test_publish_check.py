"""A fit keeps the last build where the new one has no or far fewer answers, or fewer events."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import goeswith as gw
from goeswith.core.errors import BundleError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, KindSettings, PublishSettings, Settings
from goeswith.store.publish import new_build, publish
from goeswith.store.publish_check import BuildStatistics, losses

SETTINGS = Settings(
    fit=FitSettings(model="cocitation", fallbacks=["popularity"], k=8, session_model="none"),
    kinds=KindSettings(use="none"),
)
PUBLISHED = ("format", "needs", "id", "build", "created", "files", "sha256")
"""Fields of a manifest that `publish` adds."""
Frames = tuple[pl.DataFrame, pl.DataFrame]


def _keep(share: float) -> Callable[[Frames], Frames]:
    return lambda tables: (tables[0].head(int(share * tables[0].height)), tables[1])


def _only(**kinds: str) -> Callable[[Frames], Frames]:
    def change(tables: Frames) -> Frames:
        events, products = tables
        renamed = pl.col("event").replace_strict(kinds, default=None, return_dtype=pl.String)
        return events.with_columns(renamed.alias("event")).drop_nulls("event"), products

    return change


def _without_repeats(tables: Frames) -> Frames:
    """Every line is a basket and a session of its own."""
    events, products = tables
    number = pl.format("line-{}", pl.int_range(pl.len()))
    return events.with_columns(number.alias("basket_id"), number.alias("session_id")), products


def _ids_in_one_cell(tables: Frames) -> Frames:
    events, _ = tables
    joined = (
        events.filter(pl.col("event") == "purchase")
        .group_by("user_id", "session_id", "basket_id", "event", maintain_order=True)
        .agg(pl.col("product_id").str.join(","))
    )
    return joined, pl.DataFrame({"product_id": joined["product_id"].unique()})


def _one_basket(tables: Frames) -> Frames:
    """All purchases in twenty baskets of more than a hundred products."""
    del tables
    rows = [
        {"basket_id": f"b{b}", "product_id": f"part-{i}", "event": "purchase"}
        for b in range(20)
        for i in range(150)
    ]
    return pl.DataFrame(rows), pl.DataFrame({"product_id": [f"part-{i}" for i in range(150)]})


def _same_titles(tables: Frames) -> Frames:
    events, products = tables
    same = {"title": "Product", "brand": "Brand", "type": "Type"}
    return events, products.with_columns(**{name: pl.lit(text) for name, text in same.items()})


def _few_products(tables: Frames) -> Frames:
    events, products = tables
    products = products.filter(pl.col("product_id").str.contains("^camera|^tripod"))
    return events.join(products.select("product_id"), on="product_id"), products


WORSE: dict[str, tuple[Callable[[Frames], Frames], str]] = {
    "half of the events": (_keep(0.5), r"1,\d{3} events, 3,\d{3} before \(50\.0%"),
    "two thirds of the events": (_keep(0.66), r"events, .* before"),
    "a tenth of the events": (_keep(0.1), r"purchases, .* before"),
    "views alone": (_only(view="view"), r"0 purchases, .* before"),
    "carts alone": (_only(purchase="cart", view="cart"), r"0 purchases, .* before"),
    "purchases read as views": (_only(purchase="view", view="view"), r"0 purchases, .* before"),
    "views that are lost": (_only(purchase="purchase"), r"0 views, .* before"),
    "a basket a line": (_without_repeats, r"none of 50 products.*single product"),
    "several ids in one cell": (_ids_in_one_cell, r"events, .* before"),
    "baskets of a hundred lines": (_one_basket, r"0 views, .* before"),
    "one title for all": (_same_titles, r"none of 50 products.*variants of one product"),
    "a part of the catalogue": (_few_products, r"events, .* before"),
}


def tables_of(folder: Path) -> Frames:
    return pl.read_parquet(folder / "events.parquet"), pl.read_csv(folder / "products.csv")


def write(tables: Frames, folder: Path) -> Path:
    folder.mkdir()
    tables[0].write_parquet(folder / "events.parquet")
    tables[1].write_csv(folder / "products.csv")
    return folder


@pytest.fixture(scope="module")
def good(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("good") / "bundle"
    fit_bundle(load_data(shop_folder), out, SETTINGS)
    return out


@pytest.mark.parametrize("case", WORSE)
def test_a_much_worse_build_does_not_replace_the_last(
    case: str, good: Path, shop_folder: Path, tmp_path: Path
) -> None:
    change, message = WORSE[case]
    live = Path(shutil.copytree(good, tmp_path / "live"))
    data = load_data(write(change(tables_of(shop_folder)), tmp_path / "data"))
    before = Bundle.open(live)
    with pytest.raises(BundleError, match=message) as refused:
        fit_bundle(data, live, SETTINGS)
    assert "keeps its build" in str(refused.value)
    assert "--replace" in str(refused.value)
    after = Bundle.open(live, verify=True)
    assert after.id == before.id
    assert after.lookup("phone-1", 3) == before.lookup("phone-1", 3)
    assert [entry.name for entry in live.iterdir() if entry.is_dir()] == [after.folder.name]
    fit_bundle(data, live, SETTINGS, replace=True)
    assert Bundle.open(live, verify=True).id != before.id


EMPTY: dict[str, tuple[Callable[[Frames], Frames], str]] = {
    "views alone": (_only(view="view"), "no purchases among .* events .* views"),
    "carts alone": (_only(purchase="cart", view="cart"), "no purchases among"),
    "a basket a line": (_without_repeats, "holds a single product"),
    "several ids in one cell": (_ids_in_one_cell, "each of .* baskets holds a single product"),
    "baskets of a hundred lines": (_one_basket, "all 20 baskets hold more than 100 products"),
    "one title for all": (_same_titles, "50 of 50 products count as variants"),
}


@pytest.mark.parametrize("case", EMPTY)
def test_a_first_fit_without_answers_fails_and_says_why(
    case: str, shop_folder: Path, tmp_path: Path
) -> None:
    change, message = EMPTY[case]
    data = load_data(write(change(tables_of(shop_folder)), tmp_path / "data"))
    fit = SETTINGS.fit.model_copy(update={"fallbacks": []})
    settings = SETTINGS.model_copy(update={"fit": fit})
    with pytest.raises(BundleError, match=f"no bundle is written .*none of .*{message}"):
        fit_bundle(data, tmp_path / "new", settings)
    assert not (tmp_path / "new" / "manifest.json").exists()
    fit_bundle(data, tmp_path / "new", settings, replace=True)
    # once an empty bundle is published, another may follow
    fit_bundle(data, tmp_path / "new", settings)


def test_a_little_less_is_published(good: Path, shop_folder: Path, tmp_path: Path) -> None:
    live = Path(shutil.copytree(good, tmp_path / "live"))
    data = load_data(write(_keep(0.8)(tables_of(shop_folder)), tmp_path / "data"))
    fit_bundle(data, live, SETTINGS)
    assert Bundle.open(live).id != Bundle.open(good).id


def test_the_limits_are_settings(good: Path, shop_folder: Path, tmp_path: Path) -> None:
    live = Path(shutil.copytree(good, tmp_path / "live"))
    half = write(_keep(0.5)(tables_of(shop_folder)), tmp_path / "data")
    off = SETTINGS.model_copy(update={"publish_if": PublishSettings(min_events=0, min_answers=0)})
    fit_bundle(load_data(half), live, off)
    strict = SETTINGS.model_copy(update={"publish_if": PublishSettings(min_events=1)})
    fewer = write(_keep(0.49)(tables_of(shop_folder)), tmp_path / "fewer")
    with pytest.raises(BundleError, match="at least 100% required"):
        gw.fit(fewer, live, settings=strict)
    gw.fit(fewer, live, settings=strict, replace=True)


def test_a_bundle_without_statistics_is_compared_by_what_it_has(
    good: Path, shop_folder: Path, tmp_path: Path
) -> None:
    """Bundles of earlier versions."""
    live = Path(shutil.copytree(good, tmp_path / "live"))
    manifest = Bundle.open(live).manifest
    with new_build(live) as build:
        shutil.copytree(Bundle.open(live).folder, build, dirs_exist_ok=True)
        former = {*PUBLISHED, "statistics"}
        publish(build, {k: v for k, v in manifest.items() if k not in former})
    assert "statistics" not in Bundle.open(live).manifest
    old = BuildStatistics.from_manifest(Bundle.open(live).manifest)
    now = BuildStatistics.from_manifest(manifest)
    assert old.rows == {"events": now.rows["events"]}
    assert (old.answered, old.recommendations) == (now.answered, now.recommendations)
    data = load_data(write(_keep(0.5)(tables_of(shop_folder)), tmp_path / "data"))
    with pytest.raises(BundleError, match=r"events, .* before"):
        fit_bundle(data, live, SETTINGS)


def test_losses_name_both_numbers() -> None:
    last = BuildStatistics({"events": 1000, "purchases": 1000, "views": 0}, 10, 9, 10, 80)
    new = BuildStatistics({"events": 690, "purchases": 690, "views": 0}, 10, 9, 6, 80)
    assert losses(new, last, PublishSettings()) == [
        "690 events, 1,000 before (69.0%; at least 70% required)",
        "690 purchases, 1,000 before (69.0%; at least 70% required)",
        "6 products with recommendations, 10 before (60.0%; at least 70% required)",
    ]
    assert not losses(last, last, PublishSettings(min_events=1, min_answers=1))
    assert not losses(new, new, PublishSettings(min_events=1, min_answers=1))


def test_a_catalogue_of_which_nothing_is_known_says_what_to_add(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "products.csv").write_text("product_id\na\nb\nc\n")
    with pytest.raises(BundleError, match=r"no events and no lists of pairs.*add titles, types or"):
        fit_bundle(load_data(tmp_path / "shop"), tmp_path / "bundle", Settings())
