from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import BundleError, UnknownProductError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.data.quarantine import Quarantine
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import FitSettings, Settings


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path) -> Bundle:
    return Bundle.open(shop_bundle)


@pytest.fixture(scope="module")
def graph(shop_folder: Path) -> RelationGraph:
    return build_graph(load_data(shop_folder), Settings().relations)


def dataset_of(catalog: Catalog) -> Dataset:
    """A dataset whose relations a test gives by hand."""
    return Dataset("shop", Path(), catalog, None, None, None, None, Quarantine(), "0" * 64)


def test_answers_are_distinct_other_products_and_fill_every_place(bundle: Bundle) -> None:
    for product in bundle.table.frame["product_id"]:
        ids = [answer.product_id for answer in bundle.complements(product, bundle.k)]
        assert len(set(ids)) == len(ids) == bundle.k
        assert product not in ids


def test_asking_for_fewer_answers_gives_the_first_ones(bundle: Bundle) -> None:
    assert bundle.complements("phone-1", 3) == bundle.complements("phone-1", 8)[:3]


def test_a_look_up_has_the_ids_scores_and_models_of_the_answers(bundle: Bundle) -> None:
    for product in ("phone-1", "camera-9"):
        answers = bundle.complements(product, 5)
        expected = [(a.product_id, a.score, a.model) for a in answers]
        assert bundle.lookup(product, 5) == expected


def test_the_first_answers_are_bought_with_the_product_and_share_its_style(bundle: Bundle) -> None:
    for answer in bundle.complements("phone-1", 3):
        assert answer.type in {"case", "protector"}
        assert int(answer.product_id.split("-")[1]) % 3 == 1
        assert (answer.relation, answer.model) == ("complement", "cocitation")
        assert not answer.fallback
        assert answer.evidence.basis == "bought_together"


def test_evidence_is_what_the_graph_counts(bundle: Bundle, graph: RelationGraph) -> None:
    bought, views = graph["co_purchase"], graph["co_view"].count
    measures = {name: bought.measure(name) for name in ("confidence", "lift", "pmi_lower")}
    at = {
        (int(u), int(v)): i
        for i, (u, v) in enumerate(zip(bought.sources, bought.targets, strict=True))
    }
    direct = 0
    for source in range(len(bundle)):
        for answer in bundle.complements(bundle.products.ids[source], bundle.k):
            target = bundle.products.row(answer.product_id)
            shown_evidence = answer.evidence
            assert shown_evidence.bought_together == bought.count[source, target]
            assert shown_evidence.viewed_together == max(
                views[source, target], views[target, source]
            )
            assert shown_evidence.purchases == bought.target_contexts[target]
            edge = at.get((source, target))
            assert (shown_evidence.basis == "bought_together") == (edge is not None)
            if edge is None:
                assert (
                    shown_evidence.confidence
                    is shown_evidence.lift
                    is shown_evidence.pmi_lower
                    is None
                )
            else:
                direct += 1
                assert shown_evidence.source_first == bought.source_first[edge]
                for name, values in measures.items():
                    assert getattr(shown_evidence, name) == pytest.approx(values[edge])
    assert direct > 100


def test_links_are_paths_of_the_graph(bundle: Bundle, graph: RelationGraph) -> None:
    bought = graph["co_purchase"].count
    seen = set()
    for source in range(len(bundle)):
        for answer in bundle.complements(bundle.products.ids[source], bundle.k):
            shown_evidence = answer.evidence
            if shown_evidence.link is not None:
                middle = bundle.products.row(shown_evidence.link.product_id)
                target = bundle.products.row(answer.product_id)
                assert shown_evidence.link.with_source == bought[source, middle]
                assert shown_evidence.link.with_target == bought[middle, target] > 0
                assert shown_evidence.bought_together == 0
                assert shown_evidence.link.title in answer.why
                seen.add(shown_evidence.basis)
    assert "alike" in seen


def test_the_link_is_the_product_whose_weaker_edge_is_strongest(tmp_path: Path) -> None:
    ids = ["u", "weak", "strong", "v", "w"]
    catalog = Catalog.from_records([{"product_id": name} for name in ids])
    u, weak, strong, v, w = range(5)
    # every further edge of a product makes its edges weaker
    edges = [(u, weak), (weak, v), (u, strong), (strong, v), (weak, w), (u, w)]
    graph = RelationGraph.from_edges(5, [(*edge, "co_purchase") for edge in edges])
    fit = FitSettings(model="popularity", fallbacks=[], k=4)
    fit_bundle(dataset_of(catalog), tmp_path / "b", Settings(fit=fit), graph=graph)
    by_id = {a.product_id: a for a in Bundle.open(tmp_path / "b").complements("u", 4)}
    assert by_id["v"].evidence.basis == "linked"
    assert by_id["v"].evidence.link is not None
    assert by_id["v"].evidence.link.product_id == "strong"
    assert by_id["v"].why == "Linked by strong: listed as bought with u and with this product."


def test_lists_without_counts_claim_no_counts(tmp_path: Path) -> None:
    catalog = Catalog.from_records([{"product_id": name} for name in ("phone", "case", "tablet")])
    edges = [(0, 1, "co_purchase"), (1, 0, "co_view"), (2, 1, "co_purchase")]
    graph = RelationGraph.from_edges(3, edges)
    fit = FitSettings(model="popularity", fallbacks=[], k=2)
    fit_bundle(dataset_of(catalog), tmp_path / "b", Settings(fit=fit), graph=graph)
    [case] = Bundle.open(tmp_path / "b").complements("phone", 2)
    assert not case.evidence.counted
    assert case.evidence.lift is case.evidence.confidence is case.evidence.source_first is None
    assert case.why == "Listed as bought together with phone; also viewed as alternatives."


def test_a_product_without_purchases_is_described_by_what_is_like_it(bundle: Bundle) -> None:
    answers = bundle.complements("camera-9", 3)
    for answer in answers:
        assert answer.type == "tripod"
        assert answer.fallback
        assert answer.model == "similar_complements"
        assert answer.evidence.basis == "alike"
        assert answer.why.endswith(", of the same type as Camera 9.")


def test_the_type_fallback_is_described_by_how_often_the_types_go_together(
    shop_folder: Path, tmp_path: Path, graph: RelationGraph
) -> None:
    dataset = load_data(shop_folder)
    fit = FitSettings(model="cocitation", fallbacks=["type_popularity"], k=3)
    fit_bundle(dataset, tmp_path / "b", Settings(fit=fit), graph=graph)
    answer = Bundle.open(tmp_path / "b").complements("camera-9", 3)[0]
    assert answer.model == "type_popularity"
    types = answer.evidence.types
    assert types is not None
    codes = dataset.catalog.type_codes
    names = dataset.catalog.type_names
    bought = graph["co_purchase"]
    both = (codes[bought.sources] == names.index("camera")) & (
        codes[bought.targets] == names.index("tripod")
    )
    assert types.bought_together == bought.count.data[both].sum()
    assert answer.why == (
        f"Product types camera and tripod: bought together {types.bought_together:,} times."
    )


def test_an_unknown_product_is_answered_with_the_nearest_ids_and_titles(bundle: Bundle) -> None:
    with pytest.raises(UnknownProductError, match=r"no product 'phone-11' .* mean phone-1 \(Phon"):
        bundle.complements("phone-11", 3)
    with pytest.raises(UnknownProductError, match=r"did you mean tripod-\d \(Tripod \d\)"):
        bundle.complements("TRIPOD", 3)
    with pytest.raises(UnknownProductError, match=r"of this bundle$"):
        bundle.complements("zzzzzzzzzzzzzzzzzzz", 3)
    for odd in ("", "\0", "\udcff", "é" * 10_000):
        with pytest.raises(UnknownProductError):
            bundle.complements(odd, 3)


@pytest.mark.parametrize("k", [0, -1, 9])
def test_more_answers_than_the_bundle_holds_are_refused(bundle: Bundle, k: int) -> None:
    with pytest.raises(BundleError, match=f"stores 8 recommendations per product, but k is {k}"):
        bundle.complements("phone-1", k)


def test_a_product_comes_with_all_attributes_that_it_has(bundle: Bundle) -> None:
    assert bundle.product("case-2") == {
        "product_id": "case-2",
        "title": "Case 2",
        "type": "case",
        "brand": "brand 2",
        "price": 7.0,
    }


def test_scores_fall_within_one_model(bundle: Bundle) -> None:
    for product in bundle.table.frame["product_id"]:
        scores: dict[str, list[float]] = {}
        for answer in bundle.complements(product, 8):
            scores.setdefault(answer.model, []).append(answer.score)
        assert all(np.all(np.diff(values) <= 0) for values in scores.values())


def test_an_open_bundle_keeps_its_files_and_the_next_fit_removes_them(
    shop_folder: Path, tmp_path: Path
) -> None:
    settings = Settings(fit=FitSettings(model="copurchase", fallbacks=["popularity"], k=4))
    dataset = load_data(shop_folder)
    fit_bundle(dataset, tmp_path / "b", settings)
    before = Bundle.open(tmp_path / "b")
    folder, answers = before.folder, before.complements("case-1", 4)
    fit_bundle(dataset, tmp_path / "b", settings)
    after = Bundle.open(tmp_path / "b")
    assert before.id != after.id
    assert before.complements("case-1", 4) == answers == after.complements("case-1", 4)
    assert before.product("case-1") == after.product("case-1")
    assert before.scorer.load()
    del before
    fit_bundle(dataset, tmp_path / "b", settings)
    assert not folder.exists()
    assert sorted(tmp_path.glob("b/build-*")) == sorted(
        [after.folder, Bundle.open(tmp_path / "b").folder]
    )


def test_answering_imports_neither_torch_nor_scipy_nor_frames(shop_bundle: Path) -> None:
    code = (
        "import sys; from goeswith.query.bundle import Bundle; "
        f"b = Bundle.open({str(shop_bundle)!r}); assert b.complements('phone-1', 5); "
        "assert b.basket(['phone-1', 'camera-1'], 5); assert b.lookup('phone-1', 5); "
        "print(*sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    heavy = {"torch", "scipy", "polars", "duckdb", "ibis", "sklearn", "pyarrow", "matplotlib"}
    assert not heavy & {name.split(".")[0] for name in run.stdout.split()}


def test_ids_and_titles_in_any_script_are_found(tmp_path: Path) -> None:
    ids = ["ключ/1", "鍵 2", "a b", "%2F", "x" * 300, "..", "[bold]"]
    frame = pl.DataFrame({"product_id": ids, "title": [None, "鍵", "", "é", "t", "u", "[/red]"]})
    everything = [(u, v, "co_purchase") for u in range(7) for v in range(7) if u != v]
    graph = RelationGraph.from_edges(7, everything)
    fit = FitSettings(model="copurchase:measure=count", fallbacks=[], k=6)
    fit_bundle(dataset_of(Catalog(frame)), tmp_path / "b", Settings(fit=fit), graph=graph)
    bundle = Bundle.open(tmp_path / "b")
    for product in ids:
        assert {a.product_id for a in bundle.complements(product, 6)} == set(ids) - {product}
    assert bundle.products.title(0) is None
    assert bundle.products.title(2) is None
    assert bundle.products.title(3) == "é"
