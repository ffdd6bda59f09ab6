"""Codes of vectors: what is near shares their beginning, no two are equal, none is invented."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goeswith.features.semantic_codes import Trie, residual_codes, with_unique_suffix


def test_vectors_near_each_other_share_the_beginning_of_their_codes():
    rng = np.random.default_rng(0)
    centres = 10 * rng.standard_normal((4, 8))
    vectors = (centres[np.arange(40) % 4] + 0.1 * rng.standard_normal((40, 8))).astype(np.float32)
    first = residual_codes(vectors, levels=2, size=4, seed=0)[:, 0]
    assert len(set(first)) == 4
    assert all(len(set(first[group::4])) == 1 for group in range(4))


def test_more_levels_tell_more_apart():
    vectors = np.random.default_rng(1).standard_normal((60, 6)).astype(np.float32)
    different = [
        len(np.unique(residual_codes(vectors, levels, 4, 0), axis=0)) for levels in (1, 2, 3)
    ]
    assert different[0] < different[1] < different[2]


def test_vectors_that_are_all_alike_are_with_unique_suffix_by_the_last_number_alone():
    codes = with_unique_suffix(residual_codes(np.ones((5, 3), dtype=np.float32), 2, 4, 0))
    assert codes[:, :2].max() == 0
    assert sorted(codes[:, 2]) == [0, 1, 2, 3, 4]


codes_of_products = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=30
).map(lambda rows: with_unique_suffix(np.array(rows, dtype=np.int64)))


@given(codes_of_products)
def test_no_two_products_have_one_code(codes):
    assert len(np.unique(codes, axis=0)) == len(codes)


@given(codes_of_products)
def test_a_walk_down_the_trie_ends_at_every_product_and_nowhere_else(codes):
    trie = Trie(codes)
    walks = {(): 0}
    for level, size in enumerate(trie.sizes):
        walks = {
            (*spelled, number): int(node)
            for spelled, above in walks.items()
            for number, node in enumerate(trie.children(level, np.array(above)))
            if node >= 0
        }
        assert size == codes[:, level].max() + 1
    found = {spelled: int(trie.products[node]) for spelled, node in walks.items()}
    assert found == {tuple(code): product for product, code in enumerate(codes.tolist())}
    assert (trie.children(0, np.array([-1])) == -1).all()
