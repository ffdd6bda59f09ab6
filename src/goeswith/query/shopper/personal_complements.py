"""Complements of a product for one shopper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from goeswith.core.errors import ConfigError
from goeswith.query.select import select
from goeswith.query.shopper.own_purchases import OwnPurchases
from goeswith.query.shopper.personal_order import PersonalOrder, Repeats

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.recommendation_list import RecommendationList


def personal_complements(  # noqa: PLR0917
    bundle: QueryContext,
    product_id: str,
    k: int,
    constraints: Constraints | None,
    history: Sequence[str] | None,
    user: str | None,
    repeats: Repeats,
) -> RecommendationList[Recommendation]:
    """See `Bundle.complements`."""
    if repeats not in get_args(Repeats):
        raise ConfigError(f"repeats is one of {', '.join(get_args(Repeats))}, not {repeats!r}")
    own = OwnPurchases.from_request(bundle, history, user)
    source = bundle.source_row(product_id)
    order = PersonalOrder(bundle, own, repeats, source)
    return select(bundle, [source], k, constraints, order)
