"""The splits of protocols. Product pairs: `relations.pair_split.hold_out_pairs`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import ConfigError, DataError
from goeswith.relations.graph import RelationGraph


@dataclass(frozen=True)
class ColdSplit:
    """A graph in which some products have no edges.

    Attributes:
        graph: the rest; only the attributes of cold products remain.
        cold: (n,) whether a product lost its edges.
        sources: (m,) source row of every complement edge between a cold and a warm product.
        targets: (m,) its target row. Edges between two cold products are in neither part.
    """

    graph: RelationGraph
    cold: npt.NDArray[np.bool_]
    sources: Rows
    targets: Rows


def cold_split(graph: RelationGraph, share: float, seed: int) -> ColdSplit:
    """Remove all edges of a share of the products, in every relation.

    Args:
        graph: any graph.
        share: of all products, in [0, 1); rounded down.
        seed: of the draw.

    Raises:
        ConfigError: the share is out of range.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"a share of products to make cold lies in [0, 1), not {share}")
    cold = np.random.default_rng(seed).permutation(graph.n) < int(share * graph.n)
    edges = graph.complements
    test = cold[edges.sources] != cold[edges.targets]
    rows = np.flatnonzero(cold).astype(np.int32)
    return ColdSplit(graph.without_products(rows), cold, edges.sources[test], edges.targets[test])


def time_split(events: pl.DataFrame, share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events before and from a moment on.

    The moment is the (1 - share) quantile of the events' timestamps, not of the span that they
    cover: shops grow and logs start thin, and a share of events keeps both sides filled. Events
    of that very moment are all test.

    Args:
        events: has the column `timestamp`.
        share: of the events that are later, in (0, 1); about, where many share a timestamp.

    Raises:
        DataError: there are no timestamps, or no moment with events on both sides.
    """
    if "timestamp" not in events.columns:
        raise DataError(
            "the time protocol needs events with a 'timestamp'; this data has "
            f"{', '.join(events.columns)}"
        )
    cut = events["timestamp"].quantile(1 - share, interpolation="higher")
    before = pl.col("timestamp") < cut
    train, test = events.filter(before), events.filter(~before)
    if not train.height or not test.height:
        raise DataError(
            f"the {events.height:,} events cannot be split by time: too many have the first "
            f"timestamp, {events['timestamp'].sort().head(1).to_list()}"
        )
    return train, test


def session_folds(sessions: pl.DataFrame, folds: int, seed: int) -> list[pl.Series]:
    """Split sessions into folds of (nearly) equal size.

    Args:
        sessions: has the column `session_id`.
        folds: how many.
        seed: of the draw.

    Returns:
        the session ids of each fold.

    Raises:
        DataError: fewer sessions than folds.
    """
    ids = sessions["session_id"].unique().sort()
    if len(ids) < folds:
        raise DataError(f"{folds} folds need as many sessions; this data has {len(ids)}")
    order = np.random.default_rng(seed).permutation(len(ids))
    return [ids[np.sort(part)] for part in np.array_split(order, folds)]
