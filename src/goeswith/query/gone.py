"""Pins, bans and filters of a request that name what is gone: skipped, and reported."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from goeswith.facts.fact_values import LIVE_COLUMNS
from goeswith.query.recommendation_list import Skipped

if TYPE_CHECKING:
    from goeswith.facts.filters import Filter
    from goeswith.facts.live_facts import LiveFacts
    from goeswith.query.context import QueryContext


def existing_rows(
    bundle: QueryContext, what: str, product_ids: Sequence[str], skipped: list[Skipped]
) -> list[int]:
    """The rows of those products that there are; the others are added to `skipped`."""
    rows = []
    for product_id in product_ids:
        row = bundle.products.find(product_id)
        if row is None:
            near = ", ".join(
                bundle.products.label(row) for row in bundle.products.nearest(product_id)
            )
            hint = f"; did you mean {near}?" if near else ""
            skipped.append(Skipped(what, product_id, f"the bundle has no such product{hint}"))
        else:
            rows.append(row)
    return rows


def existing_filters(
    live: LiveFacts, where: Sequence[Filter], skipped: list[Skipped]
) -> list[Filter]:
    """The filters on columns that there are; the others are added to `skipped`."""
    if not where:
        return []
    columns = live.column_names()
    found = []
    for condition in where:
        name = condition.column
        if name in columns or name in LIVE_COLUMNS:
            found.append(condition)
            continue
        near = get_close_matches(name, columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(columns)}"
        skipped.append(Skipped("filter", str(condition), f"no product has a {name!r}; {hint}"))
    return found
