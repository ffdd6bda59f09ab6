"""The best inner products, a tile at a time, against all of them at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.arrays import top_k
from goeswith.core.jit import has_numba
from goeswith.models import exact_search as exact
from goeswith.models.base import mask_excluded
from goeswith.relations.relation import csr

LOOKS = [
    pytest.param(10**9, id="numpy"),
    pytest.param(
        0, id="numba", marks=pytest.mark.skipif(not has_numba(), reason="numba is not installed")
    ),
]


@pytest.mark.parametrize("large", LOOKS)
@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    shape=st.tuples(st.sampled_from([1, 9, 64, 150]), st.integers(1, 70)),
    k=st.integers(1, 80),
    tile=st.integers(1, 40),
)
def test_the_best_of_tiles_are_the_best_of_all(large, seed, shape, k, tile):
    b, n = shape
    rng = np.random.default_rng(seed)
    # small whole numbers, so that there are ties, and sums are exact in any order
    targets = rng.integers(-2, 3, (n, 4)).astype(np.float32)
    targets[rng.random(n) < 0.2] = 0
    sources = rng.integers(0, n, b).astype(np.int32)
    vectors = rng.integers(-2, 3, (b, 4)).astype(np.float32)
    vectors[0] = 0
    exclude = csr(n, rng.integers(0, n, 3 * n), rng.integers(0, n, 3 * n), np.ones(3 * n))
    scores = vectors @ targets.T
    scores[~vectors.any(axis=1)] = -np.inf
    scores[:, ~targets.any(axis=1)] = -np.inf
    mask_excluded(scores, sources, exclude)
    k = min(k, n)
    expected, highest = top_k(scores, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_MIN_COMPILED_PRODUCTS", large)
        patch.setattr(exact, "_BLOCK_SOURCES", 100)
        patch.setattr(exact, "_TILE_PRODUCTS", tile)
        patch.setattr(exact, "_INITIAL_PRODUCTS", tile // 2)
        products, best = exact.best_products(vectors, targets, sources, k, exclude)
    assert np.array_equal(products, expected)
    assert np.array_equal(best, highest)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_numba_and_numpy_say_the_same_to_the_last_bit(monkeypatch):
    rng = np.random.default_rng(0)
    # eighths of small whole numbers: their sums are exact in any order
    targets = (rng.integers(-40, 41, (5000, 16)) / 8).astype(np.float32)
    targets[rng.integers(0, 5000, 500)] = targets[rng.integers(0, 5000, 500)]
    sources = rng.integers(0, 5000, 700).astype(np.int32)
    vectors = (rng.integers(-40, 41, (700, 16)) / 8).astype(np.float32)
    vectors[::50] = 0
    exclude = csr(5000, *rng.integers(0, 5000, (2, 50_000)), np.ones(50_000))
    found = []
    for large in (10**9, 0):
        monkeypatch.setattr(exact, "_MIN_COMPILED_PRODUCTS", large)
        found.append(exact.best_products(vectors, targets, sources, 20, exclude))
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])
