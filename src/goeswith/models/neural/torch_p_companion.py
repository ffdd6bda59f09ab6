"""The torch modules of P-Companion and of its form with softmaxes: types, projection, ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.models.neural.neighbour_sampler import sample_neighbours
from goeswith.models.neural.product2vec import hinge

if TYPE_CHECKING:
    from goeswith.features.type_transitions import CountedTransitions
    from goeswith.models.neural.p_companion_config import (
        PCompanionConfig,
        PCompanionSoftmaxConfig,
    )


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


class TypeSoftmax(torch.nn.Module):
    """The scores of complement types."""

    contents: torch.Tensor
    types: torch.Tensor
    prior: torch.Tensor
    prior_complement: torch.Tensor

    def __init__(
        self,
        contents: Floats,
        types: Rows,
        counted: CountedTransitions,
        config: PCompanionSoftmaxConfig,
    ) -> None:
        """Parameters.

        Args:
            contents: (n, c) content vectors of length 1, which are not trained.
            types: (n,) of the products.
            counted: the prior, which is not trained, and where the biases start.
            config: settings.
        """
        super().__init__()
        count, length = len(counted.log_share), config.type_dimension
        fixed = {
            "contents": contents,
            "types": types.astype(np.int64),
            "prior": counted.source,
            "prior_complement": counted.complement,
        }
        for name, array in fixed.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)
        self.query = torch.nn.Embedding(count, length)
        self.content = torch.nn.Linear(contents.shape[1], length, bias=False)
        self.narrow = torch.nn.Linear(length, length // 2)
        self.dropout = torch.nn.Dropout(config.dropout)
        self.widen = torch.nn.Linear(length // 2, length)
        self.complement = torch.nn.Embedding(count, length)
        self.frequency = torch.nn.Parameter(torch.from_numpy(counted.log_share.copy()))
        torch.nn.init.normal_(self.complement.weight, std=0.1)
        torch.nn.init.ones_(self.narrow.bias)

    def transitions(self, rows: torch.Tensor) -> torch.Tensor:
        """(b, L + r + 1) gamma of sources, the prior of their types, and a one."""
        codes = self.types[rows]
        query = self.query(codes) + self.content(self.contents[rows])
        gamma = self.widen(self.dropout(self.narrow(query).relu()))
        return torch.cat([gamma, self.prior[codes], torch.ones_like(gamma[:, :1])], dim=1)

    def complement_types(self) -> torch.Tensor:
        """(types, L + r + 1) phi', the prior, and how frequent a type is."""
        parts = [self.complement.weight, self.prior_complement, self.frequency[:, None]]
        return torch.cat(parts, dim=1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(b, types) scores of the complement types of sources."""
        return self.transitions(rows) @ self.complement_types().T


class ProductSoftmax(torch.nn.Module):
    """The scores of products, to which those of their types are added, which are not trained."""

    theta: torch.Tensor
    types: torch.Tensor
    warm: torch.Tensor
    transitions: torch.Tensor
    complement_types: torch.Tensor

    def __init__(
        self,
        thetas: Floats,
        types: Rows,
        with_ids: npt.NDArray[np.bool_],
        learned: tuple[Floats, Floats],
        config: PCompanionSoftmaxConfig,
    ) -> None:
        """Parameters.

        Args:
            thetas: (n, d) product vectors of length 1, which are not trained.
            types: (n,) of the products.
            with_ids: (n,) products that have a vector and a bias of their own.
            learned: (n, k) of sources and (types, k) of complement types; inner products are the
                scores of types.
            config: settings.
        """
        super().__init__()
        n, d = thetas.shape
        self.length, self.temperature = config.type_dimension, config.temperature
        fixed = {
            "theta": thetas,
            "types": types.astype(np.int64),
            "warm": with_ids.astype(np.float32)[:, None],
            "transitions": learned[0],
            "complement_types": learned[1],
        }
        for name, array in fixed.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)
        self.project = torch.nn.Linear(self.length, d)
        torch.nn.init.ones_(self.project.bias)
        ids = [torch.zeros(n, d), torch.zeros(n, d), torch.zeros(n, 1)]
        self.source_id, self.target_id, self.bias = map(torch.nn.Parameter, ids)
        for parameter in (self.source_id, self.target_id):
            torch.nn.init.normal_(parameter, std=0.05)

    def sources(self, rows: torch.Tensor) -> torch.Tensor:
        """(b, d + k) of sources: product, then type."""
        own = self.theta[rows] + self.source_id[rows] * self.warm[rows]
        return torch.cat([own, self.transitions[rows]], dim=1)

    def targets(self, rows: torch.Tensor) -> torch.Tensor:
        """(b, d + k) of targets: projection times product, type, and bias."""
        kinds, warm = self.complement_types[self.types[rows]], self.warm[rows]
        product = self.theta[rows] + self.target_id[rows] * warm
        projected = self.project(kinds[:, : self.length]) * product / self.temperature
        bias = kinds[:, -1:] + self.bias[rows] * warm
        return torch.cat([projected, kinds[:, :-1], bias], dim=1)


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
