"""Exports that overlap what a bundle has counted, as shops write them."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from goeswith.core.errors import BundleError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph_files import load_graph
from goeswith.settings.sections import FitSettings, KindSettings, Settings
from goeswith.store.publish import new_build, publish

SETTINGS = Settings(
    fit=FitSettings(
        model="copurchase", fallbacks=[], k=8, session_model="none", keep_below_support=True
    ),
    kinds=KindSettings(use="none"),
    relations=MiningConfig(per_user_cap=1000),
)
CUT, AGAIN_FROM = 400, 300
"""The fit has visits below the first number, the export those from the second one on."""
TIME = "timestamp"
PUBLISHED = ("format", "needs", "id", "build", "created", "files", "sha256")
"""Fields of a manifest that `publish` adds."""


def visit() -> pl.Expr:
    return pl.col("session_id").str.slice(1).cast(pl.Int64)


def clock(form: str) -> pl.Expr:
    return pl.col(TIME).dt.strftime(form)


def csv(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_csv(path)
    return path


def crlf(frame: pl.DataFrame, path: Path) -> Path:
    path.write_bytes(frame.write_csv().replace("\n", "\r\n").encode())
    return path


def gz(frame: pl.DataFrame, path: Path) -> Path:
    file = path.with_name(f"{path.name}.gz")
    file.write_bytes(gzip.compress(frame.write_csv().encode()))
    return file


def tsv(frame: pl.DataFrame, path: Path) -> Path:
    file = path.with_suffix(".tsv")
    frame.write_csv(file, separator="\t")
    return file


def jsonl(frame: pl.DataFrame, path: Path) -> Path:
    file = path.with_suffix(".jsonl")
    frame.with_columns(clock("%Y-%m-%dT%H:%M:%SZ")).write_ndjson(file)
    return file


def parquet(frame: pl.DataFrame, path: Path) -> Path:
    file = path.with_suffix(".parquet")
    frame.write_parquet(file)
    return file


def quoted(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_csv(path, quote_style="always")
    return path


def changed(*columns: pl.Expr) -> Callable[[pl.DataFrame, Path], Path]:
    return lambda frame, path: csv(frame.with_columns(*columns), path)


EXPORTS: dict[str, Callable[[pl.DataFrame, Path], Path]] = {
    "csv": csv,
    "carriage returns": crlf,
    "compressed": gz,
    "tab-separated": tsv,
    "JSON lines with a zone": jsonl,
    "parquet": parquet,
    "quotes around every value": quoted,
    "rows in another order": lambda frame, path: csv(
        frame.sample(fraction=1.0, shuffle=True), path
    ),
    "columns in another order": lambda frame, path: csv(
        frame.select(reversed(frame.columns)), path
    ),
    "a column more": changed(pl.lit("web").alias("shop_channel")),
    "unix times": changed(pl.col(TIME).dt.epoch("s")),
    "unix times in milliseconds": changed(pl.col(TIME).dt.epoch("ms")),
    "times with a zone of their own": changed(
        (pl.col(TIME) + timedelta(hours=2)).dt.strftime("%Y-%m-%dT%H:%M:%S+02:00")
    ),
    "local times without a zone": changed(pl.col(TIME) + timedelta(hours=2)),
    "times without seconds": changed(clock("%Y-%m-%d %H:%M")),
    "day first": changed(clock("%d/%m/%Y %H:%M:%S")),
    "dates alone": changed(clock("%Y-%m-%d")),
    "no times": lambda frame, path: csv(frame.drop(TIME), path),
    "no users": lambda frame, path: csv(frame.drop("user_id"), path),
    "spaces around ids": changed(pl.format(" {} ", "basket_id").alias("basket_id")),
    "every row twice": lambda frame, path: csv(pl.concat([frame, frame]), path),
}


@pytest.fixture(scope="module")
def events(shop_folder: Path) -> pl.DataFrame:
    return pl.read_parquet(shop_folder / "events.parquet")


def fitted(events: pl.DataFrame, shop_folder: Path, folder: Path) -> Path:
    data = folder / "data"
    data.mkdir()
    shutil.copy(shop_folder / "products.csv", data)
    events.write_parquet(data / "events.parquet")
    fit_bundle(load_data(data), folder / "bundle", SETTINGS)
    return folder / "bundle"


@pytest.fixture(scope="module")
def first(
    events: pl.DataFrame, shop_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return fitted(events.filter(visit() < CUT), shop_folder, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def complete(
    events: pl.DataFrame, shop_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return fitted(events, shop_folder, tmp_path_factory.mktemp("complete"))


def same_purchases(one: Path, other: Path) -> None:
    counts = []
    for path in (one, other):
        bundle = Bundle.open(path, verify=True)
        counts.append(load_graph(bundle.folder / "relations", len(bundle))["co_purchase"])
    assert counts[0].contexts == counts[1].contexts
    assert (counts[0].count != counts[1].count).nnz == 0


@pytest.mark.parametrize("export", EXPORTS)
def test_a_rolling_export_counts_each_basket_once(
    export: str, events: pl.DataFrame, first: Path, complete: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(first, tmp_path / "bundle"))
    rolling = EXPORTS[export](events.filter(visit() >= AGAIN_FROM), tmp_path / "last_days.csv")
    done = update_bundle(bundle, rolling)
    assert done.skipped > 0
    assert any(f"{done.skipped:,} of" in note for note in done.notes)
    same_purchases(bundle, complete)
    # the same export saved anew is not counted again
    with pytest.raises(BundleError, match=r"already counted in.*--again"):
        update_bundle(bundle, csv(events.filter(visit() >= CUT), tmp_path / "again.csv"))
    done = update_bundle(bundle, tmp_path / "again.csv", again=True)
    assert done.skipped == 0


def test_nightly_exports_of_thirty_days_count_each_basket_once(
    events: pl.DataFrame, first: Path, complete: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(first, tmp_path / "bundle"))
    for night in range(CUT, 600, 50):
        export = events.filter(visit().is_between(night - 100, night + 49))
        update_bundle(bundle, csv(export, tmp_path / f"night-{night}.csv"))
    same_purchases(bundle, complete)


def test_an_export_cut_inside_a_basket_counts_it_once(
    events: pl.DataFrame, shop_folder: Path, complete: Path, tmp_path: Path
) -> None:
    """By time, not by basket: rows after the cut are new, those before are skipped."""
    cut = events.filter(visit() == CUT)[TIME][2]
    bundle = fitted(events.filter(pl.col(TIME) <= cut), shop_folder, tmp_path)
    done = update_bundle(
        bundle, csv(events.filter(visit() >= AGAIN_FROM), tmp_path / "rolling.csv")
    )
    assert done.skipped == events.filter((visit() >= AGAIN_FROM) & (pl.col(TIME) <= cut)).height


def test_the_same_baskets_under_other_ids_are_refused(
    events: pl.DataFrame, first: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(first, tmp_path / "bundle"))
    renamed = [pl.format("export-{}", name).alias(name) for name in ("basket_id", "session_id")]
    rolling = events.filter(visit() >= AGAIN_FROM - 200).with_columns(renamed)
    with pytest.raises(BundleError, match="under another id"):
        update_bundle(bundle, csv(rolling, tmp_path / "renamed.csv"))
    # other baskets of the same days are counted, with a note
    other = rolling.with_columns(pl.col("product_id").shift(7).fill_null("phone-0"))
    done = update_bundle(bundle, csv(other, tmp_path / "other.csv"))
    assert any("overlap those of counted events" in note for note in done.notes)


def test_users_are_recognised_where_there_are_no_baskets(
    events: pl.DataFrame, shop_folder: Path, tmp_path: Path
) -> None:
    """Purchases count by users within days: those before the last counted time are skipped."""
    log = events.drop("basket_id", "session_id")
    middle = log[TIME].sort()[2 * len(log) // 3]
    start = log[TIME].sort()[len(log) // 3]
    bundle = fitted(log.filter(pl.col(TIME) <= middle), shop_folder, tmp_path)
    rolling = log.filter(pl.col(TIME) >= start)
    done = update_bundle(bundle, csv(rolling, tmp_path / "rolling.csv"))
    assert done.events == rolling.filter(pl.col(TIME) > middle).height
    with pytest.raises(BundleError, match=r"already counted in"):
        update_bundle(bundle, csv(rolling.reverse(), tmp_path / "reversed.csv"))


def test_users_without_times_are_refused(
    events: pl.DataFrame, shop_folder: Path, tmp_path: Path
) -> None:
    log = events.drop("basket_id", "session_id", TIME)
    bundle = fitted(log.head(2000), shop_folder, tmp_path)
    with pytest.raises(BundleError, match=r"users are already counted in.*timestamps"):
        update_bundle(bundle, csv(log.tail(1500), tmp_path / "rolling.csv"))
    assert update_bundle(bundle, tmp_path / "rolling.csv", again=True).events == 1500


def test_a_bundle_that_does_not_store_its_contexts_says_so(
    events: pl.DataFrame, first: Path, tmp_path: Path
) -> None:
    """Bundles of earlier versions."""
    bundle = Path(shutil.copytree(first, tmp_path / "bundle"))
    opened = Bundle.open(bundle)
    with new_build(bundle) as build:
        shutil.copytree(opened.folder, build, dirs_exist_ok=True)
        (build / "counted.safetensors").unlink()
        publish(build, {k: v for k, v in opened.manifest.items() if k not in PUBLISHED})
    for number in range(2):
        part = events.filter(visit() == CUT + number)
        done = update_bundle(bundle, csv(part, tmp_path / f"{number}.csv"))
        assert any("does not store which events it counted" in note for note in done.notes)
