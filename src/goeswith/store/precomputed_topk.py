"""The answers that were worked out at fit, by row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from goeswith.core.errors import BundleError
from goeswith.core.mapped_arrays import map_arrays

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.core.arrays import Floats, Rows
    from goeswith.store.product_lookup import Products


class RankedAnswers:
    """The k best complements of each of n products, memory-mapped."""

    def __init__(self, path: Path, products: Products, k: int, models: int) -> None:
        """Map them.

        Args:
            path: of the arrays.
            products: n of them, as they are looked up.
            k: answers of each, padded with -1.
            models: how many there are that answers may come from.

        Raises:
            FileNotFoundError, KeyError: the file or an array of it is missing.
            BundleError: an array has another shape.
        """
        arrays, n = map_arrays(path), len(products)
        for name in ("products", "scores", "origin"):
            if arrays[name].shape != (n, k):
                raise BundleError(
                    f"{path}: {name} has shape {arrays[name].shape}, the manifest and the "
                    f"catalogue say {(n, k)}; fit the bundle again"
                )
        self._path, self._known, self._models = path, products, models
        self._products, self._scores = arrays["products"], arrays["scores"]
        self._origin = arrays["origin"]

    def of(self, source: int, k: int) -> tuple[Rows, Floats, npt.NDArray[np.int8]]:
        """The first k complements of a row: products, scores, places among the models.

        Raises:
            BundleError: the arrays are damaged.
        """
        targets = self._products[source, :k]
        targets = targets[: np.count_nonzero(targets >= 0)]
        origin = self._origin[source, : len(targets)]
        if (targets >= len(self._known)).any() or not (
            (origin >= 0) & (origin < self._models)
        ).all():
            raise BundleError(
                f"{self._path} is damaged at product {self._known.ids[source]!r}; fit the bundle "
                "again"
            )
        return targets, self._scores[source, : len(targets)], origin

    def place(self, source: int, target: int) -> tuple[int | None, float, int]:
        """Where a target stands among the answers of a source, from 0, its score, and the place of
        its model among the models; None, 0 and -1 where it is not among them.
        """
        targets, scores, origin = self.of(source, self._products.shape[1])
        at = np.flatnonzero(targets == target)
        if not len(at):
            return None, 0.0, -1
        return int(at[0]), float(scores[at[0]]), int(origin[at[0]])
