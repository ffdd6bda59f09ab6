"""Rules as a process applies them: resolved to rows and codes, and found by source and target.

Each rule is filed once, under the condition that fewest products meet. An answer then looks at the
rules of its source, of its source's type and of its candidates, not at all rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import ConfigError
from goeswith.rules.product_values import ProductValues, Test
from goeswith.rules.rule import Rule, RuleSide

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.facts.filters import Filter
    from goeswith.facts.live_facts import LiveFacts
    from goeswith.store.reader import StoredBundle

K = TypeVar("K")
MAX_GENERAL: Final = 100
"""Rules without a product, a type or an equality of their source or target, which every answer
tests."""


@dataclass
class ResolvedSide:
    """A side of a rule in rows and codes; None where it has no such condition."""

    rows: frozenset[int] | None = None
    types: frozenset[int] | None = None
    filters: list[Filter] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)

    def matches(self, row: int, types: Sequence[int] | memoryview) -> bool:
        """Whether one product meets it."""
        if self.rows is not None and row not in self.rows:
            return False
        if self.types is not None and types[row] not in self.types:
            return False
        if not self.tests:
            return True
        one = np.array([row], dtype=np.int32)
        return all(bool(test(one)[0]) for test in self.tests)


@dataclass
class ResolvedRule:
    """A rule of one bundle.

    Attributes:
        rule: as written.
        number: its place in the order of application: by priority, then by id.
        group: for `same`, `other` and `limit`: computes the (n,) codes of the attribute.
        untested: what of the target is still to be tested when the rule was looked up.
        has_gone: whether it names products or types that there are not.
    """

    rule: Rule
    number: int
    source: ResolvedSide
    target: ResolvedSide
    starts: float
    ends: float
    markets: frozenset[str]
    group: Callable[[], npt.NDArray[np.int32]] | None = None
    untested: ResolvedSide = field(default_factory=ResolvedSide)
    has_gone: bool = False

    @cached_property
    def compares(self) -> bool:
        """Whether it reads values of the source to decide on a target."""
        ratios = self.rule.min_price_ratio is not None or self.rule.max_price_ratio is not None
        return ratios or self.rule.action in {"same", "other"}

    @cached_property
    def is_decided(self) -> bool:
        """Whether it is about every target under which it is filed."""
        side = self.untested
        return side.rows is None and side.types is None and not side.tests and not self.compares

    def applies(self, market: str | None, now: float) -> bool:
        """Whether it applies to a request."""
        if not self.starts <= now < self.ends:
            return False
        return not self.markets or (market is not None and market.strip().lower() in self.markets)


@dataclass(frozen=True)
class RuleProblem:
    """What is wrong with a rule: it is left out, or has no effect.

    Attributes:
        rule: its id.
        problem: what, and what to do.
        is_left_out: whether it is not applied at all.
    """

    rule: str
    problem: str
    is_left_out: bool = False


class RuleIndex:
    """Rules of a bundle by what they are about.

    Attributes:
        rules: those that are applied, in order.
        problems: what is wrong with others.
        next_change: when a rule begins or ends to apply next, in seconds since 1970.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        bundle: StoredBundle,
        live: LiveFacts,
        former: RuleIndex | None = None,
    ) -> None:
        """Args: former: the index before, of which what has not changed is taken over."""
        self._former = {} if former is None else {one.rule.id: one for one in former.rules}
        self.products = bundle.products
        self.types = bundle.products.type_codes.data
        self.values: ProductValues = (
            ProductValues(bundle.table, live) if former is None else former.values
        )
        self.problems: list[RuleProblem] = []
        self.rules: list[ResolvedRule] = []
        names = bundle.products.type_names
        self._type_codes = {names[code]: code for code in range(len(names))}
        self.by_source: dict[int, list[ResolvedRule]] = defaultdict(list)
        self.by_source_type: dict[int, list[ResolvedRule]] = defaultdict(list)
        self.by_target: dict[int, list[ResolvedRule]] = defaultdict(list)
        self.by_target_type: dict[int, list[ResolvedRule]] = defaultdict(list)
        self.by_types: dict[int, dict[int, list[ResolvedRule]]] = {}
        self.by_source_value: dict[str, dict[str, list[ResolvedRule]]] = {}
        self.by_target_value: dict[str, dict[str, list[ResolvedRule]]] = {}
        self.general: list[ResolvedRule] = []
        self._by_code: dict[int, tuple[int, dict[int, list[ResolvedRule]]]] = {}
        for rule in sorted(rules, key=lambda rule: (-rule.priority, rule.id)):
            resolved = self._resolve(rule)
            if resolved is not None and self._file(resolved):
                self.rules.append(resolved)
        self._former = {}

    def next_change(self, now: float) -> float:
        """When a rule begins or ends to apply next."""
        times = [time for rule in self.rules for time in (rule.starts, rule.ends) if time > now]
        return min(times, default=float("inf"))

    def _resolve(self, rule: Rule) -> ResolvedRule | None:
        former = self._former.get(rule.id)
        if former is not None and former.rule is rule and not former.has_gone:
            return replace(former, number=len(self.rules))
        count = len(self.problems)
        try:
            source, target = self._side(rule, "source"), self._side(rule, "target")
            if source is None or target is None:
                return None
            resolved = ResolvedRule(
                rule,
                len(self.rules),
                source,
                target,
                rule.starts_at,
                rule.ends_at,
                frozenset(market.strip().lower() for market in rule.markets),
            )
            if rule.min_price_ratio is not None or rule.max_price_ratio is not None:
                self.values.numbers("price")
            if rule.attribute is not None:
                resolved.group = self._group(rule.attribute)
        except ConfigError as error:
            self.problems.append(RuleProblem(rule.id, str(error), is_left_out=True))
            return None
        resolved.has_gone = len(self.problems) > count
        return resolved

    def _group(self, attribute: str) -> Callable[[], npt.NDArray[np.int32]]:
        if self.values.group_codes(attribute) is None:
            raise ConfigError(
                f"attribute = {attribute!r} holds lists, of which no product has one value"
            )

        def codes() -> npt.NDArray[np.int32]:
            return self.values.codes(attribute)[0]

        return codes

    def _side(self, rule: Rule, name: str) -> ResolvedSide | None:
        side: RuleSide = getattr(rule, name)
        resolved = ResolvedSide()
        if side.products:
            found = {product_id: self.products.find(product_id) for product_id in side.products}
            gone = [product_id for product_id, row in found.items() if row is None]
            self._report_gone(rule, f"{name}.products", gone, len(found))
            resolved.rows = frozenset(row for row in found.values() if row is not None)
            if not resolved.rows:
                return None
        if side.types:
            codes = {kind: self._type_codes.get(kind) for kind in side.types}
            gone = [kind for kind, code in codes.items() if code is None]
            self._report_gone(rule, f"{name}.types", gone, len(codes))
            resolved.types = frozenset(code for code in codes.values() if code is not None)
            if not resolved.types:
                return None
        resolved.filters = side.filters()
        resolved.tests = [self.values.test(condition) for condition in resolved.filters]
        return resolved

    def _report_gone(self, rule: Rule, field_: str, gone: list[str], count: int) -> None:
        if gone:
            some = ", ".join(repr(one) for one in gone[:3])
            more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
            self.problems.append(
                RuleProblem(
                    rule.id,
                    f"{field_}: the bundle has no {some}{more}",
                    is_left_out=len(gone) == count,
                )
            )

    def _file(self, resolved: ResolvedRule) -> bool:
        """File a rule under its most selective condition; False where that is too costly."""
        source, target = resolved.source, resolved.target
        # the target of a pin need not be among the candidates, and `only` concerns the others
        by_target = resolved.rule.action not in {"pin", "only"}
        resolved.untested = target
        if source.rows is not None:
            _file_under(self.by_source, source.rows, resolved)
        elif by_target and target.rows is not None:
            _file_under(self.by_target, target.rows, resolved)
            resolved.untested = replace(target, rows=None)
        elif by_target and source.types and target.types:
            for code in source.types:
                filed = self.by_types.setdefault(code, defaultdict(list))
                _file_under(filed, target.types, resolved)
            resolved.untested = replace(target, types=None)
        elif source.types is not None:
            _file_under(self.by_source_type, source.types, resolved)
        elif by_target and target.types is not None:
            _file_under(self.by_target_type, target.types, resolved)
            resolved.untested = replace(target, types=None)
        elif condition := self._equality(source):
            _file_by_value(self.by_source_value, condition, resolved)
        elif by_target and (condition := self._equality(target)):
            _file_by_value(self.by_target_value, condition, resolved)
            tests = zip(target.filters, target.tests, strict=True)
            left = [test for one, test in tests if one is not condition]
            resolved.untested = replace(target, tests=left)
        elif len(self.general) < MAX_GENERAL:
            self.general.append(resolved)
        else:
            reason = (
                f"more than {MAX_GENERAL} rules have neither products, types nor a filter with = "
                "or in; add one of these, so that answers stay fast"
            )
            self.problems.append(RuleProblem(resolved.rule.id, reason, is_left_out=True))
            return False
        return True

    def _equality(self, side: ResolvedSide) -> Filter | None:
        """A filter by which rules can be looked up."""
        for condition in side.filters:
            kind = self.values.kind(condition.column)
            if condition.op in {"=", "in"} and kind == "text":
                return condition
        return None

    def source_rules(self, row: int) -> list[ResolvedRule]:
        """Rules that are filed under a source."""
        rules = [*self.by_source.get(row, ()), *self.by_source_type.get(self.types[row], ())]
        if self.by_source_value:
            one = np.array([row], dtype=np.int32)
            rules += [rule for rule, _ in self._by_value(self.by_source_value, one)]
        return rules + self.general

    def target_rules(self, source: int, array: Rows, rows: list[int]) -> dict[int, list[int]]:
        """Rules that are filed under candidates: number -> positions of the candidates."""
        found: dict[int, list[int]] = {}
        by_types = self.by_types.get(self.types[source] if source >= 0 else -1)
        if self.by_target:
            _look_up(self.by_target, rows, found)
        if self.by_target_type or by_types:
            codes = [self.types[row] for row in rows]
            for filed in (self.by_target_type, by_types):
                if filed:
                    _look_up(filed, codes, found)
        if self.by_target_value:
            for rule, position in self._by_value(self.by_target_value, array):
                found.setdefault(rule.number, []).append(position)
        return found

    def _by_value(
        self, filed: dict[str, dict[str, list[ResolvedRule]]], rows: Rows
    ) -> list[tuple[ResolvedRule, int]]:
        found = []
        for column, by_text in filed.items():
            codes, index = self.values.codes(column)
            key = id(by_text)
            size, by_code = self._by_code.get(key, (-1, {}))
            if size != len(index):  # a live fact may have brought a new text
                by_code = {index[text]: rules for text, rules in by_text.items() if text in index}
                self._by_code[key] = len(index), by_code
            found += [
                (rule, position)
                for position, code in enumerate(codes[rows].tolist())
                if code in by_code
                for rule in by_code[code]
            ]
        return found


def _file_under(
    filed: dict[K, list[ResolvedRule]], keys: Iterable[K], resolved: ResolvedRule
) -> None:
    for key in keys:
        filed[key].append(resolved)


def _look_up(
    filed: dict[int, list[ResolvedRule]], keys: list[int], found: dict[int, list[int]]
) -> None:
    """Add the rules filed under the keys of candidates: number -> positions."""
    for position in [position for position, key in enumerate(keys) if key in filed]:
        for rule in filed[keys[position]]:
            found.setdefault(rule.number, []).append(position)


def _file_by_value(
    filed: dict[str, dict[str, list[ResolvedRule]]], condition: Filter, resolved: ResolvedRule
) -> None:
    by_text = filed.setdefault(condition.column, {})
    for text in dict.fromkeys(value.lower().strip() for value in condition.values):
        by_text.setdefault(text, []).append(resolved)
