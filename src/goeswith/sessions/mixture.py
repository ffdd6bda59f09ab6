"""Several models at once: a mixture whose weights are learned on products held back."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from goeswith.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sessions import SESSION_MODELS, TRAINED
from goeswith.sessions.base import SessionModel, prefix_weights
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
            "frequent:own=0",
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

        p(j | prefix) = a(d) sum over m of v_m p_m(j | j in the prefix)        j in the prefix
                        (1 - a(d)) sum over m of w_m p_m(j | j not in it)      else

    p_m are the scores of member m, which add up to 1 (`SessionModel.shares`). a(d) is how often one
    of d different products of a prefix comes next again, which is never where nobody buys twice; v
    and w are the weights of greatest likelihood, by expectation maximisation (Dempster et al.,
    1977). All three are learned on the last products that at most a tenth of the sequences lend.
    Members in closed form do so without those sequences, and are then fitted again with them;
    trained ones miss the products lent alone, and stay as they are.
    """

    Config: ClassVar[type[ModelConfig]] = MixtureConfig
    name: ClassVar[str] = "mixture"
    config: MixtureConfig

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        lent = lenders(sequences, self.config.held_back, self.config.seed)
        rest = sequences.take(np.setdiff1d(np.arange(len(sequences)), lent))
        shortened = sequences.without(sequences.starts[lent + 1] - 1)
        prefixes, targets = sequences.take(lent).part_last()
        trained = [spec.partition(":")[0] in TRAINED for spec in self.config.members]
        self.members = [
            self._make(spec).fit(catalog, shortened if is_trained else rest)
            for spec, is_trained in zip(self.config.members, trained, strict=True)
        ]
        likelihoods = np.stack([_given(m, prefixes, targets) for m in self.members], axis=1)
        again = np.fromiter(map(np.isin, targets, prefixes), dtype=bool, count=len(targets))
        self.weights = mixture_weights(likelihoods[~again])
        self.own_weights = mixture_weights(likelihoods[again])
        self.again = _again(_different(prefixes), again)
        for place, spec in enumerate(self.config.members):
            if not trained[place]:
                self.members[place] = self._make(spec).fit(catalog, sequences)
        return self

    def _make(self, spec: str) -> SessionModel:
        name = spec.partition(":")[0]
        seeded = "seed" in SESSION_MODELS.find(name).Config.model_fields
        return SESSION_MODELS.make(spec, {name: {"seed": self.config.seed}} if seeded else None)

    def score(self, prefixes: Sequences) -> Floats:
        scores = np.zeros((len(prefixes), self.n), dtype=np.float32)
        held = _held(prefixes, self.n)
        own = np.zeros(held.nnz, dtype=np.float32)
        weights = zip(self.members, self.weights, self.own_weights, strict=True)
        for member, weight, own_weight in weights:
            new, back = apart(member.shares(prefixes), held)
            scores += np.float32(weight) * new
            own += np.float32(own_weight) * back
        again = self.again[np.minimum(np.diff(held.indptr), len(self.again) - 1)]
        scores *= (1 - again)[:, None]
        row = entry_rows(held)
        scores[row, held.indices] = again[row] * own
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def importances(self) -> dict[str, float]:
        named = zip(self.config.members, self.weights.tolist(), strict=True)
        return dict(sorted(named, key=lambda item: -item[1]))

    def arrays(self) -> Arrays:
        learned = {"weights": self.weights, "own_weights": self.own_weights, "again": self.again}
        return learned | {
            f"{place}-{name}": value
            for place, member in enumerate(self.members)
            for name, value in member.arrays().items()
        }

    def restore(self, arrays: Arrays) -> None:
        self.weights, self.own_weights = arrays["weights"], arrays["own_weights"]
        self.again = arrays["again"]
        self.members = [self._make(spec) for spec in self.config.members]
        for place, member in enumerate(self.members):
            start = f"{place}-"
            named = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            member.restore(named)

    @property
    def n(self) -> int:
        return self.members[0].n


def apart(shares: Floats, held: Sparse) -> tuple[Floats, Floats]:
    """Shares of what a prefix does not hold, and of what it holds, each adding up to 1 (or 0).

    Args:
        shares: (b, n), changed in place.
        held: (b, n) CSR, an entry for each product of a prefix.

    Returns:
        (b, n), 0 where `held` has an entry, and (nnz,) for the entries of `held`.
    """
    row = entry_rows(held)
    own = shares[row, held.indices]
    shares[row, held.indices] = 0
    left = shares.sum(axis=1, keepdims=True)
    np.divide(shares, left, where=left > 0, out=shares)
    total = np.bincount(row, own, minlength=len(shares))[row]
    return shares, np.divide(own, total, where=total > 0, out=np.zeros_like(own))


def _held(prefixes: Sequences, n: int) -> Sparse:
    """(b, n) CSR with an entry for each different product of a prefix."""
    held = prefix_weights(prefixes, 1, n)
    held.sum_duplicates()
    return held


def _different(prefixes: Sequences) -> npt.NDArray[np.int64]:
    """(b,) different products of each prefix."""
    return np.fromiter((len(np.unique(run)) for run in prefixes), np.int64, len(prefixes))


def _given(model: SessionModel, prefixes: Sequences, targets: Rows) -> Shares:
    """(t,) the share of each target among what its prefix holds, or among what it does not."""
    found, start = np.zeros(len(targets)), 0
    for block in model.in_blocks(prefixes):
        held = _held(block, model.n)
        new, back = apart(model.shares(block), held)
        new[entry_rows(held), held.indices] = back
        found[start : start + len(block)] = new[
            np.arange(len(block)), targets[start : start + len(block)]
        ]
        start += len(block)
    return found


def _again(different: npt.NDArray[np.int64], again: npt.NDArray[np.bool_]) -> Floats:
    """(12,) how often a prefix of 0, 1, ... 11 or more different products is come back to.

    Args:
        different: (t,) different products of a prefix.
        again: (t,) whether one of them came next.
    """
    place = np.minimum(different, 11)
    seen, came = np.bincount(place, minlength=12), np.bincount(place, again, minlength=12)
    overall = again.mean() if len(again) else 0.0
    rate = (came + 10 * overall) / (seen + 10)  # few prefixes say little: as ten average ones more
    rate[0] = 0
    return rate.astype(np.float32)


def lenders(sequences: Sequences, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Which sequences lend their last product: a tenth of those that can, and at most `most`."""
    long_enough = np.flatnonzero(sequences.lengths > 1)
    count = min(most, (len(long_enough) + 9) // 10)
    return np.sort(np.random.default_rng(seed).permutation(long_enough)[:count])


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
