"""The model of docs/how-to/own-model.md: benchmarked, fitted, refreshed and served like ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import goeswith as gw
from goeswith.core.errors import ConfigError
from goeswith.models import MODELS

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "own-model.md"
(MODEL,) = re.findall(
    r"```python\n(import numpy.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL
)


def shop() -> pl.DataFrame:
    """Baskets in which products of one number go together."""
    rng = np.random.default_rng(0)
    rows = []
    for basket in range(600):
        group = rng.integers(0, 6)
        rows += [(basket, f"p{group}-{product}") for product in rng.choice(8, 3, replace=False)]
    return pl.DataFrame(rows, schema=["basket_id", "product_id"], orient="row")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "overlap_model.py").write_text(MODEL, encoding="utf-8")
    (folder / "shop").mkdir()
    shop().write_csv(folder / "shop" / "events.csv")
    return folder


def in_a_process(project: Path, *args: str, code: int = 0) -> str:
    """Where nothing has been trusted before."""
    done = subprocess.run(
        [sys.executable, "-m", "goeswith.cli.main", *args],
        cwd=project,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_a_model_in_a_users_file_is_benchmarked_fitted_updated_and_loaded(
    project: Path, run_command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*args: str) -> None:
        code, _, printed = run_command(*args)
        assert code == 0, printed

    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(project)
    assert len([line for line in MODEL.strip().splitlines() if line.strip()]) <= 20
    models = "overlap_model:Overlap,overlap_model:Overlap:power=2,popularity"
    arguments = ("--protocol", "edges", "--models", models, "--seeds", "0", "-o", "b.json")
    run("benchmark", "shop", *arguments)
    figures = json.loads((project / "b.json").read_text())
    by_model = {line["model"]: line["metrics"] for line in figures["results"]}
    assert set(by_model) == set(models.split(","))
    assert by_model["overlap_model:Overlap"]["hit@10"]["mean"] > 0.5

    run("fit", "shop", "--out", "bundle", "--model", "overlap_model:Overlap:power=2")
    bundle = gw.Bundle.open(project / "bundle")
    assert bundle.complements("p0-0", 3)[0].model == "overlap_model:Overlap:power=2"
    # a filter needs the saved model, which is code that a bundle alone may not name
    narrowed = ("recommend", "bundle", "p0-0", "--ban", "p0-1", "-k", "50")
    refusal = in_a_process(project, *narrowed, code=2)
    assert "--trust overlap_model:Overlap" in refusal
    assert "p0-2" in in_a_process(project, "--trust", "overlap_model:Overlap", *narrowed)
    (project / "new.csv").write_text("basket_id,product_id\nx,p0-0\nx,p0-1\n", encoding="utf-8")
    run("--trust", "overlap_model:Overlap", "update", "bundle", "new.csv")


def test_a_class_and_an_instance_take_part_from_python(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(project)
    from overlap_model import Overlap

    data = gw.Dataset.from_frames(events=shop())
    models = ["popularity", Overlap, Overlap(power=2), gw.models.EASE(l2=10)]
    table = gw.benchmark(data, models, "edges", [0]).to_frame()
    assert set(table["model"]) == {
        "popularity",
        "overlap_model:Overlap",
        "overlap_model:Overlap:power=2.0",
        "ease:l2=10.0",
    }
    bundle = gw.fit(data, tmp_path / "bundle", model=Overlap(power=3))
    assert bundle.manifest["settings"]["models"]["overlap_model:Overlap"] == {"power": 3.0}
    assert bundle.scorer.load().top_k(0, np.ones(len(bundle), dtype=bool), 3)[0].size == 3
    with pytest.raises(ConfigError, match=r"no setting|power"):
        Overlap(strength=1)


def test_a_module_that_is_no_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_model.py").write_text("class Thing: ...\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="code outside goeswith"):
        MODELS.make("no_model:Thing")
    MODELS.trust("no_model:Thing")
    with pytest.raises(ConfigError, match=r"subclass of goeswith\.models\.base\.Recommender"):
        MODELS.make("no_model:Thing")
    MODELS.trust("no_such_module:Thing")
    with pytest.raises(ConfigError, match="cannot be imported"):
        MODELS.make("no_such_module:Thing")
