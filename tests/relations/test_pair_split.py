import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import RELATIONS, pair_keys

PRODUCTS = 9
GRAPHS = st.lists(
    st.tuples(
        st.integers(0, PRODUCTS - 1), st.integers(0, PRODUCTS - 1), st.sampled_from(RELATIONS)
    ),
    max_size=60,
).map(lambda edges: RelationGraph.from_edges(PRODUCTS, edges))


@settings(max_examples=60, deadline=None)
@given(graph=GRAPHS, share=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_no_relation_of_what_is_left_holds_a_held_pair_in_either_direction(graph, share, seed):
    held = hold_out_pairs(graph, share, seed)
    keys = set(pair_keys(held.sources, held.targets, PRODUCTS).tolist())
    left = held.graph
    for relation in [*left.relations.values(), left.complements, left.similars]:
        assert not keys & set(pair_keys(relation.sources, relation.targets, PRODUCTS).tolist())


@settings(max_examples=60, deadline=None)
@given(graph=GRAPHS, share=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_held_edges_and_train_complements_are_together_the_complements(graph, share, seed):
    held = hold_out_pairs(graph, share, seed)
    left = held.graph.complements
    parts = [
        *zip(held.sources.tolist(), held.targets.tolist(), strict=True),
        *zip(left.sources.tolist(), left.targets.tolist(), strict=True),
    ]
    whole = graph.complements
    assert sorted(parts) == list(zip(whole.sources.tolist(), whole.targets.tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(graph=GRAPHS, share=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_the_same_seed_holds_back_the_same_share_of_unordered_pairs(graph, share, seed):
    once, again = (hold_out_pairs(graph, share, seed) for _ in range(2))
    assert np.array_equal(once.sources, again.sources)
    assert np.array_equal(once.targets, again.targets)
    whole = graph.complements
    pairs = len(np.unique(pair_keys(whole.sources, whole.targets, PRODUCTS)))
    assert len(np.unique(pair_keys(once.sources, once.targets, PRODUCTS))) == int(share * pairs)


def test_another_seed_holds_back_other_pairs(shop):
    _, graph = shop
    first, second = (hold_out_pairs(graph, 0.2, seed) for seed in (0, 1))
    assert set(zip(first.sources, first.targets, strict=True)) != set(
        zip(second.sources, second.targets, strict=True)
    )


def test_both_directions_of_a_pair_are_held_back_together():
    both_ways = [(u, v, "co_purchase") for u in range(6) for v in range(6) if u != v]
    held = hold_out_pairs(RelationGraph.from_edges(6, both_ways), 0.4, 3)
    edges = set(zip(held.sources.tolist(), held.targets.tolist(), strict=True))
    assert len(edges) == 12
    assert {(v, u) for u, v in edges} == edges


def test_a_share_out_of_range_is_refused(shop):
    with pytest.raises(ConfigError, match=r"\[0, 1\), not 1.5"):
        hold_out_pairs(shop[1], 1.5, 0)
