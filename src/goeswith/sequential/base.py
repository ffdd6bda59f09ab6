"""The base class of session models: fit on sequences, score prefixes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Self

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, top_k
from goeswith.data.catalog import Catalog
from goeswith.models.base import Model
from goeswith.sequential.prefix_scores import PrefixScores
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
            (b, n) float32; higher is better, -inf where the model has no score. Products of the
            prefix have scores, too: people return to products.
        """

    def few_scores(self, prefixes: Sequences) -> PrefixScores | None:
        """The scores of `score` where they are non-negative weights and few of them are stored.

        None if a dense matrix is as good.
        """
        return None

    def shares(self, prefixes: Sequences) -> Floats:
        """(b, n) scores as shares that add up to 1, or 0 without scores.

        Here: scores are non-negative weights. A model whose scores are logarithms
        overrides this by a softmax.
        """
        scores = self.score(prefixes)
        scores[~np.isfinite(scores)] = 0
        total = scores.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(scores, total, where=total > 0, out=scores)
        return shares

    def recommend(
        self, prefixes: Sequences, k: int, *, exclude_seen: bool = False
    ) -> tuple[Rows, Floats]:
        """The k likeliest next products of each prefix.

        Args:
            prefixes: b of them.
            k: how many.
            exclude_seen: whether to exclude the products of the prefix.

        Returns:
            products (b, k) int32, -1 where none is left, and scores (b, k) float32, -inf there.
        """
        parts = [(np.zeros((0, k), dtype=np.int32), np.zeros((0, k), dtype=np.float32))]
        for block in self.in_blocks(prefixes):
            few = self.few_scores(block)
            if few is not None:
                parts.append((few.without(block) if exclude_seen else few).top(k))
                continue
            scores = self.score(block)
            if exclude_seen:
                mask_seen(scores, block)
            parts.append(top_k(scores, k))
        if len(prefixes):
            parts = parts[1:]  # where the catalogue is smaller than k, fewer columns come back
        return np.concatenate([p for p, _ in parts]), np.concatenate([s for _, s in parts])

    def in_blocks(self, prefixes: Sequences) -> Iterator[Sequences]:
        """`prefixes` in blocks of `self.block`."""
        for start in range(0, len(prefixes), self.block):
            yield prefixes.take(np.arange(start, min(start + self.block, len(prefixes))))


def mask_seen(scores: Floats, prefixes: Sequences) -> None:
    """Set the scores of the products of a prefix to -inf, in place."""
    scores[prefixes.run_index, prefixes.products] = -np.inf


def prefix_weights(prefixes: Sequences, recency: float, n: int) -> Sparse:
    """(b, n) CSR: `recency` to the power of the places back, summed where a product repeats."""
    weights = np.float32(recency) ** prefixes.steps_back.astype(np.float32)
    return sparse.csr_matrix(
        (weights, (prefixes.run_index, prefixes.products)), shape=(len(prefixes), n)
    )
