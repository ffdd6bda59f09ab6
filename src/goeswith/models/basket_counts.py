"""Counts of baskets, and the closed forms over them that need no training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.ease import item_weights
from goeswith.models.paths import path_scores
from goeswith.relations.graph import RelationGraph
from goeswith.relations.measures import association

Values: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BasketCounts:
    """Weighted counts of the pairs of products in baskets.

    A shopper looks at one product of the basket that is to come, so a basket of m products shows
    each of them as a source with the weight 1 / m. A plain count of pairs gives a basket of 50
    products 2,450 votes and one of two products two.

    Attributes:
        pairs: (n, n) CSR without a diagonal: sum of the weights of the baskets of each pair.
        products: (n,) sum of the weights of each product's baskets.
        baskets: sum of all weights.
        mean_weight: of a basket.
    """

    pairs: Sparse
    products: Values
    baskets: float
    mean_weight: float

    @classmethod
    def count(cls, baskets: Sparse, *, by_basket: bool) -> Self:
        """Count baskets.

        Args:
            baskets: (b, n) CSR of ones.
            by_basket: whether a basket of m products weighs 1 / m, and not 1.
        """
        size = np.diff(baskets.indptr)
        weight = 1 / np.maximum(size, 1) if by_basket else np.ones(len(size))
        weighted = baskets.astype(np.float32)
        weighted.data = weighted.data * np.repeat(weight, size).astype(np.float32)
        pairs = (baskets.T.tocsr().astype(np.float32) @ weighted).tocsr()
        products = pairs.diagonal().astype(np.float64)
        pairs.setdiag(0)
        pairs.eliminate_zeros()
        pairs.sort_indices()
        return cls(pairs, products, float(weight.sum()), float(weight.mean()) if len(size) else 1)

    @property
    def share(self) -> Values:
        """(n,) share of the weight of all baskets that hold a product."""
        share: Values = self.products / max(self.baskets, 1e-12)
        return share

    def confidence(self, prior: float) -> tuple[Sparse, Values, Values]:
        """Smoothed confidence, (n_uv + k p_v) / (n_u + k), in its parts.

        Args:
            prior: k, in baskets of mean weight.

        Returns:
            (n, n) CSR of what the pairs add, and by source and target the factors a (n,), b (n,) of
            what popularity adds: a_u b_v.
        """
        k = prior * self.mean_weight
        inverse = 1 / (self.products + k)
        pairs = self.pairs.copy()
        pairs.data = (pairs.data * np.repeat(inverse, np.diff(pairs.indptr))).astype(np.float32)
        return pairs, k * inverse, self.share

    def llr(self) -> Sparse:
        """(n, n) CSR of log-likelihood ratios, minus those of pairs that avoid each other."""
        pairs = self.pairs.copy()
        source, target = self.products[entry_rows(pairs)], self.products[pairs.indices]
        values = association("llr", pairs.data, source, target, self.baskets)
        pairs.data = values.astype(np.float32)
        return pairs

    def cosine(self) -> Sparse:
        """(n, n) CSR of n_uv / sqrt(n_u n_v)."""
        pairs = self.pairs.copy()
        scale = 1 / np.sqrt(np.maximum(self.products, 1e-12))
        pairs.data = (pairs.data * scale[entry_rows(pairs)] * scale[pairs.indices]).astype(
            np.float32
        )
        return pairs

    def ease(self, l2: float, rows: Rows) -> Floats:
        """(t, t) weights of EASE between some products, (t,) rows; `l2` in baskets."""
        pairs = self.pairs[rows][:, rows]
        gram = np.asfortranarray(pairs.toarray().astype(np.float32))
        gram[np.diag_indices(len(rows))] = self.products[rows]
        return item_weights(gram, l2 * self.mean_weight)

    def most_bought(self, k: int) -> Rows:
        """The at most k products that most baskets hold, in order of their rows."""
        order = np.argsort(-self.products, kind="stable")[:k]
        return np.sort(order[self.products[order] > 0]).astype(np.int32)


Form: TypeAlias = Literal["popularity", "confidence", "llr", "cosine", "ease"]
MAX_EASE: Final = 20_000


class BasketForm(Recommender):
    """A closed form over the baskets of a log: the baselines of the protocol `basket`.

    Every basket counts, those below the minimum support of edges too, and nothing is left out as
    an alternative: these models predict what is bought together.
    """

    class Config(ModelConfig):
        form: Form = Field(
            "confidence",
            description="Score of a pair: popularity, confidence (smoothed by `prior`), llr, "
            "cosine, or ease (Steck, 2019) on baskets.",
        )
        by_basket: bool = Field(
            False,
            description="Whether a basket of m products has the weight 1 / m, so that each "
            "basket counts once instead of each pair.",
        )
        prior: float = Field(
            30, gt=0, description="Weight of popularity in smoothed confidence, in baskets."
        )
        l2: float = Field(1000, gt=0, description="L2 penalty of ease, in baskets.")

    name: ClassVar[str] = "baskets"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        counts = BasketCounts.count(baskets_of(graph, self.name), by_basket=self.config.by_basket)
        form, n = self.config.form, graph.n
        self.rows = np.zeros(0, dtype=np.int32)
        self.weights = np.zeros((0, 0), dtype=np.float32)
        self.source, self.target = np.zeros(n), counts.share
        self.edges = counts.pairs
        if form == "popularity":
            self.edges = counts.pairs * 0
            self.edges.eliminate_zeros()
            self.source = np.ones(n)
        elif form == "confidence":
            self.edges, self.source, self.target = counts.confidence(self.config.prior)
        elif form in {"llr", "cosine"}:
            self.edges = counts.llr() if form == "llr" else counts.cosine()
        else:
            self.rows = counts.most_bought(MAX_EASE)
            self.weights = counts.ease(self.config.l2, self.rows)
        return self

    def score(self, sources: Rows) -> Floats:
        found = self.score_sparse(sources)
        if found is not None:
            return path_scores(found)
        if self.config.form == "ease":
            scores = np.full((len(sources), self.n), -np.inf, dtype=np.float32)
            place = np.searchsorted(self.rows, sources)
            place[place == len(self.rows)] = 0
            held = np.flatnonzero(self.rows[place] == sources) if len(self.rows) else place[:0]
            scores[np.ix_(held, self.rows)] = self.weights[place[held]]
            return scores
        popularity = self.source[sources][:, None] * self.target
        scores = (self.edges[sources].toarray() + popularity).astype(np.float32)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def score_sparse(self, sources: Rows) -> Sparse | None:
        if self.config.form not in {"llr", "cosine"}:
            return None
        scores = self.edges[sources].maximum(0)
        scores.eliminate_zeros()
        return scores

    def arrays(self) -> Arrays:
        return {
            "edges": self.edges,
            "source": self.source,
            "target": self.target,
            "rows": self.rows,
            "weights": self.weights,
        }

    def restore(self, arrays: Arrays) -> None:
        self.edges, self.source, self.target = (
            arrays[name] for name in ("edges", "source", "target")
        )
        self.rows, self.weights = arrays["rows"], arrays["weights"]

    @property
    def n(self) -> int:
        return len(self.target)


def baskets_of(graph: RelationGraph, model: str) -> Sparse:
    """The baskets of a graph; none if the graph is empty.

    Raises:
        ConfigError: the graph has edges, but no baskets.
    """
    if graph.baskets is None and not any(len(edges) for edges in graph.relations.values()):
        return sparse.csr_matrix((0, graph.n), dtype=np.float32)
    if graph.baskets is None:
        raise ConfigError(
            f"{model} needs a log of purchases with baskets: the table `events` with basket_id, "
            "session_id or user_id. With lists of pairs, or where pairs are held out, use another "
            "model, such as ranker or ease"
        )
    return graph.baskets
