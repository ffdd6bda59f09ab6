"""The leak check: no test pair is in the training data, in either direction.

Public code of this field leaks test edges through their reversed twins: `case -> phone` stays in
train while `phone -> case` is tested. Every protocol calls these checks before a model is fitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import LeakError
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import pair_keys
from goeswith.sequential.sequences import Sequences
from goeswith.shoppers.histories import Histories


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
    test_keys = np.unique(pair_keys(test_sources, test_targets, graph.n))
    signals = {"complement signal": graph.complements, "similarity signal": graph.similars}
    for name, relation in {**graph.relations, **signals}.items():
        keys = pair_keys(relation.sources, relation.targets, graph.n)
        leaked = np.flatnonzero(np.isin(keys, test_keys))
        if len(leaked):
            u, v = int(relation.sources[leaked[0]]), int(relation.targets[leaked[0]])
            raise LeakError(
                f"{name}: {len(leaked):,} of {len(relation):,} train edges are test pairs, in one "
                f"direction or the other (for example rows {u} -> {v}); figures from this graph "
                "would be worthless. Remove the pairs with RelationGraph.without before fitting"
            )
    if graph.baskets is not None:
        together = (graph.baskets.T @ graph.baskets).tocsr()
        if np.asarray(together[test_sources, test_targets]).any():
            raise LeakError(
                "baskets: some train baskets hold both products of a test pair; figures from this "
                "graph would be worthless. Remove the pairs with RelationGraph.without"
            )


def check_order(train: pl.DataFrame, test: pl.DataFrame) -> None:
    """Refuse training events that are not all before the test events.

    Args:
        train: has the column `timestamp`, as has
        test: the later events.

    Raises:
        LeakError: a training event is not earlier than the first test event.
    """
    late = train.filter(pl.col("timestamp") >= test["timestamp"].min())
    if late.height:
        raise LeakError(
            f"{late.height:,} of {train.height:,} train events are not earlier than the first test "
            f"event (one at {late['timestamp'][0]}); split at one moment in time"
        )


def check_prefixes(train: Sequences, complete: Sequences) -> None:
    """Refuse training sequences that hold more than the prefixes of the test products.

    Args:
        train: the runs without the test products, in the order of
        complete: all of each run; its last product is the test.

    Raises:
        LeakError: a training run is not the prefix of its test product.
    """
    before, _ = complete.split_last()
    differs = len(train) != len(before) or not np.array_equal(train.starts, before.starts)
    if differs or not np.array_equal(train.products, before.products):
        raise LeakError(
            "training sequences differ from the prefixes of the test products; split them with "
            "Sequences.split_last"
        )


def check_last_baskets(
    train: Histories, complete: Histories, shoppers: npt.NDArray[np.integer[Any]]
) -> None:
    """Refuse training histories that hold the last basket of a tested shopper.

    Args:
        train: the histories without the test baskets, of the shoppers of
        complete: all histories.
        shoppers: rows of those that are tested.

    Raises:
        LeakError: a history to learn from is not that before the test basket.
    """
    expected = complete.lengths.copy()
    expected[shoppers] -= 1
    before = np.flatnonzero(
        complete.steps_back >= (complete.lengths - expected)[complete.shopper_index]
    )
    same = np.array_equal(train.lengths, expected)
    if not same or (train.baskets != complete.baskets[before]).nnz:
        raise LeakError(
            "training histories differ from those before the test baskets; split them with "
            "Histories.split_last"
        )


def check_disjoint_sessions(train: pl.Series, test: pl.Series) -> None:
    """Refuse training sessions that are also test sessions.

    Raises:
        LeakError: a session is in both.
    """
    both = train.filter(train.is_in(test.unique().implode())).unique().sort()
    if len(both):
        raise LeakError(
            f"{len(both):,} sessions are in both train and test (for example {both[0]}); "
            "split by session"
        )
