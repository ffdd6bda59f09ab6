"""The papers' claims are measured once, judged by their figures, and stated as they were judged."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from goeswith.models.neural.p_companion import PCompanion
from goeswith.relations.graph import RelationGraph

ROOT = Path(__file__).parents[2]


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("claims")


@pytest.fixture
def one_claim(claims: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = claims.Arm("co-citation", "cocitation")
    counts = claims.Arm("popularity", "popularity")
    compared = importlib.import_module("paper_claims").BootstrapResult("ndcg@10", paths, counts)
    claim = claims.Claim("paths", "Paths beat counts", (compared,))
    monkeypatch.setattr(claims, "claims", lambda: [claim])


@pytest.mark.usefixtures("one_claim")
def test_a_claim_is_judged_and_not_measured_again(
    claims: ModuleType, shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "claims.json"
    claims.run(shop_folder, [0, 1], [], out)
    first = json.loads(out.read_text(encoding="utf-8"))
    (row,) = first["claims"]["paths"]["comparisons"]
    assert row["holds"] == (row["better"][0] > row["worse"][0])
    assert len(first["figures"]["edges cocitation cleaned"]["ndcg@10"]) == 2

    monkeypatch.setattr(claims, "measure", lambda *_: pytest.fail("measured again"))
    claims.run(shop_folder, [0, 1], [], out)
    assert json.loads(out.read_text(encoding="utf-8")) == first
    assert "| ndcg@10 | co-citation |" in claims.markdown(out)
    with pytest.raises(SystemExit, match="seeds"):
        claims.run(shop_folder, [0], [], out)


@pytest.mark.parametrize(
    ("second", "lower", "verdict"),
    [(0.1, False, "confirmed"), (0.3, False, "refuted"), (0.3, True, "confirmed")],
)
@pytest.mark.usefixtures("one_claim")
def test_a_claim_holds_where_the_mean_says_so(
    claims: ModuleType, second: float, lower: bool, verdict: str
) -> None:
    (claim,) = claims.claims()
    (compared,) = claim.comparisons
    claim = claims.replace(claim, comparisons=(claims.replace(compared, lower=lower),))
    figures = {
        "edges cocitation cleaned": {"ndcg@10": [0.2, 0.2]},
        "edges popularity cleaned": {"ndcg@10": [second, second]},
    }
    judged = claims.judge(claim, figures)
    assert judged["verdict"] == verdict
    assert judged["comparisons"][0]["seeds_agree"] == (2 if verdict == "confirmed" else 0)


def test_the_figures_of_every_claim_are_among_those_that_its_models_give(
    claims: ModuleType,
) -> None:
    for claim in claims.claims():
        assert claim.comparisons
        assert {arm.protocol for arm in claim.arms} <= {"edges", "cold"}
        assert {arm.signal for arm in claim.arms} <= {"cleaned", "raw", "undirected"}


def test_the_raw_signal_is_everything_bought_together_and_the_undirected_one_goes_both_ways(
    claims: ModuleType,
) -> None:
    edges = [(0, 1, "co_purchase"), (0, 2, "co_purchase"), (0, 2, "co_view")]
    graph = RelationGraph.from_edges(3, edges)
    assert claims.with_signal(graph, "cleaned").complements.targets.tolist() == [1]
    assert claims.with_signal(graph, "raw").complements.targets.tolist() == [1, 2]
    both = claims.with_signal(graph, "undirected").complements.count.toarray()
    np.testing.assert_array_equal(both, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_slates_and_predicted_types_of_a_fitted_model_are_shares(
    claims: ModuleType, shop_folder: Path
) -> None:
    ground = claims.BenchmarkData(claims.load_data(shop_folder), claims.Settings())
    for place in ("edges", "cold"):
        (case,) = claims.protocol(place)(ground, 0)
        settings = PCompanion.Config(max_epochs=1, dimension=8, type_dimension=4)
        model = PCompanion(settings).fit(case.catalog, case.train)
        found = claims.type_hits(case, model) | claims.slate_hits(case, model)
        assert len(found) == (7 if place == "edges" else 3)
        assert all(0 <= value <= 1 for value in found.values())


@pytest.mark.parametrize(
    "path", sorted((ROOT / "benchmarks" / "results").glob("claims-*.json")), ids=lambda p: p.stem
)
def test_the_page_of_claims_states_what_was_measured(claims: ModuleType, path: Path) -> None:
    page = (ROOT / "docs" / "benchmarks" / "claims.md").read_text(encoding="utf-8")
    assert claims.markdown(path) in page
    assert claims.verdicts(path) in page
