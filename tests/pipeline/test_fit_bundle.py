from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.same import assert_same_scores

from goeswith.core.arrays_file import load_arrays
from goeswith.core.errors import BundleError, ConfigError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.data.quarantine import Quarantine
from goeswith.models import make_model, model_class
from goeswith.models.registry import model_name
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.graph_files import load_graph
from goeswith.settings.sections import FitSettings, Settings

FIT = FitSettings(model="copurchase:measure=lift", fallbacks=["cocitation", "popularity"], k=9)


@pytest.fixture(scope="module")
def dataset(shop_folder: Path) -> Dataset:
    return load_data(shop_folder)


@pytest.fixture(scope="module")
def fitted(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("fitted") / "b"
    fit_bundle(dataset, out, Settings(fit=FIT), metrics={"protocol": "time", "results": []})
    return Bundle.open(out, verify=True)


def test_the_manifest_says_what_the_bundle_was_made_from(fitted: Bundle, dataset: Dataset) -> None:
    manifest = fitted.manifest
    assert manifest["data"]["fingerprint"] == dataset.fingerprint
    assert manifest["data"]["rows"]["products"] == 50
    assert dataset.events is not None
    assert manifest["data"]["rows"]["events"] == dataset.events.height
    assert manifest["settings"]["fit"] == FIT.model_dump(mode="json")
    assert manifest["metrics"] == {"protocol": "time", "results": []}
    assert {"numpy", "polars", "scipy", "duckdb"} <= manifest["libraries"].keys()
    graph = build_graph(dataset, Settings().relations)
    for name, relation in graph.relations.items():
        assert manifest["relations"][name]["edges"] == len(relation)


def test_every_file_of_the_build_is_listed(fitted: Bundle) -> None:
    there = {p.relative_to(fitted.folder).as_posix() for p in fitted.folder.rglob("*")}
    folders = {p.relative_to(fitted.folder).as_posix() for p in fitted.folder.rglob("*/")}
    assert there - folders == set(fitted.manifest["files"])


def test_set_aside_rows_are_counted_in_the_manifest(shop_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dirty"
    folder.mkdir()
    for file in shop_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with (folder / "products.csv").open("a") as products:
        products.write("phone-1,Again,phone,brand,1.0\n")
    dataset = load_data(folder)
    fit_bundle(dataset, tmp_path / "b", Settings(fit=FIT))
    [aside] = Bundle.open(tmp_path / "b").manifest["data"]["quarantine"]
    assert (aside["file"], aside["rows"]) == ("products.csv", 1)


def test_answers_are_the_models_own_and_fallbacks_fill_in_order(
    fitted: Bundle, dataset: Dataset
) -> None:
    graph = build_graph(dataset, Settings().relations)
    rows = np.arange(50, dtype=np.int32)
    expected: list[list[tuple[int, str]]] = [[] for _ in rows]
    alternatives = graph.similars.count.maximum(graph.similars.count.T).tocsr()
    for spec in [FIT.model, *FIT.fallbacks]:
        model = make_model(spec).fit(dataset.catalog, graph)
        for row, found in enumerate(model.recommend(rows, 49, alternatives)[0].tolist()):
            known = {product for product, _ in expected[row]}
            expected[row] += [(p, spec) for p in found if p >= 0 and p not in known]
    for row in range(50):
        answers = fitted.complements(fitted.products.ids[row], 9)
        stored = [(fitted.products.row(answer.product_id), answer.model) for answer in answers]
        assert stored == expected[row][:9]
        assert [answer.fallback for answer in answers] == [m != FIT.model for _, m in stored]
    models = {model for listed in expected for _, model in listed[:9]}
    assert models == {FIT.model, *FIT.fallbacks}


def test_products_viewed_as_alternatives_are_no_answers(fitted: Bundle, dataset: Dataset) -> None:
    similar = build_graph(dataset, Settings().relations).similars.count
    assert similar.nnz > 0
    for row in range(50):
        for answer in fitted.complements(fitted.products.ids[row], 9):
            target = fitted.products.row(answer.product_id)
            assert similar[row, target] == similar[target, row] == 0


def test_the_models_and_relations_in_a_bundle_load_again(fitted: Bundle, dataset: Dataset) -> None:
    graph = build_graph(dataset, Settings().relations)
    again = load_graph(fitted.folder / "relations", 50)
    for name, relation in graph.relations.items():
        assert (again[name].count != relation.count).nnz == 0
    for spec, folder in zip(
        [FIT.model, *FIT.fallbacks],
        ["model", "fallbacks/1-cocitation", "fallbacks/2-popularity"],
        strict=True,
    ):
        sources = np.arange(50, dtype=np.int32)
        loaded = model_class(model_name(spec)).load(fitted.folder / folder)
        fresh = make_model(spec).fit(dataset.catalog, graph)
        assert_same_scores(loaded.score(sources), fresh.score(sources))


def test_health_counts_who_answers(fitted: Bundle) -> None:
    health = fitted.manifest["health"]
    stored = [a.model for i in range(50) for a in fitted.complements(fitted.products.ids[i], 9)]
    assert health["answers"] == {m: stored.count(m) for m in [FIT.model, *FIT.fallbacks]}
    assert sum(health["products_first_answered"].values()) == 50
    assert health["products_without_answers"] == 0


def test_the_same_data_and_settings_give_the_same_answers(
    fitted: Bundle, dataset: Dataset, tmp_path: Path
) -> None:
    fit_bundle(dataset, tmp_path / "b", Settings(fit=FIT))
    again = Bundle.open(tmp_path / "b").manifest["files"]
    assert again == fitted.manifest["files"]


def test_where_nothing_is_known_nothing_is_answered(tmp_path: Path) -> None:
    catalog = Catalog.from_records([{"product_id": name} for name in "abc"])
    data = Dataset("s", Path(), catalog, None, None, None, None, Quarantine(), "0")
    graph = RelationGraph.from_edges(3, [(0, 1, "co_purchase")])
    fit = FitSettings(model="copurchase:measure=count", fallbacks=[], k=5)
    fit_bundle(data, tmp_path / "b", Settings(fit=fit), graph=graph)
    bundle = Bundle.open(tmp_path / "b")
    assert [a.product_id for a in bundle.complements("a", 5)] == ["b"]
    assert bundle.complements("c", 5) == []
    assert bundle.manifest["health"]["products_without_answers"] == 2


def test_a_wrong_model_setting_ends_the_fit_and_leaves_no_build(
    dataset: Dataset, tmp_path: Path
) -> None:
    fit = FitSettings(model="copurchase:measure=nonsense", fallbacks=[], k=5)
    with pytest.raises(ConfigError, match="nonsense"):
        fit_bundle(dataset, tmp_path / "b", Settings(fit=fit))
    assert [entry.name for entry in (tmp_path / "b").iterdir()] == [".lock"]


def test_a_fallback_that_refuses_the_data_is_left_out_and_named(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, catalog: object, graph: object) -> None:
        raise ConfigError("too many products")

    monkeypatch.setattr(model_class("ease"), "fit", refuse)
    fit = FitSettings(model="copurchase", fallbacks=["ease", "popularity"], k=5)
    fit_bundle(dataset, tmp_path / "b", Settings(fit=fit))
    bundle = Bundle.open(tmp_path / "b")
    assert bundle.manifest["health"]["left_out"] == {"ease": "too many products"}
    assert bundle.manifest["models"] == ["copurchase", "popularity"]
    fit = FitSettings(model="ease", fallbacks=["popularity"], k=5)
    with pytest.raises(ConfigError, match="too many"):
        fit_bundle(dataset, tmp_path / "b", Settings(fit=fit))


def test_progress_rises_to_the_end(dataset: Dataset, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    fit_bundle(
        dataset, tmp_path / "b", Settings(fit=FIT), progress=lambda *step: steps.append(step)
    )
    done = [step[0] for step in steps]
    assert done == sorted(done)
    assert steps[-1] == (150, 150, "done")
    assert any("answering by cocitation" in what for _, _, what in steps)


def test_training_tells_of_each_epoch_and_a_killed_fit_resumes_it(
    dataset: Dataset, tmp_path: Path
) -> None:
    settings = Settings(
        fit=FitSettings(model="directed_propagation:max_epochs=3,dimension=8", fallbacks=[], k=5)
    )
    messages: list[str] = []

    def stop_after_two(done: int, total: int, what: str) -> None:
        messages.append(what)
        if "epoch 2" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_bundle(dataset, tmp_path / "out", settings, progress=stop_after_two)
    assert any("epoch 1, loss" in what for what in messages)

    messages.clear()
    fit_bundle(
        dataset,
        tmp_path / "out",
        settings,
        progress=lambda done, total, what: messages.append(what),
    )
    epochs = [what for what in messages if ": epoch" in what]
    assert len(epochs) == 1
    assert "epoch 3" in epochs[0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_other_files_is_not_written_into(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match=r"holds other files \(thesis\.txt\)"):
        fit_bundle(dataset, tmp_path, Settings(fit=FIT))
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(BundleError, match="is a file"):
        fit_bundle(dataset, tmp_path / "thesis.txt", Settings(fit=FIT))


def test_load_arrays_reads_the_answers_as_documented(fitted: Bundle) -> None:
    arrays = load_arrays(fitted.folder / "answers.safetensors")
    kinds = {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}
    assert kinds == {
        "products": ((50, 9), "int32"),
        "scores": ((50, 9), "float32"),
        "model_index": ((50, 9), "int8"),
    }
    assert json.loads((fitted.path / "manifest.json").read_text()) == fitted.manifest


def test_fit_takes_the_ranker_and_where_it_must_be_fast_in_a_large_shop_what_is_simple() -> None:
    settings = Settings(fit=FitSettings(ranker_products=100))
    assert settings.resolve(100).fit == FitSettings(ranker_products=100, model="ranker")
    of_lists, of_events = settings.resolve(101).fit, settings.resolve(101, has_counts=True).fit
    assert of_lists.model == "cocitation"
    assert of_lists.fallbacks == settings.fit.fallbacks
    assert of_events.model == "copurchase"
    assert of_events.fallbacks == ["cocitation", *settings.fit.fallbacks]
    balanced = Settings(fit=FitSettings(ranker_products=100, budget="balanced"))
    assert balanced.resolve(101).fit.model == "ranker"
    assert "members" in balanced.resolve(30_000).models["ranker"]
    assert "members" not in balanced.resolve(30_001).models["ranker"]


def test_behind_kinds_no_ranker_is_trained_where_it_must_be_fast() -> None:
    fast = Settings().resolve(100, has_counts=True, by_kinds=True).fit
    assert fast.model == "knowledge_ranker"
    usual = Settings().fit.fallbacks
    assert fast.fallbacks == ["kinds", "copurchase", "cocitation", *usual]
    balanced = Settings(fit=FitSettings(budget="balanced"))
    of_events = balanced.resolve(100, has_counts=True, by_kinds=True).fit
    assert of_events.fallbacks == ["kinds", "basket_ranker", *usual]


def test_a_budget_sets_the_ranker_and_what_is_set_by_hand_wins() -> None:
    settings = Settings(fit=FitSettings(budget="balanced"), models={"ranker": {"folds": 4}})
    chosen = settings.resolve(10).models["ranker"]
    assert chosen["members"] == ["directed_propagation"]
    assert chosen["folds"] == 4
    assert "ranker" not in Settings().resolve(10).models


def test_a_bundle_of_the_default_model_answers_every_product_with_probabilities(
    shop_folder: Path, tmp_path: Path
) -> None:
    fit_bundle(load_data(shop_folder), tmp_path / "bundle", Settings(fit=FitSettings(k=5)))
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.manifest["models"][0] == "ranker"
    assert bundle.manifest["probabilities"] == ["ranker"]
    assert bundle.manifest["settings"]["fit"]["model"] == "ranker"
    for product in bundle.products.ids:
        answers = bundle.complements(product, 5)
        assert answers
        assert all(0 <= a.score <= 1 for a in answers if a.model == "ranker")
    new = bundle.complements_of_new({"title": "Phone 99", "type": "phone"}, 3)
    assert new[0].model == "ranker"


def test_feedback_is_for_the_ranker_and_noted(dataset: Dataset, tmp_path: Path) -> None:
    answer = {"event": "answer", "timestamp": "2026-01-01T10:00:00+00:00", "counted": "sent",
              "recommendation_id": "r", "user_id": "u", "source_id": "phone-1",
              "source_type": "phone", "products": ["case-1", "case-2"]}  # fmt: skip
    click = {"event": "click", "recommendation_id": "r", "product_id": "case-2", "user_id": "u",
             "timestamp": "2026-01-01T10:01:00+00:00"}  # fmt: skip
    log = tmp_path / "feedback-a-1.jsonl"
    log.write_text(json.dumps(answer) + "\n" + json.dumps(click) + "\n", encoding="utf-8")
    fit = FIT.model_copy(update={"feedback": str(tmp_path)})
    with pytest.raises(ConfigError, match=r"fit\.feedback = .* set fit\.model = 'ranker'"):
        fit_bundle(dataset, tmp_path / "b", Settings(fit=fit))
    ranker = fit.model_copy(update={"model": "ranker:folds=1,trees=5,sources=50"})
    fit_bundle(dataset, tmp_path / "b", Settings(fit=ranker))
    [note] = [n for n in Bundle.open(tmp_path / "b").manifest["mining_notes"] if "clicks" in n]
    assert note == f"learned from 1 clicks of 2 pairs in {tmp_path}"
