"""Product2Vec with a softmax over the catalogue in place of its hinge, for the ladder.

The network is that of Product2Vec (P-Companion, Hao et al., CIKM 2020, section 4.1, Eq 1). With
theta its vector of a product's attributes, and e an id vector of a product with similar ones:

    v_i = normalise(theta_i + e_i)        x_ij = v_i . v_j / temperature

The loss of a similar pair is -log softmax of x_ij over j and all products that are not similar to
i, of which some are drawn in each step: complements of i are among them, as its negatives are in
the paper, and so are unrelated products. Half of the id vectors are dropped in each step, so that
attributes learn to stand alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
import torch
from pydantic import Field
from torch.nn.functional import normalize

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, entry_rows
from goeswith.data.catalog import Catalog
from goeswith.models.neural.product2vec import (
    Product2Vec,
    Product2VecConfig,
    edges_between,
    new_network,
    numpy_layers,
    settle_norm,
)
from goeswith.models.neural.torch_layers import sampled_softmax_loss
from goeswith.models.neural.training import PairValidation, TrainingRun
from goeswith.models.paths import in_degree, out_degree
from goeswith.relations.graph import RelationGraph, Signals


class Product2VecSoftmaxConfig(Product2VecConfig):
    """Settings of Product2Vec with a softmax."""

    temperature: float = Field(0.1, gt=0, description="Divides cosines before the softmax.")
    negatives: int = Field(3000, ge=1, description="Products drawn as negatives in each step.")
    id_vectors: bool = Field(
        True, description="Whether products with similar ones have a learned vector each."
    )
    id_dropout: float = Field(
        0.5, ge=0, lt=1, description="Share of id vectors dropped in each step."
    )


class Product2VecSoftmax(Product2Vec):
    """Similar products by cosine: an encoder of attributes, and id vectors."""

    name = "product2vec_softmax"
    Config = Product2VecSoftmaxConfig
    config: Product2VecSoftmaxConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        """Train on similar pairs; see the module."""
        config = self.config
        self._content = config.content_encoder().fit(catalog)
        contents = self._content.encode(catalog)
        with_content = np.flatnonzero(contents.any(axis=1)).astype(np.int32)
        swapped = replace(graph, signals=Signals(graph.similars, graph.complements))
        validation = PairValidation(swapped, config.validation_share, config.seed)
        near = edges_between(validation.split.graph.complements, with_content)
        near.data = np.ones_like(near.data)
        torch.manual_seed(config.seed)
        with_ids = (out_degree(near) + in_degree(near) > 0) & config.id_vectors
        module = _Vectors(contents, with_ids.astype(np.float32), config)
        groups = [
            {"params": module.network.parameters()},
            {"params": module.ids.parameters(), "lr": 10 * config.learning_rate},
        ]
        optimizer = torch.optim.Adam(groups, lr=config.learning_rate)
        run = TrainingRun(self, module, optimizer, data=[near, contents], pairs=validation.pairs)
        for _ in run.epochs():
            losses = []
            module.train()
            sources = run.rng.permutation(np.flatnonzero(out_degree(near))).astype(np.int32)
            for block in blocks(sources, config.batch):
                drawn = np.sort(run.rng.permutation(with_content)[: config.negatives])
                loss = module.loss(near[block], (block, drawn), len(drawn) / len(with_content))
                losses.append(run.step(loss, near[block].nnz))
            unit = module.answers(with_content)
            run.finish(float(np.mean(losses)), validation.hit_rate(unit, unit))
        run.restore_best()
        self.history = run.history
        self.source_vectors = self.target_vectors = module.answers(with_content)
        self._layers = numpy_layers(module.network)
        return self


class _Vectors(torch.nn.Module):
    def __init__(
        self, contents: Floats, with_ids: Floats, config: Product2VecSoftmaxConfig
    ) -> None:
        super().__init__()
        self.content, self.config = torch.from_numpy(contents), config
        self.has_id = torch.from_numpy(with_ids)[:, None]
        self.network = new_network(contents.shape[1], config.dimension)
        self.ids = torch.nn.Embedding(len(contents), config.dimension)
        torch.nn.init.normal_(self.ids.weight, std=0.1)

    def loss(self, near: Sparse, rows: tuple[Rows, Rows], share: float) -> torch.Tensor:
        """Sum over the similar pairs (b, n) of sources, of which the drawn (m,) are no part."""
        (block, drawn), config = rows, self.config
        read, place = np.unique(np.concatenate([block, near.indices, drawn]), return_inverse=True)
        at = torch.from_numpy(read.astype(np.int64))
        mask = self.has_id[at] * (torch.rand(len(at), 1) >= config.id_dropout)
        unit = normalize(self.network(self.content[at]) + mask * self.ids(at), dim=1)
        ends = (len(block), len(block) + near.nnz)
        i, j, w = unit[torch.from_numpy(place)].tensor_split(ends)
        pairs = (i[torch.from_numpy(entry_rows(near).astype(np.int64))] * j).sum(1)
        logits = i @ w.T / config.temperature
        return sampled_softmax_loss(logits, pairs / config.temperature, near, rows, share)

    def answers(self, read: Rows) -> Floats:
        """(n, d) vectors; zeros of products without attributes."""
        settle_norm(self.network, self.content[torch.from_numpy(read.astype(np.int64))])
        self.eval()
        with torch.no_grad():
            theta = self.network(self.content) + self.has_id * self.ids.weight
            theta[~self.content.any(dim=1)] = 0
            unit: Floats = normalize(theta, dim=1).numpy()
        return unit
