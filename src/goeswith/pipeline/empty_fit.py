"""Why a fit gives no or few recommendations, in words with numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from goeswith.data.variants import variant_codes
from goeswith.relations.relation import CO_PURCHASE

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.relations.graph import RelationGraph


def count_events(events: pl.DataFrame | None) -> dict[str, int]:
    """`events`, `purchases` and `views` of a table of events; empty without one."""
    if events is None:
        return {}
    kinds = events["event"].value_counts()
    by_kind = dict(zip(kinds["event"].to_list(), kinds["count"].to_list(), strict=True))
    return {
        "events": events.height,
        "purchases": int(by_kind.get("purchase", 0)),
        "views": int(by_kind.get("view", 0)),
    }


def products_with_pairs(graph: RelationGraph) -> int:
    """Number of products in at least one pair of complements, whichever its direction."""
    edges = graph.complements
    return len(np.union1d(edges.sources, edges.targets))


def why_few(
    catalog: Catalog,
    graph: RelationGraph,
    rows: Mapping[str, int],
    mined: Sequence[Mapping[str, Any]],
    max_basket: int,
) -> list[str]:
    """Reasons in the data, the most likely first; empty if none is apparent.

    Args:
        catalog: the products.
        graph: their relations.
        rows: as `count_events`.
        mined: the mining report's relations, as in a manifest.
        max_basket: setting `relations.max_basket`.
    """
    if "events" in rows and not rows.get("purchases"):
        return [
            f"there are no purchases among {rows['events']:,} events ({rows['views']:,} views): "
            "complements come from purchases"
        ]
    if "events" not in rows and not graph.relations:
        return [
            "there are no events and no lists of pairs, and the catalogue has no titles in which "
            "kinds of products are recognised: add titles, types or events"
        ]
    reasons = [
        text
        for entry in mined
        if entry["relation"] == CO_PURCHASE and (text := _why_no_edges(entry, max_basket))
    ]
    bought = graph[CO_PURCHASE]
    if len(bought) and not len(graph.complements):
        reasons.append(
            f"all {len(bought):,} co-purchase edges are of products that are viewed together as "
            "alternatives"
        )
    codes = variant_codes(catalog)
    largest = int(np.bincount(codes[codes >= 0]).max(initial=0))
    if largest > 1 and 2 * largest > len(catalog):
        reasons.append(
            f"{largest:,} of {len(catalog):,} products count as variants of one product, because "
            "they share title and brand: correct the titles, or leave the column out"
        )
    return reasons


def _why_no_edges(entry: Mapping[str, Any], max_basket: int) -> str:
    unit, contexts, oversized = entry["contexts_are"], entry["contexts"], entry["oversized"]
    if not contexts and oversized:
        return (
            f"all {oversized:,} {unit} hold more than {max_basket:,} products "
            "(relations.max_basket)"
        )
    if contexts and not entry["pairs"]:
        return (
            f"each of {contexts:,} {unit} holds a single product: is the id that of an order line, "
            "or does one product_id hold several ids?"
        )
    if entry["pairs"] and not entry["edges"]:
        return f"none of {entry['pairs']:,} pairs is in {entry['least']:,} {unit} or more"
    if oversized > contexts:
        return (
            f"{oversized:,} of {oversized + contexts:,} {unit} hold more than {max_basket:,} "
            "products (relations.max_basket) and are not counted"
        )
    return ""
