"""Labelled pairs of sessions: products in one bundle, and products seen but not bundled."""

from __future__ import annotations

import polars as pl

from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW


def labelled_session_pairs(sessions: pl.DataFrame, bundles: pl.DataFrame) -> pl.DataFrame:
    """Every pair of products of a session, labelled by whether one of its bundles holds both.

    Args:
        sessions: session_id, product.
        bundles: bundle_id, session_id, product.

    Returns:
        session_id, source, target (source < target), bundled; sorted.
    """
    pairs = _pairs(sessions, ["session_id"])
    bundled_pairs = _pairs(bundles, ["session_id", "bundle_id"]).select(pairs.columns).unique()
    return (
        pairs.join(
            bundled_pairs.with_columns(bundled=True), on=pairs.columns, how="left", validate="1:1"
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


def graph_from_labelled_pairs(pairs: pl.DataFrame, n: int) -> RelationGraph:
    """Bundled pairs as co_purchase; pairs of a session that are in none of its bundles as co_view.

    Edges have both directions: a bundle has none. A pair that one session's people bundled and
    another's did not is in both relations, and so in neither signal.

    Args:
        pairs: of `labelled_session_pairs`.
        n: products in the catalogue.
    """
    edges = {}
    for name, bundled in ((CO_PURCHASE, True), (CO_VIEW, False)):
        labelled = pairs.filter(pl.col("bundled") == bundled)
        first, second = labelled["source"], labelled["target"]
        edges[name] = (
            pl.concat([first, second]).to_numpy(),
            pl.concat([second, first]).to_numpy(),
        )
    return RelationGraph.from_edges(n, edges)
