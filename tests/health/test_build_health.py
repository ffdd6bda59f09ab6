"""The health of a build, against a count of its recommendations one by one."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import BundleError
from goeswith.data.folder import load_data
from goeswith.health.build_arrays import BuildArrays
from goeswith.health.build_health import measure_build, stored_health
from goeswith.health.health_report import BuildHealth, RulesInUse
from goeswith.health.log_volume import add_volumes, log_volume
from goeswith.health.notices import health_notices
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, KindSettings, PublishSettings, Settings

SETTINGS = Settings(
    fit=FitSettings(model="cocitation", fallbacks=["popularity"], k=8, session_model="none"),
    kinds=KindSettings(use="none"),
)


def health_of(bundle: Bundle) -> BuildHealth:
    health = stored_health(bundle.folder, bundle.manifest["files"])
    assert health is not None
    return health


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path) -> Bundle:
    return Bundle.open(shop_bundle)


def test_shares_are_those_of_the_recommendations_one_by_one(bundle: Bundle) -> None:
    health = health_of(bundle)
    top = {i: bundle.complements(i, 5) for i in (bundle.products.ids[r] for r in range(50))}
    answers = [answer for answers in top.values() for answer in answers]
    shown = health.top_five
    assert shown.recommendations == len(answers)
    kinds = {product_id: bundle.product(product_id)["type"] for product_id in top}
    same = [kinds[source] == answer.type for source, found in top.items() for answer in found]
    assert shown.same_type == pytest.approx(np.mean(same), abs=1e-6)
    assert shown.fallback == pytest.approx(np.mean([a.fallback for a in answers]), abs=1e-6)
    is_direct = [a.evidence.basis == "bought_together" for a in answers]
    assert shown.bought_together == pytest.approx(np.mean(is_direct), abs=1e-6)
    for name in ("strong", "medium", "weak"):
        count = sum(
            a.evidence.strength == name and a.evidence.basis == "bought_together" for a in answers
        )
        assert getattr(shown, name) == pytest.approx(count / len(answers), abs=1e-6)
    counts = Counter(answer.product_id for answer in answers)
    assert health.coverage.recommended == len(counts)
    assert {hub.product_id: hub.lists for hub in health.hubs}.items() <= counts.items()
    assert health.hubs[0].lists == max(counts.values())
    only = [i for i in top if all(a.fallback for a in bundle.complements(i, 8))]
    assert health.coverage.fallback_only == len(only) == health.issues["fallback_only"]
    assert {p.product_id for p in health.weak_products} >= set(only)


@given(st.integers(0, 2**32 - 1))
def test_pairs_are_found_in_any_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, size = int(rng.integers(1, 9)), int(rng.integers(0, 30))
    entries = sorted({(int(r), int(c)) for r, c in rng.integers(0, n, (size, 2))})
    starts = np.searchsorted([r for r, _ in entries], np.arange(n + 1)).astype(np.int64)
    arrays = BuildArrays(Path("none"), [])
    columns = np.array([c for _, c in entries], dtype=np.int32)
    arrays.__dict__["evidence"] = {"bought.indptr": starts, "bought.indices": columns}
    rows, wanted = rng.integers(0, n, (2, 20)).astype(np.int32)
    place = {entry: i for i, entry in enumerate(entries)}
    expected = [place.get(pair, -1) for pair in zip(rows.tolist(), wanted.tolist(), strict=True)]
    assert arrays.bought_positions((rows, wanted)).tolist() == expected


def rewritten(folder: Path, out: Path, events: pl.Expr | None, products: pl.DataFrame) -> Path:
    out.mkdir()
    log = pl.read_parquet(folder / "events.parquet")
    (log if events is None else log.filter(events)).write_parquet(out / "events.parquet")
    products.write_csv(out / "products.csv")
    return out


def test_changes_name_what_entered_and_left_and_why(shop_folder: Path, tmp_path: Path) -> None:
    products = pl.read_csv(shop_folder / "products.csv")
    few = products.filter(pl.col("product_id") != "case-4")
    without = pl.col("product_id") != "case-4"
    first = rewritten(shop_folder, tmp_path / "first", without, few)
    fit_bundle(load_data(first), tmp_path / "bundle", SETTINGS)
    before = Bundle.open(tmp_path / "bundle")
    assert health_of(before).changes is None
    held = products.with_columns(in_stock=pl.col("product_id") != "protector-1").filter(
        pl.col("product_id") != "phone-9"
    )
    second = rewritten(shop_folder, tmp_path / "second", None, held)
    fit_bundle(load_data(second), tmp_path / "bundle", SETTINGS)
    after = Bundle.open(tmp_path / "bundle")
    changes = health_of(after).changes
    assert changes is not None
    assert (changes.last, changes.new_products, changes.removed_products) == (before.id, 1, 1)
    assert changes.compared == 48
    assert changes.coverage == health_of(before).coverage
    expected = {}
    for row in range(len(after)):
        product_id = after.products.ids[row]
        if before.products.contains(product_id):
            was = {answer.product_id for answer in before.complements(product_id, 5)}
            now = {answer.product_id for answer in after.complements(product_id, 5)}
            if was != now:
                expected[product_id] = (now - was, was - now)
    assert changes.changed == len(expected) > 5
    shown = {
        p.product_id: ({e.product_id for e in p.entered}, {e.product_id for e in p.left})
        for p in changes.products
    }
    assert shown == expected
    reasons = {(e.product_id, e.reason) for p in changes.products for e in p.entered}
    assert ("case-4", "new_product") in reasons
    gone = {(e.product_id, e.reason) for p in changes.products for e in p.left}
    assert ("protector-1", "sold_out_or_hidden") in gone
    assert sum(changes.reasons_entered.values()) == sum(len(e) for e, _ in expected.values())


@pytest.fixture(scope="module")
def published(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published") / "bundle"
    fit_bundle(load_data(shop_folder), out, SETTINGS)
    return out


def test_a_build_with_half_of_its_events_is_refused_and_says_why(
    published: Path, shop_folder: Path, tmp_path: Path
) -> None:
    live = Path(shutil.copytree(published, tmp_path / "bundle"))
    products = pl.read_csv(shop_folder / "products.csv")
    middle = datetime(2024, 1, 1) + timedelta(hours=6 * 300)
    half = rewritten(shop_folder, tmp_path / "half", pl.col("timestamp") < middle, products)
    with pytest.raises(BundleError, match=r"much worse: .* events, .* before .*--replace"):
        fit_bundle(load_data(half), live, SETTINGS)
    assert Bundle.open(live).id == Bundle.open(published).id
    fit_bundle(load_data(half), live, SETTINGS, replace=True)
    assert Bundle.open(live).id != Bundle.open(published).id


def test_a_build_of_look_alikes_is_refused_unless_the_limit_is_off(
    published: Path, shop_folder: Path, tmp_path: Path
) -> None:
    live = Path(shutil.copytree(published, tmp_path / "bundle"))
    products = pl.read_csv(shop_folder / "products.csv")
    words = " ".join(f"word{i}" for i in range(200))
    same = products.select(
        "product_id", title=pl.format("{} {}", pl.lit(words), pl.col("product_id"))
    )
    twins = rewritten(shop_folder, tmp_path / "twins", None, same)
    with pytest.raises(BundleError, match=r"100\.0% look-alikes .*, \d\.\d% before .at most 10%"):
        fit_bundle(load_data(twins), live, SETTINGS)
    off = SETTINGS.model_copy(update={"publish_if": PublishSettings(max_look_alikes=1)})
    fit_bundle(load_data(twins), live, off)


def test_a_bundle_of_an_earlier_version_is_measured_when_needed(bundle: Bundle) -> None:
    measured = measure_build(bundle.folder, bundle.models, None)
    assert measured == health_of(bundle).model_copy(update={"log": None, "changes": None})


def test_a_damaged_file_is_refused(shop_bundle: Path, tmp_path: Path) -> None:
    copy = Bundle.open(Path(shutil.copytree(shop_bundle, tmp_path / "copy")))
    (copy.folder / "health.json").write_text('{"coverage": 3}')
    with pytest.raises(BundleError, match=r"health\.json is damaged: .*; fit the bundle again"):
        stored_health(copy.folder, copy.manifest["files"])


def events_on(days: list[date], product: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "product": [product] * len(days),
            "event": ["purchase"] * len(days),
            "timestamp": [datetime(d.year, d.month, d.day, 12) for d in days],
        }
    )


@pytest.mark.parametrize("name", ["health.json", "evidence.safetensors", "manifest.json"])
def test_a_last_build_that_cannot_be_compared_is_noted(
    shop_bundle: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(shop_bundle, tmp_path / "last")
    last = Bundle.open(tmp_path / "last")
    models = last.manifest["models"]
    intact = measure_build(last.folder, models, None, tmp_path / "last")
    assert intact.changes is not None
    assert intact.not_compared is None
    file = last.path / name if name == "manifest.json" else last.folder / name
    file.write_bytes(b"{ half")
    health = measure_build(Bundle.open(shop_bundle).folder, models, None, tmp_path / "last")
    assert health.changes is None
    assert str(tmp_path / "last") in str(health.not_compared)
    rules = RulesInUse(rules=0, tried=0, firing=[], silent=[])
    (notice,) = [n for n in health_notices(health, rules, []) if n.code == "not_compared"]
    assert "could not be compared" in notice.text


def test_without_a_last_build_nothing_is_noted(bundle: Bundle, tmp_path: Path) -> None:
    health = measure_build(bundle.folder, bundle.manifest["models"], None, tmp_path / "none")
    assert (health.changes, health.not_compared) == (None, None)


def test_missing_days_are_those_on_which_the_shop_is_open() -> None:
    start = date(2024, 1, 1)
    open_days = [start + timedelta(n) for n in range(60) if (start + timedelta(n)).weekday() < 6]
    lost = date(2024, 1, 17)
    volume = log_volume(events_on([day for day in open_days if day != lost]))
    assert volume is not None
    assert (volume.missing, volume.missing_days) == (1, ["2024-01-17"])
    assert sum(day.new_products or 0 for day in volume.days) == 1
    later = log_volume(events_on([lost, date(2024, 3, 4)], 1), count_new=False)
    both = add_volumes(volume, later)
    assert both is not None
    assert both.missing_days == ["2024-03-01", "2024-03-02"]
    assert (both.first, both.last, both.days[-1].new_products) == ("2024-01-01", "2024-03-04", None)


def test_lists_and_events_without_times_have_no_volume() -> None:
    assert log_volume(None) is None
    assert log_volume(pl.DataFrame({"product": [0], "event": ["purchase"]})) is None
