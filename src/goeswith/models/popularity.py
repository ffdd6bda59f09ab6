"""Popularity as a complement, over the whole shop and by product type: what any model must beat."""

from __future__ import annotations

import json
from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import (
    FEW,
    Floats,
    Rows,
    Sparse,
    blocks,
    entry_rows,
    inverse_power,
    scale_rows,
)
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender, joined
from goeswith.models.sparse_topk import first_allowed
from goeswith.relations.graph import RelationGraph


def _popularity(graph: RelationGraph) -> Floats:
    """(n,) of how many products each product is a complement."""
    return np.bincount(graph.complements.targets, minlength=graph.n).astype(np.float32)


def _ranked(popularity: Floats) -> Rows:
    """The products that have any popularity, most popular first; ties go to the lower row."""
    order = np.argsort(-popularity, kind="stable")
    return order[popularity[order] > 0].astype(np.int32)


def _or_nothing(scores: Floats) -> Floats:
    return np.where(scores > 0, scores, np.float32(-np.inf))


class Popularity(Recommender):
    """The same answer to every question: the products that complement most products."""

    name: ClassVar[str] = "popularity"

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.popularity = _popularity(graph)
        self.ranked = _ranked(self.popularity)
        return self

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        k, scores = min(k, self.n), self.popularity[self.ranked]
        some = blocks(np.asarray(sources, dtype=np.int32), FEW)
        return joined([first_allowed(self.ranked, scores, s, k, exclude) for s in some], k)

    def score(self, sources: Rows) -> Floats:
        return np.tile(_or_nothing(self.popularity), (len(sources), 1))

    def score_new(self, products: Catalog) -> Floats:
        return np.tile(_or_nothing(self.popularity), (len(products), 1))

    def arrays(self) -> Arrays:
        return {"popularity": self.popularity}

    def restore(self, arrays: Arrays) -> None:
        self.popularity = arrays["popularity"]
        self.ranked = _ranked(self.popularity)

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
        types: int = Field(30, ge=1, description="Target types kept for a source's type.")
        prior: float = Field(
            10, gt=0, description="k: edges' worth of a product's popularity within its type."
        )

    name: ClassVar[str] = "type_popularity"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        edges, types = graph.complements, catalog.type_codes
        kinds = len(catalog.type_names)
        self.popularity, self.types = _popularity(graph), types
        self.type_names = catalog.type_names
        typed = (types[edges.sources] >= 0) & (types[edges.targets] >= 0)
        source, target = types[edges.sources[typed]], edges.targets[typed]
        flows = _largest_of_row(_counts(source, types[target], (kinds, kinds)), self.config.types)
        pairs = entry_rows(flows) * np.int64(kinds) + flows.indices
        kept = np.isin(source * np.int64(kinds) + types[target], pairs)
        self.products = _counts(source[kept], target[kept], (kinds, graph.n))
        total = np.asarray(flows.sum(axis=1)).ravel()
        self.flows = scale_rows(flows, self.config.prior * inverse_power(total, 1))
        of_type = np.bincount(types[types >= 0], self.popularity[types >= 0], kinds).astype(float)
        share = np.append(inverse_power(of_type, 1), 0)  # the last, [-1]: a product without a type
        self.within_type = (self.popularity * share[types]).astype(np.float32)
        self._index()
        return self

    def _index(self) -> None:
        """What is only another form of the arrays: products by popularity, and by type."""
        self.ranked = _ranked(self.popularity)
        order = np.argsort(self.types[self.ranked], kind="stable")
        self.by_type = self.ranked[order]
        kinds = np.arange(len(self.type_names) + 1)
        self.type_starts = np.searchsorted(self.types[self.by_type], kinds)

    def score(self, sources: Rows) -> Floats:
        return self._scores(self.types[sources])

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        """As every model; sources of one type are answered from one ranking."""
        sources, k = np.asarray(sources, dtype=np.int32), min(k, self.n)
        products = np.full((len(sources), k), -1, dtype=np.int32)
        scores = np.full((len(sources), k), -np.inf, dtype=np.float32)
        order = np.argsort(self.types[sources], kind="stable").astype(np.int32)
        cuts = np.flatnonzero(np.diff(self.types[sources[order]])) + 1
        for alike in np.split(order, cuts) if len(order) else []:
            rows = sources[alike]
            left_out = 0 if exclude is None else int(np.diff(exclude.indptr)[rows].max())
            ranked, theirs = self._ranking(int(self.types[rows[0]]), k + 1 + left_out)
            for at in blocks(alike, FEW):
                answers = first_allowed(ranked, theirs, sources[at], k, exclude)
                products[at], scores[at] = answers
        return products, scores

    def _ranking(self, kind: int, most: int) -> tuple[Rows, Floats]:
        """The best products for sources of a type, -1 for none, and their scores."""
        found = self.ranked[:most]
        if kind < 0:
            return found, self._without_edges(np.array([kind]), found)[0]
        starts, kinds = self.type_starts, self.flows[kind].indices.tolist()
        of_kinds = [self.by_type[starts[t] : starts[t + 1]] for t in kinds]
        edges = self.products[kind]
        found = np.unique(np.concatenate([found, edges.indices, *of_kinds]))
        scores = self._without_edges(np.array([kind]), found)[0]
        scores[np.searchsorted(found, edges.indices)] += edges.data
        order = np.lexsort((found, -scores))[:most]
        order = order[scores[order] > 0]
        return found[order].astype(np.int32), scores[order]

    def score_new(self, products: Catalog) -> Floats:
        place: dict[str | None, int] = {name: code for code, name in enumerate(self.type_names)}
        codes = [place.get(name, -1) for name in [*products.type_names, None]]
        return self._scores(np.array(codes, dtype=np.int32)[products.type_codes])

    def _scores(self, types: Rows) -> Floats:
        """(b, n) scores for b sources of the types `types`, -1 for none."""
        scores = self._without_edges(types)
        known = np.flatnonzero(types >= 0)
        scores[known] += self.products[types[known]].toarray()
        return _or_nothing(scores)

    def _without_edges(self, types: Rows, of: Rows | slice = slice(None)) -> Floats:
        """(b, m) all of the scores of the products `of` but their edges of each type."""
        edges = max(float(self.popularity.sum()), 1.0)
        # P(t | s) P(v | t) is at least 1 / edges^2
        least = self.popularity[of] * (self.config.prior / (2 * edges**3))
        scores = np.tile(least, (len(types), 1))
        known = np.flatnonzero(types >= 0)
        if len(known):
            flows = self.flows[types[known]].toarray()
            scores[known] += flows[:, self.types[of]] * self.within_type[of]
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
        self._index()

    @property
    def n(self) -> int:
        return len(self.popularity)


def _counts(rows: Rows, columns: Rows, shape: tuple[int, int]) -> Sparse:
    """How often each (row, column) occurs, as a CSR matrix."""
    counts = sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    counts.sum_duplicates()
    return counts


def _largest_of_row(matrix: Sparse, m: int) -> Sparse:
    """The m largest entries of each row of a canonical CSR matrix; ties go to the lower column."""
    rows = entry_rows(matrix)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[order] = np.arange(len(rows)) - matrix.indptr[rows]
    kept = matrix.copy()
    kept.data = np.where(rank < m, matrix.data, 0).astype(np.float32)
    kept.eliminate_zeros()
    return kept
