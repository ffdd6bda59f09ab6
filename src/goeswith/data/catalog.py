"""The catalogue: products in row order. Internally a product is its int32 row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import DataError, UnknownProductError


@dataclass(frozen=True)
class Catalog:
    """The products of a shop and their attributes.

    Columns of `frame`: `product_id` (string, unique, never null); where the shop has them `type`
    (leaf product type), `title`, `categories` (list of strings), `brand`, `price` (float),
    `description`; every other column is an attribute, too.
    """

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        if "product_id" not in self.frame.columns:
            raise DataError(
                f"the catalogue has no column 'product_id'; it has {', '.join(self.frame.columns)}"
            )
        ids = self.frame["product_id"]
        if ids.dtype != pl.String or ids.null_count():
            raise DataError("every product_id must be a string and none may be missing")
        if ids.n_unique() != len(ids):
            duplicate = ids.filter(ids.is_duplicated())[0]
            raise DataError(f"product_id {duplicate!r} is in the catalogue more than once")

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, Any]]) -> Catalog:
        """A catalogue from one dictionary a product."""
        return cls(pl.DataFrame(list(records), infer_schema_length=None))

    def __len__(self) -> int:
        return self.frame.height

    @property
    def ids(self) -> pl.Series:
        """Product ids in row order."""
        return self.frame["product_id"]

    @cached_property
    def _row_by_id(self) -> dict[str, int]:
        return dict(zip(self.ids.to_list(), range(len(self)), strict=True))

    def row(self, product_id: str) -> int:
        """The row of one product.

        Raises:
            UnknownProductError: the catalogue does not hold the id; names similar ids.
        """
        row = self._row_by_id.get(product_id)
        if row is None:
            matches = get_close_matches(product_id, self.ids.head(100_000).to_list(), n=3)
            hint = f"; did you mean {', '.join(matches)}?" if matches else ""
            raise UnknownProductError(
                f"no product {product_id!r} among the {len(self):,} of this catalogue{hint}"
            )
        return row

    def rows(self, ids: pl.Series) -> Rows:
        """Rows of many ids, -1 for those that the catalogue does not hold."""
        rows = self.frame.select("product_id").with_row_index("row")
        matches = pl.DataFrame({"product_id": ids.cast(pl.String)}).join(
            rows, on="product_id", how="left", maintain_order="left"
        )
        return matches["row"].cast(pl.Int64).fill_null(-1).to_numpy().astype(np.int32)

    def text(self, column: str) -> list[str | None] | None:
        """A column as strings, or None where the catalogue does not have it."""
        if column not in self.frame.columns:
            return None
        return self.frame[column].cast(pl.String).to_list()

    @cached_property
    def type_names(self) -> list[str]:
        """Distinct product types, sorted; empty where the catalogue has no `type`."""
        if "type" not in self.frame.columns:
            return []
        return self.frame["type"].drop_nulls().unique().sort().to_list()

    @cached_property
    def type_codes(self) -> Rows:
        """(n,) index into `type_names`, -1 where a product has no type."""
        if not self.type_names:
            return np.full(len(self), -1, dtype=np.int32)
        codes = pl.DataFrame({"type": self.type_names}).with_row_index("code")
        joined = self.frame.select("type").join(codes, on="type", how="left", maintain_order="left")
        return joined["code"].cast(pl.Int64).fill_null(-1).to_numpy().astype(np.int32)
