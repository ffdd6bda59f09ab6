"""Bundles of the version before names changed: read for one more version, with warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings
from goeswith.store.manifest import BELOW_SUPPORT, TOP_K
from goeswith.store.publish import new_build, publish

PUBLISHED = ("format", "needs", "id", "build", "created", "files", "sha256")


@pytest.fixture
def former(shop_folder: Path, tmp_path: Path) -> Path:
    """A bundle with the names of the version before."""
    path = tmp_path / "bundle"
    fit = FitSettings(model="cocitation", k=4, keep_below_support=True)
    fit_bundle(load_data(shop_folder), path, Settings(fit=fit))
    bundle = Bundle.open(path)
    with new_build(path) as build:
        for file in bundle.folder.rglob("*"):
            if file.is_file():
                name = file.relative_to(bundle.folder).as_posix()
                target = build / name.replace(f"{BELOW_SUPPORT}/", "rare/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
        arrays = load_arrays(build / TOP_K)
        arrays["origin"] = arrays.pop("model_index")
        save_arrays(arrays, build / TOP_K)
        content: dict[str, Any] = {
            key: value for key, value in bundle.manifest.items() if key not in PUBLISHED
        }
        settings = content["settings"]
        settings["fit"]["keep_rare"] = settings["fit"].pop("keep_below_support")
        settings["serve"]["remember"] = settings["serve"].pop("cache_mb")
        for entry in content["mined"]:
            entry["giants"] = entry.pop("oversized")
            entry["unplaced"] = entry.pop("without_context")
        publish(build, content)
    return path


def test_a_former_bundle_is_read_with_a_warning(former: Path) -> None:
    with pytest.warns(FutureWarning, match="origin is now called model_index"):
        bundle = Bundle.open(former)
    assert [one.model for one in bundle.complements("phone-1", 2)] == ["cocitation"] * 2


def test_an_update_writes_current_names(former: Path, tmp_path: Path) -> None:
    products = tmp_path / "products.csv"
    products.write_text("product_id,title,type\nphone-99,Phone 99,phone\n")
    with pytest.warns(FutureWarning) as warned:
        update_bundle(former, products=products)
    messages = " ".join(str(one.message) for one in warned)
    for text in (
        "fit.keep_rare is now called fit.keep_below_support",
        "serve.remember is now called serve.cache_mb",
        "rare is now called below_support",
        "origin is now called model_index",
    ):
        assert text in messages
    updated = Bundle.open(former)
    assert updated.manifest["settings"]["fit"]["keep_below_support"] is True
    assert (updated.folder / BELOW_SUPPORT).is_dir()
    assert not (updated.folder / "rare").exists()
    assert updated.complements("phone-99", 2)


def test_counts_of_a_former_bundle_are_added_under_current_names(
    former: Path, tmp_path: Path
) -> None:
    events = tmp_path / "new.csv"
    events.write_text(
        "user_id,session_id,basket_id,product_id,event,timestamp\n"
        "u1,s-new,b-new,phone-1,purchase,2025-01-01\n"
        "u1,s-new,b-new,case-1,purchase,2025-01-01\n",
        encoding="utf-8",
    )
    with pytest.warns(FutureWarning) as warned:
        before = {entry["relation"]: entry for entry in Bundle.open(former).manifest["mined"]}
        update_bundle(former, events)
    assert any("mined.giants is now mined.oversized" in str(one.message) for one in warned)
    after = {entry["relation"]: entry for entry in Bundle.open(former).manifest["mined"]}
    baskets = before["co_purchase"]["contexts"]
    assert after["co_purchase"]["contexts"] == baskets + 1
    assert {"oversized", "without_context"} <= set(after["co_purchase"])
    assert not {"giants", "unplaced"} & set(after["co_purchase"])
