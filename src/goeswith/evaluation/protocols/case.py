"""Cases: a train graph with what is held out from it, and how answers are measured."""

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
from goeswith.evaluation.metrics import Mask, PerSource, Ranked
from goeswith.models.base import Model, Recommender, leave_out
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import Settings

PLACES = 60
"""How deep rankings go."""

Answers: TypeAlias = dict[str, npt.NDArray[Any]]
"""What a model said: rankings and pair scores, by name."""


@dataclass(frozen=True)
class Ground:
    """What all cases of a benchmark are made from."""

    dataset: Dataset
    settings: Settings

    @cached_property
    def graph(self) -> RelationGraph:
        """The relations of the whole data, built when a protocol first asks."""
        return build_graph(self.dataset, self.settings.relations)


@dataclass
class Measured:
    """Metrics of one model on one case. A metric that does not apply is None."""

    per_source: dict[str, PerSource] = field(default_factory=dict)
    overall: dict[str, float | None] = field(default_factory=dict)
    """Metrics that are no mean over sources."""

    def values(self) -> dict[str, float | None]:
        """Metric -> value."""
        return {name: parts.value for name, parts in self.per_source.items()} | self.overall


M = TypeVar("M", bound=Model)


class AnyCase(ABC, Generic[M]):
    """What to learn from and a test. Fitting and answering, which are timed, are apart."""

    @abstractmethod
    def fit(self, model: M) -> M:
        """Fit a model on what is not held out."""

    @abstractmethod
    def answer(self, model: M) -> Answers:
        """Ask a model that was fitted."""

    @abstractmethod
    def measure(self, answers: Answers) -> Measured:
        """Compare its answers with what was held out."""


class Case(AnyCase[Recommender]):
    """A train graph and a test of which products go together."""

    catalog: Catalog
    train: RelationGraph

    def fit(self, model: Recommender) -> Recommender:
        return model.fit(self.catalog, self.train)


def rank_among(model: Recommender, sources: Rows, candidates: Mask) -> Rows:
    """(q, PLACES) the best of `candidates` (n,) for each source, never the source itself."""
    rankings = [np.zeros((0, PLACES), dtype=np.int32)]
    for block in blocks(sources, model.block):
        scores = model.score(block)
        scores[:, ~candidates] = -np.inf
        scores[np.arange(len(block)), block] = -np.inf
        best, _ = top_k(scores, PLACES)
        padding = ((0, 0), (0, PLACES - best.shape[1]))
        rankings.append(np.pad(best, padding, constant_values=-1))
    return np.concatenate(rankings)


def rank_and_score(
    model: Recommender, queries: Rows, exclude: Sparse | None, sources: Rows, targets: Rows
) -> tuple[Rows, Floats, Floats]:
    """Rankings of some sources and scores of some pairs, every source scored once.

    Args:
        model: fitted.
        queries: (q,) sources to rank for, sorted and distinct.
        exclude: (n, n) CSR of products that are left out of a source's ranking.
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
    ranked = np.isin(rows, queries)
    shape = (0, min(PLACES, model.n))
    rankings = [(np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.float32))]
    pair_score = np.empty(len(sources), dtype=np.float32)
    start = 0
    for block in blocks(rows.astype(np.int32), model.block):
        scores = model.score(block)
        pairs = order[ends[start] : ends[start + len(block)]]
        pair_score[pairs] = scores[pair_row[pairs] - start, targets[pairs]]
        asked = ranked[start : start + len(block)]
        asking, scores = block[asked], scores[asked]
        leave_out(scores, asking, exclude)
        rankings.append(top_k(scores, PLACES))
        start += len(block)
    products, values = (np.concatenate(parts) for parts in zip(*rankings, strict=True))
    return products, values, pair_score


def ranking_metrics(
    ranked: Ranked, catalog: Catalog, in_degree: npt.ArrayLike, co_view: Sparse, candidates: int
) -> Measured:
    """Every metric of a ranking.

    Args:
        ranked: rankings of PLACES and the truth.
        catalog: for product types.
        in_degree: (n,) train edges that lead to each product.
        co_view: (n, n) CSR views of the whole data; without entries where there are none.
        candidates: how many products could be shown.
    """
    types = catalog.type_codes
    measured = {f"hit@{k}": metrics.hit(ranked, k) for k in (1, 3, 10, PLACES)}
    measured["ndcg@10"] = metrics.ndcg(ranked, 10)
    measured["mrr@20"] = metrics.mrr(ranked, 20)
    measured["type_hit@3"] = metrics.type_hit(ranked, types, 3)
    if co_view.nnz:
        measured["substitutes@10"] = metrics.substitutes(ranked, co_view, 10)
    measured["types@10"] = metrics.distinct_types(ranked, types, 10)
    measured["type_entropy@10"] = metrics.type_entropy(ranked, types, 10)
    for name, products in metrics.popularity_slices(in_degree).items():
        measured[f"hit@10.{name}"] = metrics.hit(ranked, 10, products)
    return Measured(measured, {"coverage@10": metrics.coverage(ranked, 10, candidates)})
