"""The order of a slate: candidates, pins of the request, and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, repeated_groups
from goeswith.core.ndcg import rank_discounts
from goeswith.query.recommendation_list import RecommendationList, Skipped
from goeswith.ranking.slate import build_slate

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.resolved_constraints import ResolvedConstraints
    from goeswith.rules.rule_run import RuleOutcome, RulePin


@dataclass(frozen=True)
class Candidates:
    """What could be shown, best first.

    Attributes:
        products: (c,) rows.
        scores: (c,) score of each, as returned.
        model_index: (c,) place of its model, -1 for a product that is only pinned.
        best: (c,) position of the queried product with the strongest evidence.
        goes_with: (c, s) which of the s queried products have it among their recommendations.
        comparable: whether all scores are probabilities, so that slates may weigh them.
    """

    products: Rows
    scores: npt.NDArray[np.float64]
    model_index: Rows
    best: Rows
    goes_with: npt.NDArray[np.bool_]
    comparable: bool

    def take(self, places: npt.NDArray[np.int64] | Sequence[int]) -> Candidates:
        """Those at some places, in that order."""
        at = np.asarray(places, dtype=np.int64)
        return Candidates(
            products=self.products[at],
            scores=self.scores[at],
            model_index=self.model_index[at],
            best=self.best[at],
            goes_with=self.goes_with[at],
            comparable=self.comparable,
        )

    def with_pins(self, rows: list[int]) -> Candidates:
        """With products at the end that no model proposes."""
        s, count = self.goes_with.shape[1], len(rows)
        return Candidates(
            products=np.concatenate([self.products, np.array(rows, dtype=np.int32)]),
            scores=np.concatenate([self.scores, np.zeros(count)]),
            model_index=np.concatenate([self.model_index, np.full(count, -1, dtype=np.int32)]),
            best=np.concatenate([self.best, np.zeros(count, dtype=np.int32)]),
            goes_with=np.concatenate([self.goes_with, np.zeros((count, s), dtype=bool)]),
            comparable=self.comparable,
        )


@dataclass(frozen=True)
class Slate:
    """The candidates to show, in order.

    Attributes:
        candidates: what is shown.
        pinned: rows that the request or a rule put there.
        rules: row -> ids of the rules that put it at its rank.
        applied: ids of the rules that changed the slate.
        skipped: pins that were not applied, with reasons.
    """

    candidates: Candidates
    pinned: frozenset[int] = frozenset()
    rules: dict[int, tuple[str, ...]] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.candidates.products)

    def as_list(
        self, answers: Sequence[Recommendation], resolved: ResolvedConstraints
    ) -> RecommendationList[Recommendation]:
        """Recommendations with what was skipped and which rules changed them."""
        return RecommendationList(answers, [*resolved.skipped, *self.skipped], self.applied)


def make_slate(
    bundle: QueryContext,
    candidates: Candidates,
    resolved: ResolvedConstraints,
    allowed: npt.NDArray[np.bool_],
    k: int,
) -> Slate:
    """The candidates to show; pins are shown whether or not they are among them.

    Args:
        bundle: has the types.
        candidates: best first.
        resolved: pins, which only `resolved.allowed` and rules exclude, quota, diversity and rules.
        allowed: (n,) what else may be shown.
        k: maximum number of products.
    """
    ranks = np.flatnonzero(allowed[candidates.products])
    discounts = rank_discounts(len(candidates.products))[ranks]
    candidates = candidates.take(ranks)
    run, skipped, applied = resolved.rules, list[Skipped](), list[str]()
    outcome: RuleOutcome | None = None
    if run is not None:
        given = candidates.products
        outcome = run.apply(given, candidates.best)
        applied = outcome.applied(given, k)
        candidates = candidates.take(outcome.order)
        # a product that a rule moved counts as one of its new rank
        discounts = (
            discounts[: len(candidates.products)] if outcome.moved else discounts[outcome.order]
        )
    pins = _allowed_pins(bundle, resolved, skipped)
    rule_pins = _allowed_rule_pins(bundle, resolved, pins, skipped)
    at = {row: place for place, row in enumerate(candidates.products.tolist())}
    extra = [row for row in dict.fromkeys([*pins, *(p.row for p in rule_pins)]) if row not in at]
    c = len(candidates.products)
    at |= {row: c + i for i, row in enumerate(extra)}
    pool = candidates.with_pins(extra)
    order = np.array([*(at[row] for row in pins), *range(c)], dtype=np.int64)
    products = pool.products[order]
    is_moved = outcome is not None and bool(outcome.moved)
    by_score = candidates.comparable and not is_moved
    relevance = pool.scores if by_score else np.append(discounts, np.zeros(len(extra)))
    # one product of each variant group, but for pins
    repeated = repeated_groups(bundle.products.variant_codes[products][None])[0]
    repeated[: len(pins)] = False
    places = build_slate(
        products,
        bundle.products.type_codes[products],
        k,
        relevance=np.maximum(relevance[order], 0),
        allowed=~repeated,
        pinned=len(pins),
        per_type=resolved.per_type,
        diversity=resolved.diversity,
    )
    shown = order[places].tolist()
    shown = _insert_pins(shown, [(pin, at[pin.row]) for pin in rule_pins], k, skipped)
    result = pool.take(shown)
    rows = result.products.tolist()
    rules = {} if outcome is None else {row: tuple(ids) for row, ids in outcome.moved.items()}
    by_pin = {pin.row: pin.rule for pin in rule_pins if pin.row in rows}
    rules |= {row: (rule,) for row, rule in by_pin.items()}
    return Slate(
        result,
        frozenset(row for row in rows if row in by_pin or row in pins),
        {row: ids for row, ids in rules.items() if row in rows},
        list(dict.fromkeys([*by_pin.values(), *applied])),
        skipped,
    )


def _allowed_pins(
    bundle: QueryContext, resolved: ResolvedConstraints, skipped: list[Skipped]
) -> list[int]:
    """Pins of the request that may be shown."""
    banned = _banned_pins(resolved, resolved.pins)
    rows = []
    for row in dict.fromkeys(resolved.pins):
        if row in banned:
            reason = f"the rule {banned[row]} excludes it"
        elif not resolved.allowed[row]:
            reason = "it is not available, does not meet the filters, or is a queried product"
        else:
            rows.append(row)
            continue
        skipped.append(Skipped("pin", bundle.products.ids[row], reason))
    return rows


def _allowed_rule_pins(
    bundle: QueryContext, resolved: ResolvedConstraints, taken: list[int], skipped: list[Skipped]
) -> list[RulePin]:
    """Pins of rules that may be shown, by rank."""
    if resolved.rules is None or not resolved.rules.pins:
        return []
    banned = _banned_pins(resolved, [pin.row for pin in resolved.rules.pins])
    pins = []
    for pin in resolved.rules.pins:
        product = bundle.products.ids[pin.row]
        if pin.row in banned:
            reason = f"the rule {banned[pin.row]} excludes {product}"
        elif not resolved.allowed[pin.row]:
            reason = (
                f"{product} is not available, does not meet the filters, or is a queried product"
            )
        elif pin.row in taken:
            reason = f"the request pins {product}"
        else:
            pins.append(pin)
            continue
        skipped.append(Skipped("rule", pin.rule, reason))
    return pins


def _banned_pins(resolved: ResolvedConstraints, rows: list[int]) -> dict[int, str]:
    """Which of some products rules exclude, and which rule."""
    if resolved.rules is None or not rows:
        return {}
    array = np.array(rows, dtype=np.int32)
    return resolved.rules.apply(
        array, np.zeros(len(array), dtype=np.int32), only_exclude=True
    ).removed


def _insert_pins(
    shown: list[int], pins: list[tuple[RulePin, int]], k: int, skipped: list[Skipped]
) -> list[int]:
    """Put pins at their ranks; of two at one rank, the second comes behind the first."""
    if not pins:
        return shown
    pinned = {place for _, place in pins}
    rest = [place for place in shown if place not in pinned]
    slots: dict[int, int] = {}
    for pin, place in pins:
        rank = pin.rank
        while rank in slots:
            rank += 1
        if rank > k:
            skipped.append(Skipped("rule", pin.rule, f"its rank {rank} is behind the last, {k}"))
            continue
        slots[rank] = place
        if rank != pin.rank:
            reason = f"rank {pin.rank} has another pin; it is shown at rank {rank}"
            skipped.append(Skipped("rule", pin.rule, reason))
    result: list[int] = []
    by_place = {place: pin for pin, place in pins}
    for rank in range(1, k + 1):
        if rank in slots:
            result.append(slots.pop(rank))
        elif rest:
            result.append(rest.pop(0))
        elif slots:  # fewer products than the rank of the next pin
            place = slots.pop(min(slots))
            result.append(place)
            reason = f"there are fewer recommendations; it is shown at rank {len(result)}"
            skipped.append(Skipped("rule", by_place[place].rule, reason))
        else:
            break
    return result
