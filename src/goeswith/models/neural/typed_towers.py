"""Typed towers: P-Companion's two questions, which types and which products, as one softmax.

Ours. P-Companion (Hao et al., 2020) asks first which types complement a product, then which
products of each. With c the type of j that is

    p(j | i) = p(c | i) p(j | i, c)                                    (its sections 4.2 and 4.3)

Here both factors come from one softmax over the catalogue, so that frequency counts and that the
product of the two is ranked exactly by an inner product:

    score(i, j) = s_i . t_j / temperature + q_i . phi'_c + b_c
    p(c | i) = sum of p(j | i) over the products j of type c,  p(j | i, c) = p(j | i) / p(c | i)

    a_i = ReLU(X_i E + b), s_i = normalise(a_i W + e_i), q_i = phi_w + a_i U, w the type of i
    t_j = normalise((1 + m_c) * (ReLU(X_j E' + b') W' + e'_j))

Every attribute X has a learned vector (a row of E and of E'). phi_w is the vector of a type that
asks, phi'_c that of a type that answers; m_c modulates products by their type as Eq 7 does. The id
vectors e are learned for products with edges, and half of them dropped in each step, so that
attributes learn to stand alone.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.arrays import Floats, Rows, Sparse, blocks
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.encode.attributes import AttributeEncoder
from goeswith.models.neural.directed_propagation import weighted
from goeswith.models.neural.training import Run, TrainingConfig, Validation, need_torch
from goeswith.models.neural.typed import TypedVectors
from goeswith.relations.graph import RelationGraph

TOWER = ("source_attributes", "source_bias", "source_out", "query", "query_out")
"""Weights that make a product's source vector of its attributes and its type."""


class TypedTowersConfig(TrainingConfig):
    """Settings of typed towers."""

    dimension: int = Field(128, ge=2, description="Length of a product vector.")
    type_dimension: int = Field(32, ge=2, description="Length of a type vector.")
    hidden: int = Field(128, ge=2, description="Length of an attribute vector.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of hidden units dropped in a step.")
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
        module = Towers(graph.n, features.shape[1], len(self.type_names), config).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = Run(self, module, optimizer, data=[edges, features, self.types])
        content = SparseMap(features, where)
        types = torch.from_numpy(self.types.astype(np.int64)).to(where)
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
            return module.sources(content, types, asks), module.targets(content, types, answers)

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
                logits = s[torch.from_numpy(block).to(where)] @ t.T
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
        self.tower = {name: getattr(module, name).detach().cpu().numpy() for name in TOWER}
        return self

    def type_scores(self, sources: Rows) -> Floats:
        """(b, types) log of the sum of exp(score) over the products of each type."""
        scores = self.score(sources)
        highest = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - np.where(np.isfinite(highest), highest, 0))
        kinds = sparse.csr_matrix(
            (np.ones(self.n, np.float32), (np.arange(self.n), self.types)),
            shape=(self.n, len(self.type_names)),
        )
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(shares @ kinds), dtype=np.float32)

    def score_new(self, products: Catalog) -> Floats:
        vectors = self._source_vectors(self.attributes.encode(products), self.type_codes(products))
        scores: Floats = vectors @ self.target_vectors.T
        scores[~vectors.any(axis=1)] = -np.inf
        scores[:, ~self.target_vectors.any(axis=1)] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        tower = {f"tower_{name}": array for name, array in self.tower.items()}
        return {**super().arrays(), **self.attributes.arrays(), **tower}

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.attributes = AttributeEncoder.restore(arrays)
        self.tower = {
            name.removeprefix("tower_"): array
            for name, array in arrays.items()
            if name.startswith("tower_")
        }

    def _source_vectors(self, features: Sparse, types: Rows) -> Floats:
        """What `Towers.sources` gives, without torch; zeros where no attribute is known."""
        w = self.tower
        a = np.maximum(features @ w["source_attributes"] + w["source_bias"], 0)
        s = a @ w["source_out"]
        s /= np.maximum(np.linalg.norm(s, axis=1, keepdims=True), 1e-12) * self.config.temperature
        q = w["query"][types] + a @ w["query_out"]
        vectors: Floats = np.hstack([s, q, np.ones_like(s[:, :1])])
        vectors[np.diff(features.indptr) == 0] = 0
        return vectors
