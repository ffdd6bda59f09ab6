"""The torch modules of P-Companion: type vectors, type transition, projection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from goeswith.core.arrays import Rows, Sparse
from goeswith.models.neural.neighbour_sampler import sample_neighbours
from goeswith.models.neural.product2vec import hinge

if TYPE_CHECKING:
    from goeswith.models.neural.p_companion_config import PCompanionConfig


class TypeTransition(torch.nn.Module):
    """Vectors of every type, as a query and as a complement, and W4 to W6 with b4 to b6."""

    def __init__(self, types: int, dimension: int, config: PCompanionConfig) -> None:
        super().__init__()
        length = config.type_dimension
        self.query = torch.nn.Embedding(types, length)
        self.complement = torch.nn.Embedding(types, length)
        self.narrow = torch.nn.Linear(length, length // 2)
        self.dropout = torch.nn.Dropout(config.dropout)
        self.widen = torch.nn.Linear(length // 2, length)
        self.project = torch.nn.Linear(length, dimension)
        # far from one another, types pull so hard at first that every ReLU dies
        torch.nn.init.normal_(self.complement.weight, std=0.1)
        # of few units, all that a type has may be dead from the start unless each begins alive
        torch.nn.init.ones_(self.narrow.bias)
        if config.residual_projection:
            torch.nn.init.ones_(self.project.bias)

    def transitions(self, types: torch.Tensor) -> torch.Tensor:
        """The vector gamma (b, L) of what complements the types (b,) (Eq 4 and 5)."""
        gamma: torch.Tensor = self.widen(self.dropout(self.narrow(self.query(types)).relu()))
        return gamma

    def loss(
        self,
        theta: tuple[torch.Tensor, torch.Tensor],
        types: tuple[torch.Tensor, torch.Tensor],
        sign: int,
        config: PCompanionConfig,
    ) -> torch.Tensor:
        """The joint hinge loss (b,) of pairs (Eq 6 to 9).

        Args:
            theta: (b, d) vectors of sources, and of targets.
            types: (b,) their types.
            sign: y: 1 for complements, -1 for what they are held against.
            config: weights and margins.
        """
        gamma, phi = self.transitions(types[0]), self.complement(types[1])
        projection = self.project(gamma if config.train_projection == "gamma" else phi)
        item = ((theta[0] * projection - theta[1]) ** 2).sum(dim=1)
        kind = ((gamma - phi) ** 2).sum(dim=1)
        return config.alpha * hinge(item, sign, config) + (1 - config.alpha) * hinge(
            kind, sign, config
        )


class NegativeSampler:
    """Draws negatives of complements: substitutes of the source, or any product."""

    def __init__(self, edges: Sparse, similar: Sparse, kind: str) -> None:
        self._n, self._similar = edges.shape[0], similar
        rows, columns = edges.nonzero()
        self._complements = np.unique(rows.astype(np.int64) * self._n + columns)
        self._warm = np.unique(np.concatenate([rows, columns])).astype(np.int32)
        self._substitutes = kind != "random" and similar.nnz > 0
        # without substitutes, complements alone would all get one vector
        self._random = kind != "substitutes" or not similar.nnz

    def draw(self, sources: Rows, rng: np.random.Generator) -> Rows:
        """(m, 2) source and negative: one of each kind a source, where there is one."""
        drawn = []
        if self._substitutes:
            drawn.append(sample_neighbours(self._similar, sources, 1, rng)[:, 0])
        if self._random:
            drawn.append(rng.choice(self._warm, len(sources)))
        pairs = np.column_stack([np.tile(sources, len(drawn)), np.concatenate(drawn)])
        keys = pairs[:, 0].astype(np.int64) * self._n + pairs[:, 1]
        place = np.searchsorted(self._complements, keys).clip(max=len(self._complements) - 1)
        is_invalid = (
            (pairs[:, 1] < 0) | (pairs[:, 0] == pairs[:, 1]) | (self._complements[place] == keys)
        )
        valid: Rows = pairs[~is_invalid]
        return valid
