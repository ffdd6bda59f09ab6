import json
import re
from functools import partial
from pathlib import Path

import polars as pl
import pytest


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
def run(run_command):
    """A function: arguments -> exit code, stdout, stderr of `goeswith benchmark`."""
    return partial(run_command, "benchmark")


def test_models_are_compared_and_figures_and_report_are_written(run, folder, tmp_path):
    code, out, err = run(
        folder,
        *("--models", "popularity,cocitation", "--protocol", "edges,cold", "--seeds", "0,1"),
        *("-o", tmp_path / "out" / "figures.json", "-o", tmp_path / "out" / "report.html"),
    )
    assert code == 0, err
    header, *lines = [line.split("\t") for line in out.splitlines()]
    assert header[:4] == ["protocol", "model", "ndcg@10", "ndcg@10.std"]
    assert [line[:2] for line in lines] == [
        [protocol, model]
        for protocol in ("edges", "cold")
        for model in ("popularity", "cocitation")
    ]
    figures = json.loads((tmp_path / "out" / "figures.json").read_text(encoding="utf-8"))
    assert [table["protocol"] for table in figures["protocols"]] == ["edges", "cold"]
    mean = figures["protocols"][0]["results"][1]["metrics"]["ndcg@10"]["mean"]
    assert float(lines[1][2]) == mean  # in full precision
    assert "<svg" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert f"{tmp_path / 'out' / 'report.html'}: a report with plots" in err


def test_json_is_the_only_output_on_stdout_and_what_a_file_holds(run, folder):
    code, out, err = run(folder, "--models", "popularity", "--seeds", 0, "--json", "-o", "b.json")
    assert code == 0, err
    assert json.loads(out) == json.loads(Path("b.json").read_text(encoding="utf-8"))


def test_the_former_options_are_read_with_a_warning(run, folder):
    code, out, err = run(
        *("--models", "popularity", "--seeds", 0, "--json", "former.json", folder),
        *("--html", "former.html"),
    )
    assert code == 0, err
    assert "warning: --json former.json is now written --out former.json" in err
    assert "warning: --html former.html is now written --out former.html" in err
    assert out.startswith("protocol\tmodel")
    assert Path("former.json").exists()
    assert Path("former.html").exists()


def test_figures_are_whole_in_80_columns(table_of_two):
    from goeswith.cli.build.benchmark_table import main_table

    shown = drawn(main_table(table_of_two), 80)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "…" not in shown
    assert "0.1235 ±0.0100" in shown
    (line,) = re.findall(r"Not shown in 80 columns: (.*?)\. A wider", " ".join(shown.split()))
    assert line.endswith("fit s, score s, peak MiB")


def test_the_best_figures_are_bold(table_of_two):
    from goeswith.cli.build.benchmark_table import main_table

    shown = drawn(main_table(table_of_two), 140, color_system="standard")
    assert re.search(r"\x1b\[1m *0\.2235 ±0\.0100", shown)
    assert not re.search(r"\x1b\[1m *0\.1235", shown)


@pytest.fixture
def table_of_two():
    """Results of two models with a value of every main metric."""
    from goeswith.evaluation.result_table import MAIN_METRICS

    def result(model, value):
        metric = {"mean": value, "std": 0.01, "per_seed": [value, value]}
        costs = {"fit_seconds": 1234.5, "score_seconds": 0.5, "peak_memory_mb": 12345.0}
        return {"model": model, "metrics": dict.fromkeys(MAIN_METRICS, metric), **costs}

    results = [result("cocitation:relation=co_purchase,k=200", 0.12345), result("b", 0.22345)]
    facts = {"data": "shop", "protocol": "edges", "products": 1234, "seeds": [0, 1]}
    return {**facts, "results": results}


def drawn(table, width, color_system=None):
    from rich.console import Console

    from goeswith.cli.terminal_table import draw

    console = Console(width=width, force_terminal=True, color_system=color_system, highlight=False)
    with console.capture() as captured:
        draw(table, console=console)
    return captured.get()


def test_every_closed_form_model_runs_when_none_is_named(run, folder, tmp_path):
    from goeswith.evaluation.comparison import MASKED
    from goeswith.models import CLOSED_FORM

    code, _, err = run(folder, "--seeds", "0", "-o", tmp_path / "figures.json")
    assert code == 0, err
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    models = [result["model"] for result in figures["results"]]
    # where the folder has views, with the forms that leave alternatives out
    expected = [name for name in CLOSED_FORM if name != "baskets"]
    deployed = figures["deployed"]
    assert [model for model in models if model not in MASKED.values()] == [*expected, deployed]


def test_settings_of_a_model_hold_commas_too(run, folder, tmp_path):
    code, _, err = run(
        folder,
        *("--models", "katz:hops=2,damping=0.5,popularity", "--seeds", "0"),
        *("-o", tmp_path / "figures.json"),
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
        (["-o", "."], "is a folder; name a file"),
        (["-o", "figures.csv"], "must end in one of .json (figures), .html (a report with plots)"),
        (["-o", "tiny/products.parquet/report.html"], "its folder cannot be made"),
        (["--html", "report"], "--html is now --out FILE, and the name ends in .html"),
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
