"""Agreement of people who labelled the same pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from goeswith.rules.label_store import Label


@dataclass(frozen=True)
class Agreement:
    """Agreement of two annotators on the pairs that both labelled.

    Attributes:
        first, second: the annotators.
        pairs: labelled by both.
        share: of them with equal labels.
        kappa: share beyond chance (Cohen, 1960): 1 for equal labels, 0 for what two annotators
            with these frequencies of labels reach by chance; None if chance explains all, as where
            both use one label.
    """

    first: str
    second: str
    pairs: int
    share: float
    kappa: float | None


def agreement(labels: Iterable[Label]) -> list[Agreement]:
    """Agreement of every two annotators who have pairs in common.

    Args:
        labels: at most one of an annotator and a pair; those without an annotator do not count.
    """
    by_person: dict[str, dict[tuple[str, str], str]] = {}
    for label in labels:
        if label.who is not None:
            by_person.setdefault(label.who, {})[label.source, label.target] = label.label
    found = []
    for (first, ours), (second, theirs) in combinations(sorted(by_person.items()), 2):
        both = [(ours[pair], theirs[pair]) for pair in ours if pair in theirs]
        if both:
            found.append(Agreement(first, second, len(both), *_kappa(both)))
    return found


def _kappa(both: list[tuple[str, str]]) -> tuple[float, float | None]:
    """Share of equal labels, and what is left of it beyond chance."""
    n = len(both)
    share = sum(one == other for one, other in both) / n
    ours, theirs = (Counter(pair[side] for pair in both) for side in (0, 1))
    chance = sum(ours[name] * theirs[name] for name in ours) / n**2
    return share, None if chance == 1 else (share - chance) / (1 - chance)
