"""What a block of sources is asked for, and paths that cost what they reach."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from goeswith.data.catalog import Catalog
from goeswith.ranking.attribute_features import AttributeReader
from goeswith.ranking.candidate_pool import (
    CandidatePool,
    blocks_by_type,
    propagate,
    propagate_sparse,
    reachable_pool,
)
from goeswith.ranking.item_features import ItemFeatures
from goeswith.relations.graph import RelationGraph


def matrix(seed: int, rows: int, columns: int, share: float) -> sparse.csr_matrix:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((rows, columns)) < share, rng.random((rows, columns)), 0)
    return sparse.csr_matrix(dense.astype(np.float32))


@given(st.integers(0, 50), st.integers(0, 6), st.integers(1, 30), st.sampled_from([0.0, 0.1, 0.6]))
def test_a_path_leads_to_the_same_products_at_any_price(
    seed: int, b: int, n: int, share: float
) -> None:
    block, step = matrix(seed, b, n, share), matrix(seed + 1, n, n, share)
    few = propagate_sparse(block, step)
    assert few.shape == (b, n)
    np.testing.assert_allclose(few.toarray(), propagate(block, step), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(propagate(block.toarray(), step), propagate(block, step), rtol=1e-5)


@given(st.integers(0, 50), st.lists(st.integers(0, 19), unique=True))
def test_values_of_all_products_become_those_of_some(seed: int, some: list[int]) -> None:
    items = facts_of(20, [])
    columns = np.array(sorted(some), dtype=np.int32)
    block = matrix(seed, 4, 20, 0.3)
    assert np.array_equal(CandidatePool(items, columns).dense(block), block.toarray()[:, columns])
    assert np.array_equal(CandidatePool(items).dense(block), block.toarray())


@given(st.lists(st.integers(-1, 4), max_size=300))
def test_sources_are_queried_once_each_beside_those_of_their_type(codes: list[int]) -> None:
    types = np.array(codes, dtype=np.int32)
    sources = np.arange(len(types), dtype=np.int32)[::-1]
    blocks = list(blocks_by_type(sources, types))
    assert sorted(row for block in blocks for row in block.tolist()) == sorted(sources.tolist())
    assert all(len(set(types[block].tolist())) <= 1 and len(block) <= 64 for block in blocks)


def test_candidates_are_reached_by_paths_or_much_bought_in_types_that_go_with_the_sources() -> None:
    # phones 0 to 9, cases 10 to 19, spoons 20 to 29; only case 10 was ever bought, with phone 0
    items = facts_of(30, [(0, 10, "co_purchase")])
    reached = {"walked": sparse.csr_matrix(([1.0], ([0], [25])), shape=(1, 30), dtype=np.float32)}
    found = reachable_pool(items, reached, np.array([0], dtype=np.int32))
    assert found.rows.tolist() == [*range(10, 20), 25]
    assert items.complement_type_products(0, 5, 3).tolist() == [10, 11, 12]
    assert not len(items.complement_type_products(2, 5, 3))
    assert not len(items.complement_type_products(-1, 5, 3))


def facts_of(n: int, edges: list[tuple[int, int, str]]) -> ItemFeatures:
    kinds = ("a phone", "b case", "c spoon")
    catalog = Catalog.from_records(
        {"product_id": f"p{i}", "type": kinds[i // 10], "title": f"thing {i % 7}"} for i in range(n)
    )
    attributes = AttributeReader.fit(catalog).read(catalog, is_catalog=True)
    return ItemFeatures.from_graph(attributes, RelationGraph.from_edges(n, edges), counted=False)
