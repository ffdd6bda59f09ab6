from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import BundleError, ConfigError, UnknownProductError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.data.quarantine import Quarantine
from goeswith.pipeline import session_model as session_fit
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.session_model import choose_session_model, pairs_within, transition_arrays
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.query.select import Candidates
from goeswith.query.session import NextRecommendation, fuse_rankings
from goeswith.relations.graph import RelationGraph
from goeswith.sequential.sequences import Sequences
from goeswith.settings.project_file import load_settings
from goeswith.settings.sections import FitSettings, Settings
from goeswith.store.manifest import MANIFEST, manifest_sha256

SESSION = ["phone-4", "phone-1"]


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path) -> Bundle:
    return Bundle.open(shop_bundle, verify=True)


def ids(answers: list[NextRecommendation]) -> list[str]:
    return [answer.product_id for answer in answers]


def test_a_bundle_of_events_answers_what_comes_next_and_says_who_proposed_it(
    bundle: Bundle,
) -> None:
    answers = bundle.session(SESSION, 8)
    assert bundle.session_model == "mixture"
    assert len(answers) == 8
    assert not set(ids(answers)) & set(SESSION)
    assert {answer.relation for answer in answers} >= {"complement", "similar"}
    scores = [answer.score for answer in answers]
    assert scores == sorted(scores, reverse=True)
    for answer in answers:
        assert answer.proposed_by
        assert answer.model in answer.proposed_by
        assert (answer.relation == "complement") == any(
            m in bundle.models for m in answer.proposed_by
        )


def test_the_sentence_counts_who_went_on_to_it_and_names_from_what(
    bundle: Bundle, shop_folder: Path
) -> None:
    events = pl.read_parquet(shop_folder / "events.parquet").sort("timestamp")
    runs = events.group_by("session_id", maintain_order=True).agg("product_id")["product_id"]
    for answer in bundle.session(SESSION, 8):
        times = sum(
            1
            for run in runs.to_list()
            for i, earlier in enumerate(run)
            for later in run[i + 1 : i + 6]
            if (earlier, later) == (answer.after, answer.product_id)
        )
        assert answer.followed == times
        if times:
            name = bundle.products.display_name(bundle.products.row(str(answer.after)))
            assert f"Viewed or bought soon after {name}:" in answer.why


def test_the_newest_product_says_most(bundle: Bundle) -> None:
    phone_last = ids(bundle.session(["camera-1", "phone-1"], 6))
    camera_last = ids(bundle.session(["phone-1", "camera-1"], 6))
    kinds = [
        [product.partition("-")[0] for product in found] for found in (phone_last, camera_last)
    ]
    assert kinds[0][0] in {"phone", "case", "protector"}
    assert kinds[1][0] in {"camera", "tripod"}
    assert kinds[0].count("tripod") < kinds[1].count("tripod")
    assert kinds[1].count("case") < kinds[0].count("case")


def test_what_stands_for_a_product_may_come_next_and_is_no_complement(bundle: Bundle) -> None:
    found = {answer.product_id: answer for answer in bundle.session(["phone-1"], 8)}
    others = {a.product_id for a in bundle.similars("phone-1", 5) if a.model == "co_view"}
    stands = [found[product] for product in found if product in others]
    assert stands
    assert all(answer.relation == "similar" for answer in stands)
    assert all(answer.proposed_by == ("mixture",) for answer in stands)


def test_the_rules_of_the_slate_hold_for_a_session(bundle: Bundle) -> None:
    first, _, third, *_ = ids(bundle.session(SESSION, 8))
    wanted = Constraints(ban=(first,), pin=("tripod-1", third), per_type=2)
    answers = bundle.session(SESSION, 8, wanted)
    assert ids(answers)[:2] == ["tripod-1", third]
    assert [answer.pinned for answer in answers][:3] == [True, True, False]
    assert (answers[0].model, answers[0].proposed_by) == ("pinned", ())
    assert first not in ids(answers)
    types = [answer.type for answer in answers]
    assert max(types.count(kind) for kind in types) == 2
    tripods = bundle.session(SESSION, 5, Constraints.from_text(where=["type=tripod"]))
    assert {answer.type for answer in tripods} == {"tripod"}
    assert len(tripods) == 5
    with pytest.raises(UnknownProductError):
        bundle.session(["phone-1", "fone-1"], 3)
    for wrong in ([], ["phone-1"] * 51):
        with pytest.raises(ConfigError, match="a session holds 1 to 50 products"):
            bundle.session(wrong, 3)


def test_variants_of_what_the_session_holds_are_left_out(tmp_path: Path) -> None:
    rows = [("a1", "g"), ("a2", "g"), ("b", None), ("c", None)]
    catalog = Catalog(pl.DataFrame(rows, schema=["product_id", "variant_group"], orient="row"))
    events = pl.DataFrame(
        [
            {"session_id": f"s{i}", "product": p, "event": "purchase"}
            for i in range(5)
            for p in (0, 1, 2, 3)
        ]
    )
    data = Dataset("v", Path(), catalog, events, None, None, None, Quarantine(), "0")
    graph = RelationGraph.from_edges(4, [(0, 2, "co_purchase")])
    fit = FitSettings(model="popularity", fallbacks=[], k=3)
    fit_bundle(data, tmp_path / "b", Settings(fit=fit), graph=graph)
    assert set(ids(Bundle.open(tmp_path / "b").session(["a1"], 3))) == {"b", "c"}


def test_both_rankings_count_by_their_places() -> None:
    complements = Candidates(
        products=np.array([7, 3], dtype=np.int32),
        scores=np.array([0.9, 0.1]),
        model_index=np.array([0, 1], dtype=np.int32),
        best=np.array([0, 0], dtype=np.int32),
        goes_with=np.ones((2, 1), dtype=bool),
        comparable=True,
    )
    found = fuse_rankings(np.array([3, 5], dtype=np.int32), complements, weight=0.75, constant=1)
    assert found.products.tolist() == [3, 5, 7]
    assert found.scores == pytest.approx([0.75 / 2 + 0.25 / 3, 0.75 / 3, 0.25 / 2])
    assert found.model_index.tolist() == [1, -1, 0]


def test_of_what_came_after_the_most_frequent_is_kept() -> None:
    arrays = transition_arrays(Sequences.from_rows([[0, 1, 1, 0, 2], [0, 1], [2, 2]]), 4)
    starts, columns = arrays["followed.indptr"].tolist(), arrays["followed.indices"].tolist()
    counts = dict(zip(columns[: starts[1]], arrays["followed.data"].tolist(), strict=False))
    assert counts == {1: 3, 2: 2}
    many = transition_arrays(Sequences.from_rows([[0, i] for i in range(1, 150)] + [[0, 149]]), 150)
    assert np.diff(many["followed.indptr"])[0] == 100
    assert 149 in many["followed.indices"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"session_model": "none"}, 'fit.session_model = "none"'),
        ({}, "no basket_id has two events"),
    ],
)
def test_a_bundle_without_sequences_says_what_to_do(
    change: dict[str, str], said: str, tmp_path: Path, shop_folder: Path
) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(shop_folder, folder)
    if not change:
        events = pl.read_parquet(folder / "events.parquet").select("product_id", "event")
        events = events.with_columns(basket_id=pl.int_range(pl.len()).cast(pl.String))
        events.write_parquet(folder / "events.parquet")
        pl.DataFrame(
            {"source": ["phone-1"], "target": ["case-1"], "relation": ["co_purchase"]}
        ).write_csv(folder / "relations.csv")
    fit = FitSettings(model="copurchase", fallbacks=["popularity"], k=3, **change)
    fit_bundle(load_data(folder), tmp_path / "b", Settings(fit=fit))
    bundle = Bundle.open(tmp_path / "b")
    assert not (bundle.folder / "session").exists()
    with pytest.raises(ConfigError, match="no session model") as refused:
        bundle.session(["phone-1"], 3)
    assert said in str(refused.value)
    assert "query the products as a basket" in str(refused.value)


def test_a_model_that_is_named_needs_its_data(tmp_path: Path) -> None:
    catalog = Catalog(pl.DataFrame({"product_id": ["a", "b"]}))
    data = Dataset("l", Path(), catalog, None, None, None, None, Quarantine(), "0")
    graph = RelationGraph.from_edges(2, [(0, 1, "co_purchase")])
    fit = FitSettings(model="popularity", fallbacks=[], session_model="successors", k=1)
    with pytest.raises(ConfigError, match="'successors': the data have no events"):
        fit_bundle(data, tmp_path / "b", Settings(fit=fit), graph=graph)


def test_a_wrong_name_is_found_before_the_fit(tmp_path: Path) -> None:
    (tmp_path / "goeswith.toml").write_text('[fit]\nsession_model = "item_nn"\n')
    with pytest.raises(ConfigError, match="no session model 'item_nn'; did you mean 'item_knn'"):
        load_settings(tmp_path / "goeswith.toml")


def test_a_long_log_has_a_narrower_window(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = Sequences.from_rows([range(30), range(2), [1]])
    assert pairs_within(sequences.lengths, 3) == 29 + 28 + 27 + 1
    assert choose_session_model(sequences, item_knn_configured=False) == "mixture"
    monkeypatch.setattr(session_fit, "_MAX_PAIRS", 300)
    assert choose_session_model(sequences, item_knn_configured=False) == "item_knn:window=10"
    assert choose_session_model(sequences, item_knn_configured=True) == "item_knn"


def test_trees_order_the_next_products_where_the_budget_and_the_log_suffice() -> None:
    sequences = Sequences.from_rows([[0, 1]] * 2000 + [[2]] * 500)
    few = Sequences.from_rows([[0, 1]] * 1999 + [[2]] * 500)
    model = partial(choose_session_model, item_knn_configured=False)
    assert model(sequences, with_trees=True) == "session_trees"
    assert model(few, with_trees=True) == "mixture"
    assert model(sequences) == "mixture"


@pytest.mark.parametrize(
    ("budget", "limit", "expected"),
    [
        ("best", 100_000, "session_trees"),
        ("balanced", 100_000, "mixture"),
        ("best", 3, "mixture"),
    ],
)
def test_the_budget_and_the_catalogue_decide_on_trees(
    *,
    budget: Literal["balanced", "best"],
    limit: int,
    expected: str,
    shop_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_fit, "_TREE_SEQUENCES", 2)
    monkeypatch.setattr(session_fit, "_TREE_PRODUCTS", limit)
    settings = Settings(fit=FitSettings(budget=budget))
    data = load_data(shop_folder)
    done = session_fit.fit_session(data, settings, tmp_path, tmp_path, lambda _: None)
    assert done == {"model": expected}


@pytest.mark.parametrize("spec", ["successors:window=2", "session_knn", "frequent"])
def test_any_session_model_may_answer(spec: str, tmp_path: Path, shop_folder: Path) -> None:
    fit = FitSettings(model="popularity", fallbacks=[], session_model=spec, k=4)
    fit_bundle(load_data(shop_folder), tmp_path / "b", Settings(fit=fit))
    answers = Bundle.open(tmp_path / "b").session(SESSION, 4)
    assert any(spec in answer.proposed_by for answer in answers)


def test_an_update_keeps_the_session_model_and_says_so(shop_bundle: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(shop_bundle, tmp_path / "b"))
    before = Bundle.open(path).session(SESSION, 5)
    pl.DataFrame(
        {"product_id": ["case-new"], "title": ["Case 1 slim"], "type": ["case"]}
    ).write_csv(tmp_path / "new.csv")
    pl.DataFrame(
        {
            "user_id": ["n"] * 2,
            "session_id": ["n"] * 2,
            "basket_id": ["n"] * 2,
            "product_id": ["phone-1", "case-new"],
            "event": ["purchase"] * 2,
            "timestamp": ["2024-09-01", "2024-09-02"],
        }
    ).write_csv(tmp_path / "events.csv")
    done = update_bundle(path, tmp_path / "events.csv", tmp_path / "new.csv")
    assert any("session model mixture is unchanged" in note for note in done.notes)
    updated = Bundle.open(path, verify=True)
    assert updated.session_model == "mixture"
    assert len(updated.session(["case-new"], 3)) == 3
    assert set(ids(updated.session([*SESSION, "case-new"], 5))) & set(ids(before))


def test_a_bundle_fitted_before_there_were_sessions_stays_readable(
    shop_bundle: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(shop_bundle, tmp_path / "b"))
    manifest = json.loads((path / MANIFEST).read_text())
    del manifest["session"]
    manifest["files"] = {n: f for n, f in manifest["files"].items() if not n.startswith("session/")}
    manifest["sha256"] = manifest_sha256(manifest)
    (path / MANIFEST).write_text(json.dumps(manifest))
    shutil.rmtree(path / manifest["build"] / "session")
    old = Bundle.open(path, verify=True)
    assert len(old.basket(SESSION, 3)) == 3
    with pytest.raises(ConfigError, match="which made none"):
        old.session(SESSION, 3)


def test_a_damaged_session_model_is_reported(shop_bundle: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(shop_bundle, tmp_path / "b"))
    bundle = Bundle.open(path)
    (bundle.folder / "session" / "model.safetensors").write_bytes(b"no arrays")
    with pytest.raises(BundleError, match="session"):
        bundle.session(SESSION, 3)


def test_a_session_is_answered_without_torch(shop_bundle: Path) -> None:
    code = (
        "import sys; from goeswith.query.bundle import Bundle; "
        f"assert Bundle.open({str(shop_bundle)!r}).session({SESSION!r}, 3); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_busy_visitor_counts_by_the_latest_steps_alone() -> None:
    events = pl.DataFrame(
        {
            "user_id": ["a", "a", "a", "b", None, None],
            "product": [0, 1, 2, 3, 4, 5],
            "position": [3, 1, 2, 1, 1, 2],
        }
    )
    kept = session_fit.capped_events(events, 2)
    assert kept["product"].to_list() == [0, 2, 3, 4, 5]
    no_order = session_fit.capped_events(events.drop("position"), 2)
    assert no_order["product"].to_list() == [1, 2, 3, 4, 5]
    assert session_fit.capped_events(events.drop("user_id"), 1).height == 6
