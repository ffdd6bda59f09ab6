"""A mixture of session models, with weights learned on held-out products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from goeswith.core.arrays import Floats, Rows, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.core.ndcg import single_target_ndcg
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.models.registry import model_name
from goeswith.sequential import SESSION_MODELS, TRAINED
from goeswith.sequential.base import SessionModel, prefix_weights
from goeswith.sequential.prefix_scores import PrefixScores
from goeswith.sequential.sequences import Sequences

_MAX_RANK: Final = 20
"""Ranks that weights are optimised for."""
RIVAL: Final = "frequent"
"""What the mixture has to beat beside its members: the products of the session, then popularity."""
_TOP_PER_MEMBER: Final = 100
"""Best products of each member, the competitors of a target."""


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
        description="Models that are mixed. In a model specification, models are joined by `+` and "
        "settings of a model by `;`.",
    )
    held_back: int = Field(
        4000,
        ge=1,
        description="Maximum number of sequences whose last product is held out to learn the "
        "weights.",
    )
    seed: int = Field(
        0, ge=0, description="Random seed, for the held-out sequences and the member models."
    )

    @field_validator("members", mode="before")
    @classmethod
    def _written_with_plus(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.replace(";", ",") for part in value.split("+") if part)
        return value


class Mixture(SessionModel):
    """A mixture of next-product models.

        p(j | prefix) = sum over members m of w_m p_m(j | prefix)

    p_m are the scores of member m as shares (`SessionModel.shares`), adjusted to the rate of
    repeats: those of products of the prefix add up to a(d), how often one of d
    distinct products of a prefix comes next again, which is 0 if no one buys twice. a and
    w are learned on the last products of at most a tenth of the sequences, w for the best
    nDCG@20 (`best_weights`). Members in closed form are fitted without those sequences, and then
    fitted again with them; trained members are fitted once, without the held-out products.

    The mixture is not below its best member: half of those products decide, with weights that were
    learned on the other half. If a member, or `frequent`, has a higher nDCG@20 alone, by its own
    scores, it ranks alone; `reason` states both figures.
    """

    Config: ClassVar[type[ModelConfig]] = MixtureConfig
    name: ClassVar[str] = "mixture"
    config: MixtureConfig
    alone: SessionModel | None = None
    """The member that ranks alone; None for the mixture."""
    reason: str = ""
    _checkpoints: tuple[Path, MessageProgress] | None = None

    def set_checkpoints(self, checkpoints: Path, on_progress: MessageProgress) -> None:
        self._checkpoints = checkpoints, on_progress

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        held_back = held_back_sequences(sequences, self.config.held_back, self.config.seed)
        others = sequences.take(np.setdiff1d(np.arange(len(sequences)), held_back))
        shortened = sequences.without(sequences.starts[held_back + 1] - 1)
        prefixes, targets = sequences.take(held_back).split_last()
        trained_members = [model_name(spec) in TRAINED for spec in self.config.members]
        self.members = [
            self._make_member(spec).fit(catalog, shortened if trained_member else others)
            for spec, trained_member in zip(self.config.members, trained_members, strict=True)
        ]
        self.repeat_rate = repeat_rates(prefixes, targets)
        shares, competitors = self._competing_shares(prefixes, targets)
        self.weights = best_weights(shares, competitors)
        rival = self._make_member(RIVAL).fit(catalog, others)
        alone = self._better_alone(rival, prefixes, targets, (shares, competitors))
        for place, spec in enumerate(self.config.members):
            if not trained_members[place]:
                self.members[place] = self._make_member(spec).fit(catalog, sequences)
        self.alone = None
        if alone is not None:
            is_rival = alone == len(self.members)
            rival.fit(catalog, sequences)
            self.alone = rival if is_rival else self.members[alone]
            self.weights = np.eye(len(self.members))[alone] if not is_rival else 0 * self.weights
        if self._checkpoints is not None:
            self._checkpoints[1](f"fitting {self.name}: {self.reason}")
        return self

    def _better_alone(
        self,
        rival: SessionModel,
        prefixes: Sequences,
        targets: Rows,
        competing: tuple[Floats, Floats],
    ) -> int | None:
        """The member, or the number of members for the rival, that beats the mixture; else None."""
        check = np.arange(len(targets)) % 2 == 1
        if not check.any() or not (~check).any():
            self.reason = "the mixture ranks: too few sequences to compare it with its members"
            return None
        shares, competitors = competing
        weights = best_weights(shares[~check], competitors[~check])
        own = mixture_ndcg(shares[check], competitors[check], weights)
        names = [*self.config.members, RIVAL]
        rows = np.flatnonzero(check)
        tests, wanted = prefixes.take(rows), targets[rows]
        only_new = not self.repeat_rate.any()  # no one returns to a product
        reached = [
            _own_ndcg(model, tests, wanted, exclude_seen=only_new)
            for model in (*self.members, rival)
        ]
        best = int(np.argmax(reached))
        what = (
            f"nDCG@{_MAX_RANK} on {len(rows):,} held-out products: mixture {own:.4f}, best member "
            f"({names[best]}) {reached[best]:.4f}"
        )
        is_better = reached[best] > own
        self.reason = f"{names[best] if is_better else 'the mixture'} ranks, by {what}"
        return best if is_better else None

    def _make_member(self, spec: str) -> SessionModel:
        name = model_name(spec)
        has_seed = "seed" in SESSION_MODELS.find(name).Config.model_fields
        model = SESSION_MODELS.make(spec, {name: {"seed": self.config.seed}} if has_seed else None)
        if self._checkpoints is not None:
            model.set_checkpoints(*self._checkpoints)
        return model

    def _member_shares(
        self, members: Iterable[SessionModel], prefixes: Sequences
    ) -> Iterator[PrefixScores]:
        """p_m of each of some members in turn."""
        prefix_products = prefix_weights(prefixes, 1, self.n)
        prefix_products.sum_duplicates()
        row, column = entry_rows(prefix_products), prefix_products.indices
        repeat_rate = self.repeat_rate[
            np.minimum(np.diff(prefix_products.indptr), len(self.repeat_rate) - 1)
        ]
        nothing = np.zeros(len(row), dtype=np.float32)
        for member in members:
            shares = member.few_scores(prefixes)
            if shares is None:
                shares = PrefixScores.from_dense(member.shares(prefixes))
            repeat_shares = shares.take(row, column)
            shares = shares.with_entries(row, column, nothing)
            shares = shares.scaled(_ratio(1 - repeat_rate, shares.totals()))
            repeat_total = np.bincount(row, repeat_shares, minlength=len(prefixes))
            repeats = _ratio(repeat_rate, repeat_total.astype(np.float32))
            yield shares.with_entries(row, column, repeat_shares * repeats[row])

    def _competing_shares(self, prefixes: Sequences, targets: Rows) -> tuple[Floats, Floats]:
        """(t, m) p_m of targets, and (t, c, m) of the best products of any member, 0 for none."""
        m = len(self.members)
        empty = np.zeros((0, m), dtype=np.float32), np.zeros((0, 1, m), dtype=np.float32)
        blocks: list[tuple[Floats, Floats]] = [empty]
        start = 0
        for block in self.in_blocks(prefixes):
            parts = list(self._member_shares(self.members, block))
            target = targets[start : start + len(block), None]
            top = [part.top(_TOP_PER_MEMBER)[0] for part in parts]
            competitors = np.sort(np.concatenate(top, axis=1), axis=1)
            is_repeat = np.diff(competitors, axis=1, prepend=-1) == 0
            products = np.concatenate([target, competitors], axis=1)
            row = np.repeat(np.arange(len(block)), products.shape[1])
            shares = np.stack([part.take(row, products.ravel()) for part in parts], axis=1)
            shares = shares.reshape(*products.shape, m)
            competitor_shares = shares[:, 1:]
            competitor_shares[is_repeat | (competitors < 0) | (competitors == target)] = 0
            blocks.append((shares[:, 0], competitor_shares))
            start += len(block)
        if start:
            blocks = blocks[1:]
        return np.concatenate([t for t, _ in blocks]), np.concatenate([r for _, r in blocks])

    def shares(self, prefixes: Sequences) -> Floats:
        return super().shares(prefixes) if self.alone is None else self.alone.shares(prefixes)

    def few_scores(self, prefixes: Sequences) -> PrefixScores | None:
        return None if self.alone is None else self.alone.few_scores(prefixes)

    def score(self, prefixes: Sequences) -> Floats:
        if self.alone is not None:
            return self.alone.score(prefixes)
        scores = np.zeros((len(prefixes), self.n), dtype=np.float32)
        used = np.flatnonzero(self.weights)
        parts = self._member_shares([self.members[m] for m in used], prefixes)
        for weight, member_shares in zip(self.weights[used], parts, strict=True):
            scores += np.float32(weight) * member_shares.dense()
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def importances(self) -> dict[str, float]:
        by_member = zip(self.config.members, self.weights.tolist(), strict=True)
        return dict(sorted(by_member, key=lambda item: -item[1]))

    def arrays(self) -> Arrays:
        parts = {str(place): member for place, member in enumerate(self.members)}
        if self.alone is not None and not self.weights.any():
            parts[RIVAL] = self.alone
        return {
            "weights": self.weights,
            "again": self.repeat_rate,
            "alone": np.array(self.alone is not None),
        } | {
            f"{part}-{name}": value
            for part, member in parts.items()
            for name, value in member.arrays().items()
        }

    def restore(self, arrays: Arrays) -> None:
        self.weights, self.repeat_rate = arrays["weights"], arrays["again"]
        self.members = [self._make_member(spec) for spec in self.config.members]
        for place, member in enumerate(self.members):
            prefix = f"{place}-"
            member_arrays = {
                k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)
            }
            member.restore(member_arrays)
        self.alone = None
        if arrays.get("alone", np.array(False)):  # bundles of earlier versions lack it
            if self.weights.any():
                self.alone = self.members[int(np.argmax(self.weights))]
                return
            self.alone = self._make_member(RIVAL)
            prefix = f"{RIVAL}-"
            self.alone.restore(
                {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            )

    @property
    def n(self) -> int:
        return self.members[0].n


def held_back_sequences(
    sequences: Sequences, max_sequences: int, seed: int
) -> npt.NDArray[np.int64]:
    """Rows of the sequences with a held-out last product: a tenth, at most `max_sequences`."""
    long_enough = np.flatnonzero(sequences.lengths > 1)
    count = min(max_sequences, (len(long_enough) + 9) // 10)
    return np.sort(np.random.default_rng(seed).permutation(long_enough)[:count])


def repeat_rates(prefixes: Sequences, targets: Rows) -> Floats:
    """(12,) rate of repeats after a prefix of 0, 1, ... 11 or more distinct products.

    Args:
        prefixes: t of them.
        targets: (t,) the next products.
    """
    is_repeat = np.fromiter(map(np.isin, targets, prefixes), dtype=bool, count=len(targets))
    distinct = np.fromiter((len(np.unique(run)) for run in prefixes), np.int64, len(prefixes))
    length = np.minimum(distinct, 11)
    seen, repeats = np.bincount(length, minlength=12), np.bincount(length, is_repeat, minlength=12)
    overall = is_repeat.mean() if len(is_repeat) else 0.0
    rate = (repeats + 10 * overall) / (seen + 10)  # a prior of ten average prefixes
    rate[0] = 0
    return rate.astype(np.float32)


def best_weights(targets: Floats, competitors: Floats) -> npt.NDArray[np.float64]:
    """(m,) the weights of a mixture with the best mean nDCG@20, by coordinate ascent.

    Args:
        targets: (t, m) share of each member for the next product.
        competitors: (t, c, m) its shares for other products.

    >>> best_weights(np.array([[0.5, 0.1]]), np.array([[[0.1, 0.8]]])).round(2)
    array([0.8, 0.2])
    """
    members = targets.shape[1]
    weights = np.full(members, 1 / members)
    best = mixture_ndcg(targets, competitors, weights) if len(targets) else 0.0
    for step in (4.0, 2.0, 1.4):
        improved = bool(len(targets))
        while improved:
            improved = False
            for member in range(members):
                for factor in (step, 1 / step, 0.0):
                    tried = weights.copy()
                    tried[member] *= factor
                    if not tried.sum():
                        continue
                    tried /= tried.sum()
                    value = mixture_ndcg(targets, competitors, tried)
                    if value > best + 1e-9:
                        weights, best, improved = tried, value, True
    return weights


def mixture_ndcg(targets: Floats, competitors: Floats, weights: npt.NDArray[np.float64]) -> float:
    """Mean nDCG@20 of a mixture; arguments as for `best_weights`."""
    score = targets @ weights
    above = (competitors @ weights > score[:, None]).sum(axis=1)
    return float(single_target_ndcg(np.where(score > 0, above + 1, 0), _MAX_RANK).mean())


def _own_ndcg(
    model: SessionModel, prefixes: Sequences, targets: Rows, *, exclude_seen: bool
) -> float:
    """Mean nDCG@20 of a model by its own scores."""
    found, _ = model.recommend(prefixes, _MAX_RANK, exclude_seen=exclude_seen)
    hit = found == targets[:, None]
    ranks = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)
    return float(single_target_ndcg(ranks, _MAX_RANK).mean())


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, 0 where the denominator is 0."""
    quotient: Floats = np.divide(
        numerator, denominator, where=denominator > 0, out=np.zeros_like(numerator)
    )
    return quotient
