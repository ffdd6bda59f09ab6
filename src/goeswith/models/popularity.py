"""Popularity as a complement, over all products and by product type: the simplest baselines."""

from __future__ import annotations

import json
from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import (
    SPARSE_BLOCK_ROWS,
    Floats,
    Rows,
    Sparse,
    blocks,
    entry_rows,
    inverse_power,
    row_top_k_mask,
    scale_rows,
)
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender, concatenate_top_k
from goeswith.models.sparse_topk import top_allowed
from goeswith.relations.graph import RelationGraph


def _popularity(graph: RelationGraph) -> Floats:
    """(n,) number of products that each product complements."""
    return np.bincount(graph.complements.targets, minlength=graph.n).astype(np.float32)


def _by_popularity(popularity: Floats) -> Rows:
    """The products that have any popularity, most popular first; ties go to the lower row."""
    order = np.argsort(-popularity, kind="stable")
    return order[popularity[order] > 0].astype(np.int32)


def _positive_or_inf(scores: Floats) -> Floats:
    return np.where(scores > 0, scores, np.float32(-np.inf))


class Popularity(Recommender):
    """The same recommendations for every source: the products that complement most products."""

    name: ClassVar[str] = "popularity"

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.popularity = _popularity(graph)
        self.by_popularity = _by_popularity(self.popularity)
        return self

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        k, scores = min(k, self.n), self.popularity[self.by_popularity]
        source_blocks = blocks(np.asarray(sources, dtype=np.int32), SPARSE_BLOCK_ROWS)
        return concatenate_top_k(
            [top_allowed(self.by_popularity, scores, s, k, exclude) for s in source_blocks], k
        )

    def score(self, sources: Rows) -> Floats:
        return np.tile(_positive_or_inf(self.popularity), (len(sources), 1))

    def score_new(self, products: Catalog) -> Floats:
        return np.tile(_positive_or_inf(self.popularity), (len(products), 1))

    def arrays(self) -> Arrays:
        return {"popularity": self.popularity}

    def restore(self, arrays: Arrays) -> None:
        self.popularity = arrays["popularity"]
        self.by_popularity = _by_popularity(self.popularity)

    @property
    def n(self) -> int:
        return len(self.popularity)


class TypePopularity(Recommender):
    """Popularity among sources of one type, within the types most often bought with it.

    With counts n of complement edges, for a source of type s and a target v of type t:

        score(s, v) = n(s -> v) + k P(t | s) P(v | t) + c P(v)

    Only the `types` most frequent target types of s count in the first two terms. k edges' worth
    of what is popular in type t in general ranks what no source of type s has. The last term is
    smaller than any other that is not 0: beyond those types, for sources without a type and in
    catalogues without types, products rank by plain popularity. Products that complement nothing
    have no score.
    """

    class Config(ModelConfig):
        types: int = Field(30, ge=1, description="Number of target types per source type.")
        prior: float = Field(
            10,
            gt=0,
            description="k: weight of the popularity within the product type as a prior, in edges.",
        )

    name: ClassVar[str] = "type_popularity"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        edges, types = graph.complements, catalog.type_codes
        n_types = len(catalog.type_names)
        self.popularity, self.types = _popularity(graph), types
        self.type_names = catalog.type_names
        has_types = (types[edges.sources] >= 0) & (types[edges.targets] >= 0)
        source, target = types[edges.sources[has_types]], edges.targets[has_types]
        flows = _counts(source, types[target], (n_types, n_types))
        flows.data[~row_top_k_mask(flows, self.config.types)] = 0
        flows.eliminate_zeros()
        pairs = entry_rows(flows) * np.int64(n_types) + flows.indices
        in_flows = np.isin(source * np.int64(n_types) + types[target], pairs)
        self.products = _counts(source[in_flows], target[in_flows], (n_types, graph.n))
        total = np.asarray(flows.sum(axis=1)).ravel()
        self.flows = scale_rows(flows, self.config.prior * inverse_power(total, 1))
        type_popularity = np.bincount(
            types[types >= 0], self.popularity[types >= 0], n_types
        ).astype(float)
        share = np.append(
            inverse_power(type_popularity, 1), 0
        )  # the last, [-1]: a product without a type
        self.within_type = (self.popularity * share[types]).astype(np.float32)
        self._build_index()
        return self

    def _build_index(self) -> None:
        """Derive from the arrays: products by popularity, and by type."""
        self.by_popularity = _by_popularity(self.popularity)
        order = np.argsort(self.types[self.by_popularity], kind="stable")
        self.by_type = self.by_popularity[order]
        type_codes = np.arange(len(self.type_names) + 1)
        self.type_starts = np.searchsorted(self.types[self.by_type], type_codes)

    def score(self, sources: Rows) -> Floats:
        return self._scores(self.types[sources])

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        """As every model; sources of one type share one ranking."""
        sources, k = np.asarray(sources, dtype=np.int32), min(k, self.n)
        products = np.full((len(sources), k), -1, dtype=np.int32)
        scores = np.full((len(sources), k), -np.inf, dtype=np.float32)
        order = np.argsort(self.types[sources], kind="stable").astype(np.int32)
        cuts = np.flatnonzero(np.diff(self.types[sources[order]])) + 1
        for same_type in np.split(order, cuts) if len(order) else []:
            rows = sources[same_type]
            max_excluded = 0 if exclude is None else int(np.diff(exclude.indptr)[rows].max())
            ranking, ranking_scores = self._type_ranking(
                int(self.types[rows[0]]), k + 1 + max_excluded
            )
            for rows_of_block in blocks(same_type, SPARSE_BLOCK_ROWS):
                answers = top_allowed(ranking, ranking_scores, sources[rows_of_block], k, exclude)
                products[rows_of_block], scores[rows_of_block] = answers
        return products, scores

    def _type_ranking(self, type_code: int, max_products: int) -> tuple[Rows, Floats]:
        """The best products for sources of a type, -1 for none, and their scores."""
        products = self.by_popularity[:max_products]
        if type_code < 0:
            return products, self._without_edges(np.array([type_code]), products)[0]
        starts, target_types = self.type_starts, self.flows[type_code].indices.tolist()
        products_of_types = [self.by_type[starts[t] : starts[t + 1]] for t in target_types]
        edges = self.products[type_code]
        products = np.unique(np.concatenate([products, edges.indices, *products_of_types]))
        scores = self._without_edges(np.array([type_code]), products)[0]
        scores[np.searchsorted(products, edges.indices)] += edges.data
        order = np.lexsort((products, -scores))[:max_products]
        order = order[scores[order] > 0]
        return products[order].astype(np.int32), scores[order]

    def score_new(self, products: Catalog) -> Floats:
        code_by_name: dict[str | None, int] = {
            name: code for code, name in enumerate(self.type_names)
        }
        codes = [code_by_name.get(name, -1) for name in [*products.type_names, None]]
        return self._scores(np.array(codes, dtype=np.int32)[products.type_codes])

    def _scores(self, types: Rows) -> Floats:
        """(b, n) scores for b sources of the types `types`, -1 for none."""
        scores = self._without_edges(types)
        has_type = np.flatnonzero(types >= 0)
        scores[has_type] += self.products[types[has_type]].toarray()
        return _positive_or_inf(scores)

    def _without_edges(self, types: Rows, products: Rows | slice = slice(None)) -> Floats:
        """(b, m) scores of `products` for sources of `types`, without the term of their edges."""
        edges = max(float(self.popularity.sum()), 1.0)
        # P(t | s) P(v | t) is at least 1 / edges^2
        base = self.popularity[products] * (self.config.prior / (2 * edges**3))
        scores = np.tile(base, (len(types), 1))
        has_type = np.flatnonzero(types >= 0)
        if len(has_type):
            flows = self.flows[types[has_type]].toarray()
            scores[has_type] += flows[:, self.types[products]] * self.within_type[products]
        return scores.astype(np.float32)

    def arrays(self) -> Arrays:
        return {
            "popularity": self.popularity,
            "within_type": self.within_type,
            "types": self.types,
            "flows": self.flows,
            "products": self.products,
            "type_names": np.frombuffer(json.dumps(self.type_names).encode(), dtype=np.uint8),
        }

    def restore(self, arrays: Arrays) -> None:
        self.popularity, self.within_type = arrays["popularity"], arrays["within_type"]
        self.types, self.flows = arrays["types"], arrays["flows"]
        self.products = arrays["products"]
        self.type_names = json.loads(arrays["type_names"].tobytes())
        self._build_index()

    @property
    def n(self) -> int:
        return len(self.popularity)


def _counts(rows: Rows, columns: Rows, shape: tuple[int, int]) -> Sparse:
    """How often each (row, column) occurs, as a CSR matrix."""
    counts = sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    counts.sum_duplicates()
    return counts
