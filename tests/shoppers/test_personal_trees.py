"""Trees that order complements for one shopper: what they learn, store and refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import BundleError
from goeswith.data.dataset import Dataset
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.shopper_model import forget_shopper
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.personal_evidence import NAMES, PersonalEvidence
from goeswith.shoppers.personal_trees import PersonalTrees
from goeswith.store.manifest import PERSONAL

TENT, GAS, WOOD, GAS_STOVE, WOOD_STOVE = range(5)
N = 12


def campers(shoppers: int = 300) -> Histories:
    """Who bought gas buys a gas stove with the tent, who bought wood a wood stove; and noise."""
    rng = np.random.default_rng(3)
    return Histories.from_rows(
        [
            [
                [(GAS, WOOD)[i % 2], *rng.choice(np.arange(5, N), 2, replace=False).tolist()],
                [(GAS, WOOD)[i % 2], int(rng.integers(5, N))],
                [TENT, (GAS_STOVE, WOOD_STOVE)[i % 2], int(rng.integers(5, N))],
            ]
            for i in range(shoppers)
        ]
        + [
            [[TENT, need, stove]]
            for need, stove in ((GAS, GAS_STOVE), (WOOD, WOOD_STOVE))
            for _ in range(60)
        ],
        N,
    )


@pytest.fixture(scope="module")
def trees() -> PersonalTrees:
    found, reason = PersonalTrees.fit(campers())
    assert found is not None, reason
    assert "trees, by MRR@10 of new products" in reason
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    histories = campers()
    sizes = np.diff(histories.baskets.indptr)
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in np.repeat(histories.shopper_index, sizes)],
            "basket_id": np.repeat(np.arange(len(sizes)), sizes).astype(str),
            "product_id": [f"p{row}" for row in histories.baskets.indices],
            "event": "purchase",
            "position": np.repeat(np.arange(len(sizes)), sizes),
        }
    )
    out = tmp_path_factory.mktemp("bundles") / "camping"
    fitted = FitSettings(
        model="copurchase", fallbacks=[], session_model="none", shopper_model="p_topfreq", k=8
    )
    fit_bundle(Dataset.from_frames(events=events), out, Settings(fit=fitted))
    return out


def test_columns_are_those_of_a_plain_count() -> None:
    histories = Histories.from_rows([[[0, 1], [0, 2]], [[0, 1, 3]]], 5)
    columns = PersonalEvidence.count(histories).columns(
        np.array([3], np.int32), 0, np.array([1, 2, 3], np.int32)
    )
    named = dict(zip(NAMES, columns.T, strict=True))
    np.testing.assert_allclose(named["confidence"], [2 / 13, 1 / 13, 1 / 13], rtol=1e-6)
    np.testing.assert_allclose(named["share of baskets"], [2 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(named["beside history"], [1 / 11, 0, 0], rtol=1e-6)
    assert named["bought before"].tolist() == [0, 0, 1]
    assert named["products of shopper"].tolist() == [1, 1, 1]


def test_the_history_decides_which_product_comes_first(trees: PersonalTrees) -> None:
    stoves = np.array([GAS_STOVE, WOOD_STOVE], np.int32)
    gas = trees.probabilities(np.array([GAS], np.int32), TENT, stoves)
    wood = trees.probabilities(np.array([WOOD], np.int32), TENT, stoves)
    assert gas[0] > 2 * gas[1]
    assert wood[1] > 2 * wood[0]
    reasons = trees.reasons(np.array([GAS], np.int32), TENT, stoves)
    assert (reasons[0][0], reasons[1][1]) == ("history", "history")
    # a product that came after the fit has the median of the others, and alone one half
    later = trees.probabilities(np.array([GAS, 99], np.int32), TENT, np.array([3, 4, 99], np.int32))
    assert later[2] == pytest.approx(np.median(later[:2]))
    assert trees.probabilities(np.array([], np.int32), TENT, np.array([99], np.int32)) == [0.5]


def test_too_few_shoppers_have_no_trees() -> None:
    found, reason = PersonalTrees.fit(campers(100))
    assert found is None
    assert "100 shoppers with two baskets" in reason


def test_they_are_stored_without_pickle_and_damage_is_refused(
    trees: PersonalTrees, tmp_path: Path
) -> None:
    save_arrays(trees.arrays(), tmp_path / "t.safetensors")
    arrays = load_arrays(tmp_path / "t.safetensors")
    again = PersonalTrees.restore(arrays)
    own, products = np.array([GAS], np.int32), np.arange(1, N, dtype=np.int32)
    np.testing.assert_array_equal(
        again.probabilities(own, TENT, products), trees.probabilities(own, TENT, products)
    )
    for name, value in (
        ("share", arrays["share"][:-1]),
        ("beside", arrays["beside"][:5]),
        ("trees", arrays["trees"][50:]),
    ):
        with pytest.raises(ValueError):
            PersonalTrees.restore({**arrays, name: value})


def test_a_bundle_orders_by_them_with_reasons_and_forgets(path: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(path)
    assert PERSONAL in bundle.manifest["files"]

    def stoves(opened: Bundle, own: str) -> list[str]:
        found = opened.complements("p0", 8, history=[own], repeats="all")
        return [one.product_id for one in found if one.product_id in {"p3", "p4"}]

    assert (stoves(bundle, "p1"), stoves(bundle, "p2")) == (["p3", "p4"], ["p4", "p3"])
    found = bundle.complements("p0", 8, user="u0", repeats="all")
    assert found.personal is not None
    assert not found.personal.similar_shoppers
    assert all(one.personal for one in found)
    moved = [one for i, one in enumerate(found, 1) if one.rank_for_all != i]
    assert all(one.personal.startswith(("Up from ", "Down from ")) for one in moved)
    for k in (1, 2):
        assert len(bundle.complements("p0", k, history=["p1"])) == k

    copied = Path(shutil.copytree(path, tmp_path / "copy"))
    assert forget_shopper(copied, "u0")
    opened = Bundle.open(copied)
    assert stoves(opened, "p1") == ["p3", "p4"]
    before = load_arrays(bundle.folder / PERSONAL)["share"]
    assert (load_arrays(opened.folder / PERSONAL)["share"] != before).any()
    damaged = opened.folder / PERSONAL
    arrays = {**load_arrays(damaged), "share": np.zeros(3, np.float32)}
    del opened
    save_arrays(arrays, damaged)
    with pytest.raises(BundleError, match=r"personal\.safetensors"):
        Bundle.open(copied).complements("p0", 3, history=["p1"])


def test_an_update_keeps_them_and_a_later_product_has_the_order_for_all(
    path: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(path, tmp_path / "copy"))
    pl.DataFrame({"product_id": ["lamp"], "title": ["Lamp"]}).write_csv(tmp_path / "new.csv")
    update_bundle(copied, products=tmp_path / "new.csv")
    bundle = Bundle.open(copied, verify=True)
    assert PERSONAL in bundle.manifest["files"]
    found = bundle.complements("p0", 2, history=["p2", "lamp"], repeats="all")
    assert [one.product_id for one in found] == ["p4", "p3"]
    of_new = bundle.complements("lamp", 2, history=["p2"])
    assert of_new.personal is not None
    assert of_new.personal.known
