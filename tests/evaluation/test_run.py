import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import ConfigError
from goeswith.evaluation.comparison import BASKET_FORMS, MASKED, benchmark, default_models
from goeswith.evaluation.peak_memory import peak_memory
from goeswith.models import CLOSED_FORM
from goeswith.settings.sections import Settings

QUICK = Settings.model_validate({"evaluation": {"bootstrap": 100}})


def test_a_benchmark_has_the_shape_that_is_promised(fakes, listed):
    found = benchmark(listed, ["walk", "random"], ["edges"], [0, 1], QUICK)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {key: found[key] for key in ("data", "protocol", "seeds", "products")} == {
        "data": "by hand",
        "protocol": "edges",
        "seeds": [0, 1],
        "products": 100,
    }
    assert [result["model"] for result in found["results"]] == ["walk", "random"]
    for result in found["results"]:
        assert set(result) == {
            "model",
            "metrics",
            "fit_seconds",
            "score_seconds",
            "peak_memory_mb",
        }
        for metric in result["metrics"].values():
            assert set(metric) == {"mean", "std", "per_seed"}
            assert metric["mean"] == pytest.approx(np.mean(metric["per_seed"]))
            assert metric["std"] == pytest.approx(np.std(metric["per_seed"], ddof=1))
        assert result["fit_seconds"] >= 0
        assert result["score_seconds"] > 0


def test_a_trained_model_s_epochs_are_kept_for_each_seed(listed):
    pytest.importorskip("torch")
    found = benchmark(
        listed, ["dual_embedding:max_epochs=2,dimension=4", "ease"], ["edges"], [0, 1], QUICK
    )
    trained, closed_form = found["results"]
    assert [fit["seed"] for fit in trained["training"]] == [0, 1]
    for fit in trained["training"]:
        assert [epoch["epoch"] for epoch in fit["epochs"]] == [1, 2]
        assert set(fit["epochs"][0]) == {"epoch", "loss", "validation", "seconds"}
    assert "training" not in closed_form
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_models_are_compared_with_the_best_on_the_protocol_s_first_metric(fakes, listed):
    found = benchmark(listed, ["walk", "random"], ["edges"], [0, 1], QUICK)
    means = {r["model"]: r["metrics"]["ndcg@10"]["mean"] for r in found["results"]}
    assert means["walk"] > means["random"]
    bootstrap = found["bootstrap"]
    assert (bootstrap["metric"], bootstrap["best"], bootstrap["resamples"]) == (
        "ndcg@10",
        "walk",
        100,
    )
    (compared,) = bootstrap["comparisons"]
    assert compared["model"] == "random"
    assert compared["low"] <= compared["difference"] <= compared["high"] < 0
    assert compared["difference"] == pytest.approx(means["random"] - means["walk"], abs=0.02)


def test_a_model_that_refuses_is_listed_with_its_reason(fakes, listed):
    found = benchmark(listed, ["refuses", "walk"], ["edges"], [0, 1], QUICK)
    refused, walk = found["results"]
    assert refused["refused"] == "refuses takes at most 10 products, not 100"
    assert refused["metrics"] == {}
    assert walk["metrics"]
    assert found["bootstrap"]["best"] == "walk"
    assert benchmark(listed, ["refuses"], ["edges"], [0], QUICK)["bootstrap"] is None


def test_several_protocols_give_a_table_each(fakes, listed, judged):
    found = benchmark(listed, ["walk"], ["direction", "cold"], [0], QUICK)
    assert [table["protocol"] for table in found["protocols"]] == ["direction", "cold"]
    direction, cold = found["protocols"]
    assert set(direction["results"][0]["metrics"]) == {"direction_accuracy"}
    assert {"ndcg@10", "cold_target.ndcg@10", "cold_share@10"} <= set(cold["results"][0]["metrics"])
    gold = benchmark(judged, ["random"], ["gold"], [0, 1], QUICK)
    assert set(gold["results"][0]["metrics"]) == {"auc", "auc.unseen", "known_products"}
    assert gold["bootstrap"]["metric"] == "auc"


def test_a_model_s_seed_is_that_of_the_split_unless_it_is_given(fakes, listed):
    free = benchmark(listed, ["random"], ["direction"], [3, 4], QUICK)
    fixed = benchmark(listed, ["random:seed=3"], ["direction"], [3, 4], QUICK)
    values = [
        found["results"][0]["metrics"]["direction_accuracy"]["per_seed"] for found in (free, fixed)
    ]
    assert values[0][0] == values[1][0]
    assert values[0][1] != values[1][1]


def test_under_time_only_models_with_a_seed_are_fitted_again(fakes, logged):
    found = benchmark(logged, ["seedless", "random"], ["time"], [0, 1, 2], QUICK)
    assert fakes.Seedless.fits == 1
    assert fakes.RandomModel.fits == 3
    seedless, random = (result["metrics"]["hit@60"] for result in found["results"])
    assert len(seedless["per_seed"]) == 3
    assert seedless["std"] == 0
    assert random["std"] > 0


def test_the_same_seeds_give_the_same_figures(fakes, listed):
    one, two = (benchmark(listed, ["walk", "random"], ["edges"], [5], QUICK) for _ in range(2))
    assert [r["metrics"] for r in one["results"]] == [r["metrics"] for r in two["results"]]
    assert one["bootstrap"] == two["bootstrap"]


def test_progress_is_reported_before_every_fit_and_at_the_end(fakes, listed):
    steps = []
    benchmark(
        listed,
        ["walk", "refuses"],
        ["direction"],
        [0, 1],
        QUICK,
        lambda *step: steps.append(step),
    )
    assert steps == [
        (0, 4, "direction, seed 0: walk"),
        (1, 4, "direction, seed 0: refuses"),
        (2, 4, "direction, seed 1: walk"),
        (3, 4, "direction, seed 1: refuses"),
        (4, 4, "done"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["wlak"], ["edges"], [0]), "no model 'wlak'"),
        ((["walk:k=1"], ["edges"], [0]), "k: "),
        ((["walk"], ["edgy"], [0]), "no protocol 'edgy'"),
        ((["walk"], [], [0]), "at least one protocol"),
        ((["walk"], ["edges"], []), "seeds from 0 up"),
        ((["walk"], ["edges"], [-1]), "seeds from 0 up"),
        ((["walk"], ["edges"], [1, 1]), "different seeds"),
    ],
)
def test_what_cannot_be_run_is_reported_before_anything_is(fakes, listed, arguments, message):
    with pytest.raises(ConfigError, match=message):
        benchmark(listed, *arguments, QUICK)


def test_by_default_every_closed_form_model_runs_and_co_purchase_by_every_measure_of_counts(
    listed, logged, judged
):
    without_baskets = [name for name in CLOSED_FORM if name != "baskets"]
    plain = [spec for spec in default_models(listed, "edges") if spec not in MASKED.values()]
    assert plain == without_baskets
    assert default_models(judged, "gold") == without_baskets
    assert default_models(logged, "basket") == list(BASKET_FORMS)
    for dataset, protocol in ((logged, "edges"), (logged, "time")):
        specs = default_models(dataset, protocol)
        assert "copurchase" not in specs
        assert {"copurchase:measure=lift", "copurchase:measure=pmi_lower"} <= set(specs)
        assert set(without_baskets) - {"copurchase"} <= set(specs)


def test_where_products_are_viewed_the_forms_that_leave_alternatives_out_run_too(listed, judged):
    assert set(MASKED.values()) <= set(default_models(listed, "edges"))
    assert not set(MASKED.values()) & set(default_models(listed, "cold"))
    views = pl.col("relation") == "co_view"
    bought = replace(listed, relations=listed.relations.filter(~views))
    assert not set(MASKED.values()) & set(default_models(bought, "edges"))
    assert not set(MASKED.values()) & set(default_models(judged, "gold"))


def test_peak_memory_is_that_of_the_block_and_not_of_what_came_before():
    np.ones(40 * 2**20 // 8).sum()
    with peak_memory() as small:
        pass
    with peak_memory() as large:
        np.ones(200 * 2**20 // 8).sum()
    if small.mb is None:
        pytest.skip("this kernel does not tell a process's peak")
    assert 190 < large.mb - small.mb < 260
