from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import RELATIONS, Relation, csr, pair_keys

PRODUCTS = 8
ROW = st.integers(0, PRODUCTS - 1)
LISTS = st.lists(st.tuples(ROW, ROW, st.sampled_from(RELATIONS)), max_size=60)


def listed(relation):
    return set(zip(relation.sources.tolist(), relation.targets.tolist(), strict=True))


def either_way(pairs):
    return pairs | {(v, u) for u, v in pairs}


def counted(edges, contexts, held=None, n=PRODUCTS):
    """A counted relation from (source, target, count, source first)."""
    u, v, count, first = (np.array(column) for column in zip(*edges, strict=True))
    order = np.lexsort((v, u))
    held = np.full(n, 10.0) if held is None else np.asarray(held, dtype=float)
    return Relation(csr(n, u, v, count), first[order].astype(np.float32), held, held, contexts)


@settings(max_examples=100, deadline=None)
@given(edges=LISTS)
def test_on_lists_the_signals_are_set_differences_over_unordered_pairs(edges):
    graph = RelationGraph.from_edges(PRODUCTS, edges)
    bought, viewed, followed = (
        {(u, v) for u, v, name in edges if name == relation and u != v} for relation in RELATIONS
    )
    assert listed(graph.complements) == bought - either_way(viewed | followed)
    both = viewed & either_way(followed) if followed else viewed
    assert listed(graph.similars) == both - either_way(bought)


@settings(max_examples=100, deadline=None)
@given(edges=LISTS, pairs=st.lists(st.tuples(ROW, ROW), max_size=8))
def test_without_leaves_no_pair_in_either_direction_and_every_other_one(edges, pairs):
    graph = RelationGraph.from_edges(PRODUCTS, edges)
    keys = pair_keys([u for u, _ in pairs], [v for _, v in pairs], PRODUCTS)
    left = graph.without(keys)
    gone = either_way(set(pairs))
    for name in RELATIONS:
        assert listed(left[name]) == listed(graph[name]) - gone
    assert listed(left.complements) == listed(graph.complements) - gone
    assert listed(left.similars) == listed(graph.similars) - gone


@settings(max_examples=50, deadline=None)
@given(edges=LISTS, rows=st.sets(ROW, max_size=4))
def test_without_products_leaves_no_edge_of_theirs(edges, rows):
    graph = RelationGraph.from_edges(PRODUCTS, edges)
    left = graph.without_products(np.array(sorted(rows), dtype=np.int32))
    for name in RELATIONS:
        assert listed(left[name]) == {e for e in listed(graph[name]) if not rows & set(e)}


def test_what_was_counted_with_the_pairs_that_left_is_forgotten():
    bought = counted([(0, 1, 5, 5), (1, 0, 5, 0), (0, 2, 4, 2), (2, 0, 4, 2)], 100.0)
    left = RelationGraph(PRODUCTS, {"co_purchase": bought}).without(pair_keys([0], [1], PRODUCTS))
    for relation in (left["co_purchase"], left.complements):
        assert not relation.counted
        assert relation.source_contexts is relation.target_contexts is relation.contexts is None
        assert relation.source_first.tolist() == [2, 2]
    # the sums of what is left stand for the contexts: 4 of 4, among 8
    assert left["co_purchase"].measure("confidence").tolist() == [1, 1]
    assert left["co_purchase"].measure("lift").tolist() == [2, 2]


def test_a_pair_is_a_complement_where_its_lift_is_higher_as_a_purchase_than_as_a_comparison():
    rare, often = [10.0] * PRODUCTS, [1000.0] * PRODUCTS
    bought = counted([(0, 1, 5, 0), (1, 0, 5, 0), (2, 3, 5, 0), (3, 2, 5, 0)], 1000.0, rare)
    # views are many: both pairs are compared more often than bought, but (0, 1) no more than chance
    viewed = counted(
        [(0, 1, 40, 0), (1, 0, 40, 0), (2, 3, 900, 0), (3, 2, 900, 0)], 10_000.0, often
    )
    graph = RelationGraph(PRODUCTS, {"co_purchase": bought, "co_view": viewed})
    assert bought.measure("lift").tolist() == [50] * 4
    assert viewed.measure("lift").tolist() == pytest.approx([0.4, 0.4, 9, 9])
    assert listed(graph.complements) == {(0, 1), (1, 0), (2, 3), (3, 2)}
    closer = replace(viewed, contexts=200_000.0)
    graph = RelationGraph(PRODUCTS, {"co_purchase": bought, "co_view": closer})
    assert listed(graph.complements) == {(0, 1), (1, 0)}
    assert listed(graph.similars) == {(2, 3), (3, 2)}


@pytest.mark.parametrize(
    ("bought_in", "viewed_in", "types", "is_alternative"),
    [
        (150, 2, None, False),  # a handful of sessions, of whatever lift, against many baskets
        (150, 149, None, False),
        (150, 600, None, True),
        (3, 3, None, True),
        (60, 70, None, False),  # lifts of 6 and 7: within the uncertainty of both
        (60, 70, [0] * PRODUCTS, True),  # of two products of one type the larger lift decides
        (60, 70, [0, 1] + [-1] * 6, False),
        (60, 70, [-1] * PRODUCTS, False),
    ],
)
def test_views_make_an_alternative_only_where_they_suffice(
    bought_in, viewed_in, types, is_alternative
):
    held = [100.0] * PRODUCTS
    bought = counted([(0, 1, bought_in, 0), (1, 0, bought_in, 0)], 1000.0, held)
    contexts = 1000.0 if bought_in == 60 else 100_000.0
    viewed = counted([(0, 1, viewed_in, 0), (1, 0, viewed_in, 0)], contexts, held)
    types = None if types is None else np.array(types, dtype=np.int32)
    for other in ("co_view", "view_then_purchase"):
        graph = RelationGraph(PRODUCTS, {"co_purchase": bought, other: viewed}, types=types)
        assert (listed(graph.complements) == set()) == is_alternative
        assert graph.alternatives.undecided.any() != is_alternative
        assert graph.alternatives.removed.all() == is_alternative
        if other == "co_view":
            assert listed(graph.similars) == ({(0, 1), (1, 0)} if is_alternative else set())


def test_an_alternative_by_purchases_after_views_is_similar_where_it_was_viewed():
    held = [100.0] * PRODUCTS
    bought = counted([(0, 1, 3, 0), (1, 0, 3, 0)], 1000.0, held)
    viewed = counted([(0, 1, 3, 0), (1, 0, 3, 0)], 500.0, held)
    followed = counted([(0, 1, 80, 0)], 1000.0, held)
    relations = {"co_purchase": bought, "co_view": viewed, "view_then_purchase": followed}
    graph = RelationGraph(PRODUCTS, relations)
    assert not listed(graph.complements)
    assert listed(graph.similars) == {(0, 1), (1, 0)}


def test_signals_of_the_other_pairs_stay_when_some_are_held_out():
    bought = counted([(0, 1, 5, 0), (1, 0, 5, 0), (2, 3, 5, 0), (3, 2, 5, 0)], 1000.0)
    viewed = counted([(0, 1, 40, 0), (1, 0, 40, 0)], 10_000.0, [1000.0] * PRODUCTS)
    graph = RelationGraph(PRODUCTS, {"co_purchase": bought, "co_view": viewed})
    assert listed(graph.complements) == {(0, 1), (1, 0), (2, 3), (3, 2)}
    # by its bare counts (0, 1) would now be no complement
    assert listed(graph.without(pair_keys([2], [3], PRODUCTS)).complements) == {(0, 1), (1, 0)}


@pytest.mark.parametrize(
    ("ahead", "behind", "kept"),
    [(5, 0, True), (6, 0, False), (0, 0, True), (60, 40, True), (61, 39, False), (40, 60, True)],
)
def test_an_edge_goes_only_where_its_order_is_significantly_the_other_way(ahead, behind, kept):
    """Of ordered contexts, one-sided at 2.5 %: 6 of 6 and 61 of 100 are enough, 5 of 5 is not."""
    count = 200
    bought = counted([(0, 1, count, ahead), (1, 0, count, behind)], 1000.0, [300.0] * PRODUCTS)
    graph = RelationGraph(PRODUCTS, {"co_purchase": bought})
    assert ((1, 0) in listed(graph.complements)) == kept
    assert (0, 1) in listed(graph.complements)


def test_without_any_order_both_directions_stay():
    both_ways = RelationGraph.from_edges(3, [(0, 1, "co_purchase"), (1, 0, "co_purchase")])
    assert listed(both_ways.complements) == {(0, 1), (1, 0)}


def test_a_list_that_names_a_pair_twice_or_a_product_itself_says_no_more_than_once():
    graph = RelationGraph.from_edges(3, [(0, 1, "co_view"), (0, 1, "co_view"), (2, 2, "co_view")])
    assert graph["co_view"].frame().select("source", "target", "count").rows() == [(0, 1, 1)]


def test_a_relation_that_was_never_seen_has_no_edges():
    graph = RelationGraph(3)
    assert len(graph["co_view"]) == len(graph.complements) == len(graph.similars) == 0
    assert "co_view" not in graph
