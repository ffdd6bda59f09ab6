"""MMHCL: hypergraphs of shoppers and of products beside the graph of purchases.

Guo et al. (2025), *MMHCL: Multi-Modal Hypergraph Contrastive Learning for Recommendation* (arXiv
2504.16576).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from scipy import sparse
from torch.nn import functional

from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sequential.base import prefix_weights
from goeswith.sequential.sequences import Ints, Sequences
from text_graph import AlphaRec, AlphaRecConfig, _mean, _sparse
from text_model import unit


class MmhclConfig(AlphaRecConfig):
    """Settings of hypergraphs."""

    neighbours: int = Field(10, ge=1, description="Products of a hyperedge, nearest by text.")
    steps: int = Field(2, ge=1, description="Convolutions over the hypergraph of products.")
    contrast: float = Field(0.05, ge=0, description="Weight of the contrast of both views.")
    contrast_temperature: float = Field(0.2, gt=0, description="Divides its cosines.")


class Mmhcl(AlphaRec):
    """`alpharec` with second-order vectors, which its own are contrasted with.

        H: a hyperedge for each product, of its nearest by text and itself
        h_i = (D^-1/2 H B^-1 H' D^-1/2)^steps v^0, D and B the degrees of products and hyperedges
        h_u = (D^-1/2 A B^-1 A' D^-1/2) v^0_u, A the purchases: a hyperedge holds a product's buyers
        vector = v / |v| + h / |h|, of products and shoppers, v that of `alpharec`
        loss = next product + contrast * (-log softmax(cos(v, h) / temperature) within the step,
               over its shoppers and over its products)

    The paper has a hypergraph for each of text, pictures and sound, and a vector of each product
    and user of its own; here text is what vectors start from (`items=ids`: own vectors).
    """

    name: ClassVar[str] = "mmhcl"
    Config: ClassVar[type[ModelConfig]] = MmhclConfig
    config: MmhclConfig

    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        self.across_products = self._product_hypergraph(self.content.numpy())
        return super().build(catalog, train)

    def _product_hypergraph(self, content: np.ndarray) -> torch.Tensor:
        """(n, n) one convolution over the hypergraph of products."""
        n, width = len(content), min(self.config.neighbours + 1, len(content))
        cosines = content @ content.T
        np.fill_diagonal(cosines, np.inf)
        members = np.argpartition(-cosines, width - 1, axis=1)[:, :width]
        edges = np.repeat(np.arange(n), width)
        holds = sparse.csr_matrix(
            (np.ones(n * width, np.float32), (members.ravel(), edges)), shape=(n, n)
        )
        return _sparse(_convolution(holds))

    def second_order(self, graph: sparse.csr_matrix) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, d) vectors of products, and what the hyperedge of each hands to its buyers."""
        products = self.module(self.content)
        for _ in range(self.config.steps):
            products = self.across_products @ products
        shoppers = self.module(_sparse(_mean(graph)) @ self.content)
        scale = sparse.diags_array(np.maximum(graph.getnnz(axis=1), 1) ** -0.5)
        buyers = sparse.diags_array(1 / np.maximum(graph.getnnz(axis=0), 1)) @ (scale @ graph).T
        return products, _sparse(buyers) @ shoppers

    def batch_loss(self, rows: Ints, train: Sequences) -> tuple[torch.Tensor, int]:
        users, items = self.graph.row[rows], self.graph.col[rows]
        data = self.graph.data.copy()
        if self.config.held_out:
            data[rows] = 0
        graph = sparse.csr_matrix((data, (self.graph.row, self.graph.col)), shape=self.graph.shape)
        graph.eliminate_zeros()
        left = graph.getnnz(axis=1)[users] > 0
        users, items = users[left], items[left]
        layers = [torch.stack(part).mean(0) for part in self.layers(graph)]
        product_view, hyperedges = self.second_order(graph)
        scale = sparse.diags_array(np.maximum(graph.getnnz(axis=1), 1) ** -0.5)
        shopper_view = _sparse((scale @ graph)[users]) @ hyperedges
        states = unit(layers[1][users]) + unit(shopper_view)
        products = unit(layers[0]) + unit(product_view)
        logits = unit(states) @ unit(products).T / self.config.temperature
        loss = functional.cross_entropy(logits, torch.from_numpy(items).long(), reduction="sum")
        if self.config.contrast:
            kept = np.unique(items)
            contrast = self._contrast(layers[0][kept], product_view[kept]) + self._contrast(
                layers[1][users], shopper_view
            )
            loss = loss + self.config.contrast * len(users) * contrast
        return loss, max(len(users), 1)

    def _contrast(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Mean over rows of -log softmax of its own second view among those of the step."""
        cosines = unit(one) @ unit(other).T / self.config.contrast_temperature
        return functional.cross_entropy(cosines, torch.arange(len(one)))

    def product_vectors(self) -> torch.Tensor:
        first = super().product_vectors()
        second, self.hyperedges = self.second_order(self.bought)
        return (unit(first) + unit(second)) * self.content.any(dim=1, keepdim=True)

    def prefix_states(self, prefixes: Sequences) -> torch.Tensor:
        own = prefix_weights(prefixes, self.config.recency, len(self.content))
        second = _sparse(own) @ self.hyperedges
        return unit(super().prefix_states(prefixes)) + unit(second)

    @property
    def reads_only_text(self) -> bool:
        return False  # the hypergraph of products is of one catalogue


def _convolution(holds: sparse.csr_matrix) -> sparse.csr_matrix:
    """D^-1/2 H B^-1 H' D^-1/2 of a (nodes, hyperedges) matrix."""
    nodes = sparse.diags_array(np.maximum(holds.getnnz(axis=1), 1) ** -0.5)
    edges = sparse.diags_array(1 / np.maximum(holds.getnnz(axis=0), 1))
    return (nodes @ holds @ edges @ holds.T @ nodes).tocsr()
