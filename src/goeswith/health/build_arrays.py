"""The arrays of a build, of which its health is computed, published or not yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.atomic_files import map_arrow
from goeswith.core.mapped_arrays import MappedArrays, map_arrays
from goeswith.store.manifest import (
    AVAILABILITY,
    EVIDENCE,
    LOOKUP,
    PRODUCTS,
    SEARCH,
    SIMILARS,
    TOP_K,
)
from goeswith.store.precomputed_topk import model_index_array
from goeswith.store.product_lookup import ProductLookup
from goeswith.store.search_index import SearchIndex

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from goeswith.core.arrays import Rows

HEAD: Final = 5
"""Recommendations of a product that are looked at: the first ones that are shown."""
_BLOCK: Final = 100_000
"""Rows, or pairs, that are computed with at a time."""

Pairs = tuple["Rows", "Rows"]
"""Sources and targets, (m,) each."""


@dataclass(frozen=True)
class BuildArrays:
    """A build, by its folder.

    Attributes:
        folder: of the build, with all files that queries read.
        models: specs, in order; the first is no fallback.
    """

    folder: Path
    models: Sequence[str]

    def _arrays(self, name: str) -> MappedArrays:
        path = self.folder / name
        return map_arrays(path) if path.is_file() else {}

    @cached_property
    def _top_k(self) -> MappedArrays:
        return self._arrays(TOP_K)

    @cached_property
    def evidence(self) -> MappedArrays:
        """Arrays of `evidence_arrays`."""
        return self._arrays(EVIDENCE)

    @cached_property
    def _lookup(self) -> MappedArrays:
        return self._arrays(LOOKUP)

    @cached_property
    def products(self) -> ProductLookup:
        """Ids, titles and types."""
        search = self._arrays(SEARCH)
        return ProductLookup(self._lookup, SearchIndex(search) if search else None)

    @cached_property
    def ids(self) -> pl.Series:
        """(n,) ids."""
        return map_arrow(self.folder / PRODUCTS)["product_id"]

    @property
    def targets(self) -> npt.NDArray[np.int32]:
        """(n, k) recommendations, padded with -1."""
        return self._top_k["products"]

    @cached_property
    def model_index(self) -> npt.NDArray[np.int8]:
        """(n, k) index of each one's model, padded with -1."""
        return model_index_array(self._top_k, self.folder / TOP_K, warn=False)

    @property
    def type_codes(self) -> Rows:
        """(n,) product type, -1 for none."""
        return self._lookup["type.codes"]

    @property
    def purchases(self) -> npt.NDArray[np.float64]:
        """(n,) contexts that hold each product."""
        return self.evidence["purchases"]

    @cached_property
    def flags(self) -> npt.NDArray[np.uint8]:
        """(n,) of the catalogue: not 0 for what is sold out or hidden."""
        stored = self._arrays(AVAILABILITY).get("flags")
        return np.zeros(len(self.targets), dtype=np.uint8) if stored is None else stored

    @cached_property
    def head(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        """(n, 5) first recommendations that the catalogue does not hold back, and their models."""
        n, k = self.targets.shape
        rows = np.full((n, HEAD), -1, dtype=np.int32)
        models = np.full((n, HEAD), -1, dtype=np.int8)
        width = min(HEAD, k)
        for start in range(0, n, _BLOCK):
            at = slice(start, start + _BLOCK)
            block = self.targets[at]
            is_shown = block >= 0
            is_shown &= self.flags[np.maximum(block, 0)] == 0
            order = np.argsort(~is_shown, axis=1, kind="stable")[:, :width]
            is_shown = np.take_along_axis(is_shown, order, axis=1)
            for out, values in ((rows, block), (models, self.model_index[at])):
                out[at, :width] = np.where(is_shown, np.take_along_axis(values, order, axis=1), -1)
        return rows, models

    def counts(self, pairs: Pairs) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Whether pairs were bought together, and in how many contexts."""
        at = self._positions("bought", pairs)
        data = self.evidence["bought.data"]
        if not len(data):
            return at >= 0, np.zeros(len(at), dtype=np.int64)
        return at >= 0, np.where(at >= 0, np.rint(data[at]), 0).astype(np.int64)

    @property
    def counted(self) -> bool:
        """Whether counts are of contexts; lists only state that there is an edge."""
        return "source_contexts" in self.evidence

    def bought_positions(self, pairs: Pairs) -> npt.NDArray[np.int64]:
        """(m,) positions of pairs in the arrays `bought.*`; -1 where there is none."""
        return self._positions("bought", pairs)

    def look_alikes(self, pairs: Pairs) -> npt.NDArray[np.bool_]:
        """(m,) variants, substitutes by views, and pairs of nearly equal attributes."""
        source, target = pairs
        variants = self._lookup["variant.codes"]
        out: npt.NDArray[np.bool_] = (variants[source] >= 0) & (
            variants[source] == variants[target]
        )
        out |= self._positions("similar", pairs) >= 0
        for start in range(0, len(source), _BLOCK):
            at = slice(start, start + _BLOCK)
            out[at] |= self._cosines(source[at], target[at]) >= _NEARLY_EQUAL
        return out

    @cached_property
    def _vectors(self) -> Any:
        from scipy.sparse import csr_matrix

        arrays = self._arrays(SIMILARS)
        if not arrays:
            return None
        indices = arrays["product.indices"]
        shape = (len(self.targets), int(indices.max(initial=-1)) + 1)
        parts = arrays["product.data"], indices, arrays["product.indptr"]
        return csr_matrix(parts, shape=shape, copy=False)

    def _cosines(self, source: Rows, target: Rows) -> npt.NDArray[np.float64]:
        if self._vectors is None or not len(source):
            return np.zeros(len(source))
        both = self._vectors[source].multiply(self._vectors[target])
        return np.asarray(both.sum(axis=1), dtype=np.float64).ravel()

    def _positions(self, name: str, pairs: Pairs) -> npt.NDArray[np.int64]:
        """Positions of pairs in a CSR matrix, by bisection of all rows at once."""
        starts = self.evidence[f"{name}.indptr"]
        columns = self.evidence[f"{name}.indices"]
        out = np.full(len(pairs[0]), -1, dtype=np.int64)
        if not len(columns):
            return out
        for start in range(0, len(out), _BLOCK):
            at = slice(start, start + _BLOCK)
            rows, wanted = pairs[0][at], pairs[1][at]
            low, stop = starts[rows], starts[rows + 1]
            high = stop
            while (open_ := low < high).any():
                middle = (low + high) // 2
                is_less = columns[np.minimum(middle, len(columns) - 1)] < wanted
                low = np.where(open_ & is_less, middle + 1, low)
                high = np.where(open_ & ~is_less, middle, high)
            place = np.minimum(low, len(columns) - 1)
            out[at] = np.where((low < stop) & (columns[place] == wanted), low, -1)
        return out


_NEARLY_EQUAL: Final = 0.8
"""Cosine of attributes from which two products look alike."""
