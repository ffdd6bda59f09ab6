"""Dual embeddings: skip-gram with negative sampling on product pairs, with both tables.

After Kvernadze, Sudyanti, Subedi and Hajiaghayi (2022), "Two Is Better Than One: Dual Embeddings
for Complementary Product Recommendations". word2vec throws its output vectors away; here the
cosine of a source's input vector and a target's output vector means that they occur in one basket,
while two products that are close in one and the same table have the same company: substitutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, entry_rows, inverse_power
from goeswith.core.jit import has_numba
from goeswith.data.catalog import Catalog
from goeswith.features.attribute_encoder import AttributeEncoder
from goeswith.models.compiled_skip_gram import DEVIATION as COMPILED_DEVIATION
from goeswith.models.compiled_skip_gram import CompiledSkipGram
from goeswith.models.neural.distributed import Workers
from goeswith.models.neural.training import (
    PairValidation,
    TrainedVectors,
    TrainingConfig,
    TrainingRun,
    require_torch,
)
from goeswith.models.neural.training_pairs import (
    ItemSimilarity,
    draw_pairs,
    negative_shares,
    subsample_pairs,
    synthetic_pairs,
)
from goeswith.models.paths import in_degree, out_degree
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, Relation

if TYPE_CHECKING:
    import torch

_NEGATIVES_PER_STEP: Final = 512
"""Negatives drawn in a step; all its pairs share them."""
_DEVIATION: Final = 0.1
"""Standard deviation of the first source vectors."""
_MIN_STEPS: Final = 20
"""Steps of an epoch at least: a small shop has smaller batches."""
_MIN_PAIRS: Final = 20_000
"""Pairs that an epoch of compiled code reads at least: those of a small shop several times."""
_MAX_VIEW_EPOCHS: Final = 5
"""Maximum epochs of the model of views, which has many more pairs than complements."""


class DualEmbeddingConfig(TrainingConfig):
    """Settings of dual embeddings."""

    max_epochs: int = Field(20, ge=1, description="Maximum number of training epochs.")
    dimension: int = Field(64, ge=2, description="Dimension of the product vectors.")
    negatives: int = Field(
        5, ge=1, description="Weight of the negatives, as a number of negatives per pair."
    )
    negative_exponent: float = Field(
        0.0,
        ge=-1,
        le=1,
        description="Exponent of the target frequency in the distribution of negatives; 0 is "
        "uniform.",
    )
    subsample: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Subsampling threshold: pairs of products with a larger share of all pairs are "
        "dropped at random; 1 keeps all.",
    )
    retrieval: Literal["in_out", "in_in", "out_out"] = Field(
        "in_out",
        description="Embedding tables that are compared: in_out for complements, the others for "
        "similar products.",
    )
    gamma: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Weight of synthetic pairs, in which similar products replace the originals; "
        "0 adds none.",
    )
    neighbours: int = Field(
        5,
        ge=1,
        description="Number of similar products that may replace a product in a synthetic pair.",
    )
    threshold: float = Field(
        0.5, ge=0, le=1, description="Minimum similarity of a replacement, 0 to 1."
    )
    stand_ins: int = Field(
        1,
        ge=0,
        description="Number of similar products whose vectors are used for a product without "
        "pairs; 0 disables it.",
    )


class DualEmbedding(TrainedVectors):
    """Skip-gram on product pairs with both of its tables: one of sources, one of targets."""

    name = "dual_embedding"
    Config = DualEmbeddingConfig
    config: DualEmbeddingConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import device, normal

        config, where = self.config, device()
        validation = PairValidation(graph, config.validation_share, config.seed)
        edges = validation.split.graph.complements.count
        similarity = self._similarity(catalog, validation.split.graph)
        if config.gamma:
            edges = edges + self._synthetic(validation.split.graph, similarity)
        weights = subsample_pairs(edges, config.subsample)
        shares = np.cumsum(negative_shares(edges, config.negative_exponent))
        is_source, is_target = out_degree(edges) > 0, in_degree(edges) > 0

        is_compiled = has_numba() and where.type == "cpu" and Workers.here().size == 1
        deviation = COMPILED_DEVIATION if is_compiled else _DEVIATION
        torch.manual_seed(config.seed)
        module = torch.nn.ParameterDict(
            {
                "in": normal(graph.n, config.dimension, deviation),
                "out": torch.nn.Parameter(torch.zeros(graph.n, config.dimension)),
            }
        ).to(where)
        compiled: CompiledSkipGram | None = None
        if is_compiled:
            for name in ("in_squares", "out_squares"):  # of the run, so that it resumes with them
                module[name] = torch.nn.Parameter(torch.zeros(graph.n), requires_grad=False)
            tables = {name: table.detach().numpy() for name, table in module.items()}
            compiled = CompiledSkipGram(tables, shares, config.negatives, config.learning_rate)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        # the first epochs of torch, which learn popularity, can look like a peak
        pairs = validation.pairs if compiled is None else None
        run = TrainingRun(self, module, optimizer, data=[weights, shares], pairs=pairs)

        for _ in run.epochs():
            sources, targets = draw_pairs(weights, run.rng)
            if compiled is not None:
                times = max(-(-_MIN_PAIRS // len(sources)), 1) if len(sources) else 1
                sources, targets = np.tile(sources, times), np.tile(targets, times)
                loss = compiled.epoch(sources, targets, int(run.rng.integers(1, 2**63)))
            else:
                loss = self._epoch(run, sources, targets, shares)
            # whatever is retrieved, the tables are those that find held-out complements best
            hit_rate = validation.hit_rate(
                _vectors(module["in"], is_source), _vectors(module["out"], is_target)
            )
            run.finish(loss, hit_rate)
        run.restore_best()
        self.history = run.history

        table = {
            "in": _vectors(module["in"], is_source),
            "out": _vectors(module["out"], is_target),
        }
        s, t = (table[name] for name in config.retrieval.split("_"))
        if config.stand_ins:
            # a product that was seen, but never as a target, is not one
            s = _with_stand_ins(s, np.asarray(~s.any(axis=1)), similarity, config.stand_ins)
            t = _with_stand_ins(t, ~(is_source | is_target), similarity, config.stand_ins)
        self.source_vectors, self.target_vectors = s, t
        return self

    def _epoch(
        self, run: TrainingRun, sources: Rows, targets: Rows, shares: npt.NDArray[np.float64]
    ) -> float:
        """Train on pairs by torch, in batches that workers share; the mean loss of a batch."""
        import torch

        module, where, losses = run.module, next(run.module.parameters()).device, []
        assert isinstance(module, torch.nn.ParameterDict)
        size = int(np.clip(len(sources) // _MIN_STEPS, 1, self.config.batch))
        for batch in blocks(np.arange(len(sources), dtype=np.int32), size):
            block = run.workers.share(batch)
            negatives = np.searchsorted(shares, run.rng.random(_NEGATIVES_PER_STEP) * shares[-1])
            u, v, w = (
                torch.from_numpy(rows.astype(np.int64)).to(where)
                for rows in (sources[block], targets[block], negatives)
            )
            loss = skip_gram_loss(
                module["in"][u], module["out"][v], module["out"][w], self.config.negatives
            )
            losses.append(run.step(loss, len(block)))
        return float(np.mean(losses)) if losses else 0.0

    def _similarity(self, catalog: Catalog, graph: RelationGraph) -> ItemSimilarity:
        """The paper's item similarity: cosines of a second model of this kind, on views."""
        views = np.zeros((graph.n, 1), dtype=np.float32)
        viewed = graph[CO_VIEW].count
        seen = out_degree(graph.complements.count) + in_degree(graph.complements.count) > 0
        unseen_is_viewed = np.any((out_degree(viewed) + in_degree(viewed) > 0) & ~seen)
        if self.config.gamma or (self.config.stand_ins and unseen_is_viewed):
            epochs = min(_MAX_VIEW_EPOCHS, self.config.max_epochs)
            alike = {"retrieval": "in_in", "gamma": 0, "stand_ins": 0, "max_epochs": epochs}
            model = DualEmbedding(self.config.model_copy(update=alike))
            either = Relation(viewed.maximum(viewed.T).tocsr())
            views = model.fit(catalog, RelationGraph(graph.n, {CO_PURCHASE: either})).source_vectors
        return ItemSimilarity(views, AttributeEncoder.fit(catalog).encode(catalog))

    def _synthetic(self, graph: RelationGraph, similarity: ItemSimilarity) -> Sparse:
        """Pairs of products like those of a complement pair, less those viewed as alternatives."""
        counts, viewed = graph.complements.count, graph[CO_VIEW].count
        rows = np.flatnonzero(out_degree(counts) + in_degree(counts)).astype(np.int32)
        anyone = np.ones(graph.n, dtype=bool)
        near = similarity.nearest(rows, anyone, self.config.neighbours, self.config.threshold)
        similar = sparse.csr_matrix(
            (near.data, (rows[entry_rows(near)], near.indices)), shape=counts.shape
        )
        added = synthetic_pairs(counts, similar, self.config.gamma)
        alternatives = viewed.maximum(viewed.T)
        added -= added.multiply(alternatives > 0)
        added.eliminate_zeros()
        return added


def skip_gram_loss(
    sources: torch.Tensor, targets: torch.Tensor, negatives: torch.Tensor, weight: float
) -> torch.Tensor:
    """Skip-gram with negative sampling, summed over the pairs of a batch.

        -log sigma(s_u . t_v) - weight E_w log sigma(-s_u . t_w)

    The mean over the drawn negatives stands for the expectation, so that `weight` is the number of
    negatives that the paper draws for each pair.

    Args:
        sources: (b, d) input vectors s_u.
        targets: (b, d) output vectors t_v.
        negatives: (m, d) output vectors t_w, shared by the pairs.
        weight: k, how many negatives a pair counts.
    """
    from torch.nn.functional import softplus

    seen = softplus(-(sources * targets).sum(dim=1)).sum()
    return seen + weight * softplus(sources @ negatives.T).sum() / len(negatives)


def _with_stand_ins(
    vectors: Floats, missing: npt.NDArray[np.bool_], similarity: ItemSimilarity, m: int
) -> Floats:
    """Where a vector is missing, that of the m most similar products.

    Weighted by their similarity and as long as the greatest of them: a product that stands back
    behind the one that lends its vector.
    """
    rows = np.flatnonzero(missing).astype(np.int32)
    near = similarity.nearest(rows, np.asarray(vectors.any(axis=1)), m, 0)
    filled = vectors.copy()
    filled[rows] = _normalize_rows(near @ vectors) * near.max(axis=1).toarray()
    return filled


def _vectors(table: torch.Tensor, seen: npt.NDArray[np.bool_]) -> Floats:
    """(n, d) rows of length 1; zeros for products that were never seen in this role."""
    return _normalize_rows(table.detach().cpu().numpy() * seen[:, None])


def _normalize_rows(vectors: Floats) -> Floats:
    return vectors * inverse_power(np.linalg.norm(vectors, axis=1), 1).astype(np.float32)[:, None]
