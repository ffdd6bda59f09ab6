"""The live values of one attribute: few of many products have one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows

_MAX_PENDING: Final = 4096
"""Entries in the dictionary, which needs ten times the memory of the arrays."""
_ABSENT: Final = object()


class SparseColumn:
    """Row -> value. Old entries are sorted arrays, new ones a dictionary."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._rows: Rows = np.zeros(0, dtype=np.int32)
        self._values: npt.NDArray[Any] = np.zeros(0, dtype=dtype)
        self._pending: dict[int, Any] = {}

    def get(self, row: int, default: Any = None) -> Any:
        """The value of a row."""
        value = self._pending.get(row, default)
        if value is not default:
            return default if value is _ABSENT else value
        rows, values = self._rows, self._values
        at = int(rows.searchsorted(row))
        return values[at : at + 1].tolist()[0] if at < len(rows) and rows[at] == row else default

    def set(self, row: int, value: Any) -> None:
        """Set the value of a row."""
        self._pending[row] = value
        self._merge_if_large()

    def pop(self, row: int) -> None:
        """Remove the value of a row, if it has one."""
        self._pending[row] = _ABSENT
        self._merge_if_large()

    def rows(self) -> Rows:
        """Rows with a value, sorted."""
        self._merge()
        return self._rows

    def _merge_if_large(self) -> None:
        if len(self._pending) > _MAX_PENDING:
            self._merge()

    def _merge(self) -> None:
        if not self._pending:
            return
        new = dict(sorted(self._pending.items()))
        touched = np.fromiter(new, dtype=np.int32, count=len(new))
        present = [value is not _ABSENT for value in new.values()]
        values = np.empty(sum(present), dtype=self._values.dtype)
        for i, value in enumerate(value for value in new.values() if value is not _ABSENT):
            values[i] = value
        stays = ~np.isin(self._rows, touched)
        rows = np.concatenate([self._rows[stays], touched[present]])
        order = np.argsort(rows, kind="stable")
        # the pair is replaced before the dictionary is cleared: a reader meanwhile finds either
        self._values = np.concatenate([self._values[stays], values])[order]
        self._rows = rows[order].astype(np.int32)
        self._pending = {}
