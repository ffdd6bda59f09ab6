"""What a fit could tell apart, complements from alternatives, what it could not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, VIEW_THEN_PURCHASE

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.data.catalog import Catalog
    from goeswith.relations.graph import RelationGraph
    from goeswith.settings.sections import SlateSettings

_NAMED_HUBS: Final = 3
NO_LOG: Final = (
    "no events and no lists: recommendations are learned from other shops; when there are events, "
    "fit again to learn from purchases"
)


def signal_notes(graph: RelationGraph, kinds: dict[str, Any]) -> list[str]:
    """How alternatives were told from complements.

    Args:
        graph: the relations; without counts there is nothing to say.
        kinds: as `tag_products` returns it.
    """
    bought = graph[CO_PURCHASE]
    if not bought.counted or not len(bought):
        return []
    if CO_VIEW in graph or VIEW_THEN_PURCHASE in graph:
        alternatives = graph.alternatives
        # an edge in either direction is one pair
        removed, undecided = (
            int(np.count_nonzero(mask)) // 2
            for mask in (alternatives.removed, alternatives.undecided)
        )
        note = (
            f"{removed:,} of {len(bought) // 2:,} pairs bought together count as alternatives "
            "by their views"
        )
        if undecided:
            note += f"; {undecided:,} more have too few views to decide and count as complements"
        return [note, *([_by_kinds("few views", kinds)] if kinds["exclude"] else [])]
    if CO_VIEW in graph.relations:
        note = "no two products are viewed together often enough to count as alternatives"
        return [note, *([_by_kinds("few views", kinds)] if kinds["exclude"] else [])]
    if kinds["exclude"]:
        return [_by_kinds("no views", kinds)]
    basis = (
        "products of one type are recommended only after others, unless they are bought together "
        "more often than by chance"
        if graph.types is not None and (graph.types >= 0).any()
        else "alternatives cannot be separated from complements; add views, titles or types"
    )
    return [f"no views, and no kinds ({kinds['why_not']}): {basis}"]


def _by_kinds(views: str, kinds: dict[str, Any]) -> str:
    note = (
        f"{views}: alternatives are products of one kind or of kinds that replace each other "
        "(table of kinds)"
    )
    if kinds["share"] < 1:
        note += (
            f"; {1 - kinds['share']:.0%} of the products have no kind, so their alternatives "
            "are recognised by their type alone"
        )
    return note


def hub_notes(catalog: Catalog, hubs: Rows) -> list[str]:
    """Which products are recommended to too many others to be shown without evidence."""
    if not len(hubs):
        return []
    titles = catalog.text("title")
    names = [(titles and titles[row]) or catalog.ids[row] for row in hubs.tolist()[:_NAMED_HUBS]]
    more = f" and {len(hubs) - _NAMED_HUBS:,} more" if len(hubs) > _NAMED_HUBS else ""
    return [
        f"{'; '.join(map(str, names))}{more}: among the first five of more than 5 % of the lists; "
        "moved down in lists where the pair is not bought together more often than by chance"
    ]


def slate_notes(catalog: Catalog, slate: SlateSettings) -> list[str]:
    """Settings of slates that do nothing, because no product has a type."""
    names = [name for name in ("diversity", "per_type") if getattr(slate, name)]
    if not names or (catalog.type_codes >= 0).any():
        return []
    subject = " and ".join(f"slate.{name}" for name in names)
    return [
        f"{subject} {'have' if len(names) > 1 else 'has'} no effect: no product has a type or a "
        "kind; add a column type, or titles from which kinds are read"
    ]
