"""The model: what it learns, that it resumes, and that no pair's own edge is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import BundleError, ConfigError
from goeswith.data.folder import load_data
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.labels import balanced_weights
from goeswith.language.salam.relevance_examples import (
    RelevanceExamples,
    read_examples,
    shop_examples,
)
from goeswith.language.salam.salam_model import Salam
from goeswith.relations.build_graph import build_graph

QUICK = {
    "max_tokens": 16,
    "node_tokens": 8,
    "dimension": 8,
    "heads": 2,
    "batch": 8,
    "epochs": 4,
    "head_rate": 0.01,
    "learning_rate": 0.005,
    "precision": "float32",
    "prefix": "",
}
THINGS = ("phone", "mug", "shirt", "shoe", "tent", "lamp")


def settings(encoder: Path, **given: object) -> SalamConfig:
    return SalamConfig.model_validate({**QUICK, "encoder": str(encoder), **given})


def judged(folder: Path) -> Path:
    """Queries that name a thing; a product `with` something is exact, one `for` it irrelevant."""
    rows = [
        {
            "query": f"{colour} {thing}",
            "product_title": f"{other} {word}",
            "esci_label": "Exact" if word == "with" else "Irrelevant",
            "product_locale": "us" if colour == "red" else "es",
            "split": "test" if colour == "steel" else "train",
        }
        for colour in ("red", "blue", "steel")
        for thing in THINGS
        for other in THINGS
        for word in ("for", "with")
    ]
    pl.DataFrame(rows).write_parquet(folder / "examples.parquet")
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judged(tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> RelevanceExamples:
    """Products of two kinds: those of one kind are viewed together, pairs across are bought."""
    folder = tmp_path_factory.mktemp("shop")
    words = ["red phone", "blue phone", "steel phone"] * 8 + ["red case", "blue case"] * 12
    products = [{"product_id": f"p{i}", "title": w, "type": w} for i, w in enumerate(words)]
    rng = np.random.default_rng(0)
    edges = []
    for one, other in rng.integers(0, 48, (500, 2)).tolist():
        alike = words[one].split()[1] == words[other].split()[1]
        if one != other and (alike or abs(one - other) % 2):
            relation = "also_viewed" if alike else "also_bought"
            edges.append({"source": f"p{one}", "target": f"p{other}", "relation": relation})
    pl.DataFrame(products).write_parquet(folder / "products.parquet")
    pl.DataFrame(edges).unique().write_parquet(folder / "relations.parquet")
    config = SalamConfig(labels="s_c_i")
    data = load_data(folder)
    return shop_examples(data.name, data.catalog, build_graph(data), config)


def fitted(encoder: Path, examples: RelevanceExamples, **given: object) -> Salam:
    return Salam.fit(examples, settings(encoder, **given))


def test_judgements_of_the_public_format_are_learned(tiny_encoder: Path, table: Path) -> None:
    config = settings(tiny_encoder, labels="e_sci", epochs=12)
    examples = read_examples(table, config)
    model = Salam.fit(examples, config)
    test = examples.parts["test"]
    left, right = ([examples.keys[i] for i in ends] for ends in (test.left, test.right))
    texts = ([examples.texts[i] for i in test.left], [examples.texts[i] for i in test.right])
    p = model.probabilities(left, right, texts)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-4)
    exact = test.labels == 0
    assert p[exact, 0].mean() > p[~exact, 0].mean() + 0.2


def test_a_query_is_in_one_part_and_no_labelled_pair_has_an_edge(
    tiny_encoder: Path, table: Path
) -> None:
    examples = read_examples(table, settings(tiny_encoder, labels="e_sci"))
    queries = [set(pairs.left.tolist()) for pairs in examples.parts.values()]
    assert sum(map(len, queries)) == len(set.union(*queries))
    for part in ("valid", "test"):
        assert len(examples.parts[part])
        assert not examples.inference_graph.connects(examples.parts[part]).any()


def test_products_of_a_test_pair_were_never_seen(shop: RelevanceExamples) -> None:
    seen = set(shop.parts["train"].left.tolist()) | set(shop.parts["train"].right.tolist())
    for part in ("valid", "test"):
        pairs = shop.parts[part]
        assert len(pairs)
        assert not seen & (set(pairs.left.tolist()) | set(pairs.right.tolist()))
        assert not shop.inference_graph.connects(pairs).any()
        assert not shop.training_graph.relations["bought"][pairs.left].nnz


def test_pairs_cost_in_the_model_that_answers_what_they_cost_in_training(
    tiny_encoder: Path, shop: RelevanceExamples
) -> None:
    model = fitted(tiny_encoder, shop, labels="s_c_i", language=False, dropout=0, batch=64)
    pairs = shop.parts["train"]
    left, right = ([shop.keys[i] for i in ends] for ends in (pairs.left, pairs.right))
    texts = ([shop.texts[i] for i in pairs.left], [shop.texts[i] for i in pairs.right])
    p = model.probabilities(left, right, texts)[np.arange(len(pairs)), pairs.labels]
    weights = balanced_weights(pairs.labels, 3)[pairs.labels]
    answers_cost = -np.average(np.log(p), weights=weights)
    assert answers_cost < 1.05 * model.history[-1]["loss"] < 1.05 * model.history[0]["loss"]


@pytest.mark.one_processor
@pytest.mark.parametrize(
    "given", [{}, {"graph": False}, {"language": False}, {"lora": 2}, {"ensemble": True}]
)
def test_a_saved_model_says_what_it_said(
    tiny_encoder: Path, shop: RelevanceExamples, tmp_path: Path, given: dict[str, object]
) -> None:
    model = fitted(tiny_encoder, shop, labels="s_c_i", epochs=1, **given)
    model.save(tmp_path)
    inputs = (
        ["p\t\tp0", "p\t\tp30", "q\t\tnew"],
        ["p\t\tp1", "p\t\tnew", "p\t\tp2"],
        (["red phone", "red case", "blue shoe"], ["blue phone", "red lamp", "steel phone"]),
    )
    p = model.probabilities(*inputs)
    np.testing.assert_allclose(Salam.load(tmp_path).probabilities(*inputs), p, atol=2e-3)


def test_a_pair_has_one_judgement_whatever_the_batch(
    tiny_encoder: Path, shop: RelevanceExamples
) -> None:
    model = fitted(tiny_encoder, shop, labels="s_c_i", epochs=1, graph=False)
    left, right = ["p\t\tp0", "p\t\tp9", "p\t\tp30"], ["p\t\tp1", "p\t\tp40", "p\t\tp5"]
    texts = (["red phone", "red phone", "red case"], ["blue phone", "red case and soap", "lamp"])
    together = model.probabilities(left, right, texts)
    for i in range(3):
        alone = model.probabilities([left[i]], [right[i]], ([texts[0][i]], [texts[1][i]]))
        np.testing.assert_allclose(alone[0], together[i], atol=1e-4)


@pytest.mark.one_processor
def test_a_killed_run_ends_as_an_uninterrupted_one(
    tiny_encoder: Path, shop: RelevanceExamples, tmp_path: Path
) -> None:
    class KilledError(Exception):
        pass

    def kill(line: str) -> None:
        if line.startswith("epoch 2: "):
            raise KilledError

    config = settings(tiny_encoder, labels="s_c_i", checkpoint_minutes=1e-6)
    whole = Salam.fit(shop, config)
    file = tmp_path / "run.checkpoint"
    with pytest.raises(KilledError):
        Salam.fit(shop, config, checkpoint=file, on_progress=kill)
    assert file.exists()
    resumed = Salam.fit(shop, config, checkpoint=file)
    assert not file.exists()
    assert [e["epoch"] for e in resumed.history] == [1, 2, 3, 4]
    for name, value in whole.network.trained_weights().items():
        np.testing.assert_allclose(
            resumed.network.trained_weights()[name].detach(),
            value.detach(),
            atol=1e-5,
            err_msg=name,
        )


@pytest.mark.one_processor
def test_fine_tuning_takes_up_the_weights_of_pre_training(
    tiny_encoder: Path, table: Path, tmp_path: Path
) -> None:
    config = settings(tiny_encoder, labels="e_sci", epochs=2)
    examples = read_examples(table, config)
    Salam.fit(examples, config).save(tmp_path / "all")
    barely = config.model_copy(update={"epochs": 1, "learning_rate": 1e-9, "head_rate": 1e-9})
    tuned = Salam.fit(examples, barely, locales=["us"], start=tmp_path / "all")
    before = Salam.load(tmp_path / "all")
    for name, value in before.network.trained_weights().items():
        np.testing.assert_allclose(
            tuned.network.trained_weights()[name].detach(), value.detach(), atol=1e-5
        )
    with pytest.raises(ConfigError, match="use the same labels"):
        Salam.fit(examples, settings(tiny_encoder, labels="es_ci"), start=tmp_path / "all")


def test_what_is_no_encoder_and_no_model_is_reported(
    tmp_path: Path, shop: RelevanceExamples
) -> None:
    with pytest.raises(ConfigError, match="neither a folder nor a hub id"):
        Salam.fit(shop, settings(tmp_path, labels="s_c_i"))
    with pytest.raises(BundleError, match="has no relevance model"):
        Salam.load(tmp_path)


def test_a_pair_without_engagement_is_classified_by_its_texts_alone(
    tiny_encoder: Path, shop: RelevanceExamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted(tiny_encoder, shop, labels="s_c_i", epochs=2)
    monkeypatch.setattr(Salam, "_text_vectors", lambda *_: pytest.fail("vectors nobody needs"))
    texts = (["red phone", "red shoe"], ["blue phone", "blue lace"])
    new = model.probabilities(["q\t\tone", "p\t\tx"], ["p\t\ttwo", "p\t\ty"], texts)
    monkeypatch.undo()
    # beside a pair with edges it is told the same
    beside = model.probabilities(
        ["p\t\tp0", "q\t\tone"], ["p\t\tp1", "p\t\ttwo"], (["red phone"] * 2, ["blue phone"] * 2)
    )
    np.testing.assert_allclose(beside[1], new[0], atol=1e-5)
    assert not np.allclose(beside[0], beside[1], atol=1e-4)
