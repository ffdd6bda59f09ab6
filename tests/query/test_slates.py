from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError, UnknownProductError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.data.quarantine import Quarantine
from goeswith.models import model_class
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.query.select import fuse, select
from goeswith.query.stored_complements import limited_complements
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import FitSettings, Settings, SlateSettings


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path) -> Bundle:
    return Bundle.open(shop_bundle)


def ids(answers) -> list[str]:
    return [answer.product_id for answer in answers]


def shop_of(tmp_path: Path, records, edges, **settings) -> Bundle:
    catalog = Catalog.from_records(records)
    graph = RelationGraph.from_edges(len(catalog), edges)
    dataset = Dataset("s", Path(), catalog, None, None, None, None, Quarantine(), "0")
    fit = FitSettings(model="copurchase:measure=count", fallbacks=["popularity"], k=6)
    fit_bundle(dataset, tmp_path / "b", Settings(fit=fit, **settings), graph=graph)
    return Bundle.open(tmp_path / "b")


def test_a_quota_bounds_the_products_of_a_type(bundle: Bundle) -> None:
    answers = bundle.complements("phone-1", 6, Constraints(per_type=2))
    assert max(Counter(answer.type for answer in answers).values()) == 2
    assert ids(answers)[0] == ids(bundle.complements("phone-1", 1))[0]


def test_no_constraints_leave_the_ranking_as_it_is(bundle: Bundle) -> None:
    for k in (1, 5, 8):
        plain = bundle.complements("phone-1", k)
        assert bundle.complements("phone-1", k, Constraints()) == plain
        assert bundle.basket(["phone-1"], k) == plain


def test_banned_products_give_way_and_pinned_ones_come_first(bundle: Bundle) -> None:
    first, second, *_ = ids(bundle.complements("phone-1", 3))
    answers = bundle.complements("phone-1", 4, Constraints(ban=(first,), pin=("tripod-1", second)))
    assert ids(answers)[:2] == ["tripod-1", second]
    assert first not in ids(answers)
    assert [answer.pinned for answer in answers] == [True, True, False, False]
    assert (answers[0].model, answers[0].goes_with) == ("pinned", ())
    assert (answers[1].model, answers[1].goes_with) == ("cocitation", ("phone-1",))


def test_a_filter_keeps_out_what_does_not_meet_it_even_where_pinned(bundle: Bundle) -> None:
    wanted = Constraints.from_text(where=["price<=9"], pin=["tripod-9", "tripod-1"])
    answers = bundle.complements("phone-1", 6, wanted)
    assert ids(answers)[0] == "tripod-1"
    assert all(bundle.product(product)["price"] <= 9 for product in ids(answers))
    assert len(answers) == 6


def test_models_are_queried_where_a_filter_leaves_too_few_answers(bundle: Bundle) -> None:
    known = {answer.product_id for answer in bundle.complements("phone-1", 8)}
    wanted = Constraints.from_text(where=["type=tripod"])
    answers = bundle.complements("phone-1", 5, wanted)
    assert len(answers) == 5
    assert {answer.type for answer in answers} == {"tripod"}
    assert set(ids(answers)) - known
    assert {answer.model for answer in answers} <= set(bundle.models)


def test_a_product_is_not_its_own_complement_even_where_pinned(bundle: Bundle) -> None:
    assert "phone-1" not in ids(bundle.complements("phone-1", 5, Constraints(pin=("phone-1",))))


def test_what_names_something_gone_is_skipped_and_reported(bundle: Bundle) -> None:
    gone = Constraints.from_text(where=["prize<3"], ban=["phone-11"], pin=["case-77"])
    answers = bundle.complements("phone-1", 5, gone)
    assert answers == bundle.complements("phone-1", 5)
    assert [(one.what, one.value) for one in answers.skipped] == [
        ("filter", "prize<3"),
        ("ban", "phone-11"),
        ("pin", "case-77"),
    ]
    assert "did you mean 'price'" in answers.skipped[0].reason
    assert "no such product; did you mean phone" in answers.skipped[1].reason


def test_wrong_constraints_say_why(bundle: Bundle) -> None:
    with pytest.raises(ConfigError, match="both pinned and banned"):
        bundle.complements("phone-1", 5, Constraints(ban=("case-1",), pin=("case-1",)))
    with pytest.raises(ConfigError, match="'cheap' is not a number"):
        bundle.complements("phone-1", 5, Constraints.from_text(where=["price<cheap"]))


def test_the_settings_of_the_bundle_hold_where_a_request_has_none(tmp_path: Path) -> None:
    records = [{"product_id": str(i), "type": "ab"[i // 4]} for i in range(8)]
    edges = [(0, v, "co_purchase") for v in range(1, 8)]
    bundle = shop_of(tmp_path, records, edges, slate=SlateSettings(per_type=1))
    assert {answer.type for answer in bundle.complements("0", 5)} == {"a", "b"}
    assert len(bundle.complements("0", 5)) == 2
    assert len(bundle.complements("0", 5, Constraints(per_type=2))) == 4


def test_variants_are_never_complements_of_each_other(tmp_path: Path) -> None:
    records = [
        {"product_id": "red", "title": "Shirt", "variant_group": None},
        {"product_id": "blue", "title": "shirt ", "variant_group": None},
        {"product_id": "long", "title": "Grey coat", "variant_group": "7"},
        {"product_id": "longer", "title": "Black coat", "variant_group": "7"},
        {"product_id": "tie", "title": "Tie", "variant_group": None},
    ]
    edges = [(u, v, "co_purchase") for u in range(5) for v in range(5) if u != v]
    bundle = shop_of(tmp_path, records, edges)
    # and a list has one product of a group
    assert set(ids(bundle.complements("red", 6))) == {"long", "tie"}
    assert set(ids(bundle.complements("long", 6))) == {"red", "tie"}
    assert {one.product_id: one.more_variants for one in bundle.complements("red", 6)} == {
        "long": 1,
        "tie": 0,
    }
    assert set(ids(bundle.basket(["red", "long"], 6))) == {"tie"}


def test_what_goes_with_a_basket_holds_neither_it_nor_substitutes_of_any_of_it(
    tmp_path: Path,
) -> None:
    # phone ~ phone2; a charger goes with either, phone2 with the case
    names = ["phone", "phone2", "case", "charger", "film"]
    phone, phone2, case, charger, film = range(5)
    edges = [(phone, phone2, "co_view"), (phone, charger, "co_purchase")]
    edges += [(case, v, "co_purchase") for v in (phone2, charger, film, phone)]
    bundle = shop_of(tmp_path, [{"product_id": name} for name in names], edges)
    assert "phone2" in ids(bundle.complements("case", 6))
    answers = bundle.basket(["phone", "case", "phone"], 6)
    assert set(ids(answers)) == {"charger", "film"}
    assert answers[0].product_id == "charger"
    assert answers[0].goes_with == ("phone", "case")


def test_a_basket_answer_has_the_evidence_of_the_product_it_goes_with_best(bundle: Bundle) -> None:
    answers = bundle.basket(["phone-1", "camera-2"], 8)
    assert len(answers) == 8
    for answer in answers:
        direct = {
            source: {a.product_id: a for a in bundle.complements(source, 8)}
            for source in answer.goes_with
        }
        assert any(
            found[answer.product_id].evidence == answer.evidence for found in direct.values()
        )
    assert {source for answer in answers for source in answer.goes_with} == {"phone-1", "camera-2"}


def test_scores_that_are_probabilities_are_reported_and_joined_as_such(
    shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = "copurchase:measure=confidence"
    monkeypatch.setattr(model_class("copurchase"), "probabilities", True)
    settings = Settings(fit=FitSettings(model=model, fallbacks=["popularity"], k=8))
    fit_bundle(load_data(shop_folder), tmp_path / "b", settings)
    bundle = Bundle.open(tmp_path / "b")
    assert bundle.manifest["probabilities"] == [model]
    single = {
        (source, answer.product_id): answer.score
        for source in ("phone-1", "case-1")
        for answer in bundle.complements(source, 8)
        if answer.model == model
    }
    recommendations = bundle.basket(["phone-1", "case-1"], 8)
    for answer in recommendations:
        if answer.model == model:
            missed = [1 - single.get((source, answer.product_id), 0) for source in answer.goes_with]
            assert answer.score == pytest.approx(1 - np.prod(missed))
    assert any(len(answer.goes_with) == 2 for answer in recommendations)


def test_a_basket_is_bounded_and_every_product_of_it_known(bundle: Bundle) -> None:
    for wrong in ([], ["phone-1"] * 51):
        with pytest.raises(ConfigError, match="a basket holds 1 to 50 products"):
            bundle.basket(wrong, 5)
    with pytest.raises(UnknownProductError, match="phone-11"):
        bundle.basket(["phone-1", "phone-11"], 5)


RANKED = st.lists(
    st.lists(st.integers(0, 8), unique=True, max_size=6).map(
        lambda rows: (
            np.array(rows, dtype=np.int32),
            np.linspace(0.9, 0.1, len(rows)).astype(np.float32),
            np.array([i > 2 for i in range(len(rows))], dtype=np.int8),
        )
    ),
    min_size=1,
    max_size=4,
)


@given(RANKED, st.booleans())
def test_fused_lists_name_each_product_once_with_all_that_it_goes_with(lists, calibrated) -> None:
    found = fuse(lists, np.array([calibrated, False]))
    everything = {int(row) for rows, _, _ in lists for row in rows}
    assert set(found.products.tolist()) == everything
    assert len(found.products) == len(everything)
    for i, product in enumerate(found.products.tolist()):
        assert found.goes_with[i].tolist() == [product in rows for rows, _, _ in lists]
        assert found.goes_with[i, found.best[i]]
    if len(lists) == 1:
        assert found.products.tolist() == lists[0][0].tolist()


def test_probabilities_are_joined_by_noisy_or() -> None:
    lists = [
        (np.array([1, 2]), np.array([0.5, 0.4]), np.array([0, 0])),
        (np.array([2, 3]), np.array([0.3, 9.0]), np.array([0, 1])),
    ]
    found = fuse(lists, np.array([True, False]))
    assert found.products.tolist() == [2, 1, 3]
    assert found.scores[:2] == pytest.approx([1 - 0.6 * 0.7, 0.5])
    assert found.best.tolist() == [0, 0, 1]


@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("per_type", [None, 1, 2])
@pytest.mark.parametrize("diversity", [None, 0.0, 0.3, 1.0])
def test_limits_alone_give_what_the_complete_selection_gives(
    bundle: Bundle, k: int, per_type: int | None, diversity: float | None
) -> None:
    limits = Constraints(per_type=per_type, diversity=diversity)
    for row in range(0, len(bundle), 3):
        limited = limited_complements(bundle, row, k, limits)
        assert limited is not None
        assert limited == select(bundle, [row], k, limits)
        # without a look at scores and order
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bundle.top_k_lists, "for_product", reversed_list(bundle))
            assert limited_complements(bundle, row, k, limits) == select(bundle, [row], k, limits)


def reversed_list(bundle: Bundle):
    stored = type(bundle.top_k_lists).for_product

    def for_product(source: int, k: int):
        return tuple(array[::-1] for array in stored(bundle.top_k_lists, source, k))

    return for_product


@pytest.mark.parametrize(
    "other", [{"ban": ("case-1",)}, {"pin": ("case-1",)}, {"market": "de"}], ids=str
)
def test_limits_beside_other_constraints_take_the_complete_selection(bundle: Bundle, other) -> None:
    assert limited_complements(bundle, 0, 3, Constraints(per_type=1, **other)) is None


def test_limits_respect_variants_and_substitutes(tmp_path: Path) -> None:
    names = ("a1", "b1", "b2", "c1", "c2", "d1")
    records = [{"product_id": name, "type": name[0]} for name in names]
    for record in records[3:5]:
        record["variant_group"] = "c"
    edges = [(0, v, "co_purchase") for v in range(1, 6)] + [(0, 5, "co_view")]
    found = shop_of(tmp_path, records, edges)
    limits = Constraints(per_type=2)
    assert limited_complements(found, 0, 5, limits) == select(found, [0], 5, limits)
