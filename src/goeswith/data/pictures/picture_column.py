"""Picture vectors of a catalogue: what an image encoder returns for the picture of each product."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Floats
from goeswith.core.errors import DataError
from goeswith.data.pictures.column_name import PICTURE_VECTOR
from goeswith.data.quarantine import Quarantine
from goeswith.data.values import MISSING

_SHOWN_NUMBERS: Final = 3
_SHOWN_CHARACTERS: Final = 60
_STAYS: Final = "the product stays without a picture"


def clean_picture_vectors(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, length: int | None = None
) -> pl.DataFrame:
    """The table with its picture vectors as float32 arrays of one length.

    A vector with a value that is no finite number, of zeros, or of another length than the others
    is dropped and recorded; its product stays. Without any vector, the column is removed.

    Args:
        frame: has the columns `picture_vector` and `_row`.
        file: name for messages.
        quarantine: takes the vectors that are dropped.
        length: of the vectors; None for the most frequent one.

    Raises:
        DataError: the column holds no lists of numbers.
    """
    vectors = _as_lists(frame[PICTURE_VECTOR], file)
    vectors = vectors.set(vectors.list.len() == 0, None)
    each = pl.element()
    table = frame.with_columns(vectors.alias("_vector")).with_columns(
        _finite=pl.col("_vector").list.eval(each.is_not_null() & each.is_finite()).list.all(),
        _zero=pl.col("_vector").list.eval(each == 0).list.all(),
        _length=pl.col("_vector").list.len(),
        _written=_beginning(frame[PICTURE_VECTOR]),
    )
    finite = pl.col("_finite") & ~pl.col("_zero")
    if length is None:
        lengths = table.filter(finite)["_length"].value_counts()
        lengths = lengths.sort("count", "_length", descending=True)
        length = int(lengths["_length"][0]) if lengths.height else 0
    for bad, reason in (
        (~pl.col("_finite"), "has a value that is not a finite number"),
        (pl.col("_finite") & pl.col("_zero"), "is all zeros"),
        (
            finite & (pl.col("_length") != length),
            f"does not have {length} numbers as the others; encode all pictures with one encoder",
        ),
    ):
        quarantine.record_dropped_values(
            table, file, bad, f"{PICTURE_VECTOR} {reason}; {_STAYS}", "_written"
        )
    good = finite & (pl.col("_length") == length)
    if not length or not table.select(good.any()).item():
        return frame.drop(PICTURE_VECTOR)
    kind = pl.Array(pl.Float32, length)
    clean = table.select(pl.when(good).then("_vector").cast(kind).alias(PICTURE_VECTOR))
    return frame.with_columns(clean[PICTURE_VECTOR])


def _beginning(values: pl.Series) -> pl.Series:
    """The beginning of each value as text."""
    if values.dtype == pl.String:
        return values.str.slice(0, _SHOWN_CHARACTERS)
    if not isinstance(values.dtype, pl.List | pl.Array):
        return values.cast(pl.String)
    numbers = values.cast(pl.List(pl.String)).list.head(_SHOWN_NUMBERS)
    return numbers.list.eval(pl.element().fill_null("null")).list.join(", ") + ", ..."


def _as_lists(values: pl.Series, file: str) -> pl.Series:
    """Lists of float32, null for what is no number; text such as `[0.1, 0.2]` is read, too."""
    if values.dtype == pl.String:
        # text that is no list is one value that is no number
        text = pl.col(values.name).str.strip_chars()
        parts = text.str.strip_chars("[]").str.split(",")
        values = values.to_frame().select(pl.when(~text.is_in(MISSING)).then(parts)).to_series()
        values = values.list.eval(pl.element().str.strip_chars())
    kind = values.dtype
    if kind == pl.Null:
        return values.cast(pl.List(pl.Float32))
    if isinstance(kind, pl.List | pl.Array) and not kind.inner.is_nested():
        return values.cast(pl.List(pl.Float32), strict=False)
    raise DataError(
        f"{file}: the column {PICTURE_VECTOR!r} holds {kind} where a list of numbers is expected; "
        "write the vector of each product as a list, or name the column otherwise"
    )


def picture_length(frame: pl.DataFrame) -> int | None:
    """The length of a catalogue's picture vectors, None without any."""
    kind = frame.schema.get(PICTURE_VECTOR)
    return kind.size if isinstance(kind, pl.Array) else None


def picture_vectors(frame: pl.DataFrame) -> tuple[npt.NDArray[np.int64], Floats]:
    """Rows (u,) of the products with a picture vector, and the vectors (u, d) of length 1.

    Raises:
        DataError: the vectors have several lengths.
    """
    if PICTURE_VECTOR not in frame.columns:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    column: Any = frame[PICTURE_VECTOR].cast(pl.List(pl.Float32))
    rows = column.is_not_null().arg_true().to_numpy().astype(np.int64)
    present = column.drop_nulls()
    lengths = present.list.len().unique()
    if not len(lengths):
        return rows, np.zeros((0, 0), dtype=np.float32)
    if len(lengths) > 1:
        raise DataError(
            f"the catalogue has {PICTURE_VECTOR}s of {', '.join(map(str, sorted(lengths)))} "
            "numbers; encode all pictures with one encoder"
        )
    vectors = present.explode().to_numpy().reshape(len(present), -1).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows, (vectors / np.maximum(norms, np.float32(1e-12))).astype(np.float32)
