"""Relation graphs from relation lists, as shops publish them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from goeswith.core.arrays import Floats
from goeswith.relations.graph import RelationGraph


def graph_from_lists(relations: pl.DataFrame, n: int) -> RelationGraph:
    """A graph of uncounted edges, each in its listed direction.

    Args:
        relations: source, target (Int32 rows of the catalogue), relation, and rank if present. A
            pair that is listed more than once, or under two lists of one relation, is one edge, at
            the lowest of its ranks; a product listed under itself is none.
        n: products in the catalogue.
    """
    parts = {str(name): part for (name,), part in relations.group_by("relation")}
    pairs = {
        name: (part["source"].to_numpy(), part["target"].to_numpy()) for name, part in parts.items()
    }
    graph = RelationGraph.from_edges(n, pairs)
    if "rank" not in relations.columns:
        return graph
    return replace(
        graph,
        relations={
            name: replace(edges, place=_places(parts[name]))
            for name, edges in graph.relations.items()
        },
    )


def _places(lists: pl.DataFrame) -> Floats | None:
    """(nnz,) the lowest rank of every edge, by source and target; None if no rank is known."""
    if lists["rank"].null_count() == len(lists):
        return None
    lowest = (
        lists.filter(pl.col("source") != pl.col("target"))
        .group_by("source", "target")
        .agg(pl.col("rank").min())
        .sort("source", "target")
    )
    places: Floats = lowest["rank"].cast(pl.Float32).fill_null(float("inf")).to_numpy()
    return places
