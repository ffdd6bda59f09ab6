"""Relation graphs from relation lists, as shops publish them."""

from __future__ import annotations

import polars as pl

from goeswith.relations.graph import RelationGraph


def graph_from_lists(relations: pl.DataFrame, n: int) -> RelationGraph:
    """A graph of uncounted edges, each in its listed direction.

    Args:
        relations: source, target (Int32 rows of the catalogue), relation. A pair that is listed
            more than once, or under two lists of one relation, is one edge; a product listed under
            itself is none.
        n: products in the catalogue.
    """
    edges = {
        str(name): (part["source"].to_numpy(), part["target"].to_numpy())
        for (name,), part in relations.group_by("relation")
    }
    return RelationGraph.from_edges(n, edges)
