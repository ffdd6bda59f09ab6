from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.relations.config import MiningConfig
from goeswith.relations.graph import RelationGraph
from goeswith.relations.graph_arithmetic import (
    add_graphs,
    merge_below_support,
    resolve,
    split_by_support,
    with_new_items,
    without_min_counts,
)
from goeswith.relations.mine import mine
from goeswith.relations.mining_report import MiningReport
from goeswith.relations.relation import Relation, csr

N = 5
EVENTS = st.lists(
    st.tuples(
        st.integers(0, N - 1),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["view", "purchase", "purchase"]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=50,
)
# every part of a log tells of views and of purchases; contexts of their own, of no order
ALWAYS = [(0, "{}1", "view", 0), (0, "{}2", "purchase", 0)]
CONFIGS = st.builds(
    MiningConfig,
    max_basket=st.integers(2, 5),
    min_co_purchase=st.integers(1, 3),
    min_co_view=st.integers(1, 2),
    min_view_then_purchase=st.integers(1, 2),
)


def frame_of(events) -> pl.DataFrame:
    names = ["product", "session_id", "event", "position"]
    frame = pl.DataFrame(events, schema=names, orient="row")
    return frame.with_columns(
        pl.col("product").cast(pl.Int32), pl.col("position").cast(pl.Int64)
    ).with_columns(basket_id=pl.col("session_id"))


def assert_same(one: RelationGraph, other: RelationGraph) -> None:
    assert set(one.relations) == set(other.relations)
    for name, relation in one.relations.items():
        same = other.relations[name]
        assert (relation.count != same.count).nnz == 0
        assert relation.count.nnz == same.count.nnz
        assert relation.contexts == same.contexts
        np.testing.assert_array_equal(relation.source_contexts, same.source_contexts)
        np.testing.assert_array_equal(relation.target_contexts, same.target_contexts)
        # where no order is known, none came first
        zeros = np.zeros(len(relation))
        first, again = (
            zeros if r.source_first is None else r.source_first for r in (relation, same)
        )
        np.testing.assert_array_equal(first, again)


@settings(max_examples=8, deadline=None)
@given(events=EVENTS, first=st.sets(st.sampled_from("abcdefgh")), config=CONFIGS)
def test_parts_without_a_common_context_add_up_to_the_whole_log(events, first, config) -> None:
    parts = [
        [e for e in events if (e[1] in first) == chosen]
        + [(p, name.format(chosen), kind, at) for p, name, kind, at in ALWAYS]
        for chosen in (True, False)
    ]
    whole = mine(frame_of(parts[0] + parts[1]), N, config)
    edges, rare = split_by_support(mine(frame_of(parts[0]), N, without_min_counts(config)), config)
    new = mine(frame_of(parts[1]), N, without_min_counts(config))
    updated, _ = split_by_support(add_graphs(merge_below_support(edges, rare), new), config)
    assert_same(updated, whole)


@settings(max_examples=5, deadline=None)
@given(events=EVENTS, config=CONFIGS)
def test_edges_and_rare_pairs_are_together_what_was_counted(events, config) -> None:
    everything = mine(frame_of(events), N, without_min_counts(config))
    edges, rare = split_by_support(everything, config)
    assert_same(merge_below_support(edges, rare), everything)
    assert_same(edges, mine(frame_of(events), N, config))


def test_a_relation_that_one_log_cannot_tell_of_keeps_its_counts() -> None:
    both = mine(frame_of([(0, "a", "view", 0), (1, "a", "view", 1), (1, "b", "purchase", 0)]), N)
    bought = mine(frame_of([(0, "c", "purchase", 0), (1, "c", "purchase", 0)]), N)
    added = add_graphs(both, bought)
    assert added["co_view"].contexts == both["co_view"].contexts == 1
    assert added["co_purchase"].contexts == 2


def test_a_log_of_views_in_which_nothing_was_bought_counts_its_sessions() -> None:
    shop = mine(frame_of([(0, "a", "view", 0), (1, "a", "purchase", 1)]), N)
    views = mine(frame_of([(0, "b", "view", 0), (2, "b", "view", 1)]), N)
    added = add_graphs(shop, views)["view_then_purchase"]
    assert added.contexts == 2
    assert added.source_contexts.tolist() == [2, 0, 1, 0, 0]


def test_a_grown_graph_has_its_edges_and_further_products_without_any() -> None:
    relation = Relation(csr(2, [0], [1], [3]), None, np.ones(2), np.ones(2), 4.0)
    graph = with_new_items(RelationGraph(2, {"co_purchase": relation}), 4)
    assert graph.n == 4
    assert graph["co_purchase"].count.shape == (4, 4)
    assert graph["co_purchase"].count[0, 1] == 3
    assert graph["co_purchase"].source_contexts.tolist() == [1, 1, 0, 0]


def test_arithmetic_of_graphs_keeps_the_types_of_their_products() -> None:
    types = np.array([0, 1, 1, 0, -1], dtype=np.int32)
    graph = mine(frame_of([(0, "a", "purchase", 0), (1, "a", "purchase", 1)]), N).with_types(types)
    edges, rare = split_by_support(graph, MiningConfig())
    for same in (edges, rare, merge_below_support(edges, rare), add_graphs(edges, rare)):
        assert same.types.tolist() == types.tolist()
    assert with_new_items(graph, N + 2).types.tolist() == [*types, -1, -1]


@settings(max_examples=8, deadline=None)
@given(EVENTS)
def test_what_auto_stands_for_is_the_same_by_the_log_and_by_every_pair(events) -> None:
    frame, report = frame_of([*events, (0, "z", "purchase", 0)]), MiningReport()
    mine(frame, N, MiningConfig(), report)
    everything = mine(frame, N, without_min_counts(MiningConfig()))
    assert resolve(MiningConfig(), everything).min_co_purchase == report.relations[0].least
    assert resolve(MiningConfig(min_co_purchase=7), everything).min_co_purchase == 7
