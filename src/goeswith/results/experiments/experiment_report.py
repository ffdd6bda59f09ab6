"""What an experiment says today: intervals, alarms, and one sentence on what to do.

Every interval is sequential (`sequential_interval.py`), so that the answer may be read on any day
and acted on at once. The probability `alpha` of a wrong decision is shared among all comparisons
that can decide something: the metric and each guardrail of each variant.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any, Final, Literal, TypeAlias

from goeswith.results.experiments.experiment_file import HOLDOUT, Experiment, Metric
from goeswith.results.experiments.experiment_sums import ExperimentSums, VariantSums
from goeswith.results.experiments.sequential_interval import half_width, split_p_value

SPLIT_ALPHA: Final = 0.001
"""Probability of a false alarm of the split."""
MIN_EVENTS: Final = 30
"""Shoppers of a variant with a click or purchase before anything is decided: the intervals hold
for many shoppers."""

State: TypeAlias = Literal["running", "better", "worse", "equal", "harm", "fault"]


@dataclass(frozen=True)
class Contrast:
    """A difference of two variants, with its sequential interval."""

    metric: Metric
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class VariantResult:
    """A variant.

    Attributes:
        name, shoppers: of it; `planned_share`: by the file, None for a variant without a weight.
        values: metric -> value.
        contrasts: metric -> difference to the control; empty for the control itself.
        state, sentence: what to do.
    """

    name: str
    shoppers: int
    planned_share: float | None
    values: dict[str, float]
    contrasts: dict[str, Contrast]
    state: State
    sentence: str


@dataclass(frozen=True)
class DraftResult:
    """An interleaved variant: share of credited clicks of its first ranking, with interval."""

    name: str
    rankings: tuple[str, str]
    clicks: int
    preference: float
    low: float
    high: float
    state: State
    sentence: str


@dataclass(frozen=True)
class ExperimentReport:
    """All of it.

    Attributes:
        split_p: sequential p-value of the planned split; `split_alarm`: it is below 0.001.
        incremental: revenue of a shopper above the holdout group's, by variant.
        verdict: one sentence.
        stopped: when (`at`) and why (`reason`) the rule ended it, and what all shoppers see since
            (`shows`); None while it runs.
    """

    name: str
    metric: Metric
    control: str
    currency: str | None
    first_day: str | None
    last_day: str | None
    variants: list[VariantResult]
    drafts: list[DraftResult]
    incremental: dict[str, Contrast]
    split_p: float
    split_alarm: bool
    state: State
    verdict: str
    notes: list[str]
    stopped: dict[str, str] | None = None


def report_experiment(experiment: Experiment, sums: ExperimentSums) -> ExperimentReport:
    """Compare the variants of an experiment."""
    shares, metric = experiment.shares(), experiment.metric
    control = experiment.baseline
    base = sums.variants.get(control, VariantSums(0))
    others = [
        name
        for name, variant in experiment.variants.items()
        if name != control and name in shares and variant.interleave is None
    ]
    guards = [name for name in experiment.guardrails if name != metric]
    tests = len(others) * (1 + len(guards)) + len(sums.drafts)
    alpha = experiment.alpha / max(tests, 1)
    counts = [sums.variants[name].n if name in sums.variants else 0 for name in shares]
    split_p = split_p_value(counts, list(shares.values())) if len(shares) > 1 else 1.0
    compared = _Comparison(experiment, sums, base, alpha)
    variants = [compared.result(name, shares) for name in shares if name in [control, *others]]
    drafts = [compared.draft(name) for name in sums.drafts]
    held = sums.variants.get(HOLDOUT)
    incremental = {
        name: _contrast("revenue", sums.variants[name], held, experiment, experiment.alpha)
        for name in [control, *others]
        if held is not None and name in sums.variants
    }
    alarm = split_p < SPLIT_ALPHA
    state, verdict = _verdict(experiment, variants, drafts, split_alarm=alarm)
    notes = []
    if sums.mixed:
        notes.append(f"{sums.mixed:,} shoppers with answers of several variants are left out")
    unknown = sorted(set(sums.variants) - set(shares))
    if unknown:
        notes.append(f"answers of {', '.join(unknown)}, which the file does not have, are left out")
    return ExperimentReport(
        experiment.name, metric, control, sums.currency, sums.first_day, sums.last_day, variants,
        drafts, incremental, split_p, alarm, state, verdict, notes,
    )  # fmt: skip


def _contrast(  # noqa: PLR0917
    metric: Metric,
    sums: VariantSums,
    base: VariantSums,
    experiment: Experiment,
    alpha: float,
    margin: float = 0.0,
) -> Contrast:
    """Value of a variant minus (1 - margin) times that of the control."""
    difference = sums.value(metric) - (1 - margin) * base.value(metric)
    error = sqrt(sums.error(metric) ** 2 + ((1 - margin) * base.error(metric)) ** 2)
    half = half_width(error, sums.n + base.n, experiment.planned, alpha)
    return Contrast(metric, difference, difference - half, difference + half)


class _Comparison:
    """Variants against one control."""

    def __init__(
        self, experiment: Experiment, sums: ExperimentSums, base: VariantSums, alpha: float
    ) -> None:
        self.experiment, self.sums, self.base, self.alpha = experiment, sums, base, alpha

    def result(self, name: str, shares: dict[str, float]) -> VariantResult:
        """A variant, or the control."""
        found = self.sums.variants.get(name, VariantSums(0))
        metrics: tuple[Metric, ...] = ("click_rate", "conversion", "revenue")
        values: dict[str, float] = {metric: found.value(metric) for metric in metrics}
        contrasts: dict[str, Contrast] = {}
        state, sentence = _as_running("the control")
        if name != self.experiment.baseline:
            contrasts = {
                metric: _contrast(metric, found, self.base, self.experiment, self.alpha)
                for metric in metrics
            }
            state, sentence = self.decide(name, found, contrasts[self.experiment.metric])
        return VariantResult(name, found.n, shares[name], values, contrasts, state, sentence)

    def decide(self, name: str, found: VariantSums, primary: Contrast) -> tuple[State, str]:
        """State of a variant, and a sentence."""
        experiment, metric = self.experiment, self.experiment.metric
        broken = self._broken_guardrail(found)
        if broken is not None:
            return "harm", f"stop {name} for harm: its {broken}"
        if self._is_early(found, metric):
            return _as_running(f"fewer than {MIN_EVENTS} shoppers of a variant have an event")
        size = f"{_NAMES[metric]} {_relative(primary, self.base.value(metric))}"
        if primary.low > 0 or primary.high < 0:
            return self._different(name, size, better=primary.low > 0)
        reach = experiment.min_effect * abs(self.base.value(metric))
        effect = f"{experiment.min_effect:.1%}"
        if max(-primary.low, primary.high) < reach:
            return (
                "equal",
                f"decided: {name} and {experiment.baseline} differ by less than {effect}",
            )
        left = self._shoppers_left(found, reach)
        return _as_running(
            f"{size}; about {left:,} more shoppers until a difference of {effect} is visible"
        )

    def _different(self, name: str, size: str, *, better: bool) -> tuple[State, str]:
        control, variants = self.experiment.baseline, self.experiment.variants
        if variants[name] == variants[control]:
            return "fault", (
                f"{name} and {control} are the same, and differ ({size}): look for a fault in "
                "the split or in the log"
            )
        if better:
            return "better", f"decided: {name} is better than {control} ({size})"
        return "worse", f"stop {name} for harm: it is worse than {control} ({size})"

    def _broken_guardrail(self, found: VariantSums) -> str | None:
        for guard, margin in self.experiment.guardrails.items():
            loss = _contrast(guard, found, self.base, self.experiment, self.alpha, margin)
            if loss.high < 0 and not self._is_early(found, guard):
                more = f" by more than {margin:.1%}" if margin else ""
                return f"{_NAMES[guard]} is lower{more}"
        return None

    def _is_early(self, found: VariantSums, metric: Metric) -> bool:
        return min(found.events(metric), self.base.events(metric)) < MIN_EVENTS

    def _shoppers_left(self, found: VariantSums, effect: float) -> int:
        """Shoppers until the half width is the effect, at the present errors; two digits."""
        n, metric = found.n + self.base.n, self.experiment.metric
        error = sqrt(found.error(metric) ** 2 + self.base.error(metric) ** 2)
        total = float(n)
        while half_width(
            error * sqrt(n / total), total, self.experiment.planned, self.alpha
        ) > effect and total < 1e12:  # fmt: skip
            total *= 1.02
        return int(float(f"{total - n:.1e}"))

    def draft(self, name: str) -> DraftResult:
        """An interleaved variant."""
        experiment, found = self.experiment, self.sums.drafts[name]
        first, second = experiment.variants[name].interleave or ("", "")
        half = half_width(found.error, found.n, experiment.planned / 10, self.alpha)
        low, high = max(0.0, found.preference - half), min(1.0, found.preference + half)
        state, sentence = _as_running(f"{first} has {found.preference:.1%} of the clicks")
        if found.n < MIN_EVENTS:
            state, sentence = _as_running(f"fewer than {MIN_EVENTS} shoppers of {name} clicked")
        elif low > 0.5 or high < 0.5:
            winner, loser = (first, second) if low > 0.5 else (second, first)
            state = "better" if low > 0.5 else "worse"
            share = max(found.preference, 1 - found.preference)
            sentence = f"decided: shoppers prefer {winner} to {loser} ({share:.1%} of the clicks)"
        clicks = round(found.a + found.b)
        return DraftResult(
            name, (first, second), clicks, found.preference, low, high, state, sentence
        )


_NAMES: Final[dict[Metric, str]] = {
    "click_rate": "click rate",
    "conversion": "share of buyers",
    "revenue": "revenue per shopper",
}


def metric_name(metric: Metric) -> str:
    """The metric in words."""
    return _NAMES[metric]


def _relative(contrast: Contrast, base: float) -> str:
    if not base or not isfinite(contrast.low):
        return "not measurable yet"
    parts = [value / abs(base) for value in (contrast.difference, contrast.low, contrast.high)]
    return "{:+.1%} ({:+.1%} to {:+.1%})".format(*parts)


def _as_running(why: str) -> tuple[State, str]:
    return "running", f"keep running: {why}"


def _verdict(
    experiment: Experiment,
    variants: list[VariantResult],
    drafts: list[DraftResult],
    *,
    split_alarm: bool,
) -> tuple[State, str]:
    """The most urgent sentence."""
    if split_alarm:
        return "fault", (
            "Stop: the numbers of shoppers differ from the shares of the file, so no "
            "comparison is valid; look for variants that lose shoppers, and for an edited file."
        )
    tested: list[VariantResult | DraftResult] = [
        *(one for one in variants if one.name != experiment.baseline),
        *drafts,
    ]
    for state in ("fault", "harm", "worse", "running", "better", "equal"):
        chosen = [one for one in tested if one.state == state]
        if chosen:
            text: Any = "; ".join(one.sentence for one in chosen)
            decided = [one.sentence for one in tested if one.state == "better"]
            if state == "running" and decided:
                text = "; ".join([*decided, text])
            return chosen[0].state, text[:1].upper() + text[1:] + "."
    return "running", "There is nothing to compare: the file has one variant."


def finite(value: Any) -> Any:
    """A document without infinite numbers, which JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value
