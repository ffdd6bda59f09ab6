"""Offers of a bundle: sets of two to four products to sell as one, best supported first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import ConfigError
from goeswith.facts.filters import match_products, parse_filter
from goeswith.offers.discount import SetPrice, set_price
from goeswith.offers.joint_baskets import JointBaskets, JointEvidence
from goeswith.offers.set_search import (
    ProductSet,
    SearchLimits,
    absorbing_sets,
    find_sets,
    most_bought_with,
)
from goeswith.relations.graph_files import load_graph
from goeswith.store.manifest import RELATIONS
from goeswith.store.search_index import ProductSummary

if TYPE_CHECKING:
    from goeswith.query.bundle import Bundle

MAX_SIZE: Final = 4
_SETS_PER_PRODUCT: Final = 3
"""Offers of one product, so that a best-seller does not fill the list."""
_PARTNERS: Final = 20
"""Products most often bought with a product that a set is extended by."""


@dataclass(frozen=True)
class OfferLimits:
    """What an offer has to meet.

    Attributes:
        max_size: products, 2 to 4.
        min_baskets: that hold all of them.
        min_price, max_price: of the set before the discount; None for no limit.
        min_margin: share of the offer price left after costs; needs `cost_column`.
        cost_column: attribute of the catalogue with what a product costs the shop.
        per_type: products of one type; None for no limit.
        where: filters that every product meets.
    """

    max_size: int = 3
    min_baskets: int = 5
    min_price: float | None = None
    max_price: float | None = None
    min_margin: float | None = None
    cost_column: str | None = None
    per_type: int | None = None
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A set to sell as one.

    Attributes:
        products: the anchor first: the dearest, or the most bought where a price is unknown.
        evidence: of the baskets; `attach` is expected of those who buy the anchor.
        price: with the suggested discount.
        excess: baskets with all products, above what chance explains.
    """

    products: tuple[ProductSummary, ...]
    evidence: JointEvidence
    price: SetPrice
    excess: float


def propose_offers(bundle: Bundle, limits: OfferLimits, count: int) -> list[Offer]:
    """The best offers of a bundle.

    Products of a set were bought together. No two are substitutes, variants of one product, or
    more of one type than allowed, and none is sold out or hidden.

    Raises:
        ConfigError: a limit is out of range, an attribute is missing, or the bundle has no baskets.
    """
    _check(limits)
    bundle.refresh()
    joint, found = search_sets(bundle, limits)
    pricing = _Pricing(bundle, joint, limits)
    absorbing = absorbing_sets(found)
    by_rows = {one.rows: one for one in found}
    offers: list[Offer] = []
    used: Counter[int] = Counter()
    for one in found:
        if len(offers) == count:
            break
        if any(used[row] >= _SETS_PER_PRODUCT for row in one.rows):
            continue
        offer = pricing.offer(one)
        larger = (by_rows[rows] for rows in absorbing.get(one.rows, ()))
        if offer is None or any(pricing.offer(other) is not None for other in larger):
            continue
        offers.append(offer)
        used.update(one.rows)
    return offers


def search_sets(bundle: Bundle, limits: OfferLimits) -> tuple[JointBaskets, list[ProductSet]]:
    """The baskets of a bundle, and all its sets within the limits but those on price and margin.

    Raises:
        ConfigError: the bundle has no baskets.
    """
    graph = load_graph(bundle.folder / RELATIONS, len(bundle))
    joint = JointBaskets.of_graph(graph)
    if joint is None:
        raise ConfigError(
            "the bundle has no baskets: it was fitted from lists of pairs, or from a log of more "
            "than 20 million lines; fit it from events with baskets, sessions or users"
        )
    rows = np.arange(len(bundle), dtype=np.int32)
    allowed = joint.counts >= limits.min_baskets
    available = bundle.live.available(rows)
    if available is not None:
        allowed &= available
    if limits.where:
        allowed &= match_products(bundle.live, [parse_filter(text) for text in limits.where])
    nearest = most_bought_with(graph, _PARTNERS)

    def partners(row: int) -> npt.NDArray[np.int32]:
        others = nearest(row)
        chosen: npt.NDArray[np.int32] = others[allowed[others]]
        return chosen

    search = SearchLimits(limits.max_size, limits.min_baskets, _Compatibility(bundle, limits))
    return joint, find_sets(joint, np.flatnonzero(allowed).tolist(), partners, search)


class _Pricing:
    """Offers of sets, within the limits on price and margin."""

    def __init__(self, bundle: Bundle, joint: JointBaskets, limits: OfferLimits) -> None:
        self._bundle, self._joint, self._limits = bundle, joint, limits
        self._prices = _prices(bundle)
        self._costs = _costs(bundle, limits.cost_column)

    def offer(self, one: ProductSet) -> Offer | None:
        """The offer of a set; None if a limit does not hold."""
        limits, rows = self._limits, one.rows
        known = [self._prices[row] for row in rows]
        total = sum(price for price in known if price is not None)
        if limits.min_price is not None and (None in known or total < limits.min_price):
            return None
        anchor = _anchor(rows, self._prices, self._joint)
        evidence = self._joint.evidence(rows, one.baskets, anchor)
        paid = None if self._costs is None else [self._costs[row] for row in rows]
        price = set_price(known, paid, evidence.attach, limits.min_margin)
        if price is None:
            return None
        ordered = [anchor, *(row for row in rows if row != anchor)]
        return Offer(tuple(self._bundle.summaries(ordered)), evidence, price, one.excess)


class _Compatibility:
    """Whether products may be one set."""

    def __init__(self, bundle: Bundle, limits: OfferLimits) -> None:
        self._bundle, self._limits = bundle, limits
        self._prices = [] if limits.max_price is None else _prices(bundle)
        self._types = bundle.products.type_codes
        self._variants = bundle.products.variant_codes
        self._substitutes: dict[int, frozenset[int]] = {}

    def __call__(self, rows: tuple[int, ...]) -> bool:
        types = Counter(code for row in rows if (code := int(self._types[row])) >= 0)
        maximum_per_type = self._limits.per_type
        if maximum_per_type and any(number > maximum_per_type for number in types.values()):
            return False
        maximum = self._limits.max_price
        if maximum is not None:
            prices = [self._prices[row] for row in rows]
            if sum(price for price in prices if price is not None) > maximum or None in prices:
                return False
        return not any(self._replace(one, other) for one, other in combinations(rows, 2))

    def _replace(self, one: int, other: int) -> bool:
        if self._variants[one] == self._variants[other] >= 0:
            return True
        return other in self._of(one) or one in self._of(other)

    def _of(self, row: int) -> frozenset[int]:
        if row not in self._substitutes:
            # by views alone: products of one kind that baskets hold together are no substitutes
            self._substitutes[row] = frozenset(self._bundle.evidence.substitutes(row).tolist())
        return self._substitutes[row]


def _anchor(rows: tuple[int, ...], prices: list[float | None], joint: JointBaskets) -> int:
    known = [(price, row) for row in rows if (price := prices[row]) is not None]
    if len(known) == len(rows):
        return max(known)[1]
    return max(rows, key=lambda row: int(joint.counts[row]))


def _prices(bundle: Bundle) -> list[float | None]:
    rows = list(range(len(bundle)))
    return [summary.price for summary in bundle.summaries(rows)]


def _costs(bundle: Bundle, column: str | None) -> list[float | None] | None:
    if column is None:
        return None
    frame = bundle.table.frame
    if column not in frame.columns or not frame.schema[column].is_numeric():
        numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
        raise ConfigError(
            f"--cost {column}: the catalogue has no such column of numbers; it has "
            f"{', '.join(numeric) or 'none'}"
        )
    return [None if value is None else float(value) for value in frame[column].to_list()]


def _check(limits: OfferLimits) -> None:
    if not 2 <= limits.max_size <= MAX_SIZE:
        raise ConfigError(f"a set has 2 to {MAX_SIZE} products, but the size is {limits.max_size}")
    if limits.min_baskets < 1 or (limits.per_type is not None and limits.per_type < 1):
        raise ConfigError("the minimum of baskets and the maximum per type are at least 1")
    if limits.min_margin is not None and limits.cost_column is None:
        raise ConfigError("--min-margin needs --cost COLUMN: what each product costs the shop")
    if limits.min_margin is not None and not 0 <= limits.min_margin < 1:
        raise ConfigError(f"a margin is a share from 0 to 1: {limits.min_margin}")
