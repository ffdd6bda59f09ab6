"""Every pair of relations that a bundle was fitted on and is updated with."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, KindSettings, Settings

PRODUCTS = [
    {"product_id": f"{kind}-{i}", "type": kind, "title": f"{kind} {i}", "brand": f"brand {i % 3}"}
    for kind in ("camera", "lens", "bag")
    for i in range(8)
]
START = datetime(2024, 1, 1)


def purchases(start: int, count: int = 90, *, timed: bool = True) -> list[dict[str, object]]:
    rng = np.random.default_rng(start)
    return [
        {
            "session_id": f"p{start + i}",
            "basket_id": f"p{start + i}",
            "product_id": f"{kind}-{(i + int(rng.integers(2))) % 7}",
            "event": "purchase",
            "timestamp": START + timedelta(hours=start + i, minutes=place) if timed else None,
        }
        for i in range(count)
        for place, kind in enumerate(("camera", "lens", "bag"))
    ]


def views(start: int, count: int = 60) -> list[dict[str, object]]:
    return [
        {
            "session_id": f"v{start + i}",
            "basket_id": None,
            "product_id": f"camera-{(i + place) % 5}",
            "event": "view",
            "timestamp": START + timedelta(hours=start + i, minutes=place),
        }
        for i in range(count)
        for place in range(2)
    ]


def visits(start: int) -> list[dict[str, object]]:
    """Sessions that view products and then buy one and a lens."""
    rows = [{**row, "session_id": f"x{row['session_id']}"} for row in views(start)]
    for row in purchases(start, 60):
        number = str(row["session_id"])[1:]
        later = START + timedelta(hours=int(number), minutes=30)
        rows.append({**row, "session_id": f"xv{number}", "timestamp": later})
    return rows


def write(rows: list[dict[str, object]], path: Path) -> None:
    pl.DataFrame(rows, infer_schema_length=None).write_csv(path)


LOGS = {
    "purchases": purchases,
    "views": views,
    "purchases and views apart": lambda start: [*purchases(start), *views(start)],
    "views before purchases": visits,
    "carts": lambda start: [{**row, "event": "cart"} for row in views(start)],
}
FITTED = ["purchases", "views", "purchases and views apart", "views before purchases"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles that are fitted when first used."""
    return {"folder": tmp_path_factory.mktemp("fitted")}


def fitted_on(log: str, bundles: dict[str, Path]) -> Path:
    if log not in bundles:
        data = bundles["folder"] / f"{log} data"
        data.mkdir()
        pl.DataFrame(PRODUCTS).write_csv(data / "products.csv")
        write(LOGS[log](0), data / "events.csv")
        fit = FitSettings(model="ranker", fallbacks=["popularity"], k=5, session_model="none")
        settings = Settings(
            fit=fit,
            kinds=KindSettings(use="none"),
            models={"ranker": {"trees": 10, "folds": 1}},
        )
        fit_bundle(load_data(data), bundles["folder"] / log, settings, replace=True)
        bundles[log] = bundles["folder"] / log
    return bundles[log]


@pytest.mark.parametrize("update", LOGS)
@pytest.mark.parametrize("fit", FITTED)
def test_any_relations_are_added_to_any(
    fit: str, update: str, bundles: dict[str, Path], tmp_path: Path
) -> None:
    path = Path(shutil.copytree(fitted_on(fit, bundles), tmp_path / "bundle"))
    before = Bundle.open(path)
    write(LOGS[update](1000), tmp_path / "new.csv")
    done = update_bundle(path, tmp_path / "new.csv")
    after = Bundle.open(path, verify=True)
    old, new = before.manifest["relations"], after.manifest["relations"]
    # each relation has the contexts of both logs
    for name in set(old) | set(new):
        if name not in {"complement signal", "similarity signal"}:
            assert new[name]["edges"] >= old.get(name, {"edges": 0})["edges"]
    added = [name for name in new if new[name]["edges"] and not old.get(name, {}).get("edges")]
    added = [name for name in added if not name.endswith("signal")]
    assert any("new since the fit" in note for note in done.notes) == bool(added)
    for name in added:
        assert any(name in note for note in done.notes)
    if "purchases" in {fit, update} or "views before purchases" in {fit, update}:
        assert after.complements("camera-1", 3)
    # again, from what the update left
    write(LOGS[update](2000), tmp_path / "newer.csv")
    update_bundle(path, tmp_path / "newer.csv")
    assert Bundle.open(path, verify=True).id != after.id


def test_the_first_clicks_do_not_stop_update(bundles: dict[str, Path], tmp_path: Path) -> None:
    path = Path(shutil.copytree(fitted_on("purchases", bundles), tmp_path / "bundle"))
    rows = [
        {"session_id": f"s{i}", "product_id": f"camera-{p}", "event": "click"}
        for i in range(3)
        for p in range(2)
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "clicks.csv")
    done = update_bundle(path, tmp_path / "clicks.csv")
    assert done.events == 6
    assert any(note.startswith("co_view: new since the fit") for note in done.notes)
    # it stays new until the next fit
    pl.DataFrame([{**row, "session_id": f"t{row['session_id']}"} for row in rows]).write_csv(
        tmp_path / "more.csv"
    )
    done = update_bundle(path, tmp_path / "more.csv")
    assert any(note.startswith("co_view: new since the fit") for note in done.notes)
