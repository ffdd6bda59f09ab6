"""What the table of product kinds says of a bundle's products, read without the table itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.mapped_arrays import MappedArrays
from goeswith.kinds.link_reasons import REASONS
from goeswith.store.product_lookup import remember
from goeswith.store.string_array import StringArray, pack_strings

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog

NEVER_TOGETHER: Final = 255
"""Strength of two kinds that are never shown together."""


@dataclass(frozen=True)
class Knowledge:
    """What is generally known of a pair; never evidence of what customers did.

    Attributes:
        source_kind: id of the kind of the queried product.
        target_kind: id of the kind of the recommended one.
        reason: one of `kinds.link_reasons.REASONS`.
        strength: 3 where nearly everyone needs it, 2 where it is common, 1 where it is plausible.
    """

    source_kind: str
    target_kind: str
    reason: str
    strength: int


def kind_arrays(catalog: Catalog) -> dict[str, npt.NDArray[Any]]:
    """What `KindRelations` reads; empty for a catalogue without a column `kind`.

    Returns:
        codes (n,) int32, -1 for none; for K kinds strength (K, K) uint8, 0 without a link and 255
        where they are never shown together; reason (K, K) uint8; replaced (K, K) bool.
    """
    from goeswith.kinds.catalog_kinds import KIND  # polars: only where a bundle is made
    from goeswith.kinds.table_reader import load_table

    if KIND not in catalog.frame.columns:
        return {}
    table = load_table()
    kinds = catalog.frame[KIND].to_list()
    ids = sorted({kind for kind in kinds if kind in table.kinds})
    code = {kind: i for i, kind in enumerate(ids)}
    size = len(ids)
    strength = np.zeros((size, size), dtype=np.uint8)
    reason = np.zeros((size, size), dtype=np.uint8)
    replaced = np.eye(size, dtype=bool)
    for kind, i in code.items():
        for link in table.links.get(kind, ()):
            if link.target in code:
                strength[i, code[link.target]] = link.strength
                reason[i, code[link.target]] = REASONS.index(link.reason)
        for other in table.alternatives.get(kind, ()):
            if other in code:
                replaced[i, code[other]] = True
    for first, second in table.forbidden_pairs(ids):
        strength[code[first], code[second]] = NEVER_TOGETHER
        strength[code[second], code[first]] = NEVER_TOGETHER
    return {
        "codes": np.array([code.get(kind, -1) for kind in kinds], dtype=np.int32),
        "strength": strength,
        "reason": reason,
        "replaced": replaced,
        **pack_strings("id", list(ids)),
    }


class KindRelations:
    """Kinds of a bundle's products, and how they relate; says nothing where there are none."""

    def __init__(self, arrays: MappedArrays) -> None:
        self._codes = arrays["codes"] if len(arrays) else None
        self._code = self._codes.data if self._codes is not None else None
        self._out: dict[int, frozenset[int]] = {}
        self._known: dict[tuple[int, int], Knowledge | None] = {}
        if self._codes is not None:
            self._strength, self._reason = arrays["strength"], arrays["reason"]
            self._replaced = arrays["replaced"]
            self._ids = StringArray.from_arrays(arrays, "id")

    @property
    def has_kinds(self) -> bool:
        """Whether any product of the bundle may have a kind."""
        return self._code is not None

    def substitutes(self, row: int) -> npt.NDArray[np.int64]:
        """Rows of the products of the same kind, of alternative kinds and of forbidden ones."""
        if self._codes is None or self._codes[row] < 0:
            return np.zeros(0, dtype=np.int64)
        code = int(self._codes[row])
        out = self._replaced[code] | (self._strength[code] == NEVER_TOGETHER)
        # the last place stands for products without a kind
        return np.flatnonzero(np.append(out, False)[self._codes])

    def substitutes_among(self, row: int, others: list[int]) -> set[int]:
        """Those of a few products that `substitutes` of a product has."""
        if self._code is None or (one := self._code[row]) < 0:
            return set()
        code, out = self._code, self._out.get(one)
        if out is None:
            is_out = self._replaced[one] | (self._strength[one] == NEVER_TOGETHER)
            out = self._out[one] = frozenset(np.flatnonzero(is_out).tolist())
        return {other for other in others if code[other] in out}

    def alternatives(self, row: int) -> npt.NDArray[np.int64]:
        """Rows of the products of the same kind and of alternative ones."""
        if self._codes is None or self._codes[row] < 0:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(np.append(self._replaced[self._codes[row]], False)[self._codes])

    def knowledge(self, source: int, target: int) -> Knowledge | None:
        """What is known of a pair of rows; None where nothing is."""
        if self._code is None or source < 0:
            return None
        pair = self._code[source], self._code[target]
        try:
            return self._known[pair]
        except KeyError:
            return remember(self._known, pair, self._read(*pair))

    def _read(self, one: int, other: int) -> Knowledge | None:
        """What is known of a pair of kinds; -1 for no kind."""
        if one < 0 or other < 0:
            return None
        strength = int(self._strength[one, other])
        if strength in (0, NEVER_TOGETHER):
            return None
        return Knowledge(
            self._ids[one], self._ids[other], REASONS[int(self._reason[one, other])], strength
        )
