"""Distinct customers of pairs, and the minimum of them."""

from collections import defaultdict
from dataclasses import replace
from itertools import combinations

import ibis
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.relations.config import MiningConfig
from goeswith.relations.engines import duckdb_engine
from goeswith.relations.graph_arithmetic import (
    add_graphs,
    merge_below_support,
    split_by_support,
    without_min_counts,
)
from goeswith.relations.graph_files import load_graph, save_graph
from goeswith.relations.mine import mine, mine_table
from goeswith.relations.mining.event_log import encode_events

PRODUCTS = 5
UNCAPPED = {"per_user_cap": 1000, "min_co_purchase": 1, "min_customers": 1}
BASKETS = st.lists(
    st.tuples(
        st.sampled_from([None, "a", "b", "c"]),
        st.sets(st.integers(0, PRODUCTS - 1), min_size=1, max_size=4),
    ),
    max_size=12,
)


def events_of(baskets, start=0):
    rows = [
        (f"b{start + i}", user, product)
        for i, (user, products) in enumerate(baskets)
        for product in sorted(products)
    ]
    schema = {"basket_id": pl.String, "user_id": pl.String, "product": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def customers_of(relation):
    pairs = zip(relation.sources.tolist(), relation.targets.tolist(), strict=True)
    return dict(zip(pairs, relation.customers.tolist(), strict=True))


@settings(max_examples=15, deadline=None)
@given(baskets=BASKETS, in_engine=st.booleans(), least=st.integers(1, 3))
def test_customers_of_pairs_are_those_of_a_count_by_hand(baskets, in_engine, least):
    baskets = [("a", {0, 1}), *baskets]
    expected = defaultdict(set)
    for basket, (user, products) in enumerate(baskets):
        for u, v in combinations(products, 2):
            expected[u, v].add(user or basket)
            expected[v, u].add(user or basket)
    config = MiningConfig(**{**UNCAPPED, "min_customers": least})
    with duckdb_engine(256) as duckdb:
        engine = replace(duckdb, pair_memory=0) if in_engine else duckdb
        table = ibis.memtable(encode_events(events_of(baskets)).to_arrow())
        relation = mine_table(table, PRODUCTS, engine, config)["co_purchase"]
    enough = {pair: len(users) for pair, users in expected.items() if len(users) >= least}
    assert customers_of(relation) == enough
    companions = np.zeros(PRODUCTS)
    for _, products in baskets:
        companions[list(products)] += len(products) - 1
    assert relation.companions.tolist() == companions.tolist()


@pytest.mark.parametrize(
    ("least", "support", "edges"),
    [("auto", 3, 2), ("auto", 1, 4), (1, 3, 4), (2, 1, 2), (3, 1, 2), (4, 1, 0)],
)
def test_one_household_makes_no_edge_unless_one_basket_does(least, support, edges):
    baskets = [("a", {0, 1})] * 4 + [(user, {2, 3}) for user in ("a", "b", "c")]
    config = MiningConfig(per_user_cap=9, min_customers=least, min_co_purchase=support)
    assert len(mine(events_of(baskets), PRODUCTS, config)["co_purchase"]) == edges


@pytest.mark.parametrize("column", ["basket_id", "session_id"])
def test_without_users_nobody_is_known_and_no_pair_is_below(column):
    events = events_of([(None, {0, 1})] * 4).drop("user_id").rename({"basket_id": column})
    relation = mine(events, PRODUCTS, MiningConfig())["co_purchase"]
    assert relation.customers is None
    assert len(relation) == 2


def test_customers_survive_an_update_as_an_upper_bound(tmp_path):
    config = MiningConfig(**{**UNCAPPED, "min_co_purchase": 3, "min_customers": 2})
    logs = [[("a", {0, 1}), ("a", {0, 1}), ("b", {2, 3})], [("a", {0, 1}), ("b", {2, 3})]]
    one, other = (
        mine(events_of(baskets, 100 * i), PRODUCTS, without_min_counts(config))
        for i, baskets in enumerate(logs)
    )
    edges, below = split_by_support(one, config)
    assert not len(edges["co_purchase"])
    save_graph(below, tmp_path)
    below = load_graph(tmp_path, PRODUCTS)
    both = add_graphs(merge_below_support(edges, below), other)
    # user a counts once in each log
    assert customers_of(both["co_purchase"])[0, 1] == 2
    edges, _ = split_by_support(both, config)
    assert set(customers_of(edges["co_purchase"])) == {(0, 1), (1, 0)}
    assert edges["co_purchase"].companions.tolist() == [3, 3, 2, 2, 0]


def test_a_large_basket_makes_no_association():
    """Everything is in the large baskets alone: a lift of 2, which their size explains."""
    large = [(f"u{i}", set(range(4))) for i in range(50)]
    small = [(f"s{i}", {4}) for i in range(50)]
    relation = mine(events_of(large + small), PRODUCTS, MiningConfig())["co_purchase"]
    assert (relation.lift_bounds(1.96)[0] > 1).all()
    assert (relation.sized_lift_lower() < 4 / 3).all()
    pairs = [(f"p{i}", {0, 1}) for i in range(50)] + [(f"q{i}", {2, 3}) for i in range(50)]
    relation = mine(events_of(large + pairs), PRODUCTS, MiningConfig())["co_purchase"]
    lower = dict(
        zip(
            zip(relation.sources.tolist(), relation.targets.tolist(), strict=True),
            relation.sized_lift_lower().tolist(),
            strict=True,
        )
    )
    assert lower[0, 1] > 1 > lower[0, 2]
