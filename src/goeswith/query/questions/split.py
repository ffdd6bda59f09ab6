"""How an attribute divides candidates, and how much its answer is worth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from goeswith.facts.filters import Filter


@dataclass(frozen=True)
class Choice:
    """An answer to a question.

    Attributes:
        answer: what the shopper reads.
        where: filters that the next request takes for this answer, each as text.
        products: how many candidates meet them.
        share: of the chance of all candidates, 0 to 1.
    """

    answer: str
    where: tuple[str, ...]
    products: int
    share: float


@dataclass(frozen=True)
class Split:
    """How the values of an attribute divide c candidates into v choices.

    Attributes:
        attribute: what the question is about: a column, or `device`.
        answers: (v,) what the shopper reads.
        filters: (v,) those of each choice.
        matches: (c, v) which candidates meet each choice.
        others: filters for what meets none of the choices; empty where no filter selects it.
    """

    attribute: str
    answers: list[str]
    filters: list[tuple[Filter, ...]]
    matches: npt.NDArray[np.bool_]
    others: tuple[Filter, ...] = field(default=())

    def gain(self, chances: npt.NDArray[np.float64]) -> float:
        """Bits by which the answer reduces the entropy of which candidate is wanted, on average.

        A shopper who wants a candidate that meets several choices takes any of them. "Something
        else" is worth nothing if no filter selects it.

        Args:
            chances: (c,) chance that each candidate is the wanted one; they add up to 1.
        """
        met = self.matches.sum(axis=1)
        per_choice = (self.matches / np.maximum(met, 1)[:, None] * chances[:, None]).sum(axis=0)
        left = chances[met == 0]
        after = sum(
            share * _entropy(chances * self.matches[:, i] / np.maximum(met, 1))
            for i, share in enumerate(per_choice)
        )
        after += left.sum() * _entropy(left if self.others else chances)
        return float(_entropy(chances) - after)

    def choices(self, chances: npt.NDArray[np.float64]) -> list[Choice]:
        """The choices, and "something else" where there is more and a filter selects it."""
        met = self.matches.sum(axis=1)
        share = (self.matches / np.maximum(met, 1)[:, None] * chances[:, None]).sum(axis=0)
        rows = [
            Choice(answer, tuple(map(str, where)), int(count), round(float(part), 4))
            for answer, where, count, part in zip(
                self.answers, self.filters, self.matches.sum(axis=0), share, strict=True
            )
        ]
        if self.others and (met == 0).any():
            left = round(float(chances[met == 0].sum()), 4)
            where = tuple(map(str, self.others))
            rows.append(Choice("something else", where, int((met == 0).sum()), left))
        return rows


def _entropy(chances: npt.NDArray[np.float64]) -> float:
    """Bits of a distribution, which need not add up to 1."""
    p = chances[chances > 0]
    if not len(p):
        return 0.0
    p = p / p.sum()
    return float(-(p * np.log2(p)).sum())
