from datetime import datetime

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import LeakError
from goeswith.evaluation.leak_check import check_leak, check_order
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import RELATIONS, Relation, csr


def rows(*values):
    return np.array(values, dtype=np.int32)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("edge", [(2, 5), (5, 2)])
def test_a_planted_test_pair_is_found_in_any_relation_and_either_direction(relation, edge):
    graph = RelationGraph.from_edges(7, [(0, 1, "co_purchase"), (*edge, relation)])
    with pytest.raises(LeakError, match=rf"{relation}: 1 of \d train edges .* rows {edge[0]} ->"):
        check_leak(graph, rows(2), rows(5))


def test_a_leak_planted_in_a_clean_split_is_found(shop):
    _, graph = shop
    held = hold_out_pairs(graph, 0.2, 0)
    check_leak(held.graph, held.sources, held.targets)
    reverse = csr(graph.n, held.targets[:1], held.sources[:1], [1.0])
    viewed = held.graph["co_view"]
    leaky = RelationGraph(
        graph.n, {**held.graph.relations, "co_view": Relation((viewed.count + reverse).tocsr())}
    )
    with pytest.raises(LeakError, match="co_view: 1 of"):
        check_leak(leaky, held.sources, held.targets)


def test_a_leak_in_a_derived_signal_alone_is_found():
    class Careless(RelationGraph):
        @property
        def complements(self):
            return Relation(csr(4, [3], [1], [1.0]))

    with pytest.raises(LeakError, match="complement signal"):
        check_leak(Careless(4), rows(1), rows(3))


def test_edges_that_are_not_tested_pass():
    graph = RelationGraph.from_edges(7, [(0, 1, "co_purchase"), (5, 3, "co_view")])
    check_leak(graph, rows(0, 5), rows(2, 1))


def test_an_event_to_learn_from_after_the_first_test_event_is_found():
    days = pl.DataFrame({"timestamp": [datetime(2024, 1, day) for day in (1, 2, 3)]})
    check_order(days[:1], days[1:])
    with pytest.raises(LeakError, match="1 of 2 train events"):
        check_order(days[:2], days[1:])
