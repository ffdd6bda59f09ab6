"""DAEMON over the complete graph, each pair scored without the messages of its own edge.

The states and the directed messages are those of DAEMON (Virinchi, Saladi and Mondal, 2022); what
is changed are the causes for which it finds few pairs here (docs/models/daemon.md). With A the
co-purchase and V the undirected co-view graph, both normalised by the square roots of their
degrees, and id vectors e:

    s = e^s + X W^s        S = s + A q + c V s        q = t W^q
    t = e^t + X W^t        T = t + A' p + c V t       p = s W^p

A product hears its complements through q and p, of which the state of its own is not made: a
product that predicts others need not be predicted by the same ones. The score of a pair is the
cosine of S_u and T_v. In training the pair's own edge is taken out of both, exactly:

    x_uv = cos(S_u - a_uv q_v, T_v - a_uv p_u) / temperature

so that the sum q_v . t_v, which every edge would explain itself with, is never learned; in EASE
the diagonal of 0 does the same. Loss: -log softmax of x_uv over v and all products that
can be recommended and are not bought with u, for which some are drawn in each step. Products that
are sources and never a target are no candidates, neither here nor in the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, blocks
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.models.input_edges import (
    InputConfig,
    drop_alternatives,
    excluded_alternatives,
    input_edges,
    stored_alternatives,
)
from goeswith.models.neural.directed_propagation import normalized_weights
from goeswith.models.neural.training import (
    PairValidation,
    TrainedVectors,
    TrainingConfig,
    TrainingRun,
    require_torch,
)
from goeswith.models.paths import in_degree, out_degree
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_VIEW, Relation

if TYPE_CHECKING:
    import torch


class DaemonFullGraphConfig(TrainingConfig, InputConfig):
    """Settings of DAEMON over the complete graph."""

    dimension: int = Field(64, ge=2, description="Dimension of the product vectors.")
    co_view: float = Field(0.5, ge=0, description="Weight of messages along co-view edges.")
    temperature: float = Field(
        0.1, gt=0, description="Temperature: cosines are divided by it before the softmax."
    )
    negatives: int = Field(3000, ge=1, description="Number of negatives drawn per training step.")
    own_edge: bool = Field(
        False,
        description="Whether messages pass along the edge that is being predicted, as in DAEMON. "
        "This leaks the label; it exists only to measure the effect.",
    )
    id_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Dropout: share of the id vectors set to 0 in each training step.",
    )


class DaemonFullGraph(TrainedVectors):
    """DAEMON over the complete graph, each pair scored without its own edge."""

    name = "daemon_full_graph"
    Config = DaemonFullGraphConfig
    config: DaemonFullGraphConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import (
            SparseMap,
            device,
            normal,
            symmetric_normalised,
        )

        config, where = self.config, device()
        self.attributes = AttributeEncoder.fit(catalog)
        features = self.attributes.encode(catalog)
        self.excluded = excluded_alternatives(graph, config)
        validation = PairValidation(graph, config.validation_share, config.seed, self.excluded)
        edges = normalized_weights(input_edges(validation.split.graph, config))
        viewed = graph[CO_VIEW].count
        views = normalized_weights(Relation(viewed.maximum(viewed.T).tocsr()))

        torch.manual_seed(config.seed)
        d = config.dimension
        module = torch.nn.ParameterDict(
            {
                "source": normal(graph.n, d),
                "target": normal(graph.n, d),
                "source_content": normal(features.shape[1], d),
                "target_content": normal(features.shape[1], d),
                "sent_by_source": torch.nn.Parameter(torch.eye(d)),
                "sent_by_target": torch.nn.Parameter(torch.eye(d)),
            }
        ).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = TrainingRun(self, module, optimizer, data=[edges, views, features])
        content = SparseMap(features, where)
        co_views = SparseMap(symmetric_normalised(views), where)

        def encode(bought: SparseMap, ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
            """S and T, and the messages p and q that they are made of."""
            s = ids * module["source"] + content @ module["source_content"]
            t = ids * module["target"] + content @ module["target_content"]
            p, q = s @ module["sent_by_source"], t @ module["sent_by_target"]
            all_s = s + bought @ q + config.co_view * (co_views @ s)
            all_t = t + bought.transposed @ p + config.co_view * (co_views @ t)
            return all_s, all_t, p, q

        def has_id(matrix: Sparse) -> torch.Tensor:
            degree = out_degree(matrix) + in_degree(matrix)
            return torch.from_numpy((degree > 0).astype(np.float32)[:, None]).to(where)

        def vectors(matrix: Sparse) -> tuple[Floats, Floats]:
            """What answers, with the messages of all edges of `matrix`."""
            with torch.no_grad():
                s, t, *_ = encode(SparseMap(symmetric_normalised(matrix), where), has_id(matrix))
                s, t = torch.nn.functional.normalize(s), torch.nn.functional.normalize(t)
            candidates = torch.from_numpy(_is_candidate(matrix)[:, None]).to(where)
            return s.cpu().numpy(), (t * candidates).cpu().numpy()

        weights = symmetric_normalised(edges)
        bought, warm = SparseMap(weights, where), has_id(edges)
        # all that can be recommended compete, if anything is known of them
        known = (
            out_degree(edges) + in_degree(edges) + in_degree(views) + features.getnnz(axis=1) > 0
        )
        rivals = np.flatnonzero(_is_candidate(edges) & known).astype(np.int32)
        for _ in run.epochs():
            losses = []
            for batch in blocks(
                run.rng.permutation(np.flatnonzero(out_degree(edges))).astype(np.int32),
                config.batch,
            ):
                block = run.workers.share(batch)
                drawn = np.sort(run.rng.permutation(rivals)[: config.negatives])
                # one draw for the complete batch, the same in all workers
                mask = torch.rand(graph.n, 1, device=where, generator=run.generator)
                s, t, p, q = encode(bought, warm * (mask >= config.id_dropout))
                loss = own_edge_free_loss(
                    (s, t),
                    (p, q) if not config.own_edge else None,
                    (edges[block], weights[block]),
                    (block, drawn),
                    share=len(drawn) / len(rivals),
                    temperature=config.temperature,
                )
                losses.append(run.step(loss, edges[block].nnz))
            hit_rate = validation.hit_rate(*vectors(edges))
            run.finish(float(np.mean(losses)) if losses else 0.0, hit_rate)
        run.restore_best()
        self.history = run.history

        # the validation edges teach nothing, but they carry messages in the vectors that answer
        self.source_vectors, self.target_vectors = vectors(
            normalized_weights(input_edges(graph, config))
        )
        self.content = module["source_content"].detach().cpu().numpy()
        return self

    def score(self, sources: Rows) -> Floats:
        return drop_alternatives(super().score(sources), sources, self.excluded)

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        if self.excluded.nnz:
            exclude = self.excluded if exclude is None else (exclude + self.excluded).tocsr()
        return super().recommend(sources, k, exclude)

    def score_new(self, products: Catalog) -> Floats:
        vectors = self.attributes.encode(products) @ self.content
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return self.score_vectors(vectors)

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.excluded = excluded_alternatives(graph, self.config)
        return super().refresh(catalog, graph)

    def arrays(self) -> Arrays:
        return {
            **super().arrays(),
            **self.attributes.arrays(),
            "source_content": self.content,
            "excluded": self.excluded,
        }

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.attributes = AttributeEncoder.restore(arrays)
        self.content = arrays["source_content"]
        self.excluded = stored_alternatives(arrays, self.n)


def _is_candidate(edges: Sparse) -> npt.NDArray[np.bool_]:
    """(n,) products that are a target, or have no edges at all: others would never be right."""
    return np.asarray((in_degree(edges) > 0) | (out_degree(edges) == 0))


def own_edge_free_loss(
    states: tuple[torch.Tensor, torch.Tensor],
    sent: tuple[torch.Tensor, torch.Tensor] | None,
    edges: tuple[Sparse, Sparse],
    rows: tuple[Rows, Rows],
    *,
    share: float,
    temperature: float,
) -> torch.Tensor:
    """`sampled_softmax_loss` of cosines, each edge's without its own messages.

    Args:
        states: S and T, (n, d).
        sent: the messages p of sources and q of targets, (n, d), of which those of an edge are
            taken out of its own states; None leaves them there.
        edges: (b, n) CSR of the sources' edges: their weights in the loss, and in the messages.
        rows: the sources (b,), and the drawn products (m,).
        share: of all that compete, how many are drawn.
        temperature: divides cosines.
    """
    import torch
    from torch.nn.functional import normalize

    from goeswith.models.neural.torch_layers import edge_cosines, sampled_softmax_loss

    (weights, messages), (s, t) = edges, states
    sources, drawn = (torch.from_numpy(r.astype(np.int64)).to(s.device) for r in rows)
    logits = normalize(s[sources], dim=1) @ normalize(t[drawn], dim=1).T / temperature
    pairs = edge_cosines(states, sent, messages, rows[0]) / temperature
    return sampled_softmax_loss(logits, pairs, weights, rows, share)
