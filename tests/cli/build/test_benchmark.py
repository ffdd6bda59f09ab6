import json
import sys

import polars as pl
import pytest

from goeswith.cli.main import main


@pytest.fixture
def folder(shop, tmp_path):
    """The shop of the tests as a folder of tables."""
    catalog, graph = shop
    folder = tmp_path / "tiny"
    folder.mkdir()
    catalog.frame.write_parquet(folder / "products.parquet")
    ids = catalog.ids
    pl.concat(
        [
            pl.DataFrame(
                {
                    "source": ids[relation.sources.tolist()],
                    "target": ids[relation.targets.tolist()],
                }
            ).with_columns(relation=pl.lit(name))
            for name, relation in graph.relations.items()
        ]
    ).write_parquet(folder / "relations.parquet")
    return folder


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """A function: arguments -> exit code, stdout, stderr of `goeswith benchmark`."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["goeswith", "benchmark", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return code, *capsys.readouterr()

    return call


def test_models_are_compared_and_figures_and_report_are_written(run, folder, tmp_path):
    code, out, err = run(
        folder,
        *("--models", "popularity,cocitation", "--protocol", "edges,cold", "--seeds", "0,1"),
        *("--json", tmp_path / "out" / "figures.json", "--html", tmp_path / "out" / "report.html"),
    )
    assert code == 0, err
    assert "tiny: edges, 100 products, mean over seeds 0, 1" in out
    assert "cocitation" in out
    assert "ndcg@10" in out
    figures = json.loads((tmp_path / "out" / "figures.json").read_text(encoding="utf-8"))
    assert [table["protocol"] for table in figures["protocols"]] == ["edges", "cold"]
    assert "<svg" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_every_closed_form_model_runs_when_none_is_named(run, folder, tmp_path):
    from goeswith.models import CLOSED_FORM

    code, _, err = run(folder, "--seeds", "0", "--json", tmp_path / "figures.json")
    assert code == 0, err
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [result["model"] for result in figures["results"]] == list(CLOSED_FORM)


def test_settings_of_a_model_hold_commas_too(run, folder, tmp_path):
    code, _, err = run(
        folder,
        *("--models", "katz:hops=2,damping=0.5,popularity", "--seeds", "0"),
        *("--json", tmp_path / "figures.json"),
    )
    assert code == 0, err
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [r["model"] for r in figures["results"]] == ["katz:hops=2,damping=0.5", "popularity"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "cocitatoin"], "did you mean 'cocitation'"),
        (["--protocol", "edgy"], "there is no protocol 'edgy'"),
        (["--seeds", "0,one"], "seeds are integers"),
        (["--seeds", "-1"], "seeds from 0 up"),
        (["--protocol", "time"], "needs a table of events"),
        (["--config", "missing.toml"], "missing.toml"),
        (["--json", "."], "is a folder; name a file"),
        (["--html", "tiny/products.parquet/report.html"], "its folder cannot be made"),
    ],
)
def test_what_cannot_be_run_ends_with_a_message_and_exit_code_2(run, folder, arguments, message):
    code, out, err = run(folder, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in out + err


def test_a_missing_folder_ends_with_a_message_and_exit_code_2(run, tmp_path):
    code, _, err = run(tmp_path / "nowhere")
    assert code == 2
    assert "nowhere" in err
