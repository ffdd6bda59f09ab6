"""Attributes of products that the trees compare with those of a session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import polars as pl

from goeswith.core.arrays import Floats, Rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import attribute_tokens
from goeswith.features.product_vectors import LatentAttributes

CODES: Final = ("type", "brand")


@dataclass(frozen=True)
class AttributeColumns:
    """Of n products.

    Attributes:
        text: (n, d) latent attributes of length 1 or 0; (n, 0) for a catalogue without any.
        codes: (n, 2) number of the type and of the brand; -1 for none.
        log_price: (n,) NaN for none.
    """

    text: Floats
    codes: Rows
    log_price: Floats

    @classmethod
    def of(cls, catalog: Catalog, dimension: int, seed: int) -> Self:
        """The attributes of a catalogue."""
        n, text = len(catalog), np.zeros((len(catalog), 0), dtype=np.float32)
        if attribute_tokens(catalog).height:
            text = LatentAttributes(dimension, seed).fit(catalog).encode(catalog)
        codes = np.full((n, len(CODES)), -1, dtype=np.int32)
        codes[:, 0] = catalog.type_codes
        if "brand" in catalog.frame.columns:
            rank = catalog.frame["brand"].cast(pl.String).rank("dense").cast(pl.Int64)
            codes[:, 1] = rank.fill_null(0).to_numpy() - 1
        price = np.full(n, np.nan, dtype=np.float32)
        if "price" in catalog.frame.columns:
            column = catalog.frame["price"].cast(pl.Float32, strict=False)
            price = column.fill_null(np.nan).to_numpy().astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_price = np.where(price > 0, np.log(price), np.nan).astype(np.float32)
        return cls(text, codes, log_price)

    @cached_property
    def used_codes(self) -> list[int]:
        """Columns of `codes` with a value."""
        used: list[int] = np.flatnonzero((self.codes >= 0).any(axis=0)).tolist()
        return used

    @cached_property
    def has_prices(self) -> bool:
        """Whether a product has a price."""
        return bool(np.isfinite(self.log_price).any())

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        return {"text": self.text, "codes": self.codes, "log_price": self.log_price}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`; other names in it are ignored."""
        return cls(arrays["text"], arrays["codes"], arrays["log_price"])
