from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.relations.direction import DirectionVotes, reversed_edges_mask
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import Relation, csr, pair_keys

N = 8
ROW = st.integers(0, N - 1)
# (u, v): contexts in which u came first, and in which v did
SEEN = st.dictionaries(
    st.tuples(ROW, ROW).filter(lambda pair: pair[0] < pair[1]),
    st.tuples(st.integers(0, 8), st.integers(0, 8)),
    max_size=28,
)
TYPES = st.lists(st.integers(-1, 3), min_size=N, max_size=N).map(
    lambda types: np.array(types, dtype=np.int32)
)


def seen(pairs, n=N, unordered=3):
    """Edges both ways of {(u, v): (u first, v first)}, each seen `unordered` times besides."""
    u, v, ahead, behind = (
        np.array([[u, v, *first] for (u, v), first in pairs.items()], dtype=np.int64)
        .reshape(-1, 4)
        .T
    )
    count = np.tile(ahead + behind + unordered, 2)
    sources, targets = np.concatenate([u, v]), np.concatenate([v, u])
    order = np.lexsort((targets, sources))
    first = np.concatenate([ahead, behind])[order]
    return Relation(csr(n, sources, targets, count), first.astype(np.float32))


def gone(edges, types=None):
    against = reversed_edges_mask(edges, types)
    return set(zip(edges.sources[against].tolist(), edges.targets[against].tolist(), strict=True))


def planted(share, types=4, per_type=30, *, pairs=40, contexts=3):
    """Products of type 2k are bought before those of 2k + 1 in `share` of the contexts."""
    rng = np.random.default_rng(0)
    n, found = types * per_type, {}
    for kind in range(0, types, 2):
        for _ in range(pairs):
            u, v = rng.integers(per_type, size=2) + per_type * np.array([kind, kind + 1])
            ahead = int(rng.binomial(contexts, share))
            found[int(u), int(v)] = (ahead, contexts - ahead)
    return seen(found, n), np.repeat(np.arange(types), per_type).astype(np.int32)


@settings(max_examples=150, deadline=None)
@given(pairs=SEEN, types=TYPES)
def test_never_both_directions_of_a_pair_go(pairs, types):
    against = gone(seen(pairs), types)
    assert not against & {(v, u) for u, v in against}


@settings(max_examples=150, deadline=None)
@given(pairs=SEEN, types=TYPES)
def test_the_opposite_order_decides_the_opposite(pairs, types):
    turned = {pair: (behind, ahead) for pair, (ahead, behind) in pairs.items()}
    against = gone(seen(pairs), types)
    assert gone(seen(turned), types) == {(v, u) for u, v in against}


@settings(max_examples=150, deadline=None)
@given(pairs=SEEN, types=TYPES)
def test_types_only_ever_add_to_what_a_pair_says_itself(pairs, types):
    edges = seen(pairs)
    alone = gone(edges)
    assert alone <= gone(edges, types)
    for u, v in gone(edges, types):
        ahead, behind = pairs[min(u, v), max(u, v)]
        assert (ahead < behind) == (u < v)
        assert ahead != behind


@settings(max_examples=50, deadline=None)
@given(pairs=SEEN, types=TYPES, one=st.integers(-1, 0))
def test_without_two_types_or_any_order_nothing_is_pooled(pairs, types, one):
    edges = seen(pairs)
    assert gone(edges, np.full(N, one, dtype=np.int32)) == gone(edges)
    unordered = seen(dict.fromkeys(pairs, (0, 0)))
    assert not gone(unordered, types)
    assert not gone(replace(unordered, source_first=None), types)


@settings(max_examples=100, deadline=None)
@given(pairs=SEEN, types=TYPES)
def test_what_the_types_say_is_a_share_and_leaves_some_doubt(pairs, types):
    edges = seen({pair: first for pair, first in pairs.items() if sum(first)})
    of, to = types[edges.sources], types[edges.targets]
    if not len(edges) or not (typed := (of != to) & (of >= 0) & (to >= 0)).any():
        return
    edges = edges.filter(typed)
    ahead = edges.source_first.astype(float)
    votes = DirectionVotes.from_edges(
        edges.sources, edges.targets, types, ahead, edges.count.data - 3 - ahead
    )
    rho = votes.correlations()
    assert 1 >= rho.own >= rho.sharing >= rho.apart >= 0
    lean, left = votes.predict()
    assert np.abs(lean).max() <= 1 + 1e-9
    assert left.min() >= -1e-9


@pytest.mark.parametrize("share", [1.0, 0.9])
def test_pairs_that_are_too_rare_alone_are_put_right_by_others_of_their_types(share):
    edges, types = planted(share)
    assert not gone(edges)  # three contexts are never significant
    against = gone(edges, types)
    assert all(types[u] > types[v] for u, v in against)
    pairs = len(edges) / 2
    # a pair whose own order says otherwise stays both ways
    assert len(against) >= (share**3 + 3 * share**2 * (1 - share) - 0.1) * pairs


@pytest.mark.parametrize("share", [0.5, 0.55, 0.6])
@pytest.mark.parametrize("contexts", [3, 5])
def test_where_types_lean_little_or_not_both_directions_stay(share, contexts):
    edges, types = planted(share, per_type=60, pairs=1500, contexts=contexts)
    assert not gone(edges, types)


def test_a_pair_alone_of_its_types_is_left_to_itself():
    """As many types as products: nobody else to ask."""
    edges = seen({(u, u + 1): (5, 0) for u in range(0, N, 2)})
    assert not gone(edges, np.arange(N, dtype=np.int32))


def test_one_basket_that_is_bought_again_and_again_is_no_custom():
    """Nine pairs of it say the same, and none of them says more than the others."""
    rng = np.random.default_rng(1)
    pairs, types = {}, np.repeat(np.arange(120), 3).astype(np.int32)
    for basket in range(60):
        place = rng.permutation(6)
        for i in range(3):
            for j in range(3, 6):
                ahead = bool(place[i] < place[j])
                pairs[6 * basket + i, 6 * basket + j] = (4 * ahead, 4 * (not ahead))
    edges = seen(pairs, 360)
    votes = DirectionVotes.from_edges(
        edges.sources,
        edges.targets,
        types,
        edges.source_first.astype(float),
        4.0 - edges.source_first,
    )
    assert votes.correlations().own == 1
    assert votes.correlations().sharing == pytest.approx(1 / 3, abs=0.1)
    assert votes.correlations().apart < 0.1
    assert not gone(edges, types)


def test_pairs_held_out_say_nothing_of_those_that_are_left():
    edges, types = planted(1.0, types=2, pairs=12)
    graph = RelationGraph(60, {"co_purchase": edges}).with_types(types)
    assert (types[graph.complements.sources] == 0).all()
    pairs = np.unique(pair_keys(edges.sources, edges.targets, 60))
    for left in (
        graph.without(pairs[1:]),
        graph.without(pairs[1:6]).without(pairs[6:]),
        graph.without_products(np.unique(edges.sources[edges.sources != pairs[0] // 60])),
    ):
        assert len(left.complements) == len(left["co_purchase"]) in (0, 2)
    assert len(graph.without(pairs[1:]).complements) == 2
    half = graph.without(pairs[:4]).complements
    assert len(half) == len(pairs) - 4
    assert (types[half.sources] == 0).all()
