"""Boosted trees that order the candidates of a mixture of session models."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.core.arrays_file import Arrays
from goeswith.core.ndcg import single_target_ndcg
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.models.registry import model_name
from goeswith.ranking.tree_text import check_trees
from goeswith.sequential.base import SessionModel, mask_seen
from goeswith.sequential.mixture import RIVAL, Mixture
from goeswith.sequential.prefix_scores import PrefixScores
from goeswith.sequential.sequences import Ints, Sequences
from goeswith.sequential.trees.candidates import SessionCandidates, find_candidates, member_names
from goeswith.sequential.trees.config import SessionTreesConfig
from goeswith.sequential.trees.session_columns import SessionColumns
from goeswith.sequential.trees.tree_training import (
    MIN_LISTS,
    Lists,
    draw_folds,
    draw_prefixes,
    train_trees,
)

if TYPE_CHECKING:
    import lightgbm

_CHECK_EVERY: Final = 8
"""One prefix of so many decides how many trees there are, and whether they are used."""
_NEGATIVES: Final = 40
"""Other candidates of a prefix that are learned from, at most."""
_COLUMNS: Final = "columns-"
_K: Final = 20


class SessionTrees(Mixture):
    """A mixture whose candidates are ordered by boosted trees (LambdaRank; Burges, 2010).

    The candidates are the best products of each member and the products of the session. Their
    columns are what the members say, and counts and attributes that relate a candidate to the
    session (`SessionColumns`). The trees learn from the latest sequences, with members and counts
    of the other sequences; then members and counts are computed from all sequences.

        score(j) = softmax over candidates of the sum of the trees

    Products that are no candidates follow in the order of the mixture. The mixture ranks alone if
    it has the higher nDCG@20 on held-out prefixes, or if there are too few sequences.
    """

    Config: ClassVar[type[ModelConfig]] = SessionTreesConfig
    name: ClassVar[str] = "session_trees"
    config: SessionTreesConfig
    booster: lightgbm.Booster | None = None

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        super().fit(catalog, sequences)
        self.booster = None
        self.columns = SessionColumns.fit(catalog, sequences, self.config.seed)
        if not self._proposers:
            return self
        learn: list[Lists] = []
        check: list[Lists] = []
        tests, mixture = 0, 0.0
        rng = np.random.default_rng(self.config.seed)
        for part, prefixes, targets in self._folds(catalog, sequences, rng):
            is_check = np.arange(len(targets)) % _CHECK_EVERY == 0
            at = np.flatnonzero(~is_check)
            lists = part._lists(prefixes.take(at), targets[at])
            learn.extend(one.sampled(_NEGATIVES, rng) for one in lists)
            at = np.flatnonzero(is_check)
            check.extend(part._lists(prefixes.take(at), targets[at]))
            mixture += part._mixture_ndcg(prefixes.take(at), targets[at])
            tests += len(at)
        self._train(learn, check, tests, mixture)
        if self._checkpoints is not None:
            self._checkpoints[1](f"fitting {self.name}: {self.reason}")
        return self

    def _folds(
        self, catalog: Catalog, sequences: Sequences, rng: np.random.Generator
    ) -> Iterator[tuple[SessionTrees, Sequences, Rows]]:
        """For each fold a model without its sequences, and beginnings of these with targets."""
        folds = list(draw_folds(sequences, self.config.examples, rng))
        total = sum(len(fold) for fold in folds)
        for fold in folds:
            others = sequences.take(np.setdiff1d(np.arange(len(sequences)), fold))
            part = copy(self)
            part.members = [
                self._make_member(spec).fit(catalog, others) for spec in self.config.members
            ]
            if self.alone is not None:
                part.alone = (
                    part.members[int(np.argmax(self.weights))]
                    if self.weights.any()
                    else self._make_member(RIVAL).fit(catalog, others)
                )
            part.columns = self.columns.counted_on(others, self.config.seed)
            share = self.config.examples * len(fold) // max(total, 1)
            prefixes, targets = draw_prefixes(sequences.take(fold), share, rng)
            yield part, prefixes, targets

    def _train(self, learn: list[Lists], check: list[Lists], tests: int, mixture: float) -> None:
        lists = sum(len(one.sizes) for one in learn)
        if lists < MIN_LISTS or not any(len(one.sizes) for one in check):
            self.reason += f"; no trees: {lists:,} prefixes are too few to learn from"
            return
        held_out = Lists.concatenate(check)
        booster = train_trees(Lists.concatenate(learn), held_out, self._names, self.config)
        scores = np.asarray(booster.predict(held_out.columns, raw_score=True), dtype=np.float64)
        own = held_out.ndcg(scores) / tests
        what = (
            f"nDCG@{_K} on {tests:,} held-out prefixes: {booster.num_trees()} trees {own:.4f}, "
            f"without them {mixture / tests:.4f}"
        )
        if own > mixture / tests:
            self.booster, self.reason = booster, f"the trees rank, by {what}"
        else:
            self.reason += f"; no trees, by {what}"

    def _lists(self, prefixes: Sequences, targets: Rows) -> Iterator[Lists]:
        start = 0
        for block in self.in_blocks(prefixes):
            candidates, columns = self._table(block)
            is_target = candidates.product == targets[start + candidates.row]
            yield Lists.of(candidates.row, columns, is_target)
            start += len(block)

    def _mixture_ndcg(self, prefixes: Sequences, targets: Rows) -> float:
        """Sum of nDCG@20 without the trees."""
        total, start = 0.0, 0
        for block in self.in_blocks(prefixes):
            scores = super().score(block)
            if self._only_new:
                mask_seen(scores, block)
            wanted = targets[start : start + len(block)]
            target = scores[np.arange(len(block)), wanted][:, None]
            above = (scores > target).sum(axis=1)
            ranks = np.where(np.isfinite(target[:, 0]), above + 1, 0)
            total += float(single_target_ndcg(ranks, _K).sum())
            start += len(block)
        return total

    def _table(self, prefixes: Sequences) -> tuple[SessionCandidates, Floats]:
        members = [self.members[place] for place in self._proposers]
        candidates = find_candidates(
            members, prefixes, self.config.candidates, only_new=self._only_new
        )
        others = self.columns.columns(prefixes, candidates).matrix()
        return candidates, np.concatenate([candidates.columns, others], axis=1)

    def score(self, prefixes: Sequences) -> Floats:
        scores = super().score(prefixes)
        if self.booster is None or not len(prefixes):
            return scores
        candidates, columns = self._table(prefixes)
        if not len(columns):
            return scores
        values = np.asarray(self.booster.predict(columns, raw_score=True), dtype=np.float64)
        _put_first(scores, candidates.row, candidates.product, values)
        return scores

    def shares(self, prefixes: Sequences) -> Floats:
        if self.booster is None:
            return super().shares(prefixes)
        return SessionModel.shares(self, prefixes)

    def few_scores(self, prefixes: Sequences) -> PrefixScores | None:
        return super().few_scores(prefixes) if self.booster is None else None

    def importances(self) -> dict[str, float]:
        if self.booster is None:
            return super().importances()
        gain = self.booster.feature_importance("gain")
        shares = gain / max(gain.sum(), 1e-12)
        order = np.argsort(-shares, kind="stable")
        return {self._names[place]: float(shares[place]) for place in order}

    def arrays(self) -> Arrays:
        if self.booster is None:
            return super().arrays()
        text = np.frombuffer(self.booster.model_to_string().encode(), dtype=np.uint8)
        columns = {f"{_COLUMNS}{name}": value for name, value in self.columns.arrays().items()}
        return {**super().arrays(), "trees": text, **columns}

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.booster = None
        if "trees" not in arrays:
            return
        import lightgbm

        columns = {
            name.removeprefix(_COLUMNS): value
            for name, value in arrays.items()
            if name.startswith(_COLUMNS)
        }
        self.columns = SessionColumns.restore(columns)
        text = arrays["trees"].tobytes().decode()
        check_trees(text, len(self._names))
        self.booster = lightgbm.Booster(model_str=text)

    @property
    def _proposers(self) -> list[int]:
        """Members that look at the session."""
        specs = enumerate(self.config.members)
        return [place for place, spec in specs if model_name(spec) != "frequent"]

    @property
    def _only_new(self) -> bool:
        """Whether no one returns to a product of a session."""
        return not self.repeat_rate.any()

    @property
    def _names(self) -> list[str]:
        """Of the columns."""
        nothing = np.zeros(0, dtype=np.int64)
        none = SessionCandidates(nothing, nothing, np.zeros((0, 0), dtype=np.float32))
        names = self.columns.columns(Sequences.from_rows([]), none).names
        return [*member_names([self.config.members[place] for place in self._proposers]), *names]


def _put_first(scores: Floats, row: Ints, product: Ints, values: npt.NDArray[np.float64]) -> None:
    """Set scores of candidates to a softmax of their values, above all others, in place.

    Args:
        scores: (b, n), positive or -inf.
        row: (m,) prefix of each candidate, in order.
        product: (m,) its product.
        values: (m,) by the trees.
    """
    starts = np.searchsorted(row, np.arange(len(scores) + 1))
    for i in range(len(scores)):
        at = slice(int(starts[i]), int(starts[i + 1]))
        if starts[i] == starts[i + 1]:
            continue
        chances = np.exp(np.maximum(values[at] - values[at].max(), -20))
        chances /= chances.sum()
        scores[i, product[at]] = -np.inf
        others = scores[i].max()
        if others > 0:
            scores[i] *= chances.min() / (2 * others)
        scores[i, product[at]] = chances
