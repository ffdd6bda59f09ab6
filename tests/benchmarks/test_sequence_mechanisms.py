"""Each mechanism learns a circle of products, and no place sees what comes later."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.sequential.sequences import Sequences

pytest.importorskip("torch")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
N = 12
NAMES = (
    "distilled",
    "two_queries",
    "mqsa_ted",
    "intent_contrast",
    "two_tables",
    "reasoning",
    "matryoshka",
    "two_rounds",
    "text_contrast",
    "random_interest",
    "later_products",
)


@pytest.fixture(scope="module")
def benchmark():
    path = [*sys.path]
    spec = importlib.util.spec_from_file_location(
        "sequence_mechanisms", BENCHMARKS / "sequence_mechanisms.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = path
    for name in ("sequence_mechanisms", "mechanism_losses", "mechanism_states", "next_basket"):
        sys.modules.pop(name, None)


def circle(starts):
    """Runs of five products in which i + 1 comes after i."""
    return Sequences.from_rows([[(start + i) % N for i in range(5)] for start in starts])


CATALOG = Catalog(
    pl.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(N)],
            "title": [f"colour{i % 3} shape{i % 4}" for i in range(N)],
        }
    )
)
SETTINGS = "dimension=32,max_length=5,max_epochs=3,learning_rate=0.01,dropout=0.1"


@pytest.mark.parametrize("name", NAMES)
def test_a_mechanism_learns_and_does_not_look_ahead(benchmark, name):
    model = benchmark.make(name, SETTINGS, 0).fit(CATALOG, circle(np.arange(120) % N))
    prefixes, targets = circle(range(N)).split_last()
    products, _ = model.recommend(prefixes, 1)
    assert (products[:, 0] == targets).mean() > 0.8
    one, other = circle([0]), circle([0])
    other.products[-1] = 9
    by_place = [first_states(model, some) for some in (one, other)]
    np.testing.assert_allclose(*by_place, rtol=1e-4, atol=1e-5)


def first_states(model, sequences):
    """States of all places but the last."""
    from goeswith.sequential.neural.layers import NumpyOps

    batch, _ = model.prepare_prefixes(sequences)
    x = model.vectors[batch.products] * np.float32(model.config.dimension**0.5)
    return model.states(NumpyOps(), model.weights, x, batch)[:, :-1]


def test_soft_targets_are_neighbours_of_the_last_product(benchmark):
    model = benchmark.make("distilled", "teacher=window=1;backward=0", 0)
    model.prepare_training(CATALOG, circle(range(N)))
    last = np.repeat(np.arange(N), 3)
    drawn = model._draw(last, np.random.default_rng(0))
    assert drawn.tolist() == ((last + 1) % N).tolist()


def test_differences_have_intervals(benchmark):
    ranks, plain = np.array([1, 2, 1, 30] * 50), np.array([1, 5, 40, 30] * 50)
    gap = benchmark.difference(ranks, plain)["hit@10"]
    assert gap["difference"] == 0.25
    assert 0 < gap["low"] < 0.25 < gap["high"]
    assert benchmark.difference(ranks, ranks)["ndcg@10"]["p"] == 1


@pytest.fixture
def run_benchmark(benchmark, tmp_path, monkeypatch):
    """The command on a tiny data set, with more arguments."""
    from goeswith.sequential.neural import trained_sequence_model as trained

    monkeypatch.setattr(trained, "SequenceValidation", trained.SequenceValidation)  # main sets it
    data = tmp_path / "circle"
    data.mkdir()
    runs = circle(np.arange(60) % N)
    events = {"user_id": runs.run_index.astype(str), "product_id": [f"p{i}" for i in runs.products]}
    pl.DataFrame(events).write_csv(data / "events.csv")

    def run(*given):
        out = ["--work", str(tmp_path / "work"), "-o", str(tmp_path / "out.json")]
        monkeypatch.setattr(sys, "argv", ["", str(data), *out, *given])
        benchmark.main()
        return json.loads((tmp_path / "out.json").read_text())

    return run


def test_the_command_stores_each_model_and_trains_none_twice(run_benchmark, capsys):
    found = run_benchmark("--models", "matryoshka", "--common", SETTINGS)
    assert list(found["models"]) == ["sasrec", "matryoshka"]
    figures = found["models"]["matryoshka"]
    assert figures["test minus sasrec"]["ndcg@10"]["low"] <= 0.1
    assert figures["test at 16 dimensions"]["hit@10"] > 0.5
    capsys.readouterr()
    assert run_benchmark("--models", "sasrec+matryoshka", "--common", SETTINGS) == found
    assert "epoch" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run_benchmark("--models", "sasrec", "--seed", "1")
    assert "name another file" in capsys.readouterr().err
