"""Several models at once: a mixture whose weights are learned on products held back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from goeswith.core.arrays import Floats, Rows, entry_rows, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.models.registry import model_name
from goeswith.sequential import SESSION_MODELS, TRAINED
from goeswith.sequential.base import SessionModel, prefix_weights
from goeswith.sequential.sequences import Sequences

_PLACES: Final = 20
"""Places that weights are learned for."""
_FIRST: Final = 100
"""Products of each member that a target is compared with."""


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

        p(j | prefix) = sum over members m of w_m p_m(j | prefix)

    p_m are the scores of member m, as parts of 1 (`SessionModel.shares`), brought to what is known
    of coming back: those of products that the prefix holds add up to a(d), how often one of d
    different products of a prefix comes next again, which is never where nobody buys twice. a and
    w are learned on the last products that at most a tenth of the sequences lend, w for the best
    nDCG@20 (`best_weights`). Members in closed form learn without those sequences, and are then
    fitted again with them; trained ones miss the products lent alone, and stay as they are.
    """

    Config: ClassVar[type[ModelConfig]] = MixtureConfig
    name: ClassVar[str] = "mixture"
    config: MixtureConfig
    _following: tuple[Path, Callable[[str], None]] | None = None

    def follow(self, checkpoints: Path, tell: Callable[[str], None]) -> None:
        self._following = checkpoints, tell

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        lent = lenders(sequences, self.config.held_back, self.config.seed)
        rest = sequences.take(np.setdiff1d(np.arange(len(sequences)), lent))
        shortened = sequences.without(sequences.starts[lent + 1] - 1)
        prefixes, targets = sequences.take(lent).part_last()
        trained = [model_name(spec) in TRAINED for spec in self.config.members]
        self.members = [
            self._make(spec).fit(catalog, shortened if is_trained else rest)
            for spec, is_trained in zip(self.config.members, trained, strict=True)
        ]
        self.again = rate_of_again(prefixes, targets)
        self.weights = best_weights(*self._beside(prefixes, targets))
        for place, spec in enumerate(self.config.members):
            if not trained[place]:
                self.members[place] = self._make(spec).fit(catalog, sequences)
        return self

    def _make(self, spec: str) -> SessionModel:
        name = model_name(spec)
        seeded = "seed" in SESSION_MODELS.find(name).Config.model_fields
        model = SESSION_MODELS.make(spec, {name: {"seed": self.config.seed}} if seeded else None)
        if self._following is not None:
            model.follow(*self._following)
        return model

    def _parts(self, members: Iterable[SessionModel], prefixes: Sequences) -> Iterator[Floats]:
        """(b, n) p_m of each of some members in turn."""
        held = prefix_weights(prefixes, 1, self.n)
        held.sum_duplicates()
        row, column = entry_rows(held), held.indices
        again = self.again[np.minimum(np.diff(held.indptr), len(self.again) - 1)]
        for member in members:
            shares = member.shares(prefixes)
            own = shares[row, column]
            shares[row, column] = 0
            shares *= _ratio(1 - again, shares.sum(axis=1))[:, None]
            of_own = np.bincount(row, own, minlength=len(shares)).astype(np.float32)
            shares[row, column] = own * _ratio(again, of_own)[row]
            yield shares

    def _beside(self, prefixes: Sequences, targets: Rows) -> tuple[Floats, Floats]:
        """(t, m) p_m of targets, and (t, c, m) of the first products of any member, 0 for none."""
        m = len(self.members)
        nothing = np.zeros((0, m), dtype=np.float32), np.zeros((0, 1, m), dtype=np.float32)
        found: list[tuple[Floats, Floats]] = [nothing]
        start = 0
        for block in self.in_blocks(prefixes):
            each, parts = np.arange(len(block))[:, None], list(self._parts(self.members, block))
            wanted = targets[start : start + len(block), None]
            first = [top_k(np.where(p > 0, p, -np.inf), _FIRST)[0] for p in parts]
            rivals = np.sort(np.concatenate(first, axis=1), axis=1)
            twice = np.diff(rivals, axis=1, prepend=-1) == 0
            beside = np.stack([part[each, rivals] for part in parts], axis=2)
            beside[twice | (rivals < 0) | (rivals == wanted)] = 0
            found.append((np.stack([p[each, wanted][:, 0] for p in parts], axis=1), beside))
            start += len(block)
        if start:
            found = found[1:]
        return np.concatenate([t for t, _ in found]), np.concatenate([r for _, r in found])

    def score(self, prefixes: Sequences) -> Floats:
        scores = np.zeros((len(prefixes), self.n), dtype=np.float32)
        weighs = np.flatnonzero(self.weights)
        parts = self._parts([self.members[m] for m in weighs], prefixes)
        for weight, part in zip(self.weights[weighs], parts, strict=True):
            scores += np.float32(weight) * part
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def importances(self) -> dict[str, float]:
        named = zip(self.config.members, self.weights.tolist(), strict=True)
        return dict(sorted(named, key=lambda item: -item[1]))

    def arrays(self) -> Arrays:
        return {"weights": self.weights, "again": self.again} | {
            f"{place}-{name}": value
            for place, member in enumerate(self.members)
            for name, value in member.arrays().items()
        }

    def restore(self, arrays: Arrays) -> None:
        self.weights, self.again = arrays["weights"], arrays["again"]
        self.members = [self._make(spec) for spec in self.config.members]
        for place, member in enumerate(self.members):
            start = f"{place}-"
            named = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            member.restore(named)

    @property
    def n(self) -> int:
        return self.members[0].n


def lenders(sequences: Sequences, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Which sequences lend their last product: a tenth of those that can, and at most `most`."""
    long_enough = np.flatnonzero(sequences.lengths > 1)
    count = min(most, (len(long_enough) + 9) // 10)
    return np.sort(np.random.default_rng(seed).permutation(long_enough)[:count])


def rate_of_again(prefixes: Sequences, targets: Rows) -> Floats:
    """(12,) how often a prefix of 0, 1, ... 11 or more different products is come back to.

    Args:
        prefixes: t of them.
        targets: (t,) what came next.
    """
    again = np.fromiter(map(np.isin, targets, prefixes), dtype=bool, count=len(targets))
    different = np.fromiter((len(np.unique(run)) for run in prefixes), np.int64, len(prefixes))
    place = np.minimum(different, 11)
    seen, came = np.bincount(place, minlength=12), np.bincount(place, again, minlength=12)
    overall = again.mean() if len(again) else 0.0
    rate = (came + 10 * overall) / (seen + 10)  # few prefixes say little: as ten average ones more
    rate[0] = 0
    return rate.astype(np.float32)


def best_weights(targets: Floats, rivals: Floats) -> npt.NDArray[np.float64]:
    """(m,) the weights of a mixture that place targets best: coordinate ascent on mean nDCG@20.

    Args:
        targets: (t, m) what each member gives to what came next.
        rivals: (t, c, m) what it gives to other products.

    >>> best_weights(np.array([[0.5, 0.1]]), np.array([[[0.1, 0.8]]])).round(2)
    array([0.8, 0.2])
    """
    members = targets.shape[1]

    def gain(weights: npt.NDArray[np.float64]) -> float:
        score = targets @ weights
        above = (rivals @ weights > score[:, None]).sum(axis=1)
        return float(np.where((score > 0) & (above < _PLACES), 1 / np.log2(above + 2), 0).mean())

    weights = np.full(members, 1 / members)
    best = gain(weights) if len(targets) else 0.0
    for step in (4.0, 2.0, 1.4):
        improved = bool(len(targets))
        while improved:
            improved = False
            for member in range(members):
                for factor in (step, 1 / step, 0.0):
                    tried = weights.copy()
                    tried[member] *= factor
                    if tried.sum() and (found := gain(tried / tried.sum())) > best + 1e-9:
                        weights, best, improved = tried / tried.sum(), found, True
    return weights


def _ratio(above: Floats, below: Floats) -> Floats:
    """The quotient, 0 where nothing is below."""
    quotient: Floats = np.divide(above, below, where=below > 0, out=np.zeros_like(above))
    return quotient
