"""What to look at in the health of a bundle, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from goeswith.health.health_report import HealthNotice

if TYPE_CHECKING:
    from goeswith.health.health_report import BuildHealth, Coverage, LogVolume, RulesInUse, TopFive
    from goeswith.rules.rule_index import RuleProblem

_HUB_SHARE: Final = 0.05
_HUB_LISTS: Final = 50
"""Least number of them: in a small shop much is in every twentieth list."""
_LOOK_ALIKES: Final = 0.05
_FALLBACK_ONLY: Final = 0.5
_WITHOUT_TYPE: Final = 0.2
_GROWTH: Final = 0.05
"""Growth of a share against the last build from which it is noted."""
_RECENT: Final = 7
_BEFORE: Final = 28
"""Days that are compared: the last ones, and those before them."""
_VOLUME: Final = (0.7, 1.5)
"""Volume of recent days, as a share of that of the days before, beyond which it is noted."""


def health_notices(
    health: BuildHealth, rules: RulesInUse, problems: Sequence[RuleProblem]
) -> list[HealthNotice]:
    """What to look at, the most important first."""
    found = [*_of_coverage(health.coverage), *_of_lists(health)]
    if health.changes is not None and health.changes.top_five is not None:
        found += _of_growth(health, health.changes.top_five, health.changes.coverage)
    if health.not_compared is not None:
        found.append(
            ("not_compared", f"the last build could not be compared: {health.not_compared}")
        )
    if health.log is not None:
        found += _of_log(health.log)
    if problems:
        count = len({problem.rule for problem in problems})
        some = "1 rule is" if count == 1 else f"{count:,} rules are"
        found.append(
            ("rule_problems", f"{some} not applied as written; goeswith rules check lists why")
        )
    if rules.silent:
        found.append(
            (
                "silent_rules",
                f"{len(rules.silent):,} of {rules.rules:,} rules change none of {rules.tried:,} "
                "products",
            )
        )
    return [HealthNotice(code=code, text=text) for code, text in found]


def _of_coverage(coverage: Coverage) -> Iterator[tuple[str, str]]:
    n = coverage.products
    if coverage.without:
        yield (
            "no_recommendations",
            f"{coverage.without:,} of {n:,} products have no recommendation",
        )
    if coverage.few:
        yield "few_recommendations", f"{coverage.few:,} of {n:,} products have fewer than five"
    if coverage.fallback_only > _FALLBACK_ONLY * n:
        yield (
            "fallback_only",
            f"{coverage.fallback_only:,} of {n:,} products have recommendations of fallback models "
            "only",
        )
    if coverage.without_type > _WITHOUT_TYPE * n:
        yield "without_type", f"{coverage.without_type:,} of {n:,} products have no product type"


def _of_lists(health: BuildHealth) -> Iterator[tuple[str, str]]:
    if health.top_five.look_alikes > _LOOK_ALIKES:
        yield (
            "look_alikes",
            f"{health.top_five.look_alikes:.1%} of the first five recommendations look like the "
            "queried product",
        )
    hubs = [hub for hub in health.hubs if hub.share > _HUB_SHARE and hub.lists >= _HUB_LISTS]
    if hubs:
        more = f", and {len(hubs) - 1} more in over {_HUB_SHARE:.0%}" if len(hubs) > 1 else ""
        name = hubs[0].title or hubs[0].product_id
        yield "hubs", f"{name} is in {hubs[0].share:.1%} of the top fives{more}"


def _of_growth(
    health: BuildHealth, last: TopFive, coverage: Coverage | None
) -> Iterator[tuple[str, str]]:
    now = health.top_five
    shares = [
        ("more_look_alikes", "look-alikes", now.look_alikes, last.look_alikes),
        ("more_fallback", "recommendations of fallback models", now.fallback, last.fallback),
        ("less_evidence", "pairs without a co-purchase", *_missing(now, last)),
    ]
    for code, what, share, before in shares:
        if share > before + _GROWTH:
            yield code, f"{share:.1%} of the top fives are {what}, {before:.1%} in the last build"
    if coverage is not None and health.coverage.without > coverage.without:
        yield (
            "fewer_products_covered",
            f"{health.coverage.without:,} products have no recommendation, {coverage.without:,} in "
            "the last build",
        )


def _missing(now: TopFive, last: TopFive) -> tuple[float, float]:
    return 1 - now.bought_together, 1 - last.bought_together


def _of_log(log: LogVolume) -> Iterator[tuple[str, str]]:
    if log.missing:
        days = "1 day" if log.missing == 1 else f"{log.missing:,} days"
        yield (
            "missing_days",
            f"{days} without an event between {log.days[0].day} and {log.last}, the latest "
            f"{log.missing_days[-1]}",
        )
    # the last day may not be over
    days_ = log.days[:-1][-_RECENT - _BEFORE :]
    if len(days_) < _RECENT + _BEFORE:
        return
    recent = sum(day.events for day in days_[-_RECENT:]) / _RECENT
    before = sum(day.events for day in days_[:-_RECENT]) / _BEFORE
    share = recent / before
    if not _VOLUME[0] <= share <= _VOLUME[1]:
        yield (
            "volume",
            f"{recent:,.0f} events a day in the last {_RECENT} days, {before:,.0f} in the "
            f"{_BEFORE} days before",
        )
