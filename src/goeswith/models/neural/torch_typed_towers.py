"""What typed towers train: vectors of attributes, of types, and of the products that are bought."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from goeswith.models.neural.torch_parts import SparseMap, normal

if TYPE_CHECKING:
    from goeswith.models.neural.typed_towers import TypedTowersConfig


class Towers(torch.nn.Module):
    """Source and target vectors of all products, with their types."""

    def __init__(self, n: int, attributes: int, types: int, config: TypedTowersConfig) -> None:
        super().__init__()
        self.config = config
        hidden, length, kind = config.hidden, config.dimension, config.type_dimension
        self.source_attributes = normal(attributes, hidden)
        self.target_attributes = normal(attributes, hidden)
        self.source_bias = torch.nn.Parameter(torch.zeros(hidden))
        self.target_bias = torch.nn.Parameter(torch.zeros(hidden))
        self.source_out = normal(hidden, length)
        self.target_out = normal(hidden, length)
        self.source_ids = normal(n, length)
        self.target_ids = normal(n, length)
        self.modulation = torch.nn.Parameter(torch.zeros(types, length))
        self.query = normal(types, kind)
        self.query_out = normal(hidden, kind)
        self.complement = normal(types, kind)
        self.frequency = torch.nn.Parameter(torch.zeros(types))

    def sources(self, content: SparseMap, types: torch.Tensor, warm: torch.Tensor) -> torch.Tensor:
        """(n, d + k + 1) of products that are asked about; `warm` (n, 1) have id vectors."""
        a = self._hidden(content, self.source_attributes, self.source_bias)
        s = a @ self.source_out + self._kept(warm) * self.source_ids
        kind = [self.query[types] + a @ self.query_out, torch.ones_like(s[:, :1])]
        return torch.cat([functional.normalize(s, dim=1) / self.config.temperature, *kind], 1)

    def targets(self, content: SparseMap, types: torch.Tensor, warm: torch.Tensor) -> torch.Tensor:
        """(n, d + k + 1) of products that are proposed; `warm` (n, 1) have id vectors."""
        a = self._hidden(content, self.target_attributes, self.target_bias)
        t = a @ self.target_out + self._kept(warm) * self.target_ids
        t = t * (1 + self.modulation[types])
        kind = [self.complement[types], self.frequency[types][:, None]]
        return torch.cat([functional.normalize(t, dim=1), *kind], 1)

    def _kept(self, warm: torch.Tensor) -> torch.Tensor:
        share = self.config.id_dropout if self.training else 0
        return warm * (torch.rand_like(warm) >= share)

    def _hidden(
        self, content: SparseMap, vectors: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        hidden = (content @ vectors + bias).relu()
        return functional.dropout(hidden, self.config.dropout, self.training)
