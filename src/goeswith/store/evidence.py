"""What the data say of an answer: counted when it is asked for, from the relations themselves."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.mapped_arrays import MappedArrays
from goeswith.relations.measures import Measure, association
from goeswith.store.product_lookup import Products

Basis: TypeAlias = Literal[
    "bought_together",
    "bought_before",
    "linked",
    "alike",
    "types",
    "popular",
    "model",
    "viewed_together",
    "attributes",
]
"""What an answer rests on, the strongest that the data have: bought together; the source bought
with the target in the other direction only; a product that links the two; a product of the
source's type bought with the target; their types bought together; the target bought often; or the
model alone. Of substitutes: viewed together as alternatives, or alike in attributes."""


@dataclass(frozen=True)
class Link:
    """A product between source and target.

    Attributes:
        with_source: contexts in which it was bought with the source; 0 where it is only of the
            source's type.
        with_target: contexts in which it was bought with the target.
    """

    product_id: str
    title: str | None
    type: str | None
    with_source: int
    with_target: int


@dataclass(frozen=True)
class TypesBought:
    """How often products of two types were bought together."""

    source: str
    target: str
    bought_together: int


@dataclass(frozen=True)
class Evidence:
    """What is known of a source and a target.

    Attributes:
        basis: see `Basis`; `link` and `types` are there where the answer rests on them.
        bought_together: contexts (baskets, sessions, users) that bought both; 1 for a pair that
            stands in a list without counts.
        source_first: contexts in which the source was bought strictly earlier; None where the
            order is not known.
        viewed_together: contexts in which the two were viewed as alternatives, in either order.
        confidence: share of the source's contexts that hold the target; this and the two below
            are None where the pair was never bought together or contexts are not known.
        lift: how many times as often as chance.
        pmi_lower: lower 95 % bound of the pointwise mutual information, nats.
        purchases: contexts that hold the target; for lists, the lists that name it.
        counted: whether counts are of contexts; lists only say that there is an edge.

    Where old contexts count less, the counts of a pair are of contexts all the same; the measures
    and `purchases`, rounded, are of their weights.
    """

    basis: Basis
    bought_together: int
    source_first: int | None
    viewed_together: int
    confidence: float | None
    lift: float | None
    pmi_lower: float | None
    purchases: int
    counted: bool
    link: Link | None = None
    types: TypesBought | None = None


class Edges:
    """A CSR matrix read row by row, without scipy."""

    def __init__(self, arrays: MappedArrays, name: str) -> None:
        starts = arrays[f"{name}.indptr"]
        self.indices = arrays[f"{name}.indices"]
        self.data = arrays[f"{name}.data"]
        self.rows = len(starts) - 1
        # indexing a view gives Python's own numbers: a third of the time of an array's
        self._starts, self._columns = starts.data, self.indices.data

    def row(self, row: int) -> tuple[Rows, npt.NDArray[Any]]:
        """Columns, sorted, and values of one row."""
        at = slice(self._starts[row], self._starts[row + 1])
        return self.indices[at], self.data[at]

    def at(self, row: int, column: int) -> int:
        """Position in `data` of one entry; -1 where there is none."""
        start, stop = self._starts[row], self._starts[row + 1]
        place = bisect_left(self._columns, column, start, stop)
        return place if place < stop and self._columns[place] == column else -1

    def find(self, row: int, columns: Rows) -> npt.NDArray[np.int64]:
        """Positions in `data` of some entries of one row; -1 where there is none."""
        start = self._starts[row]
        found = _find(self.row(row)[0], columns)
        return np.where(found < 0, -1, found + start)


def _find(among: Rows, wanted: Rows) -> npt.NDArray[np.int64]:
    """Places of `wanted` in the sorted `among`; -1 where it is not there."""
    if not len(among):
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(among.searchsorted(wanted), len(among) - 1)
    return np.where(among[place] == wanted, place, -1)


class EvidenceIndex:
    """Evidence of answers, by look-up in memory-mapped relations."""

    def __init__(self, arrays: MappedArrays, products: Products) -> None:
        self._products = products
        self._bought = Edges(arrays, "bought")
        self._out = Edges(arrays, "out")
        self._into = Edges(arrays, "into")
        self._viewed = Edges(arrays, "viewed")
        self._alike_of = Edges(arrays, "alike")
        self._similar = Edges(arrays, "similar")
        self._first = arrays.get("bought.source_first")
        self._weight = arrays.get("bought.weight", self._bought.data)
        self._type_keys = arrays["types.keys"].data
        self._type_counts = arrays["types.count"]
        self._purchases = arrays["purchases"]
        self._source_contexts = arrays.get("source_contexts")
        self._contexts = float(arrays["contexts"][0]) if "contexts" in arrays else 0.0

    @property
    def counted(self) -> bool:
        """Whether counts are of contexts; lists only say that there is an edge."""
        return self._source_contexts is not None

    def substitutes(self, row: int) -> Rows:
        """Rows of the products that stand for a product, by the similarity signal, either way."""
        return self._similar.row(row)[0]

    def viewed_with(self, row: int) -> tuple[Rows, npt.NDArray[np.float32]]:
        """Rows viewed together with a product as alternatives, and in how many contexts."""
        return self._viewed.row(row)

    def complement(
        self, source: int, targets: Rows, *, either: bool = True
    ) -> npt.NDArray[np.bool_]:
        """(k,) whether the data show source -> target as complements, or `either` direction."""
        found = self._out.find(source, targets) >= 0
        if either:
            found |= self._into.find(source, targets) >= 0
        return found

    def bought_together(self, source: int, targets: Rows) -> npt.NDArray[np.int32]:
        """(k,) `Evidence.bought_together` of the answers to one source, without the rest."""
        at = self._bought.find(source, targets)
        if not len(self._bought.data):
            return np.zeros(len(targets), dtype=np.int32)
        return np.where(at >= 0, np.rint(self._bought.data[at]), 0).astype(np.int32)

    def of(self, source: int, targets: Rows, by_type: npt.NDArray[np.bool_]) -> list[Evidence]:
        """Evidence of the answers to one source.

        Args:
            source: row.
            targets: (k,) rows.
            by_type: (k,) answers that a model chose for their type: they rest on types rather than
                on one product of the source's type.
        """
        at = self._bought.find(source, targets)
        bought = _counts(self._bought.data, at)
        viewed = _counts(self._viewed.data, self._viewed.find(source, targets))
        first = None if self._first is None else _counts(self._first, at)
        purchases = np.rint(self._purchases[targets]).astype(np.int64).tolist()
        measures = self._measures(source, targets, at)
        counted = self.counted
        found = []
        # plain numbers from here on: arrays of a few are slow to index
        for i, (target, place, typed) in enumerate(
            zip(targets.tolist(), at.tolist(), by_type.tolist(), strict=True)
        ):
            known = place >= 0
            rest = {"basis": "bought_together"} if known else self._indirect(source, target, typed)
            found.append(
                Evidence(
                    bought_together=bought[i],
                    source_first=None if first is None else first[i],
                    viewed_together=viewed[i],
                    confidence=measures[0][i] if known else None,
                    lift=measures[1][i] if known else None,
                    pmi_lower=measures[2][i] if known else None,
                    purchases=purchases[i],
                    counted=counted,
                    **rest,
                )
            )
        return found

    def of_new(self, kind: int, targets: Rows) -> list[Evidence]:
        """Evidence of the answers to a product never seen, of the type `kind`, -1 for none.

        It rests on what is known of its type.
        """
        found = []
        for target in targets.tolist():
            alike, types = self._alike(kind, target), self._types(kind, target)
            purchases = round(float(self._purchases[target]))
            rest: dict[str, Any] = {"basis": "popular" if purchases else "model"}
            if alike is not None:
                rest = {"basis": "alike", "link": alike}
            elif types is not None:
                rest = {"basis": "types", "types": types}
            found.append(
                Evidence(
                    bought_together=0,
                    source_first=None if self._first is None else 0,
                    viewed_together=0,
                    confidence=None,
                    lift=None,
                    pmi_lower=None,
                    purchases=purchases,
                    counted=self.counted,
                    **rest,
                )
            )
        return found

    def _measures(
        self, source: int, targets: Rows, at: npt.NDArray[np.int64]
    ) -> list[list[float | None]]:
        """confidence, lift and pmi_lower of every target; of no use where `at` is -1."""
        if self._source_contexts is None or not (at >= 0).any():
            return [[None] * len(targets)] * 3
        names: tuple[Measure, ...] = ("confidence", "lift", "pmi_lower")
        count = self._weight[at]
        n_u = np.full(len(targets), self._source_contexts[source])
        n_v = self._purchases[targets]
        return [association(name, count, n_u, n_v, self._contexts).tolist() for name in names]

    def _indirect(self, source: int, target: int, by_type: bool) -> dict[str, Any]:
        """What a pair without a co-purchase of its own rests on."""
        if self._bought.at(target, source) >= 0:
            return {"basis": "bought_before"}
        link = self._link(source, target)
        if link is not None:
            return {"basis": "linked", "link": link}
        kind = int(self._products.type_codes[source])
        alike = None if by_type else self._alike(kind, target)
        if alike is not None:
            return {"basis": "alike", "link": alike}
        types = self._types(kind, target)
        if types is not None:
            return {"basis": "types", "types": types}
        return {"basis": "popular" if self._purchases[target] else "model"}

    def _link(self, source: int, target: int) -> Link | None:
        """The product whose weaker edge, of source -> it -> target, is strongest."""
        after, out_weight = self._out.row(source)
        before, in_weight = self._into.row(target)
        if not len(after) or not len(before):
            return None
        if len(after) <= len(before):
            place = _find(before, after)
            common, weaker = after, np.minimum(out_weight, in_weight[place])
        else:
            place = _find(after, before)
            common, weaker = before, np.minimum(in_weight, out_weight[place])
        if not (place >= 0).any():
            return None
        middle = int(common[np.argmax(np.where(place >= 0, weaker, -np.inf))])
        return self._as_link(middle, self._together(source, middle), target)

    def _alike(self, kind: int, target: int) -> Link | None:
        """The product of the source's type, `kind`, that goes best with the target."""
        at = self._alike_of.at(target, kind)
        return self._as_link(int(self._alike_of.data[at]), 0, target) if at >= 0 else None

    def _as_link(self, middle: int, with_source: int, target: int) -> Link:
        names = self._products
        return Link(
            product_id=names.ids[middle],
            title=names.title(middle),
            type=names.type(middle),
            with_source=with_source,
            with_target=self._together(middle, target),
        )

    def _together(self, source: int, target: int) -> int:
        return _count(self._bought.data, self._bought.at(source, target))

    def _types(self, kind: int, target: int) -> TypesBought | None:
        codes, names = self._products.type_codes, self._products.type_names
        u, v = kind, int(codes[target])
        key = u * len(names) + v
        place = bisect_left(self._type_keys, key)
        if min(u, v) < 0 or place == len(self._type_keys) or self._type_keys[place] != key:
            return None
        return TypesBought(names[u], names[v], round(float(self._type_counts[place])))


def _count(data: npt.NDArray[np.float32], at: int) -> int:
    return round(float(data[at])) if at >= 0 else 0


def _counts(data: npt.NDArray[np.float32], at: npt.NDArray[np.int64]) -> list[int]:
    """The counts at some positions; 0 where there is none."""
    if not len(data):
        return [0] * len(at)
    counts: list[int] = np.where(at >= 0, np.rint(data[at]), 0).astype(np.int64).tolist()
    return counts
