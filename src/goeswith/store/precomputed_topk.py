"""Precomputed top-k recommendations, by row."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.errors import BundleError
from goeswith.core.mapped_arrays import map_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goeswith.store.product_lookup import ProductLookup

RankedList: TypeAlias = tuple[Rows, npt.NDArray[np.floating], npt.NDArray[np.int8]]
"""Products, best first, their scores, and the index of each one's model in the bundle's models."""


class TopKReader:
    """The k best complements of each of n products, memory-mapped."""

    def __init__(self, path: Path, products: ProductLookup, k: int, models: int) -> None:
        """Map the arrays.

        Args:
            path: file of the arrays.
            products: the n products.
            k: recommendations per product, padded with -1.
            models: number of models of the bundle.

        Raises:
            FileNotFoundError, KeyError: the file or an array is missing.
            BundleError: an array has another shape.
        """
        arrays, n = map_arrays(path), len(products)
        self._model_index = model_index_array(arrays, path)
        self._products, self._scores = arrays["products"], arrays["scores"]
        for name, array in (
            ("products", self._products),
            ("scores", self._scores),
            ("model_index", self._model_index),
        ):
            if array.shape != (n, k):
                raise BundleError(
                    f"{path}: {name} has shape {array.shape}, but the manifest and the catalogue "
                    f"require {(n, k)}; fit the bundle again"
                )
        self._path, self._lookup, self._models = path, products, models

    def for_product(self, source: int, k: int) -> RankedList:
        """The first k complements of a row.

        Raises:
            BundleError: the arrays are damaged.
        """
        targets = self._products[source, :k]
        rows = targets.tolist()  # of a few, a list is compared faster than an array
        if rows and min(rows) < 0:
            targets = targets[: np.count_nonzero(targets >= 0)]
            rows = targets.tolist()
        model_index = self._model_index[source, : len(rows)]
        models = model_index.tolist()
        if rows and (
            max(rows) >= len(self._lookup) or min(models) < 0 or max(models) >= self._models
        ):
            raise BundleError(
                f"{self._path} is damaged at product {self._lookup.ids[source]!r}; fit the bundle "
                "again"
            )
        return targets, self._scores[source, : len(rows)], model_index

    def find(self, source: int, target: int) -> tuple[int | None, float, int]:
        """Position of a target among the recommendations for a source, from 0, its score, and the
        index of its model; None, 0 and -1 if it is not among them.
        """
        targets, scores, model_index = self.for_product(source, self._products.shape[1])
        at = np.flatnonzero(targets == target)
        if not len(at):
            return None, 0.0, -1
        return int(at[0]), float(scores[at[0]]), int(model_index[at[0]])


def model_index_array(
    arrays: Mapping[str, npt.NDArray[Any]], path: Path, *, warn: bool = True
) -> npt.NDArray[np.int8]:
    """The array `model_index` of a top-k table.

    Its former name `origin` is read for one more version, with a warning.

    Args:
        arrays: of the table.
        path: of the arrays, for the warning.
        warn: whether to warn.

    Raises:
        KeyError: the array is missing.
    """
    if "model_index" in arrays or "origin" not in arrays:
        return arrays["model_index"]
    if warn:
        warnings.warn(
            f"{path}: the array origin is now called model_index; the next version refuses the old "
            "name: fit the bundle again",
            FutureWarning,
            stacklevel=4,
        )
    return arrays["origin"]
