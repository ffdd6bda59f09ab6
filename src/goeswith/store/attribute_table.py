"""The catalogue of a bundle with all attributes, memory-mapped on first use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goeswith.core.errors import BundleError
from goeswith.data.pictures.column_name import PICTURE_VECTOR
from goeswith.store.product_lookup import MAX_TEXT_LENGTH, ProductLookup
from goeswith.store.search_index import ProductSummary

if TYPE_CHECKING:
    import polars as pl


class AttributeTable:
    """Attributes of the products of a catalogue."""

    def __init__(self, path: Path, products: ProductLookup) -> None:
        """Args: path: of the table; products: the same, as they are looked up."""
        self._path, self._products = path, products

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Every attribute, in row order.

        Raises:
            BundleError: a later fit replaced this build and removed its files, or the table is
                damaged.
        """
        from goeswith.core.atomic_files import map_arrow

        try:
            frame = map_arrow(self._path)
        except FileNotFoundError as error:
            raise BundleError(
                f"{self._path} was replaced since its bundle was opened; open the bundle again"
            ) from error
        if frame.height != len(self._products) or "product_id" not in frame.columns:
            raise BundleError(
                f"{self._path} is damaged: it has {frame.height:,} rows where "
                f"{len(self._products):,} products are due; fit the bundle again"
            )
        return frame

    def summaries(self, rows: Sequence[int]) -> list[ProductSummary]:
        """Products in a line each."""
        frame, products = self.frame, self._products
        summaries = []
        for row in rows:
            brand = frame["brand"][row] if "brand" in frame.columns else None
            price = frame["price"][row] if "price" in frame.columns else None
            summaries.append(
                ProductSummary(
                    product_id=products.ids[row],
                    title=products.title(row),
                    type=products.type(row),
                    brand=None if brand is None else str(brand)[:MAX_TEXT_LENGTH],
                    price=float(price) if isinstance(price, int | float) else None,
                )
            )
        return summaries

    def attributes(self, row: int) -> dict[str, Any]:
        """Every attribute that a product has, without the vector of its picture."""
        return {
            name: value
            for name, value in self._readable.row(row, named=True).items()
            if value is not None
        }

    @cached_property
    def _readable(self) -> pl.DataFrame:
        return self.frame.drop(PICTURE_VECTOR, strict=False)
