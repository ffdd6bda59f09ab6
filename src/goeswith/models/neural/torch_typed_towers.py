"""What typed towers train: vectors of attributes, and of the products that have edges."""

from __future__ import annotations

import torch
from torch.nn import functional

from goeswith.models.neural.torch_parts import SparseMap, normal


class Towers(torch.nn.Module):
    """Source and target vectors of all products."""

    def __init__(self, n: int, attributes: int, length: int, id_dropout: float) -> None:
        super().__init__()
        self.id_dropout = id_dropout
        self.source = normal(n, length)
        self.target = normal(n, length)
        self.source_content = normal(attributes, length)
        self.target_content = normal(attributes, length)

    def sources(self, content: SparseMap, warm: torch.Tensor) -> torch.Tensor:
        """(n, d) of products that are asked about; those `warm` (n, 1) have id vectors."""
        x = content @ self.source_content + self._kept(warm) * self.source
        return functional.normalize(x, dim=1)

    def targets(self, content: SparseMap, warm: torch.Tensor) -> torch.Tensor:
        """(n, d) of products that are proposed; those `warm` (n, 1) have id vectors."""
        x = content @ self.target_content + self._kept(warm) * self.target
        return functional.normalize(x, dim=1)

    def _kept(self, warm: torch.Tensor) -> torch.Tensor:
        share = self.id_dropout if self.training else 0
        return warm * (torch.rand_like(warm) >= share)
