"""Product numbers as evidence: ids that are close to each other belong to one line or season.

Shops number products as these enter the catalogue. The complements of the products with the nearest
numbers are then those of a product without edges, too. Hashed or random ids say nothing, and
`ProductNumbers.fit` leaves them out.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import (
    Floats,
    Rows,
    Sparse,
    entry_rows,
    inverse_power,
    scale_rows,
)
from goeswith.core.arrays_file import Arrays

Numbers = npt.NDArray[np.float64]
"""(m,) place of each product in the order of the ids; NaN for an id without a digit."""

NEAR: Final = (10, 1.0)
"""Products on each side, and the distance at which the weight of one is half of the start."""
WIDE: Final = (100, 10.0)
_MIN_PAIRS: Final = 30
_ERRORS: Final = 4
"""Standard errors by which the lists of adjacent products have to be more alike than others."""


@dataclass(frozen=True)
class ProductNumbers:
    """The ids of a catalogue in order: shorter ones first, then as text.

    Integers are then in numeric order, and codes of one length in that of their characters.

    Attributes:
        ids: sorted, those with a digit.
    """

    ids: list[str]

    @classmethod
    def of(cls, ids: pl.Series) -> Self:
        """The numbers of the products of a catalogue."""
        return cls(sorted(filter(_is_number, ids.to_list()), key=_key))

    @classmethod
    def fit(cls, ids: pl.Series, complements: Sparse) -> Self | None:
        """The numbers of a catalogue; None unless close numbers go with the same products.

        Then the complements of adjacent products are more alike, by cosine, than those of products
        in random order: four standard errors.

        Args:
            ids: of the n products.
            complements: (n, n) CSR of complement edges.
        """
        numbers = cls.of(ids)
        lists = complements.astype(bool).astype(np.float32).tocsr()
        lists = scale_rows(lists, inverse_power(np.diff(lists.indptr), 0.5))
        order = rows_by_number(numbers.places(ids), np.diff(lists.indptr) > 0)
        if len(order) <= _MIN_PAIRS:
            return None
        adjacent = _adjacent_cosines(lists[order])
        chance = _adjacent_cosines(lists[np.random.default_rng(0).permutation(order)])
        error = np.sqrt((adjacent.var() + chance.var()) / len(adjacent))
        return numbers if adjacent.mean() - chance.mean() > _ERRORS * error else None

    def places(self, ids: pl.Series) -> Numbers:
        """(m,) places of products, also of new ones: between those of their neighbours."""
        return np.array([self._place(product) for product in ids.to_list()], dtype=np.float64)

    @cached_property
    def _keys(self) -> list[tuple[int, str]]:
        return [_key(product) for product in self.ids]

    def _place(self, product: str) -> float:
        if not _is_number(product):
            return np.nan
        place = bisect_left(self._keys, _key(product))
        is_present = place < len(self.ids) and self.ids[place] == product
        return float(place) if is_present else place - 0.5

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        return {"number_ids": np.frombuffer(json.dumps(self.ids).encode(), dtype=np.uint8)}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self | None:
        """Restore from `arrays`; None from those of a model without numbers.

        Raises:
            ValueError: the ids are not a list of texts.
        """
        stored = arrays.get("number_ids")
        if stored is None:
            return None
        ids = json.loads(stored.tobytes())
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise ValueError("number_ids is not a list of texts")
        return cls(ids)


def rows_by_number(numbers: Numbers, allowed: npt.NDArray[np.bool_]) -> Rows:
    """(c,) the allowed rows that have a number, in its order."""
    rows = np.flatnonzero(allowed & np.isfinite(numbers)).astype(np.int32)
    return rows[np.argsort(numbers[rows], kind="stable")]


def number_neighbours(
    numbers: Numbers, catalog_numbers: Numbers, order: Rows, shape: tuple[int, float]
) -> Sparse:
    """(b, n) CSR: weights of the products with the nearest numbers, rows sum to 1.

    1 / (1 + d / h) for the d-th on either side. A product at the same place is not its own. One
    beyond the last number has no neighbours: those nearest are of an earlier season.

    Args:
        numbers: (b,) of the sources; without one, no neighbours.
        catalog_numbers: (n,) of the catalogue's products.
        order: (c,) rows of the products that may be neighbours, by number.
        shape: neighbours on each side, and h.
    """
    reach, half = shape
    order_numbers = catalog_numbers[order]
    before = np.searchsorted(order_numbers, numbers, side="left")
    after = np.searchsorted(order_numbers, numbers, side="right")
    steps = np.arange(reach)
    at = np.column_stack([before[:, None] - 1 - steps, after[:, None] + steps])
    weight = np.tile(1 / (1 + (steps + 1) / half), 2)
    is_between = np.isfinite(numbers) & (before > 0) & (after < len(order))
    row, column = np.nonzero((at >= 0) & (at < len(order)) & is_between[:, None])
    entries: Floats = weight[column].astype(np.float32)
    matrix = sparse.csr_matrix(
        (entries, (row, order[at[row, column]])), shape=(len(numbers), len(catalog_numbers))
    )
    return _rows_of_sum_1(matrix)


def weighted_by_cosine(near: Sparse, content: Sparse, catalog_content: Sparse) -> Sparse:
    """(b, n) CSR: weights of products times their cosine with the source, rows sum to 1.

    Args:
        near: (b, n) CSR of weights.
        content: (b, v) CSR of the sources' tokens, rows of length 1.
        catalog_content: (n, v) CSR of the products' tokens likewise.
    """
    weighted = near.copy()
    cosine = content[entry_rows(near)].multiply(catalog_content[near.indices]).sum(axis=1)
    weighted.data = (near.data * np.asarray(cosine).ravel()).astype(np.float32)
    return _rows_of_sum_1(weighted)


def _rows_of_sum_1(matrix: Sparse) -> Sparse:
    return scale_rows(matrix, inverse_power(np.asarray(matrix.sum(axis=1)).ravel(), 1))


def _is_number(product: str) -> bool:
    return any("0" <= character <= "9" for character in product)


def _key(product: str) -> tuple[int, str]:
    return len(product), product


def _adjacent_cosines(lists: Sparse) -> npt.NDArray[np.float64]:
    return np.asarray(lists[:-1].multiply(lists[1:]).sum(axis=1), dtype=np.float64).ravel()
