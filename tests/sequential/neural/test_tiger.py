"""Generation by codes: only products that exist, likeliest first, as torch learned it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.neural.tiger import Tiger
from goeswith.sequential.sequences import Sequences

N = 12


def fitted(**settings: object) -> Tiger:
    rng = np.random.default_rng(0)
    runs = [[(start + k) % N for k in range(4)] for start in rng.integers(0, N, 100).tolist()]
    catalog = Catalog(
        pl.DataFrame({"product_id": [f"p{i}" for i in range(N)], "title": ["a", "b", "c"] * 4})
    )
    quick = {"max_epochs": 3, "dimension": 16, "codes": 3, "levels": 2, "learning_rate": 0.01}
    model = SESSION_MODELS.make("tiger", {"tiger": {**quick, **settings}})
    assert isinstance(model, Tiger)
    return model.fit(catalog, Sequences.from_rows(runs))


@pytest.fixture(scope="module")
def wide() -> Tiger:
    return fitted(beams=N)


def test_probabilities_of_all_products_add_up_to_one(wide: Tiger) -> None:
    scores = wide.score(Sequences.from_rows([[3], [4, 5, 6]]))
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-4)


def test_beams_find_the_likeliest_products_of_the_first_numbers_they_keep(wide: Tiger) -> None:
    narrow = SESSION_MODELS.make("tiger", {"tiger": {**wide.config.model_dump(), "beams": 4}})
    narrow.restore(wide.arrays())
    prefixes = Sequences.from_rows([[i] for i in range(N)])
    exact, found = wide.score(prefixes), narrow.score(prefixes)
    generated = np.isfinite(found)
    assert (generated.sum(axis=1) <= 4).all()
    np.testing.assert_allclose(found[generated], exact[generated], rtol=1e-4)
    assert (exact.argmax(axis=1) == found.argmax(axis=1)).mean() > 0.8


def test_a_later_product_never_reaches_the_state_of_an_earlier_one(wide: Tiger) -> None:
    from goeswith.sequential.neural.layers import NumpyOps
    from goeswith.sequential.neural.sequence_batch import SequenceBatch

    one, other = (
        wide._states(
            NumpyOps(), wide.weights, SequenceBatch.from_sequences(Sequences.from_rows([run]))
        )
        for run in ([1, 2, 3, 4], [1, 2, 9, 7])
    )
    np.testing.assert_allclose(one[:, :2], other[:, :2], rtol=1e-5, atol=1e-6)
    assert not np.allclose(one[:, 2:], other[:, 2:])


def test_products_of_equal_attributes_keep_codes_of_their_own() -> None:
    model = fitted(behaviour=False, max_epochs=1)
    assert len(np.unique(model.codes, axis=0)) == N
    assert len(np.unique(model.codes[:, :-1], axis=0)) == 3


def test_several_paths_score_a_product_by_the_mean_of_its_codes() -> None:
    model = fitted(paths=3, beams=N)
    assert model.codes.shape == (N, 9)
    for first in model.first:
        assert len(np.unique(model.codes[:, first : first + 3], axis=0)) == N
    prefixes = Sequences.from_rows([[3], [4, 5, 6]])
    scores = model.score(prefixes)
    parts = []
    for path in range(3):
        alone = SESSION_MODELS.make("tiger", {"tiger": {**model.config.model_dump()}})
        alone.restore(model.arrays())
        alone.tries, alone.first = [model.tries[path]], [model.first[path]]
        parts.append(alone.score(prefixes))
        np.testing.assert_allclose(np.exp(parts[-1]).sum(axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(scores, np.mean(parts, axis=0), rtol=1e-4)
    assert (scores.argmax(axis=1) == [4, 7]).all()


def test_a_product_that_one_path_generates_has_its_mean_as_well() -> None:
    model = fitted(paths=2, beams=N)
    narrow = SESSION_MODELS.make("tiger", {"tiger": {**model.config.model_dump(), "beams": 2}})
    narrow.restore(model.arrays())
    prefixes = Sequences.from_rows([[i] for i in range(N)])
    exact, found = model.score(prefixes), narrow.score(prefixes)
    generated = np.isfinite(found)
    assert (generated.sum(axis=1) >= 2).all()
    assert (generated.sum(axis=1) <= 4).all()
    assert (generated.sum(axis=1) > 2).any()
    np.testing.assert_allclose(found[generated], exact[generated], rtol=1e-4)
