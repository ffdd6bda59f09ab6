"""Relations as tables with product ids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.data.catalog import Catalog
from goeswith.relations.graph import RelationGraph
from goeswith.relations.measures import MEASURES, Measure
from goeswith.relations.relation import RELATIONS, Relation, pair_keys


def edge_table(graph: RelationGraph, catalog: Catalog) -> pl.DataFrame:
    """Every edge of every relation, as a table that can be read as relation lists.

    Returns:
        source, target (product ids), relation, count, source_first (null without an order),
        the association measures, and complement, similar: whether the edge is in that signal.
    """
    signals = {
        "complement": _directed(graph.complements, graph.n),
        "similar": _directed(graph.similars, graph.n),
    }
    return pl.concat(
        [
            _with_ids(graph[name], catalog).with_columns(
                pl.lit(name).alias("relation"),
                *(
                    pl.Series(signal, np.isin(_directed(graph[name], graph.n), signal_keys))
                    for signal, signal_keys in signals.items()
                ),
            )
            for name in sorted({*RELATIONS, *graph.relations})
        ]
    ).select("source", "target", "relation", "count", "source_first", *MEASURES[1:], *signals)


def strongest_edges(
    edges: Relation, catalog: Catalog, measure: Measure, top: int, source: int | None = None
) -> pl.DataFrame:
    """The strongest edges by a measure; of the two directions of a pair the more confident one.

    Args:
        edges: a relation or signal.
        catalog: the products.
        measure: the sort key.
        top: how many.
        source: only edges from this row.

    Returns:
        The columns of `Relation.frame`, products by id, and source_title, target_title where the
        catalogue has titles.
    """
    pairs = pl.Series("pair", pair_keys(edges.sources, edges.targets, len(catalog)))
    table = _with_ids(edges, catalog).with_columns(pairs)
    if source is not None:
        table = table.filter(pl.Series(edges.sources == source))
    ends = ["source", "target"]
    # one direction of each pair first: the measures of the two differ by rounding
    one_way = table.sort("confidence", *ends, descending=[True, False, False]).unique(
        "pair", keep="first", maintain_order=True
    )
    sorted_edges = one_way.sort(measure, *ends, descending=[True, False, False])
    return sorted_edges.drop("pair").head(top)


def _directed(edges: Relation, n: int) -> npt.NDArray[np.int64]:
    return edges.sources.astype(np.int64) * n + edges.targets


def _with_ids(edges: Relation, catalog: Catalog) -> pl.DataFrame:
    frame = edges.frame()
    if "source_first" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.Float32).alias("source_first"))
    columns = {"": catalog.ids}
    if "title" in catalog.frame.columns:
        columns["_title"] = catalog.frame["title"]
    return frame.with_columns(
        values.gather(rows).alias(f"{end}{suffix}")
        for suffix, values in columns.items()
        for end, rows in (("source", edges.sources), ("target", edges.targets))
    )
