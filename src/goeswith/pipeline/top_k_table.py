"""The top-k recommendations of all products while they are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows


class TopKTable:
    """The k best complements of every product, filled in by one model after the other.

    Attributes:
        models: specs of the models, in order.
        probabilities: those of them whose scores are probabilities.
        left_out: spec -> reason, of fallbacks that do not suit the data.
        products: (n, k) rows, padded with -1.
        scores: (n, k), padded with -inf.
        model_index: (n, k) index of the model of each, padded with -1.
        hubs: rows of the products that were moved down in many lists, see `demotion`.
    """

    def __init__(self, n: int, k: int, groups: Rows | None = None) -> None:
        """Args: groups: (n,) variant groups, -1 for none; a list has one product of each."""
        self.k = k
        self._groups = groups
        self.models: list[str] = []
        self.probabilities: list[str] = []
        self.left_out: dict[str, str] = {}
        self.hubs: Rows = np.zeros(0, dtype=np.int32)
        self.products = np.full((n, k), -1, dtype=np.int32)
        self.scores = np.full((n, k), -np.inf, dtype=np.float32)
        self.model_index = np.full((n, k), -1, dtype=np.int8)

    def open_rows(self) -> Rows:
        """Products with an empty rank."""
        return np.flatnonzero(self.products[:, -1] < 0).astype(np.int32)

    def fill(self, rows: Rows, products: Rows, scores: Floats) -> None:
        """Append the recommendations of the last of `models`, without duplicates."""
        here = self.products[rows]
        repeated = (products[:, :, None] == here[:, None, :]).any(axis=2)
        if self._groups is not None and (self._groups >= 0).any():
            new, shown = self._groups[products], self._groups[here]
            same = (new[:, :, None] == shown[:, None, :]) & (here >= 0)[:, None, :]
            repeated |= (new >= 0) & same.any(axis=2)
        is_kept = np.concatenate([here >= 0, (products >= 0) & ~repeated], axis=1)
        order = np.argsort(~is_kept, axis=1, kind="stable")[:, : self.k]
        is_filled = np.take_along_axis(is_kept, order, axis=1)
        model_index = np.full(products.shape, len(self.models) - 1, dtype=np.int8)
        for mine, theirs, nothing in (
            (self.products, products, -1),
            (self.scores, scores, -np.inf),
            (self.model_index, model_index, -1),
        ):
            both = np.concatenate([mine[rows], theirs], axis=1)
            mine[rows] = np.where(is_filled, np.take_along_axis(both, order, axis=1), nothing)

    def remove(self, out: npt.NDArray[np.bool_]) -> None:
        """Remove recommendations by a mask (n, k); those after them move up."""
        for values, nothing in (
            (self.products, -1),
            (self.scores, -np.inf),
            (self.model_index, -1),
        ):
            values[out] = nothing
        self.reorder(np.argsort(out, axis=1, kind="stable"))

    def reorder(self, order: npt.NDArray[np.int64]) -> None:
        """Reorder the first c recommendations of every product by positions (n, c)."""
        width = order.shape[1]
        for values in (self.products, self.scores, self.model_index):
            values[:, :width] = np.take_along_axis(values[:, :width], order, axis=1)

    def arrays(self) -> dict[str, Any]:
        """products, scores and model_index, (n, k) each, padded with -1 and -inf."""
        return {"products": self.products, "scores": self.scores, "model_index": self.model_index}

    def health(self) -> dict[str, Any]:
        """Counts of products and ranks by model, for the manifest."""
        used = self.model_index[self.model_index >= 0]
        first = self.model_index[:, 0]
        recommended = np.unique(self.products[self.products >= 0])
        return {
            "answers": {
                name: int(np.count_nonzero(used == i)) for i, name in enumerate(self.models)
            },
            "products_first_answered": {
                name: int(np.count_nonzero(first == i)) for i, name in enumerate(self.models)
            },
            "products_without_answers": int(np.count_nonzero(first < 0)),
            "products_recommended": len(recommended),
        }
