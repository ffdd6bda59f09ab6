"""leave_one_out, given, sessions: the next product of a session, ranked in the whole catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Floats, Rows
from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.evaluation import metrics
from goeswith.evaluation.leak_check import check_apart, check_before
from goeswith.evaluation.metrics import Mask, Parts, PerSource
from goeswith.evaluation.protocols.case import Answers, AnyCase, Ground, Measured
from goeswith.sequential.base import SessionModel, leave_out
from goeswith.sequential.sequences import Sequences, sequences_of

CUTS: Final = (5, 10, 20)


@dataclass
class NextProductCase(AnyCase[SessionModel]):
    """Prefixes and the product that came next.

    hit@k is what the session literature calls Recall@k or P@k. Where no sequence to learn from
    holds a product twice, what a prefix holds is not ranked: nobody reviews a product twice.
    """

    catalog: Catalog
    train: Sequences
    prefixes: Sequences
    targets: Rows
    slices: dict[str, Mask] = field(default_factory=dict)
    """Name -> (t,) tests that are reported apart, too."""

    def fit(self, model: SessionModel) -> SessionModel:
        return model.fit(self.catalog, self.train)

    def answer(self, model: SessionModel) -> Answers:
        ranks, start, new_only = [np.zeros(0, dtype=np.int64)], 0, not self.train.repeats
        for block in model.in_blocks(self.prefixes):
            scores = model.score(block)
            if new_only:
                leave_out(scores, block)
            ranks.append(rank_of(scores, self.targets[start : start + len(block)]))
            start += len(block)
        return {"ranks": np.concatenate(ranks)}

    def measure(self, answers: Answers) -> Measured:
        ranks = answers["ranks"]
        measured = {}
        for name, value in {"hit": hit, "ndcg": ndcg, "mrr": mrr}.items():
            for k in CUTS:
                measured[f"{name}@{k}"] = self._mean(value(ranks, k))
        frequency = np.bincount(self.train.products, minlength=len(self.catalog))
        for name, products in metrics.popularity_slices(frequency).items():
            measured[f"hit@10.{name}"] = self._mean(hit(ranks, 10), products[self.targets])
        for name, tests in self.slices.items():
            measured[f"hit@20.{name}"] = self._mean(hit(ranks, 20), tests)
            measured[f"mrr@20.{name}"] = self._mean(mrr(ranks, 20), tests)
        return Measured(measured)

    def _mean(self, values: Parts, tests: Mask | None = None) -> PerSource:
        weights = np.ones(len(values)) if tests is None else tests.astype(np.float64)
        return PerSource(np.arange(len(values)), values * weights, weights)


def rank_of(scores: Floats, targets: Rows) -> npt.NDArray[np.int64]:
    """(b,) place of each target, 1 for the best; 0 where the model has nothing to say of it.

    Of equals, the lower row comes first, as in `goeswith.core.arrays.top_k`.
    """
    target = scores[np.arange(len(targets)), targets][:, None]
    before = np.arange(scores.shape[1]) < targets[:, None]
    above = (scores > target).sum(axis=1) + ((scores == target) & before).sum(axis=1)
    return np.where(np.isfinite(target[:, 0]), above + 1, 0)


def hit(ranks: npt.NDArray[np.int64], k: int) -> Parts:
    """1 where the target is among the first k."""
    return ((ranks > 0) & (ranks <= k)).astype(np.float64)


def ndcg(ranks: npt.NDArray[np.int64], k: int) -> Parts:
    """1 / log2(place + 1) within the first k: nDCG of a single target."""
    gains: Parts = hit(ranks, k) / np.log2(np.maximum(ranks, 1) + 1)
    return gains


def mrr(ranks: npt.NDArray[np.int64], k: int) -> Parts:
    """1 / place within the first k."""
    return hit(ranks, k) / np.maximum(ranks, 1)


def leave_one_out(ground: Ground, seed: int) -> Iterator[NextProductCase]:
    """The last product of every sequence is the test; the same for every seed.

    The products before it are learned from and are the prefix.
    """
    sequences, _ = _sequences(ground)
    sequences = sequences.take(np.flatnonzero(sequences.lengths > 1))
    train, targets = sequences.part_last()
    check_before(train, sequences)
    yield NextProductCase(ground.dataset.catalog, train, train, targets)


def given(ground: Ground, seed: int) -> Iterator[NextProductCase]:
    """All sequences are learned from; the table `test` is the test; the same for every seed."""
    dataset = ground.dataset
    if dataset.test is None:
        raise DataError(
            f"{dataset.name}: the protocol given needs a table `test` with the columns prefix, a "
            "list of product ids, and target"
        )
    sequences, _ = _sequences(ground)
    prefixes = Sequences.of_rows(dataset.test["prefix"].to_list())
    targets = dataset.test["target"].to_numpy().astype(np.int32)
    yield NextProductCase(dataset.catalog, sequences, prefixes, targets)


def sessions(ground: Ground, seed: int) -> Iterator[NextProductCase]:
    """A share of the sessions is held out whole; the last product of each is the test.

    Where events say their locale, each locale is reported apart, too.
    """
    sequences, whose = _sequences(ground)
    share = ground.settings.evaluation.session_share
    long_enough = np.flatnonzero(sequences.lengths > 1)
    order = np.random.default_rng(seed).permutation(len(long_enough))
    held = np.sort(long_enough[order[: int(share * len(long_enough))]])
    rest = np.setdiff1d(np.arange(len(sequences)), held)
    check_apart(whose.to_series()[rest], whose.to_series()[held])
    tests = whose[held]
    known = "locale" in whose.columns
    locales = tests["locale"].drop_nulls().unique().sort().to_list() if known else []
    prefixes, targets = sequences.take(held).part_last()
    yield NextProductCase(
        ground.dataset.catalog,
        sequences.take(rest),
        prefixes,
        targets,
        {name: (tests["locale"] == name).fill_null(value=False).to_numpy() for name in locales},
    )


def _sequences(ground: Ground) -> tuple[Sequences, pl.DataFrame]:
    """The sequences of a data set, of which one at least holds two products; see `sequences_of`."""
    dataset = ground.dataset
    if dataset.events is None:
        raise DataError(f"{dataset.name}: next products need a table of events")
    sequences, whose = sequences_of(dataset.events)
    if not (sequences.lengths > 1).any():
        raise DataError(f"{dataset.name}: no {whose.columns[0]} has two events; nothing comes next")
    return sequences, whose
