"""`goeswith label`: a sample is written, filled in, read back and compared with models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import goeswith as gw
from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError, GoesWithError
from goeswith.rules.label_store import Label, LabelStore
from goeswith.settings.sections import EvaluationSettings, Settings


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["label", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def document(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def fill(sample: Path, out: Path, *labels: str) -> Path:
    """A copy of a sample with labels in turn."""
    frame = pl.read_csv(sample, infer_schema=False)
    label = [labels[row % len(labels)] for row in range(frame.height)]
    frame.with_columns(label=pl.Series(label)).write_csv(out)
    return out


def test_labels_go_from_a_bundle_to_the_protocol(
    shop_bundle: Path, shop_folder: Path, tmp_path: Path
) -> None:
    sample = tmp_path / "sample.csv"
    written = document("sample", shop_bundle, "-o", sample, "--products", 9)
    frame = pl.read_csv(sample, infer_schema=False)
    assert written["pairs"] == frame.height
    assert frame["source"].n_unique() == written["products"] == 9
    assert frame.filter(pl.col("source_title") == "").height == 0
    bundle = gw.open(shop_bundle)
    for (source,), rows in frame.group_by("source"):
        first = [one.product_id for one in bundle.complements(str(source), 5)]
        assert sorted(rows["target"]) == sorted(first)

    ana = fill(sample, tmp_path / "ana.csv", "c", "weak", "", "s")
    bo = fill(sample, tmp_path / "bo.csv", "c", "weak", "i", "w")
    judged = tmp_path / "judged.csv"
    read = document("read", ana, bo, "-o", judged)
    assert [row["annotator"] for row in read["annotators"]] == ["ana", "bo"]
    (agreed,) = read["agreement"]
    assert agreed["share"] == pytest.approx(2 / 3, abs=0.05)
    assert 0 < agreed["kappa"] < agreed["share"]
    labelled = pl.read_csv(judged)
    assert labelled.height == read["pairs"] > 0

    settings = Settings(evaluation=EvaluationSettings(judged=str(judged)))
    table = gw.benchmark(
        gw.load_data(shop_folder), ["cocitation"], "judged", [0], settings=settings
    ).to_frame()
    assert 0 < table["complements@5"][0] <= 1


def test_a_sample_leaves_out_what_is_labelled(shop_bundle: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    run("sample", shop_bundle, "-o", first, "--products", 3)
    labelled = fill(first, tmp_path / "labelled.csv", "c", "")
    run("sample", shop_bundle, "-o", second, "--products", 3, "--skip", labelled)
    before, after = (pl.read_csv(file, infer_schema=False) for file in (first, second))
    pairs = [set(frame.select("source", "target").rows()) for frame in (before[1::2], after)]
    assert pairs[0] == pairs[1]


def test_labels_of_the_service_are_read_too(tmp_path: Path) -> None:
    LabelStore(tmp_path / "bundle").add(
        [Label("a", "b", "complement", "ana"), Label("a", "b", "weak", "bo")]
    )
    read = document("read", tmp_path / "bundle", "-o", tmp_path / "judged.parquet")
    assert read["pairs"] == 1
    assert pl.read_parquet(tmp_path / "judged.parquet").row(0) == ("a", "b", 0.5, 0.0, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["read", "empty.csv"], DataError, "no row has a label"),
        (["read", "ana.csv", "-o", "ana.csv"], ConfigError, "is one of the files to read"),
        (["read", "ana.csv", "ana.csv"], ConfigError, "also labelled another file"),
        (["read", "nothing.csv"], DataError, "there is no file"),
        (["sample", "bundle", "-o", "ana.csv"], ConfigError, "exists; it may hold labels"),
        (["sample", "bundle", "-o", "sample.txt"], ConfigError, "must end in one of .csv"),
        (["sample", "shop", "-o", "sample.csv"], GoesWithError, "goeswith fit"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "ana.csv").write_text("source,target,label\na,b,c\n")
    (tmp_path / "empty.csv").write_text("source,target,label\na,b,\n")
    with pytest.raises(error, match=message):
        run(*arguments)
