"""Item features of the ranker: edges, attributes and types, as sparse arrays.

`ItemFeatures` describes all products; `QueryBatch` the sources of a query, which may be new
products.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.core.ndcg import ideal_dcg
from goeswith.features.product_numbers import rows_by_number
from goeswith.models.paths import (
    Weight,
    edge_weights,
    in_degree,
    normalize_by_degrees,
    out_degree,
    place_weights,
)
from goeswith.models.slim import sparse_weights
from goeswith.ranking.attribute_features import AttributeFeatures
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW

_RIDGE: Final = 5.0
"""Penalty of the regressions on attributes."""
_SLIM_PENALTY: Final = 60.0
_MAX_TOKENS: Final = 3000
"""Tokens that regressions read: the most frequent."""


@dataclass(frozen=True)
class QueryBatch:
    """The features of b sources.

    Attributes:
        attributes: of each.
        bought: (b, n) CSR of complement edges that leave them, normalised, and
        bought_back: (b, n) CSR of those that lead to them.
        any_bought: (b, n) CSR of all co-purchase edges, normalised, and
        bought_lists: (b, n) CSR of them as they are.
        places: (b, n) CSR of them, of which the first of a list weigh more, and
        ordered_bought: (b, n) CSR of those, normalised, and
        ordered_bought_back: (b, n) CSR of those that lead to them.
        viewed: (b, n) CSR of co-views, normalised.
        listed: (b, n) CSR of complement edges as they are, and
        reverse: (b, n) CSR of those that lead to them.
        degrees: (b, 4) float32: see `ItemFeatures.degrees`.
    """

    attributes: AttributeFeatures
    bought: Sparse
    bought_back: Sparse
    any_bought: Sparse
    bought_lists: Sparse
    places: Sparse
    ordered_bought: Sparse
    ordered_bought_back: Sparse
    viewed: Sparse
    listed: Sparse
    reverse: Sparse
    degrees: Floats
    evidence: Mapping[str, Sparse]

    def take(self, places: Rows) -> QueryBatch:
        """Some of the sources."""
        parts = {f.name: getattr(self, f.name)[places] for f in fields(self)[1:-1]}
        evidence = {name: matrix[places] for name, matrix in self.evidence.items()}
        return QueryBatch(self.attributes.take(places), **parts, evidence=evidence)


class ItemFeatures:
    """The features of all n products of a shop.

    Attributes:
        attributes: of each product.
        listed: (n, n) CSR of complement edges: 1 on lists, llr where pairs are counted.
        any_bought: (n, n) CSR of all co-purchase edges likewise, alternatives among them.
        viewed: (n, n) CSR, symmetric, of co-views likewise.
        counted: whether pairs were counted, or are from lists.
        slim: (n, n) CSR of the weights of `models.slim`; None in trees without that path.
        places: (n, n) CSR of all co-purchase edges weighted by their place in a list, see
            `place_weights`; None in trees without the paths of that order.
        ordered_slim: (n, n) CSR of the weights of `models.slim` for these; None likewise.
        numbered: whether there are paths of product numbers.
    """

    def __init__(
        self,
        attributes: AttributeFeatures,
        listed: Sparse,
        any_bought: Sparse,
        viewed: Sparse,
        *,
        counted: bool,
        evidence: Mapping[str, Sparse] | None = None,
        inverses: tuple[Floats, Floats] | None = None,
        slim: Sparse | None = None,
        places: Sparse | None = None,
        ordered_slim: Sparse | None = None,
        numbered: bool = False,
    ) -> None:
        """Derive the arrays of paths; `inverses` are stored `leaving` and `arriving`."""
        self.slim, self.places, self.ordered_slim = slim, places, ordered_slim
        self.attributes, self.counted, self.numbered = attributes, counted, numbered
        # in a fixed order: trees refer to columns by position
        self.evidence = dict(sorted((evidence or {}).items()))
        self.listed, self.raw_bought, self.raw_viewed = listed, any_bought, viewed
        self.reverse = listed.T.tocsr()
        self.bought = normalize_by_degrees(listed)
        self.any_bought = normalize_by_degrees(any_bought)
        self.viewed = normalize_by_degrees(viewed)
        self.bought_back = self.bought.T.tocsr()
        self.any_bought_back = self.any_bought.T.tocsr()
        self.ordered_bought = normalize_by_degrees(
            sparse.csr_matrix(any_bought.shape, dtype=np.float32) if places is None else places
        )
        self.ordered_bought_back = self.ordered_bought.T.tocsr()
        self.near_back = attributes.near.T.tocsr()
        self.by_token = attributes.content.T.tocsr()
        frequency = np.diff(self.by_token.indptr)
        self.tokens = np.sort(np.argsort(-frequency, kind="stable")[:_MAX_TOKENS])
        """Columns of `content` that regressions read."""
        self.by_frequent_token = self.by_token[self.tokens]
        self.frequent = attributes.content[:, self.tokens]
        """(n, v) CSR of them."""
        if inverses is None:
            has_edges = out_degree(listed) > 0, in_degree(listed) > 0
            inverses = _ridge(self.frequent, has_edges[0]), _ridge(self.frequent, has_edges[1])
        self.leaving, self.arriving = inverses
        self.degrees = np.column_stack(
            [in_degree(listed), out_degree(listed), in_degree(any_bought), in_degree(viewed)]
        ).astype(np.float32)
        even = (listed > 0).astype(np.float32)
        self.even = scale_rows(even, 1 / ideal_dcg(out_degree(even), 10))
        """(n, n) CSR of complement edges, weighted so that every source counts for one ranking."""
        self.popularity = in_degree(self.even).astype(np.float32)
        type_members = _memberships(attributes.types)
        popularity = in_degree(listed)
        self.type_sizes = in_degree(type_members).astype(np.float32)
        flows = (type_members.T @ (listed > 0).astype(np.float32) @ type_members).tocsr()
        self.type_shares = scale_rows(flows, inverse_power(out_degree(flows), 1))
        """(t, t) CSR: share of the complements of a type's products that are of each type."""
        self.type_popularity = (in_degree(flows) / max(flows.sum(), 1)).astype(np.float32)
        self.share_of_type = _share(popularity, type_members)
        self.type_complements = (type_members.T @ self.even).tocsr()
        """(t, n) CSR: how often each product complements those of a type."""
        brand_members = _memberships(attributes.brands)
        self.brand_sizes = in_degree(brand_members).astype(np.float32)
        self.brand_complements = (brand_members.T @ self.even).tocsr()
        flows = (self.brand_complements @ brand_members).tocsr()
        self.brand_shares = scale_rows(flows, inverse_power(out_degree(flows), 1))
        self.share_of_brand = _share(popularity, brand_members)
        self._tokens_before: dict[str, Sparse] = {}

    def edges(self, step: str) -> Sparse:
        """(n, n) CSR of edges by name."""
        matrix: Sparse = getattr(self, step)
        return matrix

    def source_tokens(self, step: str) -> Sparse:
        """(n, v) CSR: sum of the frequent tokens of the sources of the edges to each product."""
        if step not in self._tokens_before:
            tokens = self.edges(step).T.tocsr() @ self.frequent
            self._tokens_before[step] = tokens.tocsr()
        return self._tokens_before[step]

    @cached_property
    def _by_type(self) -> tuple[Rows, npt.NDArray[np.int64]]:
        """Products by type, the most popular first; and the start of each type."""
        types = self.attributes.types
        order = np.lexsort((-self.share_of_type, types)).astype(np.int32)
        return order, np.searchsorted(types[order], np.arange(len(self.type_sizes) + 1))

    @cached_property
    def by_number(self) -> Rows:
        """(c,) rows of products with complements and a number, in its order."""
        return rows_by_number(self.attributes.numbers, out_degree(self.listed) > 0)

    def complement_type_products(self, code: int, max_products: int, max_per_type: int) -> Rows:
        """The most popular products of the complement types of a type.

        Args:
            code: of the type; -1 has none.
            max_products: stop after this number.
            max_per_type: products of each complement type, at most.
        """
        empty = np.zeros(0, dtype=np.int32)
        if code < 0:
            return empty
        shares = self.type_shares[code]
        products, starts = self._by_type
        parts, count = [empty], 0
        for target_type in shares.indices[np.argsort(-shares.data, kind="stable")].tolist():
            if count >= max_products:
                break
            stop = min(starts[target_type + 1], starts[target_type] + max_per_type)
            parts.append(products[starts[target_type] : stop])
            count += len(parts[-1])
        return np.concatenate(parts)

    @classmethod
    def from_graph(
        cls,
        attributes: AttributeFeatures,
        graph: RelationGraph,
        *,
        counted: bool,
        evidence_names: Collection[str] | None = None,
        slim: int = 0,
        ordered: bool = False,
        clicks: Mapping[str, Sparse] | None = None,
        numbered: bool = False,
    ) -> Self:
        """The item features of a graph.

        Args:
            attributes: of every product.
            graph: its relations.
            counted: whether pairs were counted, in the graph that this one may be a part of: a part
                can be too small to decide.
            evidence_names: the kinds of evidence that trees were trained with: others are dropped,
                and those that the graph lacks are empty. None takes those of the graph.
            slim: weights of a target in `slim`; 0 for none.
            ordered: whether there are paths of the order of lists.
            clicks: evidence of feedback, see `PairClicks.evidence`.
            numbered: whether there are paths of product numbers.
        """
        weight: Weight = "llr" if counted else "binary"
        views = edge_weights(graph[CO_VIEW], weight)
        evidence = _evidence(graph) if counted else {}
        if evidence_names is not None:
            empty = sparse.csr_matrix((graph.n, graph.n), dtype=np.float32)
            evidence = {name: evidence.get(name, empty) for name in evidence_names}
        evidence |= clicks or {}
        bought = graph[CO_PURCHASE]
        places = place_weights(bought) if ordered else None
        return cls(
            attributes,
            edge_weights(graph.complements, weight),
            edge_weights(bought, weight),
            views.maximum(views.T).tocsr(),
            counted=counted,
            evidence=evidence,
            slim=sparse_weights(edge_weights(bought, "binary"), _SLIM_PENALTY, slim)
            if slim
            else None,
            places=places,
            ordered_slim=sparse_weights(places, _SLIM_PENALTY, slim)
            if slim and places is not None
            else None,
            numbered=numbered,
        )

    @property
    def n(self) -> int:
        """Products."""
        return int(self.listed.shape[0])

    def queries(self, rows: Rows) -> QueryBatch:
        """The features of some products as sources."""
        return QueryBatch(
            self.attributes.take(rows),
            self.bought[rows],
            self.bought_back[rows],
            self.any_bought[rows],
            self.raw_bought[rows],
            self.ordered_bought[rows] if self.places is None else self.places[rows],
            self.ordered_bought[rows],
            self.ordered_bought_back[rows],
            self.viewed[rows],
            self.listed[rows],
            self.reverse[rows],
            self.degrees[rows],
            {name: matrix[rows] for name, matrix in self.evidence.items()},
        )

    def new_queries(self, attributes: AttributeFeatures) -> QueryBatch:
        """The features of new products as sources, which have attributes only."""
        b = len(attributes.types)
        no_edges = sparse.csr_matrix((b, self.n), dtype=np.float32)
        return QueryBatch(
            attributes,
            bought=no_edges,
            bought_back=no_edges,
            any_bought=no_edges,
            bought_lists=no_edges,
            places=no_edges,
            ordered_bought=no_edges,
            ordered_bought_back=no_edges,
            viewed=no_edges,
            listed=no_edges,
            reverse=no_edges,
            degrees=np.zeros((b, 4), dtype=np.float32),
            evidence=dict.fromkeys(self.evidence, no_edges),
        )

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        return {
            "listed": self.listed,
            "any_bought": self.raw_bought,
            "viewed": self.raw_viewed,
            "near": self.attributes.near,
            "types": self.attributes.types,
            "brands": self.attributes.brands,
            "prices": self.attributes.prices,
            **({"numbers": self.attributes.numbers} if self.numbered else {}),
            "counted": np.array([self.counted]),
            **{f"evidence_{name}": matrix for name, matrix in self.evidence.items()},
            **({} if self.slim is None else {"slim": self.slim}),
            **({} if self.places is None else {"places": self.places}),
            **({} if self.ordered_slim is None else {"ordered_slim": self.ordered_slim}),
            # computing them takes seconds, too long for a query of a new product
            "leaving": self.leaving,
            "arriving": self.arriving,
        }

    @classmethod
    def restore(cls, arrays: Arrays, content: Sparse) -> Self:
        """Restore from `arrays`."""
        attributes = AttributeFeatures(
            content,
            arrays["near"],
            arrays["types"],
            arrays["brands"],
            arrays["prices"],
            arrays.get("numbers", np.full(content.shape[0], np.nan)),
        )
        return cls(
            attributes,
            arrays["listed"],
            arrays["any_bought"],
            arrays["viewed"],
            counted=bool(arrays["counted"][0]),
            evidence={
                name.removeprefix("evidence_"): matrix
                for name, matrix in arrays.items()
                if name.startswith("evidence_")
            },
            inverses=(arrays["leaving"], arrays["arriving"]),
            slim=arrays.get("slim"),
            places=arrays.get("places"),
            ordered_slim=arrays.get("ordered_slim"),
            numbered="numbers" in arrays,
        )


def _evidence(graph: RelationGraph) -> dict[str, Sparse]:
    """Association measures and counts of each co-purchase pair."""
    bought, viewed = graph[CO_PURCHASE], graph[CO_VIEW]
    matrices: dict[str, Sparse] = {
        measure: bought.weighted(bought.measure(measure))
        for measure in ("count", "confidence_lower", "pmi_lower", "lift")
    }
    matrices["confidence_back"] = matrices["confidence_lower"].T.tocsr()
    if bought.source_first is not None:
        matrices["source_first"] = bought.weighted(bought.source_first)
    if len(viewed):
        matrices["views"] = viewed.count
        matrices["views_lift"] = viewed.weighted(viewed.measure("lift"))
    return matrices


def is_counted(graph: RelationGraph) -> bool:
    """Whether pairs were counted, or are from lists."""
    return bool(np.any(graph.complements.count.data > 1))


def _ridge(content: Sparse, with_edges: npt.NDArray[np.bool_]) -> Floats:
    """(v, v) inverse of X' X + l I over products with edges; see `candidate_paths.paths`."""
    x = content[with_edges]
    gram = (x.T @ x).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += _RIDGE
    # transposed, as it is symmetric: in the order of LAPACK, so that nothing is copied
    inverse: Floats = linalg.inv(gram.T, overwrite_a=True).astype(np.float32)
    return inverse


def _memberships(codes: Rows) -> Sparse:
    """(n, k) CSR of ones: which of k types or brands each product is of, -1 of none."""
    has_code = np.flatnonzero(codes >= 0)
    shape = (len(codes), int(codes.max(initial=-1)) + 1)
    return sparse.csr_matrix(
        (np.ones(len(has_code), np.float32), (has_code, codes[has_code])), shape=shape
    )


def _share(popularity: npt.NDArray[np.float64], members: Sparse) -> Floats:
    """(n,) each product's share of the popularity of its type or brand; 0 without one."""
    total = members @ (members.T @ popularity)
    share: Floats = (np.where(total > 0, popularity, 0) / np.maximum(total, 1e-9)).astype(
        np.float32
    )
    return share
