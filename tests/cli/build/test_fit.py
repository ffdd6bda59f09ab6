from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, GoesWithError
from goeswith.query.bundle import Bundle


def goeswith(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def _working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_fit_leaves_a_bundle_and_says_how_to_ask_it(shop_folder: Path) -> None:
    run = goeswith("fit", shop_folder, "--out", "bundle", "--model", "copurchase")
    assert run.exit_code == 0, run.output
    assert "50 products" in run.stderr
    assert "by copurchase" in run.stderr
    assert "goeswith recommend bundle 'phone-0'" in run.stderr
    assert re.search(r"^reading .*small-shop, [\d.]+ s$", run.stderr, flags=re.MULTILINE)
    table = [line.split("\t") for line in run.stdout.splitlines()]
    assert dict(zip(*table, strict=True))["products"] == "50"
    bundle = Bundle.open("bundle", verify=True)
    assert bundle.manifest["settings"]["fit"]["model"] == "copurchase"


def test_json_is_one_document(shop_folder: Path) -> None:
    run = goeswith("fit", shop_folder, "-o", "bundle", "--model", "popularity", "--json")
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    assert document["id"] == Bundle.open("bundle").id
    assert document["first_answered"]["popularity"] == 50


def test_fit_reads_the_project_file_of_the_working_folder(shop_folder: Path) -> None:
    project = Path("goeswith.toml")
    project.write_text('[fit]\nmodel = "popularity"\nfallbacks = []\nk = 3\n')
    assert goeswith("fit", shop_folder, "--out", "b").exit_code == 0
    assert Bundle.open("b").k == 3
    project.write_text("[fit]\nkk = 3\n")
    assert isinstance(goeswith("fit", shop_folder, "--out", "b").exception, ConfigError)


def test_rows_set_aside_are_shown(shop_folder: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(shop_folder, tmp_path / "data"))
    with (data / "products.csv").open("a") as products:
        products.write("phone-1,Again,phone,brand,1.0\n")
    run = goeswith("fit", data, "--out", "b", "--model", "popularity")
    assert "Rows set aside" in run.stderr
    assert "products.csv" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--out", "b"], "nowhere"),
        (["{data}", "--out", "b", "--model", "copurchas"], "did you mean 'copurchase'"),
        (["{data}", "--out", "b", "--config", "none.toml"], "none.toml"),
        (["{data}", "--out", "{data}"], "holds other files"),
    ],
)
def test_what_cannot_be_fitted_says_why(
    shop_folder: Path, arguments: list[str], message: str
) -> None:
    run = goeswith("fit", *(argument.format(data=shop_folder) for argument in arguments))
    assert isinstance(run.exception, GoesWithError)
    assert message in str(run.exception)


def test_ctrl_c_during_fit_leaves_the_previous_bundle_answering(
    shop_folder: Path, shop_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bundle"
    shutil.copytree(shop_bundle, out)
    before = Bundle.open(out)
    answers = before.complements("phone-1", 5)
    process = subprocess.Popen(
        [sys.executable, "-m", "goeswith.cli.main", "fit", shop_folder, "--out", out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a terminal's group: the test's own runner must not be struck
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while len(list(out.glob("build-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGINT)
        printed = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode in {130, 1, -signal.SIGINT}, printed
    assert "Traceback" not in printed
    after = Bundle.open(out, verify=True)
    assert after.id == before.id
    assert after.complements("phone-1", 5) == answers
    assert len(list(out.glob("build-*"))) == 1


def test_a_fit_reports_what_is_there_and_keeps_what_answers(
    run_command: Callable[..., tuple[int, str, str]], shop_folder: Path, tmp_path: Path
) -> None:
    Path("goeswith.toml").write_text(
        '[fit]\nmodel = "cocitation"\nfallbacks = []\nk = 3\nsession_model = "none"\n'
    )
    code, out, err = run_command("fit", shop_folder, "--out", "live", "--json")
    assert code == 0
    document = json.loads(out)
    bundle = Bundle.open("live")
    lists = [len(bundle.lookup(bundle.products.ids[row], 3)) for row in range(len(bundle))]
    assert document["recommendations"] == sum(lists) < 3 * len(bundle)
    assert document["products_with_recommendations"] == np.count_nonzero(lists)
    assert f"50 products, {np.count_nonzero(lists)} with recommendations, on average" in err
    views = Path(shutil.copytree(shop_folder, tmp_path / "views"))
    events = pl.read_parquet(views / "events.parquet").with_columns(event=pl.lit("view"))
    events.write_parquet(views / "events.parquet")
    code, _, err = run_command("fit", views, "--out", "live")
    assert code == 2
    assert "live keeps its build: the new one would be much worse: 0 purchases" in err
    assert Bundle.open("live").id == bundle.id
    code, _, err = run_command("fit", views, "--out", "live", "--replace")
    assert code == 0
    assert "50 products, 0 with recommendations, on average 0.0 of at most 3" in err
