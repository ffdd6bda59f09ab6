"""Directed propagation: source and target vectors of every product, passed along the edges.

Ours, from three published ideas: the two states and the direction of DAEMON (Virinchi, Saladi and
Mondal, 2022, algorithm 1), propagation without weights or ReLU between layers, whose layers are
averaged (LightGCN; He et al., 2020), and a softmax over the whole catalogue. With A the complement
graph and V the (undirected) co-view graph, both normalised by the square roots of their degrees:

    s_0 = e^s + X W^s              s_l = A t_{l-1} + c V s_{l-1}
    t_0 = e^t + X W^t              t_l = A' s_{l-1} + c V t_{l-1}
    s = normalise(mean_l s_l)      t = normalise(mean_l t_l)

Loss of an edge (u, v): -log softmax of s_u . t_v / temperature over v and all warm products that
are not complements of u. Edges of a list weigh 1; where pairs are counted, A, V and the loss weigh
an edge by its log-likelihood ratio. Half of the id vectors e are dropped in each step, so that
attributes X learn to stand alone: a product without edges has no id vector, only its attributes
and the products it is viewed with. One that was unknown at fit has its attributes alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, blocks
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.models.neural.training import (
    PairValidation,
    TrainedVectors,
    TrainingConfig,
    TrainingRun,
    require_torch,
)
from goeswith.models.paths import edge_weights
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_VIEW, Relation

if TYPE_CHECKING:
    import torch


class DirectedPropagationConfig(TrainingConfig):
    """Settings of directed propagation."""

    dimension: int = Field(128, ge=2, description="Dimension of the product vectors.")
    layers: int = Field(
        2, ge=0, description="Number of propagation steps along edges; 0 is a two-tower model."
    )
    co_view: float = Field(0.5, ge=0, description="Weight of propagation along co-view edges.")
    temperature: float = Field(
        0.1, gt=0, description="Temperature: cosines are divided by it before the softmax."
    )
    id_dropout: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Dropout: share of the id vectors set to 0 in each training step.",
    )
    own_edge: bool = Field(
        True, description="Whether messages pass along the edge that is being predicted."
    )


class DirectedPropagation(TrainedVectors):
    """Source and target vectors of every product, passed along the edges (see the module)."""

    name = "directed_propagation"
    Config = DirectedPropagationConfig
    config: DirectedPropagationConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch
        from torch.nn import functional

        from goeswith.models.neural.torch_layers import (
            SparseMap,
            device,
            normal,
            symmetric_normalised,
        )

        config, where = self.config, device()
        self.attributes = AttributeEncoder.fit(catalog)
        features = self.attributes.encode(catalog)
        validation = PairValidation(graph, config.validation_share, config.seed)
        edges = normalized_weights(validation.split.graph.complements)
        viewed = graph[CO_VIEW].count
        views = normalized_weights(Relation(viewed.maximum(viewed.T).tocsr()))

        torch.manual_seed(config.seed)
        module = torch.nn.ParameterDict(
            {
                "source": normal(graph.n, config.dimension),
                "target": normal(graph.n, config.dimension),
                "source_content": normal(features.shape[1], config.dimension),
                "target_content": normal(features.shape[1], config.dimension),
            }
        ).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = TrainingRun(self, module, optimizer, data=[edges, views, features])
        content = SparseMap(features, where)
        co_views = SparseMap(symmetric_normalised(views), where)

        def encode(bought: SparseMap, id_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
            """Sums over all layers, and over those that were sent along the edges."""
            s = id_mask * module["source"] + content @ module["source_content"]
            t = id_mask * module["target"] + content @ module["target_content"]
            all_s, all_t = s, t
            sent_s, sent_t = torch.zeros_like(s), torch.zeros_like(t)
            for _ in range(config.layers):
                sent_s, sent_t = sent_s + s, sent_t + t
                s, t = (
                    bought @ t + config.co_view * (co_views @ s),
                    bought.transposed @ s + config.co_view * (co_views @ t),
                )
                all_s, all_t = all_s + s, all_t + t
            return all_s, all_t, sent_s, sent_t

        def vectors(bought: SparseMap, id_mask: torch.Tensor) -> tuple[Floats, Floats]:
            with torch.no_grad():
                s, t, *_ = encode(bought, id_mask)
                s, t = functional.normalize(s, dim=1), functional.normalize(t, dim=1)
            return s.cpu().numpy(), t.cpu().numpy()

        def has_edges(matrix: Sparse) -> torch.Tensor:
            degree = np.diff(matrix.indptr) + np.bincount(matrix.indices, minlength=graph.n)
            return torch.from_numpy((degree > 0).astype(np.float32)[:, None]).to(where)

        weights = symmetric_normalised(edges)
        bought, warm = SparseMap(weights, where), has_edges(edges)
        cold = (warm[:, 0] == 0).nonzero()[:, 0]
        sources = np.flatnonzero(np.diff(edges.indptr)).astype(np.int32)
        for _ in run.epochs():
            losses = []
            for batch in blocks(run.rng.permutation(sources), config.batch):
                block = run.workers.share(batch)
                # one draw for the complete batch, the same in all workers
                drawn = torch.rand(graph.n, 1, device=where, generator=run.generator)
                s, t, sent_s, sent_t = encode(bought, warm * (drawn >= config.id_dropout))
                loss = edge_loss(
                    (s, t),
                    (sent_s, sent_t) if not config.own_edge else None,
                    (edges[block], weights[block]),
                    (block, cold),
                    config.temperature,
                )
                losses.append(run.step(loss, edges[block].nnz))
            hit_rate = validation.hit_rate(*vectors(bought, warm))
            run.finish(float(np.mean(losses)) if losses else 0.0, hit_rate)
        run.restore_best()
        self.history = run.history

        # the validation edges teach nothing, but they carry messages in the vectors that answer
        everything = normalized_weights(graph.complements)
        bought = SparseMap(symmetric_normalised(everything), where)
        self.source_vectors, self.target_vectors = vectors(bought, has_edges(everything))
        self.content = module["source_content"].detach().cpu().numpy()
        return self

    def score_new(self, products: Catalog) -> Floats:
        vectors = self.attributes.encode(products) @ self.content
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return self.score_vectors(vectors)

    def arrays(self) -> Arrays:
        return {**super().arrays(), **self.attributes.arrays(), "source_content": self.content}

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.attributes = AttributeEncoder.restore(arrays)
        self.content = arrays["source_content"]


def edge_loss(
    states: tuple[torch.Tensor, torch.Tensor],
    sent: tuple[torch.Tensor, torch.Tensor] | None,
    edges: tuple[Sparse, Sparse],
    rows: tuple[Rows, torch.Tensor],
    temperature: float,
) -> torch.Tensor:
    """`softmax_loss` of cosines over the complete catalogue.

    Args:
        states: of sources and of targets, (n, d).
        sent: what each product sends, of which an edge's own is taken out of its cosine, (n, d);
            None leaves it there.
        edges: (b, n) CSR of the sources' edges: their weights in the loss, and in the messages.
        rows: the sources (b,), and the products that do not compete (m,).
        temperature: divides cosines.
    """
    import torch
    from torch.nn.functional import normalize

    from goeswith.models.neural.torch_layers import edge_cosines, softmax_loss

    (s, t), (weights, messages), (block, excluded) = states, edges, rows
    sources = torch.from_numpy(block).to(s.device)
    logits = normalize(s, dim=1)[sources] @ normalize(t, dim=1).T / temperature
    pairs = edge_cosines(states, sent, messages, block) / temperature if sent else None
    return softmax_loss(logits, weights, block, excluded, pairs)


def normalized_weights(edges: Relation) -> Sparse:
    """Edges by `edge_weights`, scaled to a mean of 1: an edge of a list weighs exactly 1.

    Counted pairs that chance explains weigh nothing and are no edges.
    """
    weights = edge_weights(edges, "auto")
    if weights.nnz:
        weights.data /= weights.data.mean()
    return weights
