"""The mixture is not below its best member on held-out products."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.same import assert_same_scores

from goeswith.data.catalog import Catalog
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.mixture import Mixture
from goeswith.sequential.sequences import Sequences

N = 30


def catalog() -> Catalog:
    return Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(N)]}))


def returning() -> Sequences:
    """Visitors who return to what they looked at most; order and neighbours say nothing."""
    rng = np.random.default_rng(1)
    runs = []
    for _ in range(300):
        seen = rng.choice(N, 3, replace=False)
        run = [seen[0]] * 3 + [seen[1]] * 2 + [seen[2]]
        rng.shuffle(run)
        runs.append([*map(int, run), int(seen[0])])
    return Sequences.from_rows(runs)


def following() -> Sequences:
    rng = np.random.default_rng(2)
    starts = rng.integers(0, N, 300)
    return Sequences.from_rows([[(s + i) % N for i in range(4)] for s in starts.tolist()])


def test_a_model_that_is_better_alone_ranks_alone(tmp_path):
    model = Mixture(members="successors+item_knn").fit(catalog(), returning())
    alone = SESSION_MODELS.make("frequent").fit(catalog(), returning())
    prefixes, _ = returning().take(np.arange(20)).split_last()
    assert_same_scores(model.score(prefixes), alone.score(prefixes))
    assert model.reason.startswith("frequent ranks, by nDCG@20 on 15 held-out products")
    model.save(tmp_path)
    loaded = Mixture.load(tmp_path)
    assert_same_scores(loaded.score(prefixes), model.score(prefixes))
    np.testing.assert_allclose(loaded.shares(prefixes).sum(axis=1), 1, rtol=1e-5)


def test_a_mixture_that_is_not_below_its_members_ranks():
    model = Mixture(members="successors+item_knn").fit(catalog(), following())
    assert model.alone is None
    assert model.reason.startswith("the mixture ranks, by nDCG@20")
    assert model.weights.sum() == pytest.approx(1)


def test_a_mixture_that_was_saved_by_an_earlier_version_is_read(tmp_path):
    model = Mixture(members="successors+item_knn").fit(catalog(), following())
    arrays = model.arrays()
    del arrays["alone"]
    earlier = Mixture(members="successors+item_knn")
    earlier.restore(arrays)
    prefixes = Sequences.from_rows([[0, 1], []])
    assert_same_scores(earlier.score(prefixes), model.score(prefixes))
