"""The leak check: no model sees a pair that it is tested on, in either direction.

Public code of this field leaks test edges through their reversed twins: `case -> phone` stays in
train while `phone -> case` is tested. Every protocol calls these checks before a model is fitted.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import LeakError
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import pair_keys
from goeswith.sequential.sequences import Sequences


def check_leak(graph: RelationGraph, test_sources: Rows, test_targets: Rows) -> None:
    """Refuse a train graph that holds a test pair.

    Args:
        graph: what a model will be fitted on.
        test_sources: (m,) source rows of the test pairs.
        test_targets: (m,) their target rows.

    Raises:
        LeakError: a relation, or the complement or similarity signal, has an entry for a test
            pair in either direction.
    """
    held = np.unique(pair_keys(test_sources, test_targets, graph.n))
    signals = {"complement signal": graph.complements, "similarity signal": graph.similars}
    for name, relation in {**graph.relations, **signals}.items():
        keys = pair_keys(relation.sources, relation.targets, graph.n)
        leaked = np.flatnonzero(np.isin(keys, held))
        if len(leaked):
            u, v = int(relation.sources[leaked[0]]), int(relation.targets[leaked[0]])
            raise LeakError(
                f"{name}: {len(leaked):,} of {len(relation):,} train edges are test pairs, in one "
                f"direction or the other (for example rows {u} -> {v}); figures from this graph "
                "would be worthless. Remove the pairs with RelationGraph.without before fitting"
            )


def check_order(train: pl.DataFrame, test: pl.DataFrame) -> None:
    """Refuse events to learn from that do not all lie before the events to test on.

    Args:
        train: has the column `timestamp`, as has
        test: the later events.

    Raises:
        LeakError: an event to learn from is not earlier than the first one to test on.
    """
    late = train.filter(pl.col("timestamp") >= test["timestamp"].min())
    if late.height:
        raise LeakError(
            f"{late.height:,} of {train.height:,} train events are not earlier than the first test "
            f"event (one at {late['timestamp'][0]}); split at one moment in time"
        )


def check_before(train: Sequences, whole: Sequences) -> None:
    """Refuse sequences to learn from that hold more than what came before the last product.

    Args:
        train: the runs without what is tested, in the order of
        whole: all of each run; its last product is the test.

    Raises:
        LeakError: a run to learn from is not the run before its last product.
    """
    before, _ = whole.part_last()
    wrong = len(train) != len(before) or not np.array_equal(train.starts, before.starts)
    if wrong or not np.array_equal(train.products, before.products):
        raise LeakError(
            "sequences to learn from hold something else than what came before the product that is "
            "tested; split them with Sequences.part_last"
        )


def check_apart(train: pl.Series, test: pl.Series) -> None:
    """Refuse sessions to learn from that are tested, too.

    Raises:
        LeakError: a session is in both.
    """
    both = train.filter(train.is_in(test.unique().implode())).unique().sort()
    if len(both):
        raise LeakError(
            f"{len(both):,} sessions are both learned from and tested (for example {both[0]}); "
            "hold sessions out whole"
        )
