"""Checks of the values of a column, with the row in the message."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import ROW

Floats = npt.NDArray[np.float64]


def numbers_within(
    frame: pl.DataFrame,
    name: str,
    file: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above_low: bool = False,
) -> Floats:
    """A column as finite floats within bounds.

    Raises:
        DataError: gives the first row that is none.
    """
    values = frame[name].cast(pl.Float64, strict=False)
    array: Floats = values.fill_null(float("nan")).to_numpy().astype(np.float64)
    wrong = ~np.isfinite(array)
    if low is not None:
        wrong |= (array <= low) if above_low else (array < low)
    if high is not None:
        wrong |= array > high
    if wrong.any():
        first = int(np.argmax(wrong))
        parts = []
        if low is not None:
            parts.append(f"{'above' if above_low else 'at least'} {low:g}")
        if high is not None:
            parts.append(f"at most {high:g}")
        need = " that is " + " and ".join(parts) if parts else ""
        raise DataError(
            f"{file}, row {frame[ROW][first]}: {name} is {frame[name][first]!r}, and must be a "
            f"number{need} ({int(wrong.sum()):,} such rows); correct them"
        )
    return array


def refuse_null(frame: pl.DataFrame, name: str, file: str) -> None:
    """Check that a column has a value in every row.

    Raises:
        DataError: gives the first row without one.
    """
    missing = frame.filter(pl.col(name).is_null())
    if missing.height:
        raise DataError(
            f"{file}, row {missing[ROW][0]}: {name} is missing ({missing.height:,} such rows)"
        )


def with_row_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """A table with the number of each row, from 1, unless it has them."""
    return frame if ROW in frame.columns else frame.with_row_index(ROW, offset=1)
