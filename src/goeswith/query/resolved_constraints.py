"""Constraints of a request in rows of the catalogue, with live facts and rules."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import ConfigError
from goeswith.facts.filters import match_market, match_products
from goeswith.query.constraints import Constraints
from goeswith.query.gone import existing_filters, existing_rows
from goeswith.query.recommendation_list import Skipped

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext
    from goeswith.rules.rule_run import RuleRun


@dataclass(frozen=True)
class ResolvedConstraints:
    """Constraints in rows of the catalogue.

    Attributes:
        pins: rows to show first.
        allowed: (n,) products that are available, meet the filters, are not banned, and are neither
            queried products nor variants of them.
        per_type: None for no limit.
        diversity: 0 to 1.
        is_filtered: whether there may be less to show than there is.
        rules: the rules that apply to the request; None where there are none.
        skipped: what names something that is gone.
    """

    pins: list[int]
    allowed: npt.NDArray[np.bool_]
    per_type: int | None
    diversity: float
    is_filtered: bool
    rules: RuleRun | None = None
    skipped: list[Skipped] = field(default_factory=list)

    @classmethod
    def from_constraints(
        cls, bundle: QueryContext, constraints: Constraints | None, sources: list[int]
    ) -> ResolvedConstraints:
        """What a request wants of a bundle. Pins, bans and filters that name what is gone are
        skipped and reported.

        Raises:
            ConfigError: a product is pinned and banned, or the value of a filter does not suit its
                column.
        """
        request = (constraints or Constraints()).resolve(bundle.slate_settings)
        both = set(request.pin) & set(request.ban)
        if both:
            raise ConfigError(f"the product {min(both)!r} is both pinned and banned; drop one")
        products, live = bundle.products, bundle.live
        skipped: list[Skipped] = []
        where = existing_filters(live, request.where, skipped)
        bans = existing_rows(bundle, "ban", request.ban, skipped)
        pins = existing_rows(bundle, "pin", request.pin, skipped)
        allowed = np.ones(len(bundle), dtype=bool)
        if where:
            allowed &= match_products(live, where)
        if request.market is not None:
            allowed &= match_market(live, request.market)
        live.exclude_unavailable(allowed, request.included)
        allowed[bans] = False
        codes = products.variant_codes
        groups = [int(codes[row]) for row in sources if codes[row] >= 0]
        for group in set(groups):
            allowed &= codes != group
        allowed[sources] = False
        index = bundle.rules.index
        run = None
        if index is not None:
            from goeswith.rules.rule_run import RuleRun

            run = RuleRun(index, sources, request.market, time.time())
        return cls(
            pins=pins,
            allowed=allowed,
            per_type=request.per_type,
            diversity=request.diversity or 0.0,
            is_filtered=bool(
                where or bans or live.has_unavailable or run is not None or request.market
            ),
            rules=run,
            skipped=skipped,
        )
