"""leave_one_out, given, sessions: the next product of a session, ranked among all products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Floats, Rows
from goeswith.core.errors import DataError
from goeswith.core.ndcg import single_target_ndcg
from goeswith.data.catalog import Catalog
from goeswith.evaluation import metrics
from goeswith.evaluation.leak_check import check_disjoint_sessions, check_prefixes
from goeswith.evaluation.metrics import Mask, Parts, PerSource
from goeswith.evaluation.protocols.case import Answers, BenchmarkCase, BenchmarkData, CaseMetrics
from goeswith.sequential.base import SessionModel, mask_seen
from goeswith.sequential.sequences import Sequences, sequences_from_events

CUTOFFS: Final = (5, 10, 20)


@dataclass
class NextProductCase(BenchmarkCase[SessionModel]):
    """Prefixes and the next product.

    hit@k is what the session literature calls Recall@k or P@k. Where no sequence to learn from
    holds a product twice, the products of a prefix are not ranked: no one reviews a product twice.
    """

    catalog: Catalog
    train: Sequences
    prefixes: Sequences
    targets: Rows
    slices: dict[str, Mask] = field(default_factory=dict)
    """Name -> (t,) mask of tests with separate metrics."""

    def fit(self, model: SessionModel) -> SessionModel:
        return model.fit(self.catalog, self.train)

    def answer(self, model: SessionModel) -> Answers:
        ranks, start = np.zeros(len(self.targets), dtype=np.int64), 0
        new_only = not self.train.has_repeats
        order = np.argsort(self.prefixes.lengths, kind="stable")  # models fill up to the longest
        for block in model.in_blocks(self.prefixes.take(order)):
            scores = model.score(block)
            if new_only:
                mask_seen(scores, block)
            tests = order[start : start + len(block)]
            ranks[tests] = target_rank(scores, self.targets[tests])
            start += len(block)
        return {"ranks": ranks}

    def measure(self, answers: Answers) -> CaseMetrics:
        ranks = answers["ranks"]
        measured = {}
        for name, value in {"hit": hit, "ndcg": single_target_ndcg, "mrr": mrr}.items():
            for k in CUTOFFS:
                measured[f"{name}@{k}"] = self._mean(value(ranks, k))
        frequency = np.bincount(self.train.products, minlength=len(self.catalog))
        for name, products in metrics.popularity_slices(frequency).items():
            measured[f"hit@10.{name}"] = self._mean(hit(ranks, 10), products[self.targets])
        for name, tests in self.slices.items():
            measured[f"hit@20.{name}"] = self._mean(hit(ranks, 20), tests)
            measured[f"mrr@20.{name}"] = self._mean(mrr(ranks, 20), tests)
        return CaseMetrics(measured)

    def _mean(self, values: Parts, tests: Mask | None = None) -> PerSource:
        weights = np.ones(len(values)) if tests is None else tests.astype(np.float64)
        return PerSource(np.arange(len(values)), values * weights, weights)


def target_rank(scores: Floats, targets: Rows) -> npt.NDArray[np.int64]:
    """(b,) rank of each target, 1 for the best; 0 if it has no score.

    Of equals, the lower row comes first, as in `goeswith.core.arrays.top_k`.
    """
    target = scores[np.arange(len(targets)), targets][:, None]
    before = np.arange(scores.shape[1]) < targets[:, None]
    above = (scores > target).sum(axis=1) + ((scores == target) & before).sum(axis=1)
    return np.where(np.isfinite(target[:, 0]), above + 1, 0)


def hit(ranks: npt.NDArray[np.int64], k: int) -> Parts:
    """1 where the target is among the first k."""
    return ((ranks > 0) & (ranks <= k)).astype(np.float64)


def mrr(ranks: npt.NDArray[np.int64], k: int) -> Parts:
    """1 / rank within the first k."""
    return hit(ranks, k) / np.maximum(ranks, 1)


def leave_one_out(data: BenchmarkData, seed: int) -> Iterator[NextProductCase]:
    """The last product of every sequence is the test; the same for every seed.

    The products before it are the prefix, and the training data.
    """
    sequences, _ = _sequences(data)
    sequences = sequences.take(np.flatnonzero(sequences.lengths > 1))
    train, targets = sequences.split_last()
    check_prefixes(train, sequences)
    yield NextProductCase(data.dataset.catalog, train, train, targets)


def predefined_test(data: BenchmarkData, seed: int) -> Iterator[NextProductCase]:
    """All sequences are training data; the table `test` is the test; the same for every seed."""
    dataset = data.dataset
    if dataset.test is None:
        raise DataError(
            f"{dataset.name}: the protocol given needs a table `test` with the columns prefix, a "
            "list of product ids, and target"
        )
    sequences, _ = _sequences(data)
    prefixes = Sequences.from_rows(dataset.test["prefix"].to_list())
    targets = dataset.test["target"].to_numpy().astype(np.int32)
    yield NextProductCase(dataset.catalog, sequences, prefixes, targets)


def sessions(data: BenchmarkData, seed: int) -> Iterator[NextProductCase]:
    """A share of the sessions is held out completely; the last product of each is the test.

    Where events have a locale, each locale has separate metrics, too.
    """
    sequences, whose = _sequences(data)
    share = data.settings.evaluation.session_share
    long_enough = np.flatnonzero(sequences.lengths > 1)
    order = np.random.default_rng(seed).permutation(len(long_enough))
    test_rows = np.sort(long_enough[order[: int(share * len(long_enough))]])
    train_rows = np.setdiff1d(np.arange(len(sequences)), test_rows)
    check_disjoint_sessions(whose.to_series()[train_rows], whose.to_series()[test_rows])
    tests = whose[test_rows]
    has_locale = "locale" in whose.columns
    locales = tests["locale"].drop_nulls().unique().sort().to_list() if has_locale else []
    prefixes, targets = sequences.take(test_rows).split_last()
    yield NextProductCase(
        data.dataset.catalog,
        sequences.take(train_rows),
        prefixes,
        targets,
        {name: (tests["locale"] == name).fill_null(value=False).to_numpy() for name in locales},
    )


def _sequences(data: BenchmarkData) -> tuple[Sequences, pl.DataFrame]:
    """The sequences of a data set, at least one with two products; `sequences_from_events`."""
    dataset = data.dataset
    if dataset.events is None:
        raise DataError(f"{dataset.name}: next products need a table of events")
    sequences, whose = sequences_from_events(dataset.events)
    if not (sequences.lengths > 1).any():
        raise DataError(
            f"{dataset.name}: no {whose.columns[0]} has two events; there is no next product"
        )
    return sequences, whose
