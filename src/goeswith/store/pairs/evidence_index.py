"""Evidence for recommendations, looked up on request in the relations of a bundle."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.mapped_arrays import MappedArrays
from goeswith.relations.measures import Measure, association
from goeswith.store.evidence import (
    MEDIUM,
    ContextUnit,
    Evidence,
    Link,
    TypePairCount,
    pair_strength,
)
from goeswith.store.mapped_matrix import MappedMatrix, positions_in
from goeswith.store.product_lookup import ProductLookup

_MIN_LINK_LIFT: Final = MEDIUM[0]
"""Lower bound of the lift from which an edge links; in lists without counts it is chance."""


class EvidenceIndex:
    """Evidence of answers, by look-up in memory-mapped relations."""

    def __init__(
        self, arrays: MappedArrays, products: ProductLookup, unit: ContextUnit | None = None
    ) -> None:
        """Map the relations.

        Args:
            arrays: of the evidence file.
            products: their ids, titles and types.
            unit: of the contexts in which co-purchases were counted; None if unknown.
        """
        self._products = products
        self._bought = MappedMatrix(arrays, "bought")
        self._outgoing = MappedMatrix(arrays, "out")
        self._incoming = MappedMatrix(arrays, "into")
        self._viewed = MappedMatrix(arrays, "viewed")
        self._best_of_type = MappedMatrix(arrays, "alike")
        self._similar = MappedMatrix(arrays, "similar")
        self._source_first = arrays.get("bought.source_first")
        self._customers = arrays.get("bought.customers")
        self._weight = arrays.get("bought.weight", self._bought.data)
        self._type_keys = arrays["types.keys"].data
        self._type_counts = arrays["types.count"]
        self.purchases = arrays["purchases"]
        """(n,) contexts that hold each product."""
        self._source_contexts = arrays.get("source_contexts")
        self._contexts = float(arrays["contexts"][0]) if "contexts" in arrays else 0.0
        self._unit = unit if self.counted else None
        # edges have the logarithm of the lower bound of their lift, and in lists their lift
        self._min_link = math.log(_MIN_LINK_LIFT) if self.counted else 1.0

    @property
    def counted(self) -> bool:
        """Whether the counts are of contexts; lists only state that there is an edge."""
        return self._source_contexts is not None

    def most_purchased(self, count: int) -> tuple[Rows, npt.NDArray[np.int64]]:
        """Rows of the products in most contexts, most first, and their contexts; none of 0."""
        purchases = np.rint(self.purchases).astype(np.int64)
        rows = np.argsort(-purchases, kind="stable")[:count].astype(np.int32)
        rows = rows[purchases[rows] > 0]
        return rows, purchases[rows]

    def substitutes(self, row: int) -> Rows:
        """Rows of the substitutes of a product in the similarity signal, in either direction."""
        return self._similar.row(row)[0]

    def viewed_with(self, row: int) -> tuple[Rows, npt.NDArray[np.float32]]:
        """Rows viewed together with a product as alternatives, and in how many contexts."""
        return self._viewed.row(row)

    def complement(
        self, source: int, targets: Rows, *, either: bool = True
    ) -> npt.NDArray[np.bool_]:
        """(k,) whether the data show source -> target as complements, or `either` direction."""
        shown = self._outgoing.positions(source, targets) >= 0
        if either:
            shown |= self._incoming.positions(source, targets) >= 0
        return shown

    def bought_together(self, source: int, targets: Rows) -> npt.NDArray[np.int32]:
        """(k,) `Evidence.bought_together` of the answers to one source, without the rest."""
        at = self._bought.positions(source, targets)
        if not len(self._bought.data):
            return np.zeros(len(targets), dtype=np.int32)
        return np.where(at >= 0, np.rint(self._bought.data[at]), 0).astype(np.int32)

    def for_pairs(
        self, source: int, targets: Rows, by_type: npt.NDArray[np.bool_]
    ) -> list[Evidence]:
        """Evidence of the answers to one source.

        Args:
            source: row.
            targets: (k,) rows.
            by_type: (k,) answers that a model chose for their type: they rest on types rather than
                on one product of the source's type.
        """
        at = self._bought.positions(source, targets)
        bought = _counts_at(self._bought.data, at)
        viewed = _counts_at(self._viewed.data, self._viewed.positions(source, targets))
        source_first = None if self._source_first is None else _counts_at(self._source_first, at)
        customers = None if self._customers is None else _counts_at(self._customers, at)
        purchases = np.rint(self.purchases[targets]).astype(np.int64).tolist()
        measures = self._measures(source, targets, at)
        counted = self.counted
        evidence = []
        # plain numbers from here on: arrays of a few are slow to index
        for i, (target, place, typed) in enumerate(
            zip(targets.tolist(), at.tolist(), by_type.tolist(), strict=True)
        ):
            is_pair = place >= 0
            basis = (
                {"basis": "bought_together"}
                if is_pair
                else self._indirect_basis(source, target, typed)
            )
            pmi_lower, known = measures[2][i], None if customers is None else customers[i]
            direct = pmi_lower if is_pair else None
            evidence.append(
                Evidence(
                    bought_together=bought[i],
                    source_first=None if source_first is None else source_first[i],
                    viewed_together=viewed[i],
                    confidence=measures[0][i] if is_pair else None,
                    lift=measures[1][i] if is_pair else None,
                    pmi_lower=direct,
                    purchases=purchases[i],
                    counted=counted,
                    unit=self._unit,
                    target_first=self._target_first(source, target),
                    customers=known if is_pair else None,
                    strength=pair_strength(basis["basis"], bought[i], known, direct)
                    if counted
                    else None,
                    **basis,
                )
            )
        return evidence

    def _target_first(self, source: int, target: int) -> int | None:
        if self._source_first is None:
            return None
        return _count_at(self._source_first, self._bought.position(target, source))

    def for_new_product(self, kind: int, targets: Rows) -> list[Evidence]:
        """Evidence of the answers to a product never seen, of the type `kind`, -1 for none.

        It rests on the type of the product.
        """
        evidence = []
        for target in targets.tolist():
            link, types = self._same_type_link(kind, target), self._type_pair(kind, target)
            purchases = round(float(self.purchases[target]))
            basis: dict[str, Any] = {"basis": "popular" if purchases else "model"}
            if link is not None:
                basis = {"basis": "alike", "link": link}
            elif types is not None:
                basis = {"basis": "types", "types": types}
            evidence.append(
                Evidence(
                    bought_together=0,
                    source_first=None if self._source_first is None else 0,
                    viewed_together=0,
                    confidence=None,
                    lift=None,
                    pmi_lower=None,
                    purchases=purchases,
                    counted=self.counted,
                    unit=self._unit,
                    strength=pair_strength(basis["basis"], 0, None, None) if self.counted else None,
                    **basis,
                )
            )
        return evidence

    def _measures(
        self, source: int, targets: Rows, at: npt.NDArray[np.int64]
    ) -> list[list[float | None]]:
        """confidence, lift and pmi_lower of every target; of no use where `at` is -1."""
        if self._source_contexts is None or not (at >= 0).any():
            return [[None] * len(targets)] * 3
        names: tuple[Measure, ...] = ("confidence", "lift", "pmi_lower")
        count = self._weight[at]
        n_u = np.full(len(targets), self._source_contexts[source])
        n_v = self.purchases[targets]
        return [association(name, count, n_u, n_v, self._contexts).tolist() for name in names]

    def _indirect_basis(self, source: int, target: int, by_type: bool) -> dict[str, Any]:
        """What a pair without a co-purchase of its own rests on."""
        if self._bought.position(target, source) >= 0:
            return {"basis": "bought_before"}
        link = self._strongest_link(source, target)
        if link is not None:
            return {"basis": "linked", "link": link}
        kind = int(self._products.type_codes[source])
        same_type = None if by_type else self._same_type_link(kind, target)
        if same_type is not None:
            return {"basis": "alike", "link": same_type}
        types = self._type_pair(kind, target)
        if types is not None:
            return {"basis": "types", "types": types}
        return {"basis": "popular" if self.purchases[target] else "model"}

    def _strongest_link(self, source: int, target: int) -> Link | None:
        """The product between the two whose weaker edge is strongest for how often it is bought.

        What everybody buys stands between any two products. The weaker edge is therefore divided
        by the square root of the middle's purchases, and has to reach a minimum.
        """
        after, out_weight = self._outgoing.row(source)
        before, in_weight = self._incoming.row(target)
        if not len(after) or not len(before):
            return None
        if len(after) <= len(before):
            positions = positions_in(before, after)
            common, weaker = after, np.minimum(out_weight, in_weight[positions])
        else:
            positions = positions_in(after, before)
            common, weaker = before, np.minimum(in_weight, out_weight[positions])
        links = (positions >= 0) & (weaker > self._min_link)
        if not links.any():
            return None
        common, weaker = common[links], weaker[links]
        purchases = np.maximum(self.purchases[common], 1)
        middle = int(common[np.argmax(weaker / np.sqrt(purchases))])
        return self._make_link(middle, self._count_together(source, middle), target)

    def _same_type_link(self, kind: int, target: int) -> Link | None:
        """The product of the source's type, `kind`, that goes best with the target."""
        at = self._best_of_type.position(target, kind)
        return self._make_link(int(self._best_of_type.data[at]), 0, target) if at >= 0 else None

    def _make_link(self, middle: int, with_source: int, target: int) -> Link:
        products = self._products
        return Link(
            product_id=products.ids[middle],
            title=products.title(middle),
            type=products.type(middle),
            with_source=with_source,
            with_target=self._count_together(middle, target),
        )

    def _count_together(self, source: int, target: int) -> int:
        return _count_at(self._bought.data, self._bought.position(source, target))

    def _type_pair(self, kind: int, target: int) -> TypePairCount | None:
        codes, names = self._products.type_codes, self._products.type_names
        u, v = kind, int(codes[target])
        key = u * len(names) + v
        place = bisect_left(self._type_keys, key)
        if min(u, v) < 0 or place == len(self._type_keys) or self._type_keys[place] != key:
            return None
        return TypePairCount(names[u], names[v], round(float(self._type_counts[place])))


def _count_at(data: npt.NDArray[np.float32], at: int) -> int:
    return round(float(data[at])) if at >= 0 else 0


def _counts_at(data: npt.NDArray[np.float32], at: npt.NDArray[np.int64]) -> list[int]:
    """The counts at some positions; 0 for the position -1."""
    if not len(data):
        return [0] * len(at)
    counts: list[int] = np.where(at >= 0, np.rint(data[at]), 0).astype(np.int64).tolist()
    return counts
