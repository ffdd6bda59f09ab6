"""Several models at once: a mixture whose weights are learned on products held back."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from goeswith.arrays import Floats, Rows
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sessions import SESSION_MODELS, TRAINED
from goeswith.sessions.base import SessionModel
from goeswith.sessions.sequences import Sequences

Shares = npt.NDArray[np.float64]


class MixtureConfig(ModelConfig):
    """Settings of the mixture."""

    members: tuple[str, ...] = Field(
        (
            "item_knn",
            "item_knn:distance_power=1,backward=0.6,source_power=0.5,target_power=0.1,recency=0.7,"
            "half_life=0.6",
            "item_knn:hops=2,distance_power=2,backward=0.6,target_power=0.3,recency=0.7,"
            "half_life=0.6",
            "session_knn:rarity=1,length_power=0.3,half_life=0.6",
            "frequent",
        ),
        min_length=1,
        description="Models that are mixed; in a specification they are joined by +, and settings "
        "of one by ;.",
    )
    held_back: int = Field(
        4000, ge=1, description="Sequences, at most, whose last product the weights are learned on."
    )
    seed: int = Field(0, ge=0, description="Seed of which sequences those are, and of members.")

    @field_validator("members", mode="before")
    @classmethod
    def _written_with_plus(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.replace(";", ",") for part in value.split("+") if part)
        return value


class Mixture(SessionModel):
    """A mixture of next-product models.

        p(j | prefix) = sum over members m of w_m p_m(j | prefix)

    p_m are a member's scores, which add up to 1 (`SessionModel.shares`). The weights w are those of
    greatest likelihood of products held back, by expectation maximisation (Dempster et al., 1977).
    At most a tenth of the sequences lend their last product; members in closed form are then
    fitted again with it, trained ones stay as they are.
    """

    Config: ClassVar[type[ModelConfig]] = MixtureConfig
    name: ClassVar[str] = "mixture"
    config: MixtureConfig

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        kept, prefixes, targets = hold_back(sequences, self.config.held_back, self.config.seed)
        self.members = [self._make(spec).fit(catalog, kept) for spec in self.config.members]
        likelihoods = [shares_of(member, prefixes, targets) for member in self.members]
        self.weights = mixture_weights(np.stack(likelihoods, axis=1))
        for place, spec in enumerate(self.config.members):
            if spec.partition(":")[0] not in TRAINED:
                self.members[place] = self._make(spec).fit(catalog, sequences)
        return self

    def _make(self, spec: str) -> SessionModel:
        name = spec.partition(":")[0]
        seeded = "seed" in SESSION_MODELS.find(name).Config.model_fields
        return SESSION_MODELS.make(spec, {name: {"seed": self.config.seed}} if seeded else None)

    def score(self, prefixes: Sequences) -> Floats:
        scores = np.zeros((len(prefixes), self.n), dtype=np.float32)
        for weight, member in zip(self.weights, self.members, strict=True):
            if weight > 0:
                scores += np.float32(weight) * member.shares(prefixes)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def importances(self) -> dict[str, float]:
        named = zip(self.config.members, self.weights.tolist(), strict=True)
        return dict(sorted(named, key=lambda item: -item[1]))

    def arrays(self) -> Arrays:
        return {"weights": self.weights} | {
            f"{place}-{name}": value
            for place, member in enumerate(self.members)
            for name, value in member.arrays().items()
        }

    def restore(self, arrays: Arrays) -> None:
        self.weights = arrays["weights"]
        self.members = [self._make(spec) for spec in self.config.members]
        for place, member in enumerate(self.members):
            start = f"{place}-"
            named = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            member.restore(named)

    @property
    def n(self) -> int:
        return self.members[0].n


def hold_back(sequences: Sequences, most: int, seed: int) -> tuple[Sequences, Sequences, Rows]:
    """Hold back the last product of some sequences.

    Args:
        sequences: at most a tenth of them lend their last product.
        most: how many, at most.
        seed: the same seed takes the same ones.

    Returns:
        all sequences, less what is held back; those that lent, likewise; and what they lent.
    """
    long_enough = np.flatnonzero(sequences.lengths > 1)
    count = min(most, (len(long_enough) + 9) // 10)
    lent = np.sort(np.random.default_rng(seed).permutation(long_enough)[:count])
    prefixes, targets = sequences.take(lent).part_last()
    return sequences.without(sequences.starts[lent + 1] - 1), prefixes, targets


def shares_of(model: SessionModel, prefixes: Sequences, targets: Rows) -> Shares:
    """(t,) the share that a model gives to each target."""
    found, start = np.zeros(len(targets)), 0
    for block in model.in_blocks(prefixes):
        here = slice(start, start + len(block))
        found[here] = model.shares(block)[np.arange(len(block)), targets[here]]
        start += len(block)
    return found


def mixture_weights(likelihoods: Shares, steps: int = 200) -> Shares:
    """The weights (m,) of greatest likelihood of a mixture, by expectation maximisation.

    Args:
        likelihoods: (t, m) what each of m members gives to each of t observations. Those that no
            member thinks possible say nothing.
        steps: how often the weights are worked out anew.

    >>> mixture_weights(np.array([[0.5, 0.1], [0.5, 0.1], [0.0, 0.1]])).round(2)
    array([0.58, 0.42])
    """
    members = likelihoods.shape[1]
    weights = np.full(members, 1 / members)
    possible = likelihoods[likelihoods.any(axis=1)]
    for _ in range(steps if len(possible) else 0):
        owed = weights * possible
        weights = (owed / owed.sum(axis=1, keepdims=True)).mean(axis=0)
    return weights
