"""Typed towers: P-Companion's two questions, which types and which products, as one softmax.

Ours. P-Companion (Hao et al., 2020) asks first which types complement a product, then which
products of each. With c the type of j that is

    p(j | i) = p(c | i) p(j | i, c)                                    (its sections 4.2 and 4.3)

Here one softmax over the catalogue gives both factors, so that frequency counts, and a slate's
types and products cannot contradict each other:

    p(j | i) = softmax of s_i . t_j / temperature,  p(c | i) = sum of p(j | i) over type c
    s_i = normalise(X_i W + e_i),  t_j = normalise(X_j W' + e'_j)

Every attribute X, a type among them, has a learned vector as a source (a row of W) and as a target
(of W'). The id vectors e are learned for products with edges, and half of them dropped in each
step, so that attributes learn to stand alone.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.arrays import Floats, Rows, blocks
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.encode.attributes import AttributeEncoder
from goeswith.models.neural.directed_propagation import weighted
from goeswith.models.neural.training import Run, TrainingConfig, Validation, need_torch
from goeswith.models.neural.typed import TypedVectors
from goeswith.relations.graph import RelationGraph


class TypedTowersConfig(TrainingConfig):
    """Settings of typed towers."""

    dimension: int = Field(128, ge=2, description="Length of a vector.")
    id_dropout: float = Field(
        0.5, ge=0, lt=1, description="Share of id vectors dropped in each step."
    )
    temperature: float = Field(0.1, gt=0, description="Divides cosines before the softmax.")


class TypedTowers(TypedVectors):
    """Which types go with a product, and which products of each, from attributes."""

    name = "typed_towers"
    Config = TypedTowersConfig
    config: TypedTowersConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        need_torch(self.name)
        import torch

        from goeswith.models.neural.torch_parts import SparseMap, device, softmax_loss
        from goeswith.models.neural.torch_typed_towers import Towers

        config, where = self.config, device()
        self.attributes = AttributeEncoder.fit(catalog)
        features = self.attributes.encode(catalog)
        self.name_types(catalog)
        validation = Validation(graph, config.validation_share, config.seed)
        edges = weighted(validation.held.graph.complements)

        torch.manual_seed(config.seed)
        module = Towers(graph.n, features.shape[1], config.dimension, config.id_dropout).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = Run(self, module, optimizer, data=[edges, features])
        content = SparseMap(features, where)
        asked, proposed = (np.bincount(x, minlength=graph.n) > 0 for x in edges.nonzero())
        known = np.diff(features.indptr) > 0
        asks, answers = (
            torch.from_numpy(warm.astype(np.float32)[:, None]).to(where)
            for warm in (asked, proposed)
        )
        # in training, a product without any edge would be pushed away for being new
        never = torch.from_numpy(np.flatnonzero(~asked & ~proposed)).to(where)
        sources = np.flatnonzero(asked).astype(np.int32)

        def vectors() -> tuple[torch.Tensor, torch.Tensor]:
            return module.sources(content, asks), module.targets(content, answers)

        def export() -> None:
            module.eval()
            with torch.no_grad():
                self.source_vectors, self.target_vectors = (x.cpu().numpy() for x in vectors())
            self.source_vectors[~known & ~asked] = 0
            self.target_vectors[~known & ~proposed] = 0

        for _ in run.epochs():
            losses = []
            module.train()
            for block in blocks(run.rng.permutation(sources), config.batch):
                s, t = vectors()
                logits = s[torch.from_numpy(block).to(where)] @ t.T / config.temperature
                loss = softmax_loss(logits, edges[block], block, never)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(float(loss.detach()))
            export()
            hit_rate = validation.hit_rate(self.source_vectors, self.target_vectors)
            run.finish(float(np.mean(losses)) if losses else 0.0, hit_rate)
        run.restore_best()
        self.history = run.history
        export()
        self.content = module.source_content.detach().cpu().numpy()
        return self

    def type_scores(self, sources: Rows) -> Floats:
        """(b, types) log of the sum of exp(score / temperature) over the products of each type."""
        scores = self.score(sources)
        highest = scores.max(axis=1, keepdims=True)
        gap = scores - np.where(np.isfinite(highest), highest, 0)
        shares = np.exp(gap / self.config.temperature)
        kinds = sparse.csr_matrix(
            (np.ones(self.n, np.float32), (np.arange(self.n), self.types)),
            shape=(self.n, len(self.type_names)),
        )
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(shares @ kinds), dtype=np.float32)

    def score_new(self, products: Catalog) -> Floats:
        vectors = self.attributes.encode(products) @ self.content
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        scores: Floats = vectors @ self.target_vectors.T
        scores[~vectors.any(axis=1)] = -np.inf
        scores[:, ~self.target_vectors.any(axis=1)] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        return {**super().arrays(), **self.attributes.arrays(), "source_content": self.content}

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.attributes = AttributeEncoder.restore(arrays)
        self.content = arrays["source_content"]
