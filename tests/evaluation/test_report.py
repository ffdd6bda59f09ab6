import re
from xml.etree import ElementTree

import pytest

from goeswith.evaluation.comparison import benchmark
from goeswith.evaluation.html_report import render, write_report
from goeswith.evaluation.plots import plots
from goeswith.evaluation.result_table import cell, is_best, is_lower_better, metric_columns
from goeswith.settings.sections import Settings

QUICK = Settings.model_validate({"evaluation": {"bootstrap": 100}})


def result(model, **metrics):
    return {
        "model": model,
        "metrics": {
            name.replace("_at_", "@"): {"mean": value, "std": 0.01, "per_seed": [value, value]}
            for name, value in metrics.items()
        },
        "fit_seconds": 1.25,
        "score_seconds": 0.5,
        "peak_memory_mb": None,
    }


@pytest.fixture
def table():
    return {
        "data": "shop",
        "protocol": "edges",
        "seeds": [0, 1],
        "products": 1234,
        "results": [
            result("one", ndcg_at_10=0.2, substitutes_at_10=0.3),
            result("two", ndcg_at_10=0.3),
            {
                **result("three"),
                "fit_seconds": None,
                "score_seconds": None,
                "refused": "takes at most 10 products",
            },
        ],
        "bootstrap": {
            "metric": "ndcg@10",
            "best": "two",
            "resamples": 100,
            "comparisons": [
                {"model": "one", "difference": -0.1, "low": -0.2, "high": -0.05, "p": 0.01}
            ],
        },
    }


def test_the_best_of_a_column_is_the_highest_and_of_substitutes_and_costs_the_lowest(table):
    one, two, three = table["results"]
    assert not is_best(table, one, "ndcg@10")
    assert is_best(table, two, "ndcg@10")
    assert not is_best(table, three, "ndcg@10")
    two["metrics"]["substitutes@10"] = {"mean": 0.4, "std": 0, "per_seed": [0.4, 0.4]}
    assert is_best(table, one, "substitutes@10")
    assert not is_best(table, two, "substitutes@10")


def test_a_metric_that_does_not_apply_is_a_dash(table):
    one, two, _ = table["results"]
    assert cell(two, "substitutes@10") == "–"
    assert cell(one, "peak_memory_mb") == "–"
    assert cell(one, "ndcg@10") == "0.2000 ±0.0100"
    assert cell(one, "fit_seconds") == "1.2"


def test_main_metrics_come_first(table):
    table["results"][0]["metrics"] |= result("x", hit_at_60=0.5, mrr_at_20=0.5)["metrics"]
    assert metric_columns(table) == ["ndcg@10", "mrr@20", "substitutes@10", "hit@60"]


@pytest.mark.parametrize(
    "column", ["ece@10", "substitutes@10", "cold_target.substitutes@10", "fit_seconds"]
)
def test_of_errors_substitutes_and_costs_the_lowest_is_the_best(column):
    assert is_lower_better(column)


@pytest.mark.parametrize("column", ["ndcg@10", "types@10", "coverage@10", "hit@10.head", "auc"])
def test_of_other_metrics_the_highest_is_the_best(column):
    assert not is_lower_better(column)


def test_the_report_needs_nothing_else_and_knows_light_and_dark(table):
    page = render(table)
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\((?!#)", page)
    assert "1,234 products" in page
    assert "takes at most 10 products" in page
    assert "<b>0.3000 ±0.0100</b>" in page


def test_whatever_stands_in_names_is_shown_as_text(table):
    hostile = "<script>alert('$x$')</script>&\""
    table["data"] = table["results"][1]["model"] = table["bootstrap"]["best"] = hostile
    table["results"][2]["refused"] = hostile
    page = render(table)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5


def test_plots_are_svg_in_the_colour_of_the_page_s_text(table):
    table["results"][0]["metrics"] |= {
        f"hit@10.{name}": {"mean": 0.1, "std": 0.0, "per_seed": [0.1, 0.1]}
        for name in ("head", "torso", "tail")
    }
    drawn = plots(table)
    assert len(drawn) == 3
    for _, svg in drawn:
        ElementTree.fromstring(svg)  # well-formed
        assert "currentColor" in svg
        assert "#010203" not in svg
    assert "one" in drawn[0][1]


def test_what_a_ranker_reads_is_drawn(table):
    table["results"][0]["importances"] = {"seen beside $x$": 0.75, "price": 0.25}
    page = render(table)
    assert "Feature importance" in page
    assert "seen beside $x$" in page


def test_the_training_of_a_model_is_drawn_epoch_by_epoch(table):
    epochs = [
        {"epoch": number, "loss": 1 / number, "validation": number / 10, "seconds": 1.0}
        for number in (1, 2, 3)
    ]
    table["results"][1] |= {"model": "two: $x$", "training": [{"seed": 0, "epochs": epochs}]}
    caption, svg = plots(table)[-1]
    assert caption.startswith("Training")
    ElementTree.fromstring(svg)
    assert "validation" in svg
    assert "two: $x$" in svg
    assert caption in render(table)


def test_the_same_figures_give_the_same_plots(table):
    assert plots(table) == plots(table)


def test_a_report_of_several_protocols_has_a_section_each(fakes, listed, tmp_path):
    found = benchmark(listed, ["walk", "refuses"], ["edges", "cold"], [0, 1], QUICK)
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<section>") == 2
    assert "cold_target.ndcg@10" in page
    assert page.count("<svg") >= 4


def test_a_benchmark_in_which_every_model_refused_is_still_reported(fakes, listed):
    page = render(benchmark(listed, ["refuses"], ["edges"], [0], QUICK))
    assert "at most 10 products" in page
    assert "<svg" not in page
