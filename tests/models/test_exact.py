"""The best inner products, a tile at a time, against all of them at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.arrays import top_k
from goeswith.models import exact
from goeswith.models.base import leave_out
from goeswith.relations.graph import csr


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000), n=st.integers(1, 70), k=st.integers(1, 80), tile=st.integers(1, 40)
)
def test_the_best_of_tiles_are_the_best_of_all(seed, n, k, tile):
    rng = np.random.default_rng(seed)
    # small whole numbers, so that there are ties, and sums are exact in any order
    targets = rng.integers(-2, 3, (n, 4)).astype(np.float32)
    targets[rng.random(n) < 0.2] = 0
    sources = rng.integers(0, n, 9).astype(np.int32)
    vectors = rng.integers(-2, 3, (9, 4)).astype(np.float32)
    vectors[0] = 0
    exclude = csr(n, rng.integers(0, n, 3 * n), rng.integers(0, n, 3 * n), np.ones(3 * n))
    scores = vectors @ targets.T
    scores[~vectors.any(axis=1)] = -np.inf
    scores[:, ~targets.any(axis=1)] = -np.inf
    leave_out(scores, sources, exclude)
    k = min(k, n)
    expected, highest = top_k(scores, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_TILE", tile)
        patch.setattr(exact, "_FEW", tile // 2)
        products, best = exact.best_products(vectors, targets, sources, k, exclude)
    assert np.array_equal(products, expected)
    assert np.array_equal(best, highest)
