"""Which products are sold out or hidden by the catalogue: one byte a product in a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

SOLD_OUT: Final = 1
HIDDEN: Final = 2
DELETED: Final = 4
FLAGS: Final = {"sold_out": SOLD_OUT, "hidden": HIDDEN}
"""What a request may include although it is not shown otherwise, by name."""
TRUE_WORDS: Final = frozenset((
    "true", "1", "yes", "y", "t", "on", "ja", "oui", "si", "sí", "x",
    "in stock", "instock", "available", "visible", "auf lager", "en stock", "lieferbar",
))  # fmt: skip
FALSE_WORDS: Final = frozenset((
    "false", "0", "0.0", "no", "n", "f", "off", "nein", "non", "hidden", "invisible",
    "out of stock", "outofstock", "sold out", "soldout", "unavailable", "not available",
    "discontinued", "ausverkauft", "nicht lieferbar", "nicht verfügbar", "agotado", "épuisé",
))  # fmt: skip
"""Values of `in_stock` and `visible` in lower case, with spaces for `_` and `-`."""


def is_false(value: object) -> bool:
    """Whether a value of `in_stock` or `visible` is false, as `availability_flags` reads it."""
    return plain_word(value) in FALSE_WORDS


def plain_word(value: object) -> str:
    """A value as in `TRUE_WORDS` and `FALSE_WORDS`."""
    return str(value).strip().lower().replace("_", " ").replace("-", " ")


def availability_flags(frame: pl.DataFrame) -> npt.NDArray[np.uint8] | None:
    """(n,) flags by the columns `in_stock`, `stock` and `visible`; None where there are none.

    A product is sold out if `in_stock` is false, or if it has no such value and its `stock` is not
    positive. It is hidden if `visible` is false.
    """
    import polars as pl

    def holds_false(name: str) -> pl.Expr:
        word = pl.col(name).cast(pl.String).str.strip_chars().str.to_lowercase()
        return word.str.replace_all("[_-]", " ").is_in(FALSE_WORDS)

    sold_out: pl.Expr | None = None
    if "stock" in frame.columns and not frame.schema["stock"].is_nested():
        sold_out = pl.col("stock").cast(pl.Float64, strict=False) <= 0
    if "in_stock" in frame.columns and not frame.schema["in_stock"].is_nested():
        by_stock = pl.lit(value=False) if sold_out is None else sold_out
        sold_out = (
            pl.when(pl.col("in_stock").is_null()).then(by_stock).otherwise(holds_false("in_stock"))
        )
    hidden = None
    if "visible" in frame.columns and not frame.schema["visible"].is_nested():
        hidden = holds_false("visible")
    if sold_out is None and hidden is None:
        return None
    flags = np.zeros(frame.height, dtype=np.uint8)
    for expression, flag in ((sold_out, SOLD_OUT), (hidden, HIDDEN)):
        if expression is not None:
            mask = frame.select(mask=expression.fill_null(value=False))["mask"].to_numpy()
            flags[mask] |= flag
    return flags
