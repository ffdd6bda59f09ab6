"""Columns of a candidate for the next product: how it relates to the products of the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.sequential.sequences import Ints, Sequences
from goeswith.sequential.trees.attribute_columns import CODES, AttributeColumns
from goeswith.sequential.trees.candidates import SessionCandidates
from goeswith.sequential.trees.transition_counts import RECENT, TransitionCounts

_LAST: Final = 3
"""Last products of a session that a candidate is compared with one by one."""
_DEEP: Final = 12
"""Last products of a session over which comparisons are averaged."""
_DIMENSION: Final = 64
_PRIOR: Final = 2
"""Added to the counts that a share is of."""
_PAIRS: Final = 100_000
"""Pairs whose vectors are compared at once."""
_OUTSIDE: Final = 99
"""Positions back of a product that the session does not hold."""


class NamedColumns:
    """Columns of one length, in the order in which they are added."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._values: list[Floats] = []

    def add(self, name: str, values: npt.NDArray[Any]) -> None:
        """Add a column."""
        self.names.append(name)
        self._values.append(np.asarray(values, dtype=np.float32))

    def matrix(self) -> Floats:
        """(m, c) of all columns."""
        return np.stack(self._values, axis=1)


@dataclass(frozen=True)
class SessionColumns:
    """What the columns are computed from: counts of sequences, and attributes."""

    counts: TransitionCounts
    attributes: AttributeColumns

    @classmethod
    def fit(cls, catalog: Catalog, sequences: Sequences, seed: int) -> Self:
        """Of sequences of rows of a catalogue."""
        counts = TransitionCounts.count(sequences, len(catalog), _DIMENSION, seed)
        return cls(counts, AttributeColumns.of(catalog, _DIMENSION, seed))

    def counted_on(self, sequences: Sequences, seed: int) -> SessionColumns:
        """The same attributes with the counts of other sequences."""
        n = len(self.counts.frequency)
        counts = TransitionCounts.count(sequences, n, _DIMENSION, seed)
        return SessionColumns(counts, self.attributes)

    def columns(self, prefixes: Sequences, candidates: SessionCandidates) -> NamedColumns:
        """Columns of m candidates; NaN where an attribute is missing."""
        columns = NamedColumns()
        row, product = candidates.row, candidates.product
        history = _last_products(prefixes)
        distinct = np.fromiter((len(np.unique(run)) for run in prefixes), np.int64, len(prefixes))
        columns.add("session: products", prefixes.lengths[row])
        columns.add("session: different products", distinct[row])
        columns.add("session: repeats", (prefixes.lengths - distinct)[row])
        same = history[row] == product[:, None]
        columns.add("positions back", np.where(same.any(axis=1), same.argmax(axis=1), _OUTSIDE))
        columns.add("times in the session", same.sum(axis=1))
        self._add_popularity(columns, product)
        for back in range(_LAST):
            self._add_relation(columns, f"product {back + 1} back", history[row, back], product)
            if back == 0:
                self._add_last(columns, history[row, 0], product)
            if back == 1:
                i = history[row, 1]
                share = self.counts.at("second", i, product) / _total(self.counts, "adjacent", i)
                columns.add("product 2 back: candidate two positions after it", share)
        self._add_averages(columns, history[row], product)
        return columns

    def _add_popularity(self, columns: NamedColumns, product: Ints) -> None:
        counts = self.counts
        events = counts.frequency[product]
        overall = events * (1e6 / max(float(counts.frequency.sum()), 1))
        columns.add("popularity", np.log1p(events))
        for place, share in enumerate(RECENT):
            rate = counts.recent_rate[product, place]
            columns.add(f"popularity in the last {share:.0%}", np.log1p(rate))
            columns.add(f"trend of the last {share:.0%}", (rate + 10) / (overall + 10))
        columns.add("age of the last event", counts.age[product])
        columns.add("age of the first event", counts.first_seen[product])
        columns.add("share at the end of a sequence", counts.last_share[product])

    def _add_relation(self, columns: NamedColumns, name: str, i: Ints, j: Ints) -> None:
        """How candidates j relate to products i of the session, of which some are missing (-1)."""
        counts = self.counts
        near = counts.at("near", i, j)
        columns.add(f"{name}: near it", near)
        columns.add(f"{name}: share of what is near it", near / _total(counts, "near", i))
        columns.add(f"{name}: share of the candidate", near / _total(counts, "near", j))
        columns.add(f"{name}: cosine of counts", near / self._norm(i, j))
        if name != f"product {_LAST} back":
            after, before = counts.at("forward", i, j), counts.at("forward", j, i)
            following = counts.at("adjacent", i, j)
            columns.add(f"{name}: next", following)
            columns.add(f"{name}: share next", following / _total(counts, "adjacent", i))
            into = counts.into("adjacent")[j] + _PRIOR
            columns.add(f"{name}: share next, of the candidate", following / into)
            columns.add(f"{name}: share after it", after / _total(counts, "forward", i))
            into = counts.into("forward") + _PRIOR
            columns.add(f"{name}: share after it, of the candidate", after / into[j])
            columns.add(f"{name}: share before it", before / into[i])
            columns.add(f"{name}: after over before", (after + 1) / (before + 1))
        self._add_attributes(columns, name, i, j)

    def _add_attributes(self, columns: NamedColumns, name: str, i: Ints, j: Ints) -> None:
        missing, attributes = i < 0, self.attributes
        vectors = self.counts.vectors
        columns.add(f"{name}: cosine of vectors", np.where(missing, 0, _cosine(vectors, i, j)))
        if attributes.text.shape[1]:
            cosine = _cosine(attributes.text, i, j)
            columns.add(f"{name}: cosine of text", np.where(missing, np.nan, cosine))
        for place in attributes.used_codes:
            one, other = attributes.codes[i, place], attributes.codes[j, place]
            unknown = missing | (one < 0) | (other < 0)
            columns.add(f"{name}: same {CODES[place]}", np.where(unknown, np.nan, one == other))
        if attributes.has_prices:
            ratio = attributes.log_price[j] - attributes.log_price[i]
            columns.add(f"{name}: price ratio", np.where(missing, np.nan, ratio))

    def _add_last(self, columns: NamedColumns, i: Ints, j: Ints) -> None:
        counts, missing = self.counts, i < 0
        before = counts.at("adjacent", j, i) / (counts.into("adjacent")[i] + _PRIOR)
        columns.add("last product: candidate directly before it", before)
        recent = counts.at("recent", i, j) / (counts.out("recent")[i] + _PRIOR / 4)
        columns.add("last product: share next, recent", recent)
        events = np.where(missing, 0, counts.frequency[i])
        columns.add("last product: popularity", np.log1p(events))
        going_on = np.where(missing, 0, counts.out("adjacent")[i] / (events + 1))
        columns.add("last product: share with a next one", going_on)

    def _add_averages(self, columns: NamedColumns, history: Ints, product: Ints) -> None:
        """Over the last products of the session."""
        attributes, counts = self.attributes, self.counts
        row, back = np.nonzero(history >= 0)
        i, j = history[row, back], product[row]
        count = np.maximum((history >= 0).sum(axis=1), 1)

        def total(values: npt.NDArray[Any]) -> Floats:
            return np.bincount(row, values, minlength=len(history)).astype(np.float32)

        near = counts.at("near", i, j)
        cosines = {"counts": near / self._norm(i, j), "vectors": _cosine(counts.vectors, i, j)}
        if attributes.text.shape[1]:
            cosines["text"] = _cosine(attributes.text, i, j)
        for name, cosine in cosines.items():
            largest = np.full(history.shape, -1, dtype=np.float32)
            largest[row, back] = cosine
            columns.add(f"session: largest cosine of {name}", largest.max(axis=1))
            columns.add(f"session: mean cosine of {name}", total(cosine) / count)
        products_near = total(near > 0)
        columns.add("session: products near the candidate", products_near)
        columns.add("session: share near the candidate", products_near / count)
        mean_share = total(near / _total(counts, "near", i)) / count
        columns.add("session: mean share of what is near", mean_share)
        for place in attributes.used_codes:
            one, other = attributes.codes[i, place], attributes.codes[j, place]
            filled = (one >= 0) & (other >= 0)
            equal = total(filled & (one == other))
            with np.errstate(invalid="ignore"):
                share = equal / total(filled)  # NaN where none has the attribute
            columns.add(f"session: share of the same {CODES[place]}", share)
            columns.add(f"session: products of the same {CODES[place]}", equal)

    def _norm(self, i: Ints, j: Ints) -> Floats:
        frequency = self.counts.frequency
        norm: Floats = np.sqrt((frequency[i] + 1) * (frequency[j] + 1))
        return norm

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        return {**self.counts.arrays(), **self.attributes.arrays()}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`."""
        return cls(TransitionCounts.restore(arrays), AttributeColumns.restore(arrays))


def _last_products(prefixes: Sequences) -> Ints:
    """(b, 12) the last products of each prefix, the last one first; -1 where there are fewer."""
    last = np.full((len(prefixes), _DEEP), -1, dtype=np.int64)
    back = prefixes.steps_back
    within = back < _DEEP
    last[prefixes.run_index[within], back[within]] = prefixes.products[within]
    return last


def _cosine(vectors: Floats, i: Ints, j: Ints) -> Floats:
    """(m,) inner products of pairs of rows, in parts that fit in memory."""
    cosine = np.empty(len(i), dtype=np.float32)
    for start in range(0, len(i), _PAIRS):
        part = slice(start, start + _PAIRS)
        cosine[part] = np.einsum("md,md->m", vectors[i[part]], vectors[j[part]])
    return cosine


def _total(counts: TransitionCounts, name: str, i: Ints) -> Floats:
    total: Floats = counts.out(name)[i] + np.float32(_PRIOR)
    return total
