"""Benchmark cases: training data, held-out data, and the metrics of results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, top_k
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import Mask, PerSource, Rankings
from goeswith.models.base import Model, Recommender, mask_excluded
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import Settings

RANKING_DEPTH = 60
"""Length of rankings."""

Answers: TypeAlias = dict[str, npt.NDArray[Any]]
"""Results of a model: rankings and pair scores, by name."""


@dataclass(frozen=True)
class BenchmarkData:
    """The data and settings of a benchmark."""

    dataset: Dataset
    settings: Settings

    @cached_property
    def graph(self) -> RelationGraph:
        """The relations of the complete data, built on first use."""
        return build_graph(self.dataset, self.settings.relations)


@dataclass
class CaseMetrics:
    """Metrics of one model on one case. A metric that does not apply is None."""

    per_source: dict[str, PerSource] = field(default_factory=dict)
    overall: dict[str, float | None] = field(default_factory=dict)
    """Metrics other than means over sources."""

    def values(self) -> dict[str, float | None]:
        """Metric -> value."""
        return {name: parts.value for name, parts in self.per_source.items()} | self.overall


M = TypeVar("M", bound=Model)


class BenchmarkCase(ABC, Generic[M]):
    """Training data and a test. Fitting and inference are separate, since both are timed."""

    @abstractmethod
    def fit(self, model: M) -> M:
        """Fit a model on the training data."""

    @abstractmethod
    def answer(self, model: M) -> Answers:
        """The results of a fitted model."""

    @abstractmethod
    def measure(self, answers: Answers) -> CaseMetrics:
        """Compare the results with the held-out data."""


class GraphCase(BenchmarkCase[Recommender]):
    """A training graph and a test of complements."""

    catalog: Catalog
    train: RelationGraph

    def fit(self, model: Recommender) -> Recommender:
        return model.fit(self.catalog, self.train)


def rank_among(model: Recommender, sources: Rows, candidates: Mask) -> Rows:
    """(q, PLACES) the best of `candidates` (n,) for each source, never the source itself."""
    rankings = [np.zeros((0, RANKING_DEPTH), dtype=np.int32)]
    for block in blocks(sources, model.block):
        scores = model.score(block)
        scores[:, ~candidates] = -np.inf
        scores[np.arange(len(block)), block] = -np.inf
        best, _ = top_k(scores, RANKING_DEPTH)
        padding = ((0, 0), (0, RANKING_DEPTH - best.shape[1]))
        rankings.append(np.pad(best, padding, constant_values=-1))
    return np.concatenate(rankings)


def rank_and_score(
    model: Recommender, queries: Rows, exclude: Sparse | None, sources: Rows, targets: Rows
) -> tuple[Rows, Floats, Floats]:
    """Rankings of some sources and scores of some pairs, every source scored once.

    Args:
        model: fitted.
        queries: (q,) sources to rank for, sorted and distinct.
        exclude: (n, n) CSR of products that are excluded from a source's ranking.
        sources: (m,) of the pairs, and
        targets: (m,) of the pairs.

    Returns:
        products (q, PLACES) and their scores, as `Recommender.recommend` gives them, and the
        scores (m,) of the pairs.
    """
    rows, place = np.unique(np.concatenate([queries, sources]), return_inverse=True)
    pair_row = place[len(queries) :]
    order = np.argsort(pair_row, kind="stable")
    ends = np.searchsorted(pair_row[order], np.arange(len(rows) + 1))
    is_query = np.isin(rows, queries)
    shape = (0, min(RANKING_DEPTH, model.n))
    rankings = [(np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.float32))]
    pair_score = np.empty(len(sources), dtype=np.float32)
    start = 0
    for block in blocks(rows.astype(np.int32), model.block):
        scores = model.score(block)
        pairs = order[ends[start] : ends[start + len(block)]]
        pair_score[pairs] = scores[pair_row[pairs] - start, targets[pairs]]
        block_queries = is_query[start : start + len(block)]
        query_rows, scores = block[block_queries], scores[block_queries]
        mask_excluded(scores, query_rows, exclude)
        rankings.append(top_k(scores, RANKING_DEPTH))
        start += len(block)
    products, values = (np.concatenate(parts) for parts in zip(*rankings, strict=True))
    return products, values, pair_score


def ranking_metrics(
    rankings: Rankings, catalog: Catalog, in_degree: npt.ArrayLike, co_view: Sparse, candidates: int
) -> CaseMetrics:
    """Every metric of a ranking.

    Args:
        rankings: of length RANKING_DEPTH.
        catalog: for product types.
        in_degree: (n,) train edges that lead to each product.
        co_view: (n, n) CSR views of the complete data; empty without views.
        candidates: number of products that can be recommended.
    """
    types = catalog.type_codes
    measured = {f"hit@{k}": metrics.hit(rankings, k) for k in (1, 3, 10, RANKING_DEPTH)}
    measured["ndcg@10"] = metrics.ndcg(rankings, 10)
    measured["mrr@20"] = metrics.mrr(rankings, 20)
    measured["type_hit@3"] = metrics.type_hit(rankings, types, 3)
    if co_view.nnz:
        measured["substitutes@10"] = metrics.substitutes(rankings, co_view, 10)
    measured["types@10"] = metrics.distinct_types(rankings, types, 10)
    measured["type_entropy@10"] = metrics.type_entropy(rankings, types, 10)
    for name, products in metrics.popularity_slices(in_degree).items():
        measured[f"hit@10.{name}"] = metrics.hit(rankings, 10, products)
    return CaseMetrics(measured, {"coverage@10": metrics.coverage(rankings, 10, candidates)})
