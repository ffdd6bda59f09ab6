"""AlphaRec: frozen text vectors, an MLP and the graph of shoppers and products.

Sheng et al. (2024), *Language Representations Can be What Recommenders Need* (arXiv 2407.05441).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from scipy import sparse
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sequential.base import mask_seen, prefix_weights
from goeswith.sequential.sequences import Ints, Sequences
from text_model import TextConfig, TextModel, unit


class AlphaRecConfig(TextConfig):
    """Settings of AlphaRec."""

    learning_rate: float = Field(0.001, gt=0, description="Adam's step size.")
    batch: int = Field(1024, ge=1, description="Purchases in a step.")
    items: Literal["text", "ids"] = Field(
        "text", description="What a product starts from: its text, or a vector of its own (ids)."
    )
    hidden: int = Field(256, ge=1, description="Width of the MLP.")
    dimension: int = Field(64, ge=2, description="Length of a vector.")
    hops: int = Field(2, ge=0, description="Steps over the graph; 0 leaves it out.")
    temperature: float = Field(0.15, gt=0, description="Divides cosines before the softmax.")
    recency: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Weight of each place further back, of a prefix; 1 in training.",
    )
    held_out: bool = Field(
        True, description="Take the purchases of a step out of its graph, and out of the shoppers."
    )


class AlphaRec(TextModel):
    """AlphaRec; with items=ids it is LightGCN (He et al., 2020) with the same loss.

        z_u = mean of the text vectors of the shopper's products
        v^0 = W_2 LeakyReLU(W_1 z + b_1) + b_2, of products and shoppers alike
        v^(k+1) of a node = sum over neighbours of v^k / sqrt(degree * degree of the neighbour)
        v = mean of v^0 ... v^K; score = cos(v of the shopper, v of the product)

    The state of any prefix is computed from the layers of the products, so a shopper who was not
    trained on has one, too. In the paper the purchase that is predicted is an edge of the graph;
    unless `held_out` is off, it is not one here.
    """

    name: ClassVar[str] = "alpharec"
    Config: ClassVar[type[ModelConfig]] = AlphaRecConfig
    config: AlphaRecConfig

    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        bought = sparse.csr_matrix(
            (np.ones(len(train.products), np.float32), (train.run_index, train.products)),
            shape=(len(train), len(catalog)),
        )
        bought.data[:] = 1
        self.graph = bought.tocoo()
        if self.config.items == "ids":
            self.content = torch.eye(len(catalog))
            self.content[np.bincount(train.products, minlength=len(catalog)) == 0] = 0
            return torch.nn.Linear(len(catalog), self.config.dimension, bias=False)
        return torch.nn.Sequential(
            torch.nn.Linear(self.content.shape[1], self.config.hidden),
            torch.nn.LeakyReLU(),
            torch.nn.Linear(self.config.hidden, self.config.dimension),
        )

    def batches(self, train: Sequences, rng: np.random.Generator) -> Any:
        order = rng.permutation(self.graph.nnz)
        for start in range(0, len(order), self.config.batch):
            yield order[start : start + self.config.batch]

    def batch_loss(self, rows: Ints, train: Sequences) -> tuple[torch.Tensor, int]:
        users, items = self.graph.row[rows], self.graph.col[rows]
        data = self.graph.data.copy()
        if self.config.held_out:
            data[rows] = 0
        graph = sparse.csr_matrix((data, (self.graph.row, self.graph.col)), shape=self.graph.shape)
        graph.eliminate_zeros()
        products, shoppers = self.layers(graph)
        left = graph.getnnz(axis=1)[users] > 0  # else nothing is left of the shopper
        states = unit(torch.stack(shoppers).mean(0))[users[left]]
        logits = states @ unit(torch.stack(products).mean(0)).T / self.config.temperature
        targets = torch.from_numpy(items[left]).long()
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        return loss, max(int(left.sum()), 1)

    def layers(self, graph: sparse.csr_matrix) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Vectors of products and shoppers after 0 ... K steps over a graph."""
        products = [self.module(self.content)]
        shoppers = [self.module(_sparse(_mean(graph)) @ self.content)]
        across = _sparse(_normalised(graph, graph))
        back = across.transpose(0, 1)
        for _ in range(self.config.hops):
            products, shoppers = (
                [*products, back @ shoppers[-1]],
                [*shoppers, across @ products[-1]],
            )
        return products, shoppers

    def product_vectors(self) -> torch.Tensor:
        graph = self.graph.tocsr() if hasattr(self, "graph") else self._no_shoppers()
        self.bought = graph
        self.products, _ = self.layers(graph)
        has_text = self.content.any(dim=1, keepdim=True)
        return torch.stack(self.products).mean(0) * has_text

    def prefix_states(self, prefixes: Sequences) -> torch.Tensor:
        own = prefix_weights(prefixes, self.config.recency, len(self.content))
        across = _sparse(_normalised(own, self.bought))
        layers = [self.module(_sparse(_mean(own)) @ self.content)]
        layers += [across @ products for products in self.products[: self.config.hops]]
        return torch.stack(layers).mean(0)

    def score(self, prefixes: Sequences) -> Floats:
        scores = super().score(prefixes)
        mask_seen(scores, prefixes)  # they are nearest to the mean of themselves
        return scores

    @property
    def reads_only_text(self) -> bool:
        return self.config.items == "text"

    def _no_shoppers(self) -> sparse.csr_matrix:
        """The graph of another catalogue, whose log is not read."""
        return sparse.csr_matrix((0, len(self.content)), dtype=np.float32)


def _mean(graph: sparse.csr_matrix) -> sparse.csr_matrix:
    total = np.asarray(graph.sum(axis=1)).ravel()
    return sparse.diags_array(1 / np.where(total > 0, total, 1)) @ graph


def _normalised(graph: sparse.csr_matrix, items: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows of a graph, divided by the root of both degrees; those of products are of `items`."""
    rows = np.maximum(graph.getnnz(axis=1), 1) ** -0.5
    columns = np.maximum(items.getnnz(axis=0), 1) ** -0.5
    return sparse.diags_array(rows) @ graph @ sparse.diags_array(columns)


def _sparse(matrix: sparse.csr_matrix) -> torch.Tensor:
    entries = sparse.coo_array(matrix)
    index = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    values = torch.from_numpy(entries.data.astype(np.float32))
    return torch.sparse_coo_tensor(index, values, entries.shape, check_invariants=False).coalesce()
