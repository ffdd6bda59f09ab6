"""The contract of models of the next product: fit on sequences, score a prefix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Self

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, top_k
from goeswith.data.catalog import Catalog
from goeswith.models.base import Model
from goeswith.sequential.sequences import Sequences


class SessionModel(Model):
    """A model of which product comes next after those of a session.

    A subclass sets `name` and `Config`, and writes `fit`, `score`, `arrays` and `restore`.
    """

    @abstractmethod
    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        """Learn from sequences of rows of `catalog`. Deterministic for a config."""

    @abstractmethod
    def score(self, prefixes: Sequences) -> Floats:
        """How likely every product comes next.

        Args:
            prefixes: b of them; an empty one is allowed.

        Returns:
            (b, n) float32; higher is better, -inf where the model has nothing to say. What the
            prefix holds is scored like everything else: people come back to what they looked at.
        """

    def shares(self, prefixes: Sequences) -> Floats:
        """(b, n) scores as shares that add up to 1, or 0 where the model has nothing to say.

        Here: scores are weights, none of them negative. A model whose scores are logarithms says
        so by a softmax.
        """
        scores = self.score(prefixes)
        scores[~np.isfinite(scores)] = 0
        total = scores.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(scores, total, where=total > 0, out=scores)
        return shares

    def recommend(
        self, prefixes: Sequences, k: int, *, leave_out_seen: bool = False
    ) -> tuple[Rows, Floats]:
        """The k likeliest next products of each prefix.

        Args:
            prefixes: b of them.
            k: how many.
            leave_out_seen: not those that the prefix holds.

        Returns:
            products (b, k) int32, -1 where none is left, and scores (b, k) float32, -inf there.
        """
        parts = [(np.zeros((0, k), dtype=np.int32), np.zeros((0, k), dtype=np.float32))]
        for block in self.in_blocks(prefixes):
            scores = self.score(block)
            if leave_out_seen:
                leave_out(scores, block)
            parts.append(top_k(scores, k))
        if len(prefixes):
            parts = parts[1:]  # where the catalogue is smaller than k, fewer columns come back
        return np.concatenate([p for p, _ in parts]), np.concatenate([s for _, s in parts])

    def in_blocks(self, prefixes: Sequences) -> Iterator[Sequences]:
        """`prefixes` in runs of as many as are scored at a time."""
        for start in range(0, len(prefixes), self.block):
            yield prefixes.take(np.arange(start, min(start + self.block, len(prefixes))))


def leave_out(scores: Floats, prefixes: Sequences) -> None:
    """Set what a prefix holds to -inf, in place."""
    scores[prefixes.run_of, prefixes.products] = -np.inf


def prefix_weights(prefixes: Sequences, recency: float, n: int) -> Sparse:
    """(b, n) CSR: `recency` to the power of the places back, summed where a product repeats."""
    weights = np.float32(recency) ** prefixes.steps_back.astype(np.float32)
    return sparse.csr_matrix(
        (weights, (prefixes.run_of, prefixes.products)), shape=(len(prefixes), n)
    )
