"""Answers of a bundle that a relevance model judges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from goeswith.core.errors import BundleError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.language.salam.judge import Judge
from goeswith.language.salam.salam_model import Salam
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import FitSettings, RelevanceSettings, Settings

# what is done with the judge's answers; how it learns them is tested in test_salam.py
pytestmark = pytest.mark.one_processor

ROWS = np.arange(6, dtype=np.int32), np.arange(20, 26, dtype=np.int32)


def test_a_repeated_prompt_is_sent_once(
    relevance_model: Path,
    shop: tuple[Catalog, RelationGraph],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = Judge(relevance_model, tmp_path / "said.parquet")
    said = judge.pairs(shop[0], *ROWS)
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-4)
    again = Judge(relevance_model, tmp_path / "said.parquet")
    monkeypatch.setattr(Salam, "load", lambda _: pytest.fail("the model was loaded again"))
    np.testing.assert_allclose(again.pairs(shop[0], *ROWS), said, rtol=1e-5)
    (tmp_path / "said.parquet").write_bytes(b"damaged")
    monkeypatch.undo()
    np.testing.assert_allclose(
        Judge(relevance_model, tmp_path / "said.parquet").pairs(shop[0], *ROWS), said, rtol=1e-4
    )


def bundle(data: Dataset, out: Path, model: str, **given: float) -> Bundle:
    settings = Settings(
        fit=FitSettings(model="cocitation", k=8, session_model="none"),
        relevance=RelevanceSettings.model_validate({"model": model, "judged_top_k": 4, **given}),
    )
    fit_bundle(data, out, settings)
    return Bundle.open(out)


def test_answers_that_are_none_are_left_out_and_others_move_up(
    relevance_model: Path, shop_folder: Path, tmp_path: Path
) -> None:
    data = load_data(shop_folder)
    kept = bundle(data, tmp_path / "kept", str(relevance_model), max_substitute=1, max_irrelevant=1)
    judged = bundle(
        data, tmp_path / "judged", str(relevance_model), max_substitute=0.3, max_irrelevant=0.9
    )
    facts = judged.manifest["judged"]
    assert facts["pairs"] == kept.manifest["judged"]["pairs"] > 0
    assert kept.manifest["judged"]["left_out"] == {"substitute": 0, "irrelevant": 0}
    assert facts["left_out"]["substitute"] > 0
    gone = 0
    for product in kept.products.ids:
        before = [a.product_id for a in kept.complements(product, 8)]
        after = [a.product_id for a in judged.complements(product, 8)]
        assert after == [p for p in before if p in after]  # in their order
        assert set(before[4:]) <= set(after)  # what was not judged stays
        gone += len(before) - len(after)
    assert gone == sum(facts["left_out"].values())


def test_answers_move_to_the_order_of_the_judge_within_reach(
    relevance_model: Path, shop_folder: Path, tmp_path: Path
) -> None:
    data = load_data(shop_folder)
    all_kept = {"max_substitute": 1, "max_irrelevant": 1}
    as_they_were = bundle(data, tmp_path / "kept", str(relevance_model), **all_kept)
    moved = 0
    row = {product: number for number, product in enumerate(data.catalog.ids.to_list())}
    for reach in (1, 100):
        reranked = bundle(
            data, tmp_path / str(reach), str(relevance_model), weight=1, reach=reach, **all_kept
        )
        for product in reranked.products.ids:
            before = [a.product_id for a in as_they_were.complements(product, 8)]
            after = [a.product_id for a in reranked.complements(product, 8)]
            assert set(after[:4]) == set(before[:4])
            assert after[4:] == before[4:]  # what was not judged stays
            if reach == 1:
                assert all(abs(before.index(p) - at) <= 2 for at, p in enumerate(after))
            elif after:
                targets = np.array([row[p] for p in after[:4]], dtype=np.int32)
                sources = np.full(len(targets), row[product], dtype=np.int32)
                judge = Judge(relevance_model, tmp_path / f".{reach}.judged.parquet")
                said = judge.pairs(data.catalog, sources, targets)[:, 1]
                assert (np.diff(said) <= 0).all()
                moved += after != before
    assert moved


def test_a_judge_that_is_none_stops_the_fit(shop_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no relevance model"):
        bundle(load_data(shop_folder), tmp_path / "out", str(tmp_path))
    assert not (tmp_path / "out" / "manifest.json").exists()
