"""The weights of SLIM, target by target, as its formula has them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from goeswith.models import slim


@pytest.mark.parametrize("neighbours", [1, 4, 90])
@pytest.mark.parametrize("batch", [1, 23, 1000])
def test_the_weights_of_each_target_solve_its_own_equations(
    neighbours: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slim, "_BATCH", batch)
    rng = np.random.default_rng(neighbours)
    n, l2 = 60, 5.0
    # few for some targets, many for others, none for the last ten
    listed = rng.random((80, n)) < np.linspace(0.3, 0, n) * (np.arange(n) < n - 10)
    found = slim.sparse_weights(sparse.csr_matrix(listed, dtype=np.float32), l2, neighbours)

    gram = listed.T.astype(float) @ listed
    cosines = gram / np.sqrt(gram.diagonal() + slim._SHRINKAGE * l2)
    expected = np.zeros((n, n))
    for target in range(n):
        others = [i for i in range(n) if i != target and gram[target, i]]
        best = sorted(others, key=lambda i: (-cosines[target, i], i))[:neighbours]
        block = gram[np.ix_(best, best)] + l2 * np.eye(len(best))
        expected[best, target] = np.linalg.solve(block, gram[best, target])
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-4, atol=1e-6)
    assert found.dtype == np.float32
