"""The largest entries of every row of a sparse matrix, whatever order they stand in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from goeswith.core.arrays import row_top_k_mask, top_k
from goeswith.relations.relation import Relation, csr


@given(seed=st.integers(0, 500), k=st.integers(1, 8))
def test_the_largest_of_a_row_are_those_of_the_dense_row_and_ties_go_to_the_lower_column(seed, k):
    rng = np.random.default_rng(seed)
    dense = rng.integers(0, 4, (6, 12)).astype(np.float32)
    matrix = sparse.csr_matrix(dense)
    shuffled = matrix.copy()
    for row in range(6):
        at = np.arange(matrix.indptr[row], matrix.indptr[row + 1])
        order = rng.permutation(at)
        shuffled.indices[at], shuffled.data[at] = matrix.indices[order], matrix.data[order]
    expected, _ = top_k(np.where(dense > 0, dense, -np.inf), k)
    for given_matrix in (matrix, shuffled):
        kept = row_top_k_mask(given_matrix, k)
        for row in range(6):
            at = slice(given_matrix.indptr[row], given_matrix.indptr[row + 1])
            found = set(given_matrix.indices[at][kept[at]].tolist())
            assert found == set(expected[row].tolist()) - {-1}


def test_the_strongest_edges_of_a_source_stay_with_their_counts_and_order():
    count = csr(4, [0, 0, 0, 1], [1, 2, 3, 0], [5, 9, 7, 2])
    contexts = np.full(4, 20.0)
    first = np.array([1, 2, 3, 0], dtype=np.float32)
    kept = Relation(count, first, contexts, contexts, 100.0).strongest(2, "count")
    assert kept.count.toarray().tolist() == [[0, 0, 9, 7], [2, 0, 0, 0], [0] * 4, [0] * 4]
    assert kept.source_first.tolist() == [2, 3, 0]
    assert kept.contexts == 100.0
