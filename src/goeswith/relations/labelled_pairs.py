"""What people bundled, and what they saw beside it and left out, -> RelationGraph."""

from __future__ import annotations

import polars as pl

from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW


def judged_pairs(sessions: pl.DataFrame, bundles: pl.DataFrame) -> pl.DataFrame:
    """Every pair of products of a session, and whether one bundle of that session holds both.

    Args:
        sessions: session_id, product.
        bundles: bundle_id, session_id, product.

    Returns:
        session_id, source, target (source < target), bundled; sorted.
    """
    pairs = _pairs(sessions, ["session_id"])
    together = _pairs(bundles, ["session_id", "bundle_id"]).select(pairs.columns).unique()
    return (
        pairs.join(
            together.with_columns(bundled=True), on=pairs.columns, how="left", validate="1:1"
        )
        .with_columns(pl.col("bundled").fill_null(value=False))
        .sort(pairs.columns)
    )


def _pairs(table: pl.DataFrame, within: list[str]) -> pl.DataFrame:
    """Unordered pairs of distinct products within a context, once each."""
    members = table.select(*within, "product").unique()
    return (
        members.join(members, on=within, suffix="_other")
        .filter(pl.col("product") < pl.col("product_other"))
        .select(*within, source="product", target="product_other")
    )


def graph_of_judged(pairs: pl.DataFrame, n: int) -> RelationGraph:
    """Bundled pairs as co_purchase; pairs of a session that are in none of its bundles as co_view.

    Edges go both ways: a bundle has no direction. A pair that one session's people bundled and
    another's did not is in both relations, and so in neither signal.

    Args:
        pairs: as `judged_pairs` gives them.
        n: products in the catalogue.
    """
    edges = {}
    for name, bundled in ((CO_PURCHASE, True), (CO_VIEW, False)):
        part = pairs.filter(pl.col("bundled") == bundled)
        one, other = part["source"], part["target"]
        edges[name] = (
            pl.concat([one, other]).to_numpy(),
            pl.concat([other, one]).to_numpy(),
        )
    return RelationGraph.from_edges(n, edges)
