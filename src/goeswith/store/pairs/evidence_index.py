"""Evidence for recommendations, looked up on request in the relations of a bundle."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.frozen_fields import from_fields
from goeswith.core.mapped_arrays import MappedArrays
from goeswith.relations.measures import shown_measures
from goeswith.store.evidence import (
    MEDIUM,
    Basis,
    ContextUnit,
    Evidence,
    Link,
    TypePairCount,
    pair_strength,
)
from goeswith.store.mapped_matrix import MappedMatrix, plain_view
from goeswith.store.product_lookup import ProductLookup, remember

_MAX_PLAIN: Final = 128
"""Products of a row up to which a set of plain numbers is faster than arrays."""
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
        self._best_data = plain_view(self._best_of_type.data)
        self._similar = MappedMatrix(arrays, "similar")
        self._counts = plain_view(self._bought.data)
        self._source_first = _optional_view(arrays, "bought.source_first")
        self._customers = _optional_view(arrays, "bought.customers")
        self._weights = plain_view(arrays.get("bought.weight", self._bought.data))
        self._type_keys = arrays["types.keys"].data
        self._type_counts = plain_view(arrays["types.count"])
        self._type_codes, self._types = products.type_codes.data, len(products.type_names)
        self._type_pairs: dict[int, TypePairCount | None] = {}
        self.purchases = arrays["purchases"]
        """(n,) contexts that hold each product."""
        self._purchases = plain_view(self.purchases)
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

    def substitutes_among(self, row: int, others: list[int]) -> set[int]:
        """Those of a few products that `substitutes` of a product has."""
        if self._similar.is_empty(row):
            return set()
        places = self._similar.places(row, others)
        return {other for other, place in zip(others, places, strict=True) if place >= 0}

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
        rows = targets.tolist()
        bought = self._bought
        places, back_places = bought.places(source, rows), bought.places_in(rows, source)
        measures = self._measures(source, rows, places)
        no_views = self._viewed.is_empty(source)
        # plain numbers from here on: arrays of a few are slow to index
        first, customers, counted = self._source_first, self._customers, self.counted
        counts, purchases, unit = self._counts, self._purchases, self._unit
        linked, kind = _LinkedProducts(self._outgoing, source), self._type_codes[source]
        alike = self._best_of_type.places_in(rows, kind)
        evidence = []
        for target, at, back, typed, best, (confidence, lift, pmi_lower) in zip(
            rows, places, back_places, by_type.tolist(), alike, measures, strict=True
        ):
            basis: Basis = "bought_together"
            link = types = known = None
            together = ordered = 0
            if at >= 0:
                together = round(counts[at])
                ordered = 0 if first is None else round(first[at])
                known = None if customers is None else round(customers[at])
            elif back >= 0:
                basis = "bought_before"
            elif (link := self._strongest_link(source, target, linked)) is not None:
                basis = "linked"
            elif best >= 0 and not typed:
                basis, link = "alike", self._make_link(self._best_data[best], 0, target)
            elif (types := self._type_pair(kind, target)) is not None:
                basis = "types"
            else:
                basis = "popular" if purchases[target] else "model"
            strength = pair_strength(basis, together, known, pmi_lower) if counted else None
            fields = {
                "basis": basis,
                "bought_together": together,
                "source_first": None if first is None else ordered,
                "viewed_together": 0 if no_views else self._viewed.rounded(source, target),
                "confidence": confidence,
                "lift": lift,
                "pmi_lower": pmi_lower,
                "purchases": round(purchases[target]),
                "counted": counted,
                "link": link,
                "types": types,
                "unit": unit,
                "target_first": None if first is None else round(first[back]) if back >= 0 else 0,
                "customers": known,
                "strength": strength,
            }
            evidence.append(from_fields(Evidence, fields))
        return evidence

    def for_new_product(self, kind: int, targets: Rows) -> list[Evidence]:
        """Evidence of the answers to a product never seen, of the type `kind`, -1 for none.

        It rests on the type of the product.
        """
        evidence = []
        for target in targets.tolist():
            link, types = self._same_type_link(kind, target), self._type_pair(kind, target)
            purchases = round(self._purchases[target])
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
        self, source: int, targets: list[int], places: list[int]
    ) -> list[tuple[float, float, float] | tuple[None, None, None]]:
        """confidence, lift and pmi_lower of every target; None where `places` is -1."""
        pairs = [i for i, at in enumerate(places) if at >= 0]
        found: list[Any] = [(None, None, None)] * len(targets)
        if self._source_contexts is None or not pairs:
            return found
        measures = shown_measures(
            [self._weights[places[i]] for i in pairs],
            float(self._source_contexts[source]),
            [self._purchases[targets[i]] for i in pairs],
            self._contexts,
        )
        for i, values in zip(pairs, measures, strict=True):
            found[i] = values
        return found

    def _strongest_link(self, source: int, target: int, linked: _LinkedProducts) -> Link | None:
        """The product between the two whose weaker edge is strongest for how often it is bought.

        What everybody buys stands between any two products. The weaker edge is therefore divided
        by the square root of the middle's purchases, and has to reach a minimum.
        """
        if linked.is_empty or linked.has_none_in(self._incoming.columns(target)):  # frequent
            return None
        after, out_weight = self._outgoing.row(source)
        before, in_weight = self._incoming.row(target)
        one, other = (after, out_weight), (before, in_weight)
        (short, weights), (long, more) = (one, other) if len(after) <= len(before) else (other, one)
        at = long.searchsorted(short)
        at[at == len(long)] = 0
        both = np.flatnonzero(long[at] == short)
        if not len(both):
            return None
        weaker = np.minimum(weights[both], more[at[both]])
        links = weaker > self._min_link
        if not links.any():
            return None
        common, weaker = short[both][links], weaker[links]
        purchases = np.maximum(self.purchases[common], 1)
        middle = int(common[np.argmax(weaker / np.sqrt(purchases))])
        return self._make_link(middle, self._count_together(source, middle), target)

    def _same_type_link(self, kind: int, target: int) -> Link | None:
        """The product of the source's type, `kind`, that goes best with the target."""
        at = self._best_of_type.position(target, kind)
        return self._make_link(self._best_data[at], 0, target) if at >= 0 else None

    def _make_link(self, middle: int, with_source: int, target: int) -> Link:
        product_id, title, kind = self._products.id_title_type(middle)
        fields = {
            "product_id": product_id,
            "title": title,
            "type": kind,
            "with_source": with_source,
            "with_target": self._count_together(middle, target),
        }
        return from_fields(Link, fields)

    def _count_together(self, source: int, target: int) -> int:
        return self._bought.rounded(source, target)

    def _type_pair(self, kind: int, target: int) -> TypePairCount | None:
        v = self._type_codes[target]
        if kind < 0 or v < 0:
            return None
        key = kind * self._types + v
        try:
            return self._type_pairs[key]
        except KeyError:
            return remember(self._type_pairs, key, self._read_type_pair(key))

    def _read_type_pair(self, key: int) -> TypePairCount | None:
        place = bisect_left(self._type_keys, key)
        if place == len(self._type_keys) or self._type_keys[place] != key:
            return None
        source, target = (self._products.type_names[code] for code in divmod(key, self._types))
        return TypePairCount(source, target, round(self._type_counts[place]))


class _LinkedProducts:
    """The products that a source leads to, as plain numbers, and whether a target has one."""

    def __init__(self, outgoing: MappedMatrix, source: int) -> None:
        columns = outgoing.columns(source)
        self.is_empty = not len(columns)
        self._set = set(columns.tolist()) if len(columns) <= _MAX_PLAIN else None

    def has_none_in(self, before: memoryview) -> bool:
        """Whether none of them is among those that lead to a target; False too where both are so
        many that arrays are faster.
        """
        if self._set is None or len(before) > _MAX_PLAIN:
            return not len(before)
        return self._set.isdisjoint(before.tolist())


def _optional_view(arrays: MappedArrays, name: str) -> memoryview | None:
    return plain_view(arrays[name]) if name in arrays else None
