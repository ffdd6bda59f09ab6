from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import BundleError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings


def test_inspect_shows_data_relations_models_and_health(shop_bundle: Path) -> None:
    run = CliRunner().invoke(app, ["inspect", str(shop_bundle)])
    assert run.exit_code == 0
    manifest = Bundle.open(shop_bundle).manifest
    for text in (
        manifest["id"],
        manifest["data"]["fingerprint"],
        "small-shop",
        "co_purchase",
        "complement signal",
        "similar_complements",
        "products without recommendations",
        "every SHA-256 as written",
        str(manifest["relations"]["co_purchase"]["edges"]),
    ):
        assert text in run.stdout
    assert run.stdout.splitlines()[0] == "table\trow\tname\tvalue"


def test_inspect_shows_metrics_and_rows_set_aside(shop_folder: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(shop_folder, tmp_path / "data"))
    with (data / "products.csv").open("a") as products:
        products.write("phone-1,Again,phone,brand,1.0\n")
    result = {"model": "popularity", "metrics": {"ndcg@10": {"mean": 0.1234}}}
    measured = {"protocol": "time", "results": [result]}
    settings = Settings(fit=FitSettings(model="popularity", fallbacks=[], k=3))
    for metrics in (measured, {"protocols": [measured]}):
        fit_bundle(load_data(data), tmp_path / "b", settings, metrics)
        run = CliRunner().invoke(app, ["inspect", str(tmp_path / "b")])
        assert "0.1234" in run.stdout
        assert "Measured: time" in run.stdout
        assert "Rows set aside" in run.stdout


def test_inspect_prints_the_manifest_as_json(shop_bundle: Path) -> None:
    run = CliRunner().invoke(app, ["inspect", str(shop_bundle), "--json"])
    assert json.loads(run.stdout) == Bundle.open(shop_bundle).manifest


def test_inspect_finds_a_changed_byte(shop_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(shop_bundle, tmp_path / "copy"))
    file = Bundle.open(copy).folder / "answers.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleError, match=r"answers\.safetensors is damaged"):
        CliRunner().invoke(app, ["inspect", str(copy)], catch_exceptions=False)
