"""The simulated shoppers of a bundle."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "demo_shoppers.py"


def test_a_bundle_gets_a_log_an_experiment_and_a_page(
    shop_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [str(SCRIPT), str(shop_bundle), str(tmp_path), "--shoppers", "2000"]
    monkeypatch.setattr(sys, "argv", given)
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert "(holdout group) spent" in (tmp_path / "results.html").read_text()
    command = [
        "experiment",
        "results",
        str(tmp_path / "experiment.toml"),
        str(tmp_path / "feedback"),
    ]
    found = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert [one["name"] for one in found["variants"]] == ["recommendations", "best-sellers"]
    assert found["incremental"]["recommendations"]["difference"] > 0
