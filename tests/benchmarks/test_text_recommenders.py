"""Each model learns from words that shoppers stay with one colour, and finds new products by it."""

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.sequential.sequences import Sequences

pytest.importorskip("torch")
pytest.importorskip("transformers")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COLOURS = ("red", "blue", "steel", "apple", "pear", "lamp")
THINGS = ("phone", "case", "mug", "kettle", "shirt")
NEW = np.arange(4, 30, 5)
"""The last product of each colour, which nobody has bought."""
CATALOG = Catalog(
    pl.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(30)],
            "title": [f"{colour} {thing}" for colour in COLOURS for thing in THINGS],
        }
    )
)


def shoppers(count, seed=0):
    """Four products of one colour in any order, for each shopper."""
    rng = np.random.default_rng(seed)
    return Sequences.from_rows([5 * (i % 6) + rng.permutation(4) for i in range(count)])


@pytest.fixture(scope="module")
def benchmark():
    before, names = [*sys.path], set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    import text_recommenders

    yield text_recommenders
    sys.path[:] = before
    for name in set(sys.modules) - names:
        if name.startswith("text_") or name == "next_basket":
            sys.modules.pop(name)


COMMON = "content_dimension=30,max_epochs=4,learning_rate=0.02,temperature=0.1"
READER = f"{COMMON},lm=ENCODER"
ALPHAREC, HLLM = f"alpharec:{COMMON},batch=64,dimension=32", f"hllm:{READER}"


@pytest.fixture(scope="module")
def fit(benchmark, tiny_encoder):
    """Fitted models by spec, each fitted once."""

    @cache
    def fitted(spec):
        return benchmark.make(spec, str(tiny_encoder), 0).fit(CATALOG, shoppers(120))

    return fitted


@pytest.mark.parametrize(
    "spec",
    [
        ALPHAREC,
        HLLM,
        f"slmrec:{READER},teacher_layers=2,teacher_epochs=2",
        f"a_llmrec:{READER},latent=16,steps=100,plain_epochs=2",
    ],
)
def test_a_model_finds_products_by_the_colour_of_the_others(fit, spec):
    model = fit(spec)
    prefixes, targets = shoppers(60, seed=1).split_last()
    scores = model.score(prefixes)
    assert (scores[:, NEW].argmax(axis=1) == targets // 5).mean() > 0.6  # chance is .17
    products, _ = model.recommend(prefixes, 1)
    assert (products // 5 == targets[:, None] // 5).mean() > 0.6


@pytest.mark.parametrize("spec", [ALPHAREC, HLLM])
def test_the_words_work_in_another_catalogue(fit, spec):
    model = fit(spec)
    other = Catalog(CATALOG.frame.reverse())
    prefixes, targets = shoppers(60, seed=1).split_last()
    reversed_prefixes = Sequences(29 - prefixes.products, prefixes.starts)
    scores = model.for_catalog(other).score(reversed_prefixes)
    assert (scores[:, 29 - NEW].argmax(axis=1) == targets // 5).mean() > 0.6


def test_ids_know_nothing_of_new_products(fit):
    for given in ("max_epochs=1,items=ids", "max_epochs=1,lm=ENCODER,head=ids"):
        model = fit(f"{'hllm' if 'lm' in given else 'alpharec'}:{given}")
        assert not model.reads_only_text
        assert np.isneginf(model.score(shoppers(6))[:, NEW]).all()


def test_a_student_is_near_its_teacher(fit):
    apart = []
    for distil in (0, 3):
        model = fit(f"slmrec:{READER},teacher_layers=2,teacher_epochs=1,distil={distil}")
        x = model.content[shoppers(6).products.reshape(6, 4)]
        one, other = (m.module["reader"](x)[-2].detach() for m in (model, model.teacher))
        apart.append(float(((one - other) ** 2).mean()))
    assert apart[1] < apart[0] / 2


def test_the_command_stores_a_table_and_trains_none_twice(
    benchmark, tiny_encoder, tmp_path, monkeypatch, capsys
):
    data = tmp_path / "colours"
    data.mkdir()
    runs = shoppers(60)
    events = {"user_id": runs.run_index.astype(str), "product_id": [f"p{i}" for i in runs.products]}
    pl.DataFrame(events).write_csv(data / "events.csv")
    CATALOG.frame.write_parquet(data / "products.parquet")
    other = tmp_path / "sessions"
    other.mkdir()
    CATALOG.frame.write_parquet(other / "products.parquet")
    sessions = {"session_id": ["a", "a", "a", "b"], "product_id": ["p0", "p1", "p2", "p9"]}
    pl.DataFrame(sessions).write_parquet(other / "sessions.parquet")

    def run(models):
        out = ["--work", str(tmp_path / "work"), "-o", str(tmp_path / "out.json")]
        given = ["--models", models, "--seeds", "0", "1", "--encoder", str(tiny_encoder)]
        monkeypatch.setattr(sys, "argv", ["", str(data), *given, "--other", str(other), *out])
        benchmark.main()
        return json.loads((tmp_path / "out.json").read_text())

    alpharec = "alpharec:max_epochs=2,batch=64"
    table = run(f"sasrec:items=ids,max_epochs=2+popularity+title_similarity+{alpharec}")["models"]
    assert list(table["popularity"]["seeds"]) == ["0"]
    assert list(table[alpharec]["seeds"]) == ["0", "1"]
    assert set(table["title_similarity"]["mean"]) == {"test", "one purchase", "sessions"}
    assert 0 <= table[alpharec]["mean"]["test"]["hit@10"]["mean"] <= 1
    assert "sessions" not in table["sasrec:items=ids,max_epochs=2"]["mean"]
    capsys.readouterr()
    assert run(f"popularity+{alpharec}")["models"] == table
    assert not capsys.readouterr().out
