"""What is wrong with rules: reported, never fatal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.rules.rule import RuleSide
from goeswith.rules.rule_index import ResolvedRule, ResolvedSide, RuleIndex, RuleProblem

if TYPE_CHECKING:
    from goeswith.facts.live_facts import LiveFacts
    from goeswith.rules.rule import Rule
    from goeswith.store.reader import StoredBundle


_EMPTY: Final = RuleSide()


def check_rules(rules: Sequence[Rule], bundle: StoredBundle, live: LiveFacts) -> list[RuleProblem]:
    """Rules that name what does not exist, match nothing, have ended, or contradict another."""
    live.refresh()
    index = RuleIndex(rules, bundle, live)
    problems = list(index.problems)
    now = time.time()
    for resolved in index.rules:
        if resolved.ends <= now:
            problems.append(RuleProblem(resolved.rule.id, f"it ended on {resolved.rule.end}"))
        for name, side in (("source", resolved.source), ("target", resolved.target)):
            if not _matches_any(index, side, len(bundle)):
                problems.append(RuleProblem(resolved.rule.id, f"no product meets its {name}"))
    return [*problems, *_contradictions(index.rules)]


def _matches_any(index: RuleIndex, side: ResolvedSide, n: int) -> bool:
    if side.rows is not None:
        rows = np.array(sorted(side.rows), dtype=np.int32)
    elif side.types or side.tests:
        rows = np.arange(n, dtype=np.int32)
    else:
        return True
    if side.types is not None:
        rows = rows[np.isin(index.products.type_codes[rows], [*side.types])]
    for test in side.tests:
        rows = rows[test(rows)]
    return len(rows) > 0


def _contradictions(rules: Sequence[ResolvedRule]) -> list[RuleProblem]:
    """Pins of banned products, two pins at one rank, and a boost and a burial of the same."""
    bans: dict[int, list[ResolvedRule]] = defaultdict(list)
    pins: dict[tuple[object, int | None], list[ResolvedRule]] = defaultdict(list)
    moves: dict[tuple[object, object], list[ResolvedRule]] = defaultdict(list)
    for rule in rules:
        written = rule.rule
        if written.action == "ban" and rule.target.rows and not rule.target.tests:
            for row in rule.target.rows:
                bans[row].append(rule)
        elif written.action == "pin":
            pins[written.source, written.rank].append(rule)
        elif written.action in {"boost", "bury"}:
            moves[written.source, written.target].append(rule)
    problems = [
        problem for same_rank in pins.values() for problem in _pin_problems(same_rank, bans)
    ]
    for first, *rest in moves.values():
        problems += [
            RuleProblem(
                other.rule.id, f"the rule {first.rule.id} moves the same products the other way"
            )
            for other in rest
            if other.rule.action != first.rule.action and _overlap(first, other)
        ]
    return problems


def _pin_problems(
    same_rank: Sequence[ResolvedRule], bans: dict[int, list[ResolvedRule]]
) -> Iterator[RuleProblem]:
    for pin in same_rank:
        (row,) = pin.target.rows or (-1,)
        for ban in bans.get(row, ()):
            if _overlap(pin, ban) and ban.rule.source in {pin.rule.source, _EMPTY}:
                reason = f"the rule {ban.rule.id} bans the product that it pins"
                yield RuleProblem(pin.rule.id, reason)
    for pin, other in pairwise(same_rank):
        if _overlap(pin, other):
            reason = f"the rule {pin.rule.id} pins another product at the same rank"
            yield RuleProblem(other.rule.id, reason)


def _overlap(one: ResolvedRule, other: ResolvedRule) -> bool:
    """Whether two rules apply at one time in one market."""
    in_time = one.starts < other.ends and other.starts < one.ends
    return in_time and (not one.markets or not other.markets or bool(one.markets & other.markets))
