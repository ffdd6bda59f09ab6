"""The catalogue of a bundle with every attribute, read by memory map when it is first asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import BundleError
from goeswith.store.product_lookup import MOST_SHOWN, Products
from goeswith.store.search_index import Brief

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from goeswith.query.filters import Filter

_FILTERS_KEPT: Final = 32


class AttributeTable:
    """What the catalogue says of products."""

    def __init__(self, path: Path, products: Products) -> None:
        """Args: path: of the table; products: the same, as they are looked up."""
        self._path, self._products = path, products
        self._met: dict[str, npt.NDArray[np.bool_]] = {}

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Every attribute, in row order.

        Raises:
            BundleError: a later fit has taken the place of this build, and its files with it.
        """
        from goeswith.core.atomic_files import map_arrow

        try:
            return map_arrow(self._path)
        except FileNotFoundError as error:
            raise BundleError(
                f"{self._path} was replaced since its bundle was opened; open the bundle again"
            ) from error

    def meets(self, where: Sequence[Filter]) -> npt.NDArray[np.bool_]:
        """(n,) which products meet every filter, kept for the next requests that ask the same.

        Raises:
            ConfigError: a filter does not suit the catalogue.
        """
        from goeswith.query.filters import matching

        asked = " and ".join(sorted(repr((f.column, f.op, f.values)) for f in where))
        if asked not in self._met:
            if len(self._met) >= _FILTERS_KEPT:
                self._met.clear()
            self._met[asked] = found = matching(self.frame, where)
            return found
        return self._met[asked]

    def briefs(self, rows: Sequence[int]) -> list[Brief]:
        """Products in a line each."""
        frame, products = self.frame, self._products
        found = []
        for row in rows:
            brand = frame["brand"][row] if "brand" in frame.columns else None
            price = frame["price"][row] if "price" in frame.columns else None
            found.append(
                Brief(
                    product_id=products.ids[row],
                    title=products.title(row),
                    type=products.type(row),
                    brand=None if brand is None else str(brand)[:MOST_SHOWN],
                    price=float(price) if isinstance(price, int | float) else None,
                )
            )
        return found

    def of(self, row: int) -> dict[str, Any]:
        """Every attribute that a product has."""
        return {
            name: value
            for name, value in self.frame.row(row, named=True).items()
            if value is not None
        }
