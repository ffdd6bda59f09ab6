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
GRAPH = f"{COMMON},batch=64,dimension=32"
ALPHAREC, HLLM = f"alpharec:{GRAPH}", f"hllm:{READER}"


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
        f"mmhcl:{GRAPH},neighbours=3",
        f"adapter:{READER},layers=1,rank=2",
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


@pytest.mark.parametrize(
    "index", ["random", "sequential", "collaborative", "semantic", "hybrid", "residual", "fsq"]
)
def test_codes_are_unique_and_those_of_text_are_near_for_one_colour(benchmark, index, monkeypatch):
    import text_codes

    monkeypatch.setattr(text_codes, "FSQ_STEPS", 30)

    model = benchmark.make(f"coded_tiger:index={index},content_dimension=30,codes=4", "", 0)
    codes = model.product_codes(CATALOG, shoppers(60))
    assert len(np.unique(codes, axis=0)) == len(CATALOG)
    if index == "fsq":  # one cluster for each colour has one code
        vectors = np.repeat(np.eye(6, dtype=np.float32), 5, axis=0)
        assert len(np.unique(text_codes.scalar_codes(vectors, 2, 0), axis=0)) == 6
    if index == "semantic":
        assert same_colour(codes[:, 0], np.arange(30) // 5) > 0.5
    if index in {"collaborative", "hybrid"}:
        warm = np.setdiff1d(np.arange(30), NEW)
        assert same_colour(codes[warm, 0], warm // 5) > 0.8


def same_colour(numbers, colours):
    """Share of the products with one number that are of its most frequent colour."""
    best = [np.bincount(colours[numbers == number]).max() for number in np.unique(numbers)]
    return sum(best) / len(numbers)


def test_the_codes_are_those_that_are_generated(fit):
    model = fit("coded_tiger:index=sequential,max_epochs=1,dimension=8")
    codes = model.product_codes(CATALOG, shoppers(120))
    assert model.codes[:4, :-1].max() == 0  # the first shopper's products
    assert model.codes.shape == codes.shape
    assert np.isfinite(model.score(shoppers(6))).any(axis=1).all()


def test_keywords_and_attributes_find_the_colour(fit):
    prefixes, targets = shoppers(60, seed=1).split_last()
    new = fit("keywords:own_words=0.5").score(prefixes.tail(1))[:, NEW]
    assert (new.argmax(axis=1) == targets // 5).mean() > 0.9
    tools = fit("attribute_tools:behaviour=false")
    assert (tools.recommend(prefixes, 1)[0][:, 0] // 5 == targets // 5).mean() > 0.9
    assert tools.weights[3, 2] > 0.5  # the first word of a title is its brand here
    np.testing.assert_allclose(sum(tools.tools(prefixes)).sum(axis=1), len(tools.tools(prefixes)))


def test_a_named_kind_is_followed(benchmark, tiny_encoder):
    wanted = shoppers(240).products.reshape(-1, 4)
    runs = Sequences.from_rows(np.where(np.arange(240)[:, None] % 2, wanted, wanted[:, ::-1]))
    spec = f"preferences:{READER},given=1"
    model = benchmark.make(spec, str(tiny_encoder), 0).fit(CATALOG, runs)
    prefixes, targets = shoppers(60, seed=1).split_last()
    assert (model.kinds[targets] >= 0).mean() > 0.4
    tests = np.flatnonzero(model.kinds[targets] >= 0)
    kinds = model.kinds[targets[tests]]
    scores = model.scores_for(prefixes.take(tests), kinds)
    assert (model.kinds[scores.argmax(axis=1)] == kinds).mean() > 0.6


def test_a_student_is_near_its_teacher(fit):
    apart = []
    for distil in (0, 3):
        model = fit(f"slmrec:{READER},teacher_layers=2,teacher_epochs=1,distil={distil}")
        x = model.content[shoppers(6).products.reshape(6, 4)]
        one, other = (m.module["reader"](x)[-2].detach() for m in (model, model.teacher))
        apart.append(float(((one - other) ** 2).mean()))
    assert apart[1] < apart[0] / 2


def test_readers_of_other_shops_are_joined(benchmark, tiny_encoder, tmp_path):
    folders = []
    for seed, name in enumerate(("one", "other")):
        (tmp_path / name).mkdir()
        folders.append(str(tmp_path / name))
        runs = shoppers(40, seed)
        names = [f"p{i}" for i in runs.products]
        events = {"user_id": runs.run_index.astype(str), "product_id": names}
        pl.DataFrame(events).write_csv(tmp_path / name / "events.csv")
        CATALOG.frame.write_parquet(tmp_path / name / "products.parquet")
    given = f"{READER},layers=1,rank=2,source_epochs=2,share=0.5,source={';'.join(folders)}"
    model = benchmark.make(f"x_cross:{given}", str(tiny_encoder), 0).fit(CATALOG, shoppers(120))
    prefixes, targets = shoppers(60, seed=1).split_last()
    assert (model.score(prefixes)[:, NEW].argmax(axis=1) == targets // 5).mean() > 0.6
    reader = model.module["reader"]
    assert not any(weight.requires_grad for weight in reader.readers.parameters())
    assert reader.join[0].weight.any()  # it starts at zero, and learns
    one = benchmark.make(f"x_cross:{READER},source={folders[0]}", str(tiny_encoder), 0)
    with pytest.raises(ValueError, match="two shops"):
        one.fit(CATALOG, shoppers(6))


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
