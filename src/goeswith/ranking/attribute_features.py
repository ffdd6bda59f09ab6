"""Attribute features of the ranker: tokens, similar products, type, brand and price.

Features of all products, also of new ones, refer to the catalogue of `fit`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import (
    SPARSE_BLOCK_ROWS,
    Floats,
    Rows,
    Sparse,
    block_size,
    blocks,
    entry_rows,
    inverse_power,
    row_top_k_mask,
    scale_rows,
    top_k,
)
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.features.cosine_index import CosineIndex
from goeswith.features.product_numbers import Numbers, ProductNumbers
from goeswith.models.paths import out_degree

_Entries: TypeAlias = tuple[Floats, tuple[npt.NDArray[Any], Rows]]
"""Values, and their rows and columns."""
NEIGHBOURS: Final = 50
"""Number of most similar products by attributes."""
_POWER: Final = 10
"""Power of their cosine, as in `similar_complements`: the nearest weigh most."""


@dataclass(frozen=True)
class AttributeFeatures:
    """Attribute features of m products, relative to a catalogue.

    Attributes:
        content: (m, v) CSR of TF-IDF tokens, rows of length 1.
        near: (m, n) CSR: weights of the most similar products of the catalogue, rows sum to 1.
        types: (m,) type code, -1 for none.
        brands: (m,) brand code, -1 for none.
        prices: (m,) NaN for none.
        numbers: (m,) place in the order of product numbers, NaN for none.
    """

    content: Sparse
    near: Sparse
    types: Rows
    brands: Rows
    prices: Floats
    numbers: Numbers

    def take(self, rows: Rows) -> AttributeFeatures:
        """The features of some of the products."""
        return AttributeFeatures(*(getattr(self, field.name)[rows] for field in fields(self)))


class AttributeReader:
    """Computes attribute features of products relative to the catalogue of `fit`.

    Attributes:
        encoder: of TF-IDF tokens.
        tokens: (n, v) CSR, the catalogue's products.
        type_names: by code.
        brand_names: by code.
        neighbours: (m,) products that may be neighbours; None for all.
        numbers: of the catalogue's products; None where they are no evidence.
    """

    def __init__(  # noqa: PLR0917
        self,
        encoder: AttributeEncoder,
        tokens: Sparse,
        type_names: list[str],
        brand_names: list[str],
        neighbours: Rows | None,
        numbers: ProductNumbers | None = None,
    ) -> None:
        self.encoder, self.tokens = encoder, tokens
        self.type_names, self.brand_names = type_names, brand_names
        self.neighbours, self.numbers = neighbours, numbers

    @classmethod
    def fit(
        cls,
        catalog: Catalog,
        neighbours: Rows | None = None,
        numbers: ProductNumbers | None = None,
    ) -> Self:
        """Learn the tokens, types and brands of a catalogue.

        Args:
            catalog: any.
            neighbours: (m,) rows of a large one, in order: only these are neighbours, and
                only by a shared token; None for all.
            numbers: of its products; None where they are no evidence.
        """
        encoder = AttributeEncoder.fit(catalog)
        return cls(
            encoder,
            encoder.encode(catalog),
            catalog.type_names,
            sorted(set(_brands(catalog)) - {""}),
            neighbours,
            numbers,
        )

    def read(self, catalog: Catalog, *, is_catalog: bool = False) -> AttributeFeatures:
        """Attribute features of the m products of a catalogue.

        Args:
            catalog: any.
            is_catalog: whether it is the catalogue of `fit`: no product is its own neighbour.
        """
        content = self.tokens if is_catalog else self.encoder.encode(catalog)
        types = _codes([*catalog.type_names, None], self.type_names)[catalog.type_codes]
        frame = catalog.frame
        prices = (
            frame["price"].cast(pl.Float32, strict=False).fill_null(np.nan).to_numpy()
            if "price" in frame.columns
            else np.full(len(frame), np.nan, dtype=np.float32)
        )
        return AttributeFeatures(
            content,
            self._near(content, is_catalog=is_catalog),
            types,
            _codes(_brands(catalog), self.brand_names),
            np.where(prices > 0, prices, np.nan).astype(np.float32),
            np.full(len(frame), np.nan)
            if self.numbers is None
            else self.numbers.places(catalog.ids),
        )

    @cached_property
    def _by_token(self) -> Sparse:
        return self.tokens.T.tocsr()

    @cached_property
    def _index(self) -> CosineIndex:
        return CosineIndex(self.tokens[self.neighbours])

    def _near(self, content: Sparse, *, is_catalog: bool) -> Sparse:
        n = self.tokens.shape[0]
        parts = [sparse.csr_matrix((0, n), dtype=np.float32)]
        size = block_size(n) if self.neighbours is None else SPARSE_BLOCK_ROWS
        for block in blocks(np.arange(content.shape[0], dtype=np.int32), size):
            self_rows = block if is_catalog else None
            if self.neighbours is None:
                entries = self._nearest(content[block], self_rows)
            else:
                entries = self._nearest_of(self.neighbours, content[block], self_rows)
            near = sparse.csr_matrix(entries, shape=(len(block), n), dtype=np.float32)
            parts.append(scale_rows(near, inverse_power(out_degree(near), 1)))
        return sparse.vstack(parts, format="csr")

    def _nearest(self, content: Sparse, self_rows: Rows | None) -> _Entries:
        cosines = (content @ self._by_token).toarray()
        cosines[cosines <= 0] = -np.inf
        if self_rows is not None:
            cosines[np.arange(len(self_rows)), self_rows] = -np.inf
        products, cosine = top_k(cosines, NEIGHBOURS)
        row, place = np.nonzero(products >= 0)
        return cosine[row, place] ** _POWER, (row, products[row, place])

    def _nearest_of(self, candidates: Rows, content: Sparse, self_rows: Rows | None) -> _Entries:
        cosines = self._index.cosines(content)
        if self_rows is not None:
            cosines.data[candidates[cosines.indices] == self_rows[entry_rows(cosines)]] = 0
        cosines.eliminate_zeros()
        is_neighbour = row_top_k_mask(cosines, NEIGHBOURS)
        row, product = entry_rows(cosines)[is_neighbour], candidates[cosines.indices[is_neighbour]]
        return cosines.data[is_neighbour] ** _POWER, (row, product)

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        names = json.dumps([self.type_names, self.brand_names]).encode()
        neighbours = {} if self.neighbours is None else {"neighbours": self.neighbours}
        return {
            **self.encoder.arrays(),
            "content": self.tokens,
            "names": np.frombuffer(names, dtype=np.uint8),
            **neighbours,
            **({} if self.numbers is None else self.numbers.arrays()),
        }

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`."""
        types, brands = json.loads(arrays["names"].tobytes())
        encoder = AttributeEncoder.restore(arrays)
        return cls(
            encoder,
            arrays["content"],
            types,
            brands,
            arrays.get("neighbours"),
            ProductNumbers.restore(arrays),
        )


def _brands(catalog: Catalog) -> list[str]:
    if "brand" not in catalog.frame.columns:
        return [""] * len(catalog)
    brand = pl.col("brand").cast(pl.String).str.strip_chars().str.to_lowercase().fill_null("")
    return catalog.frame.select(brand)["brand"].to_list()


def _codes(values: list[Any], names: list[str]) -> npt.NDArray[np.int32]:
    """(m,) place of each value among `names`, -1 where it is none of them."""
    code_by_name = {name: code for code, name in enumerate(names)}
    return np.array([code_by_name.get(value, -1) for value in values], dtype=np.int32)
