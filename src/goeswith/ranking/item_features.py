"""What the ranker knows of a shop: its edges, attributes and types, as sparse arrays.

`Facts` describes all products; `Askers` the rows of those that are asked about, which may be new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power
from goeswith.core.arrays import scale_columns as columns_by
from goeswith.core.arrays import scale_rows as rows_by
from goeswith.core.arrays_file import Arrays
from goeswith.models.paths import Weight, edge_weights, in_degree, out_degree
from goeswith.ranking.attribute_features import Attributes
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW

_RIDGE: Final = 5.0
"""Penalty of the regressions on attributes."""
_TOKENS: Final = 3000
"""Tokens that regressions read: the most frequent."""


@dataclass(frozen=True)
class Askers:
    """What is known of b products that are asked about.

    Attributes:
        attributes: of each.
        bought: (b, n) CSR of complement edges that leave them, normalised, and
        bought_back: (b, n) CSR of those that lead to them.
        any_bought: (b, n) CSR of all co-purchase edges, normalised.
        viewed: (b, n) CSR of co-views, normalised.
        listed: (b, n) CSR of complement edges as they are, and
        reverse: (b, n) CSR of those that lead to them.
        degrees: (b, 4) float32: see `Facts.degrees`.
    """

    attributes: Attributes
    bought: Sparse
    bought_back: Sparse
    any_bought: Sparse
    viewed: Sparse
    listed: Sparse
    reverse: Sparse
    degrees: Floats
    evidence: Mapping[str, Sparse]

    def of(self, places: Rows) -> Askers:
        """Some of them."""
        parts = {f.name: getattr(self, f.name)[places] for f in fields(self)[1:-1]}
        evidence = {name: matrix[places] for name, matrix in self.evidence.items()}
        return Askers(self.attributes.of(places), **parts, evidence=evidence)


class Facts:
    """What the ranker knows of all n products of a shop.

    Attributes:
        attributes: of each product.
        listed: (n, n) CSR of complement edges: 1 on lists, llr where pairs are counted.
        any_bought: (n, n) CSR of all co-purchase edges likewise, alternatives among them.
        viewed: (n, n) CSR, symmetric, of co-views likewise.
        counted: whether pairs were counted, or lists name them.
    """

    def __init__(
        self,
        attributes: Attributes,
        listed: Sparse,
        any_bought: Sparse,
        viewed: Sparse,
        *,
        counted: bool,
        evidence: Mapping[str, Sparse] | None = None,
        inverses: tuple[Floats, Floats] | None = None,
    ) -> None:
        """Derive what paths need; `inverses` are `leaving` and `arriving` where they were kept."""
        self.attributes, self.counted = attributes, counted
        # in one order, whatever a file keeps them in: trees know columns by their place
        self.evidence = dict(sorted((evidence or {}).items()))
        self.listed, self.raw_bought, self.raw_viewed = listed, any_bought, viewed
        self.reverse = listed.T.tocsr()
        self.bought = _normalised(listed)
        self.any_bought = _normalised(any_bought)
        self.viewed = _normalised(viewed)
        self.bought_back = self.bought.T.tocsr()
        self.any_bought_back = self.any_bought.T.tocsr()
        self.near_back = attributes.near.T.tocsr()
        self.by_token = attributes.content.T.tocsr()
        frequency = np.diff(self.by_token.indptr)
        self.tokens = np.sort(np.argsort(-frequency, kind="stable")[:_TOKENS])
        """Columns of `content` that regressions read."""
        self.by_frequent_token = self.by_token[self.tokens]
        self.frequent = attributes.content[:, self.tokens]
        """(n, v) CSR of them."""
        if inverses is None:
            sides = out_degree(listed) > 0, in_degree(listed) > 0
            inverses = _ridge(self.frequent, sides[0]), _ridge(self.frequent, sides[1])
        self.leaving, self.arriving = inverses
        self.degrees = np.column_stack(
            [in_degree(listed), out_degree(listed), in_degree(any_bought), in_degree(viewed)]
        ).astype(np.float32)
        even = (listed > 0).astype(np.float32)
        self.even = rows_by(even, 1 / _ideal(out_degree(even)))
        """(n, n) CSR of complement edges of which every source's together count for one ranking."""
        self.popularity = in_degree(self.even).astype(np.float32)
        of_type = _memberships(attributes.types)
        popularity = in_degree(listed)
        self.type_sizes = in_degree(of_type).astype(np.float32)
        flows = (of_type.T @ (listed > 0).astype(np.float32) @ of_type).tocsr()
        self.type_shares = rows_by(flows, inverse_power(out_degree(flows), 1))
        """(t, t) CSR: share of the complements of a type's products that are of each type."""
        self.type_popularity = (in_degree(flows) / max(flows.sum(), 1)).astype(np.float32)
        self.share_of_type = _share(popularity, of_type)
        self.type_complements = (of_type.T @ self.even).tocsr()
        """(t, n) CSR: how often each product complements those of a type."""
        of_brand = _memberships(attributes.brands)
        self.brand_sizes = in_degree(of_brand).astype(np.float32)
        self.brand_complements = (of_brand.T @ self.even).tocsr()
        flows = (self.brand_complements @ of_brand).tocsr()
        self.brand_shares = rows_by(flows, inverse_power(out_degree(flows), 1))
        self.share_of_brand = _share(popularity, of_brand)
        self._tokens_before: dict[str, Sparse] = {}

    def edges(self, step: str) -> Sparse:
        """(n, n) CSR of edges by name."""
        found: Sparse = getattr(self, step)
        return found

    def tokens_before(self, step: str) -> Sparse:
        """(n, v) CSR: the frequent tokens of the products that edges lead to each product from."""
        if step not in self._tokens_before:
            tokens = self.edges(step).T.tocsr() @ self.frequent
            self._tokens_before[step] = tokens.tocsr()
        return self._tokens_before[step]

    @cached_property
    def _by_type(self) -> tuple[Rows, npt.NDArray[np.int64]]:
        """Products by type, those that are bought most first; and where each type starts."""
        types = self.attributes.types
        order = np.lexsort((-self.share_of_type, types)).astype(np.int32)
        return order, np.searchsorted(types[order], np.arange(len(self.type_sizes) + 1))

    def of_complement_types(self, code: int, most: int, of_a_type: int) -> Rows:
        """Products that are bought most of the types that go with a type, at most so many."""
        nothing = np.zeros(0, dtype=np.int32)
        if code < 0:
            return nothing
        shares = self.type_shares[code]
        products, starts = self._by_type
        found, count = [nothing], 0
        for other in shares.indices[np.argsort(-shares.data, kind="stable")].tolist():
            if count >= most:
                break
            stop = min(starts[other + 1], starts[other] + of_a_type)
            found.append(products[starts[other] : stop])
            count += len(found[-1])
        return np.concatenate(found)

    @classmethod
    def of(cls, attributes: Attributes, graph: RelationGraph, *, counted: bool) -> Self:
        """The facts of a graph, whose products have `attributes`.

        Args:
            attributes: of every product.
            graph: its relations.
            counted: whether pairs were counted, in the graph that this one may be a part of: a part
                can be too thin to tell.
        """
        weight: Weight = "llr" if counted else "binary"
        views = edge_weights(graph[CO_VIEW], weight)
        return cls(
            attributes,
            edge_weights(graph.complements, weight),
            edge_weights(graph[CO_PURCHASE], weight),
            views.maximum(views.T).tocsr(),
            counted=counted,
            evidence=_evidence(graph) if counted else None,
        )

    @property
    def n(self) -> int:
        """Products."""
        return int(self.listed.shape[0])

    def askers(self, rows: Rows) -> Askers:
        """Products of the catalogue that are asked about."""
        return Askers(
            self.attributes.of(rows),
            self.bought[rows],
            self.bought_back[rows],
            self.any_bought[rows],
            self.viewed[rows],
            self.listed[rows],
            self.reverse[rows],
            self.degrees[rows],
            {name: matrix[rows] for name, matrix in self.evidence.items()},
        )

    def new_askers(self, attributes: Attributes) -> Askers:
        """New products, of which only attributes are known."""
        b = len(attributes.types)
        nothing = sparse.csr_matrix((b, self.n), dtype=np.float32)
        return Askers(
            attributes,
            bought=nothing,
            bought_back=nothing,
            any_bought=nothing,
            viewed=nothing,
            listed=nothing,
            reverse=nothing,
            degrees=np.zeros((b, 4), dtype=np.float32),
            evidence=dict.fromkeys(self.evidence, nothing),
        )

    def arrays(self) -> Arrays:
        """What `restore` needs."""
        return {
            "listed": self.listed,
            "any_bought": self.raw_bought,
            "viewed": self.raw_viewed,
            "near": self.attributes.near,
            "types": self.attributes.types,
            "brands": self.attributes.brands,
            "prices": self.attributes.prices,
            "counted": np.array([self.counted]),
            **{f"evidence_{name}": matrix for name, matrix in self.evidence.items()},
            # seconds to work out again, which whoever asks about a new product would wait for
            "leaving": self.leaving,
            "arriving": self.arriving,
        }

    @classmethod
    def restore(cls, arrays: Arrays, content: Sparse) -> Self:
        """Take back what `arrays` gave."""
        attributes = Attributes(
            content, arrays["near"], arrays["types"], arrays["brands"], arrays["prices"]
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
        )


def _evidence(graph: RelationGraph) -> dict[str, Sparse]:
    """What was counted of each pair that was bought together, as far as it speaks for the pair."""
    bought, viewed = graph[CO_PURCHASE], graph[CO_VIEW]
    found: dict[str, Sparse] = {
        measure: bought.weighted(bought.measure(measure))
        for measure in ("count", "confidence_lower", "pmi_lower", "lift")
    }
    found["confidence_back"] = found["confidence_lower"].T.tocsr()
    if bought.source_first is not None:
        found["source_first"] = bought.weighted(bought.source_first)
    if len(viewed):
        found["views"] = viewed.count
        found["views_lift"] = viewed.weighted(viewed.measure("lift"))
    return found


def is_counted(graph: RelationGraph) -> bool:
    """Whether pairs were counted, or lists name them."""
    return bool(np.any(graph.complements.count.data > 1))


def _ridge(content: Sparse, known: npt.NDArray[np.bool_]) -> Floats:
    """(v, v) inverse of X' X + l I over the products that are known: see `features.paths`."""
    x = content[known]
    gram = (x.T @ x).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += _RIDGE
    # transposed, as it is symmetric: in the order of LAPACK, so that nothing is copied
    inverse: Floats = linalg.inv(gram.T, overwrite_a=True).astype(np.float32)
    return inverse


def _memberships(codes: Rows) -> Sparse:
    """(n, k) CSR of ones: which of k types or brands each product is of, -1 of none."""
    known = np.flatnonzero(codes >= 0)
    shape = (len(codes), int(codes.max(initial=-1)) + 1)
    return sparse.csr_matrix((np.ones(len(known), np.float32), (known, codes[known])), shape=shape)


def _share(popularity: npt.NDArray[np.float64], members: Sparse) -> Floats:
    """(n,) each product's share of the popularity of its type or brand; 0 without one."""
    total = members @ (members.T @ popularity)
    share: Floats = (np.where(total > 0, popularity, 0) / np.maximum(total, 1e-9)).astype(
        np.float32
    )
    return share


def _ideal(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) DCG at 10 of a list that names all complements; 1 for none."""
    gains = np.cumsum(1 / np.log2(np.arange(10) + 2))
    ideal: npt.NDArray[np.float64] = gains[np.clip(degrees.astype(np.int64), 1, 10) - 1]
    return ideal


def _normalised(matrix: Sparse) -> Sparse:
    """Entries over the square roots of their row's and column's sums."""
    half = rows_by(matrix, inverse_power(out_degree(matrix), 0.5))
    return columns_by(half, inverse_power(in_degree(matrix), 0.5))
