"""Rules applied to the candidates of one request.

In this order: products that rules exclude leave; boosts and burials change ranks; of each group
with a limit the first stay; pins get their ranks when the slate is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.rules.rule_index import ResolvedRule, ResolvedSide, RuleIndex

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows

_Match: TypeAlias = tuple[ResolvedRule, list[int], list[int]]
_OF_PAIR: Final = frozenset({"only", "same", "other"})
EXCLUDING: Final = frozenset({"ban", "only", "same", "other"})


@dataclass(frozen=True)
class RulePin:
    """A product that a rule puts at a rank, from 1."""

    rank: int
    row: int
    rule: str


@dataclass
class RuleOutcome:
    """What rules make of candidates.

    Attributes:
        order: (m,) positions of the candidates that stay, in their new order.
        moved: row -> ids of the rules that moved it up or down.
        removed: row -> id of the rule that took it out.
    """

    order: list[int]
    moved: dict[int, list[str]] = field(default_factory=dict)
    removed: dict[int, str] = field(default_factory=dict)

    def applied(self, rows: Rows, k: int) -> list[str]:
        """Ids of the rules that changed the first k: by a move, or since one of them left.

        Args:
            rows: (c,) the candidates, as they were given to `RuleRun.apply`.
            k: number of products that are shown.
        """
        products, shown = rows.tolist(), self.order[:k]
        last = max(shown) if len(shown) == k else len(products)
        moved = [rule for at in shown for rule in self.moved.get(products[at], ())]
        removed = [self.removed[row] for row in products[:last] if row in self.removed]
        return list(dict.fromkeys([*moved, *removed]))


class RuleRun:
    """The rules that apply to one request.

    Args:
        index: of the bundle.
        sources: rows of the queried products; none for a new product.
        market: of the request.
        now: seconds since 1970.
    """

    def __init__(
        self, index: RuleIndex, sources: Sequence[int], market: str | None, now: float
    ) -> None:
        self._index, self._sources = index, list(sources)
        self._market, self._now = market, now
        index.values.sync()
        self._matches: dict[tuple[int, int], bool] = {}
        candidates = [index.source_rules(row) for row in self._sources] or [index.general]
        self._by_source = [
            [rule for rule in rules if self._is_for(rule, i)] for i, rules in enumerate(candidates)
        ]
        self.pins = self._find_pins()

    def _is_for(self, rule: ResolvedRule, position: int) -> bool:
        """Whether a rule applies to the source at a position."""
        key = rule.number, position
        found = self._matches.get(key)
        if found is None:
            found = rule.applies(self._market, self._now)
            if found and self._sources:
                found = rule.source.matches(self._sources[position], self._index.types)
            elif found:
                found = rule.rule.source.is_empty and not rule.compares
            self._matches[key] = found
        return found

    def _find_pins(self) -> list[RulePin]:
        """Pins by rank; of two at one rank the one of higher priority first."""
        rules = {rule.number: rule for rules in self._by_source for rule in rules}
        pins: dict[int, RulePin] = {}
        for number in sorted(rules):
            rule = rules[number]
            if rule.rule.action == "pin" and rule.target.rows:
                (row,) = rule.target.rows
                pins.setdefault(row, RulePin(rule.rule.rank or 1, row, rule.rule.id))
        return sorted(pins.values(), key=lambda pin: pin.rank)

    def restrict(self, allowed: npt.NDArray[np.bool_], position: int) -> None:
        """Take out of (n,) `allowed` what rules of a source exclude, in place.

        Bans of single products are left to `apply`.
        """
        only: npt.NDArray[np.bool_] | None = None
        for rule in self._by_source[position]:
            action = rule.rule.action
            if action not in EXCLUDING:
                continue
            rows = np.flatnonzero(allowed).astype(np.int32)
            meets = self._meets(rule, self._sources[position] if self._sources else -1, rows)
            if action == "only":
                only = np.zeros(len(allowed), dtype=bool) if only is None else only
                only[rows[meets]] = True
            else:
                allowed[rows[meets]] = False
        if only is not None:
            allowed &= only

    def apply(self, rows: Rows, best: Rows, *, only_exclude: bool = False) -> RuleOutcome:
        """What rules make of candidates, best first.

        Args:
            rows: (c,) products.
            best: (c,) position of the source that each goes with best.
            only_exclude: leave ranks and limits alone.
        """
        matched, products = self._match(rows, best), rows.tolist()
        outcome = RuleOutcome(list(range(len(products))))
        if not matched:
            return outcome
        self._exclude(products, matched, outcome)
        if not only_exclude:
            self._shift(products, matched, outcome)
            for rule, _, meets in matched:
                if rule.rule.action == "limit":
                    self._limit(rule, products, meets, outcome)
        return outcome

    @staticmethod
    def _exclude(products: list[int], matched: list[_Match], outcome: RuleOutcome) -> None:
        """Take out what bans and other rules exclude."""
        removed = outcome.removed
        meets_only: set[int] = set()
        only_of: dict[int, str] = {}
        for rule, concerned, meets in matched:
            if rule.rule.action == "only":
                meets_only.update(meets)
                for position in concerned:
                    only_of.setdefault(position, rule.rule.id)
            elif rule.rule.action in EXCLUDING:
                for position in meets:
                    removed.setdefault(products[position], rule.rule.id)
        for position, rule_id in only_of.items():
            if position not in meets_only:
                removed.setdefault(products[position], rule_id)
        if removed:
            outcome.order = [place for place in outcome.order if products[place] not in removed]

    @staticmethod
    def _shift(products: list[int], matched: list[_Match], outcome: RuleOutcome) -> None:
        """Move what boosts and burials are about."""
        keys = list(range(len(products)))
        for rule, _, meets in matched:
            if rule.rule.action in {"boost", "bury"}:
                by = rule.rule.by or len(products)
                for position in meets:
                    keys[position] += -by if rule.rule.action == "boost" else by
                    if products[position] not in outcome.removed:
                        outcome.moved.setdefault(products[position], []).append(rule.rule.id)
        if outcome.moved:
            outcome.order.sort(key=keys.__getitem__)

    @staticmethod
    def _limit(
        rule: ResolvedRule, products: list[int], meets: list[int], outcome: RuleOutcome
    ) -> None:
        assert rule.group is not None
        codes, limit = rule.group().data, rule.rule.max or 1
        exempt = set() if len(meets) == len(products) else {*range(len(products))} - {*meets}
        counts: dict[int, int] = {}
        stays = []
        for position in outcome.order:
            code = codes[products[position]]
            if code >= 0 and position not in exempt:
                counts[code] = count = counts.get(code, 0) + 1
                if count > limit:
                    outcome.removed[products[position]] = rule.rule.id
                    outcome.moved.pop(products[position], None)
                    continue
            stays.append(position)
        outcome.order = stays

    def bans(self, rows: Rows) -> dict[int, str]:
        """Which of some products a ban excludes, and which one."""
        best, products = np.zeros(len(rows), dtype=np.int32), rows.tolist()
        banned: dict[int, str] = {}
        for rule, _, meets in self._match(rows, best):
            if rule.rule.action == "ban":
                for position in meets:
                    banned.setdefault(products[position], rule.rule.id)
        return banned

    def _match(self, rows: Rows, best: Rows) -> list[_Match]:
        """Rules in order, each with the candidates of its sources, and those that it is about."""
        index, products = self._index, rows.tolist()
        everything = list(range(len(products)))
        several, bests = len(self._by_source) > 1, best.tolist()
        found: dict[int, tuple[list[int], list[int]]] = {}
        for i, rules in enumerate(self._by_source):
            source = self._sources[i] if self._sources else -1
            own = [place for place in everything if bests[place] == i] if several else everything
            at = {rule.number: everything for rule in rules if rule.rule.action != "pin"}
            by_target = index.target_rules(source, rows, products)
            at |= {n: where for n, where in by_target.items() if self._is_for(index.rules[n], i)}
            for number, where in at.items():
                rule = index.rules[number]
                # a ban, a boost or a burial for one product of a basket is for the basket
                is_of_pair = several and (rule.rule.action in _OF_PAIR or rule.compares)
                concerned = [place for place in where if place in own] if is_of_pair else where
                meets = self._meeting(rule, source, rows, products, concerned)
                before, met = found.get(number, ((), ()))
                found[number] = [*before, *concerned], [*met, *meets]
        return [(index.rules[number], *found[number]) for number in sorted(found)]

    def _meeting(
        self,
        rule: ResolvedRule,
        source: int,
        rows: Rows,
        products: list[int],
        positions: list[int],
    ) -> list[int]:
        """Which of the candidates at some positions a rule is about."""
        if rule.is_decided:
            return positions
        side, types = rule.untested, self._index.types
        if side.rows is not None:
            positions = [place for place in positions if products[place] in side.rows]
        if side.types is not None:
            positions = [place for place in positions if types[products[place]] in side.types]
        if not positions or not (side.tests or rule.compares):
            return positions
        meets = self._test(rule, side, source, rows[positions])
        return [place for place, is_met in zip(positions, meets.tolist(), strict=True) if is_met]

    def _meets(self, rule: ResolvedRule, source: int, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which of many products a rule is about."""
        meets, side = np.ones(len(rows), dtype=bool), rule.target
        if side.rows is not None:
            meets &= np.isin(rows, [*side.rows])
        if side.types is not None:
            meets &= np.isin(self._index.products.type_codes[rows], [*side.types])
        return meets & self._test(rule, side, source, rows)

    def _test(
        self, rule: ResolvedRule, side: ResolvedSide, source: int, rows: Rows
    ) -> npt.NDArray[np.bool_]:
        """Filters and comparisons with the source; for `same` and `other` what they exclude."""
        meets, written = np.ones(len(rows), dtype=bool), rule.rule
        for test in side.tests:
            meets &= test(rows)
        if written.min_price_ratio is not None or written.max_price_ratio is not None:
            prices = self._index.values.numbers("price")
            price = float(prices[source])
            ratio = prices[rows] / price if price > 0 else np.full(len(rows), np.nan)
            low, high = written.min_price_ratio, written.max_price_ratio
            # a comparison with a price that is missing is false
            meets &= (ratio >= (0 if low is None else low)) & (
                ratio <= (np.inf if high is None else high)
            )
        if written.action in {"same", "other"}:
            assert rule.group is not None
            codes = rule.group()
            own = int(codes[source])
            if own < 0:
                return np.zeros(len(rows), dtype=bool)
            equal = codes[rows] == own
            meets &= ~equal if written.action == "same" else equal
        return meets
