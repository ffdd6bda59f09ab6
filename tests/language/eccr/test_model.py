from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.same import assert_same_scores

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.language.eccr.eccr_config import EccrConfig
from goeswith.language.eccr.eccr_model import Eccr
from goeswith.models import make_model
from goeswith.relations.graph import RelationGraph

Shop = tuple[Catalog, RelationGraph]


def fitted(shop: Shop, folder: Path | None, **settings: object) -> Eccr:
    named = None if folder is None else str(folder)
    quick = {"steps": 3, "lists": 4, "negatives": 4, "codes": 8, "levels": 2, "candidates": 6}
    config = EccrConfig.model_validate(
        {"base": "cocitation", "language_model": named, **quick, **settings}
    )
    return Eccr(config).fit(*shop)


@pytest.fixture
def language_model(tiny_t5: Path) -> Path:
    return tiny_t5


def test_without_a_language_model_the_slates_are_those_of_the_base(shop: Shop) -> None:
    rows = np.arange(len(shop[0]), dtype=np.int32)
    plain = make_model("cocitation").fit(*shop).recommend(rows, 5)
    model = fitted(shop, None)
    np.testing.assert_array_equal(model.recommend(rows, 5)[0], plain[0])


@pytest.mark.one_processor
@pytest.mark.parametrize("tokens", ["product2vec", "none"])
def test_a_slate_holds_the_same_products_in_a_new_order(
    shop: Shop, language_model: Path, tokens: str
) -> None:
    rows = np.arange(len(shop[0]), dtype=np.int32)
    base = make_model("cocitation").fit(*shop).recommend(rows, 6)[0]
    model = fitted(shop, language_model, tokens=tokens, weight=1.0, reach=None, prior=0.5)
    shown = model.recommend(rows, 6)[0]
    assert np.isfinite(model.opinions[base >= 0]).all()
    for mine, theirs, opinions in zip(shown, base, model.opinions, strict=True):
        assert set(mine.tolist()) == set(theirs.tolist())
        there = theirs >= 0
        best = theirs[there][np.argsort(-opinions[there], kind="stable")]
        assert mine[mine >= 0].tolist() == best.tolist()


@pytest.mark.one_processor
def test_what_was_fitted_answers_the_same_without_torch(
    shop: Shop, language_model: Path, tmp_path: Path
) -> None:
    model = fitted(shop, language_model)
    model.save(tmp_path / "saved")
    rows = np.arange(len(shop[0]), dtype=np.int32)
    again = Eccr.load(tmp_path / "saved")
    assert_same_scores(again.score(rows), model.score(rows))
    script = (
        "import sys; from pathlib import Path; import numpy as np; "
        "from goeswith.language.eccr.eccr_model import Eccr; "
        f"print(Eccr.load(Path({str(tmp_path / 'saved')!r})).recommend(np.arange(3), 3)[0].shape); "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.one_processor
def test_training_has_a_history_that_is_saved_and_reports_progress(
    shop: Shop, language_model: Path, tmp_path: Path
) -> None:
    model = Eccr(
        fitted(shop, None).config.model_copy(update={"language_model": str(language_model)})
    )
    lines: list[str] = []
    model.set_checkpoints(tmp_path / "checkpoints", lines.append)
    model.fit(*shop)
    assert [epoch["epoch"] for epoch in model.history] == [1, 2, 3]
    assert all(0 <= epoch["validation"] <= 1 for epoch in model.history)
    assert any("fitting eccr: step 3 of 3" in line and "validation" in line for line in lines)
    model.save(tmp_path / "saved")
    assert Eccr.load(tmp_path / "saved").history == model.history


def test_fitting_twice_gives_the_same_slates(shop: Shop, language_model: Path) -> None:
    one, other = (fitted(shop, language_model) for _ in range(2))
    np.testing.assert_array_equal(one.opinions, other.opinions)


@pytest.mark.one_processor
def test_scoring_that_was_killed_goes_on(
    shop: Shop, language_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted(shop, language_model)
    model = Eccr(whole.config)
    messages: list[str] = []

    def on_message(what: str) -> None:
        messages.append(what)
        if "scored" in what and len([t for t in messages if "scored" in t]) == 1:
            raise KeyboardInterrupt

    model.set_checkpoints(tmp_path, on_message)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*shop)
    model.fit(*shop)
    np.testing.assert_allclose(model.opinions, whole.opinions, rtol=1e-4, atol=1e-5)


def test_new_products_wait_for_the_next_fit(shop: Shop) -> None:
    catalog, graph = shop
    model = fitted(shop, None)
    more = Catalog.from_records(
        [*catalog.frame.to_dicts(), {"product_id": "new", "type": "lens", "title": "new lens"}]
    )
    edges = graph.complements
    wider = RelationGraph.from_edges(len(more), {"co_purchase": (edges.sources, edges.targets)})
    model.refresh(more, wider)
    assert model.recommend(np.array([len(catalog)], dtype=np.int32), 3)[0].shape == (1, 3)


def test_eccr_over_itself_is_refused(shop: Shop) -> None:
    with pytest.raises(ConfigError, match="another model"):
        fitted(shop, None, base="eccr")


def test_a_language_model_that_is_none_is_reported_before_the_base_learns(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(make_model("cocitation")), "fit", lambda *_: pytest.fail("the base learned")
    )
    with pytest.raises(ConfigError, match="neither a folder nor a hub id"):
        fitted(shop, tmp_path)
