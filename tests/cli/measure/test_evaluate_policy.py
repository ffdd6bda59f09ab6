"""`goeswith evaluate-policy` as its user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    item = rng.integers(2, size=1000)
    path = tmp_path / "log.csv"
    pl.DataFrame(
        {"item": item, "click": rng.random(1000) < 0.1 + 0.2 * item, "p": np.full(1000, 0.5)}
    ).with_columns(pl.col("click").cast(pl.Int8)).write_csv(path)
    return path


def test_a_list_is_evaluated_on_a_log_with_other_names(log: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.csv"
    policy.write_text("target_id\n1\n")
    names = ["--product", "item", "--reward", "click", "--propensity", "p"]
    arguments = ["evaluate-policy", str(log), "--policy", str(policy), *names]
    run = CliRunner().invoke(app, [*arguments, "--json"])
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    values = {entry["estimator"]: entry for entry in document["estimates"]}
    assert values["dr"]["low"] < 0.3 < values["dr"]["high"]
    assert document["overlap"]["effective"] == pytest.approx(500, abs=60)
    table = CliRunner().invoke(app, arguments)
    assert table.stdout.splitlines()[0] == "estimator\tvalue\terror\tlow\thigh"
    assert "effective sample" in table.stderr


def test_wrong_input_is_refused(log: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["evaluate-policy", str(log), "--estimator", "best"])
    assert isinstance(run.exception, ConfigError)
    broken = tmp_path / "broken.csv"
    broken.write_text('product_id,reward,propensity\na,1,0.5\n"b,0,0.5\n')
    run = CliRunner().invoke(app, ["evaluate-policy", str(broken)])
    assert isinstance(run.exception, DataError)
