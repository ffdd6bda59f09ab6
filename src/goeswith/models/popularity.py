"""Popularity as a complement, over the whole shop and by product type: what any model must beat."""

from __future__ import annotations

import json
from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.arrays import Floats, Rows, Sparse, entry_rows, inverse_power, scale_rows
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig, Recommender
from goeswith.relations.graph import RelationGraph


def _popularity(graph: RelationGraph) -> Floats:
    """(n,) of how many products each product is a complement."""
    return np.bincount(graph.complements.targets, minlength=graph.n).astype(np.float32)


def _or_nothing(scores: Floats) -> Floats:
    return np.where(scores > 0, scores, np.float32(-np.inf))


class Popularity(Recommender):
    """The same answer to every question: the products that complement most products."""

    name: ClassVar[str] = "popularity"

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.popularity = _popularity(graph)
        return self

    def score(self, sources: Rows) -> Floats:
        return np.tile(_or_nothing(self.popularity), (len(sources), 1))

    def score_new(self, products: Catalog) -> Floats:
        return np.tile(_or_nothing(self.popularity), (len(products), 1))

    def arrays(self) -> Arrays:
        return {"popularity": self.popularity}

    def restore(self, arrays: Arrays) -> None:
        self.popularity = arrays["popularity"]

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
        return self

    def score(self, sources: Rows) -> Floats:
        return self._score(self.types[sources])

    def score_new(self, products: Catalog) -> Floats:
        place: dict[str | None, int] = {name: code for code, name in enumerate(self.type_names)}
        codes = [place.get(name, -1) for name in [*products.type_names, None]]
        return self._score(np.array(codes, dtype=np.int32)[products.type_codes])

    def _score(self, types: Rows) -> Floats:
        """(b, n) scores for b sources of the types `types`, -1 for none."""
        edges = max(float(self.popularity.sum()), 1.0)
        # P(t | s) P(v | t) is at least 1 / edges^2
        scores = np.tile(self.popularity * (self.config.prior / (2 * edges**3)), (len(types), 1))
        known = np.flatnonzero(types >= 0)
        if len(known):
            flows = self.flows[types[known]].toarray()
            scores[known] += flows[:, self.types] * self.within_type
            scores[known] += self.products[types[known]].toarray()
        return _or_nothing(scores.astype(np.float32))

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
