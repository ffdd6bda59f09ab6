"""P-Companion: first the types that go with a type, then the products of each (Hao et al., 2020).

A product i of type w has a content vector theta_i (`product2vec`, trained first, then frozen). A
bottleneck turns the vector of its type into that of the types that complement it; a complement
type turns theta_i into the place where its complements of that type lie:

    gamma_w  = Dropout(ReLU(phi_w W4 + b4)) W5 + b5             (Eq 4, 5)
    theta_ic = theta_i * (phi'_c W6 + b6)                       (Eq 7, element by element)

with a vector phi of every type as a query and phi' as a complement. Both are learned together, by
hinge losses of squared distances (Eq 6, 8, 9). The score of a pair is what Eq 9 makes small:

    S(i, j) = -alpha ||theta_ic - theta_j||^2 - (1 - alpha) ||gamma_w - phi'_c||^2,  c the type of j

which is an inner product of longer vectors, so that any product can be ranked. `slate` gives the
answer of the paper: a few products of each of a few types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from goeswith.core.arrays import Floats, Rows, blocks
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.neural.p_companion_config import PCompanionConfig
from goeswith.models.neural.product2vec import edges_between
from goeswith.models.neural.training import PairValidation, TrainingRun, require_torch
from goeswith.models.neural.typed_vectors import EncodedTypes
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    from goeswith.models.neural.torch_p_companion import TypeTransition


class PCompanion(EncodedTypes):
    """Complementary types first, then the products of each."""

    name = "p_companion"
    Config = PCompanionConfig
    config: PCompanionConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import device
        from goeswith.models.neural.torch_p_companion import NegativeSampler, TypeTransition

        config, where = self.config, device()
        validation = PairValidation(graph, config.validation_share, config.seed)
        self.fit_encoder(catalog, validation.split.graph)
        self.set_types(catalog)
        thetas = self.encoder.encode(catalog)
        with_content = np.flatnonzero(thetas.any(axis=1)).astype(np.int32)
        edges = edges_between(validation.split.graph.complements, with_content)
        similar = edges_between(validation.split.graph.similars, with_content)
        negatives = NegativeSampler(edges, similar, config.negatives)

        torch.manual_seed(config.seed)
        module = TypeTransition(len(self.type_names), thetas.shape[1], config).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        data = [edges, similar, thetas, self.types]
        run = TrainingRun(self, module, optimizer, data=data, pairs=validation.pairs)
        theta = torch.from_numpy(thetas).to(where)
        types = torch.from_numpy(self.types.astype(np.int64)).to(where)
        pairs = np.column_stack(edges.nonzero()).astype(np.int32)
        for _ in run.epochs():
            losses = []
            module.train()
            for block in blocks(run.rng.permutation(len(pairs)).astype(np.int32), config.batch):
                positive = pairs[block]
                drawn = negatives.draw(positive[:, 0], run.rng)
                terms = []
                for sign, sampled in ((1, positive), (-1, drawn)):
                    share = run.workers.share(sampled).astype(np.int64)
                    i, j = torch.from_numpy(share).to(where).T
                    terms.append(
                        module.loss((theta[i], theta[j]), (types[i], types[j]), sign, config)
                    )
                loss = torch.cat(terms)
                losses.append(run.step(loss.sum(), len(loss)))
            self._export_vectors(module, thetas)
            hit_rate = validation.hit_rate(self.source_vectors, self.target_vectors)
            run.finish(float(np.mean(losses)) if losses else 0.0, hit_rate)
        run.restore_best()
        self.history = run.history
        self._export_vectors(module, thetas)
        return self

    def score_new(self, products: Catalog) -> Floats:
        theta = self.encoder.encode(products)
        scores: Floats = self._sources(theta, self.type_codes(products)) @ self.target_vectors.T
        scores[~theta.any(axis=1)] = -np.inf
        scores[:, ~self.target_vectors.any(axis=1)] = -np.inf
        return scores

    def type_scores(self, sources: Rows) -> Floats:
        """(b, types) -||gamma - phi'||^2 of the types of sources and complement types."""
        gamma, phi = self.transitions[self.types[sources]], self.complement_types
        scores: Floats = (
            2 * gamma @ phi.T - (phi**2).sum(axis=1) - (gamma**2).sum(axis=1, keepdims=True)
        )
        return scores

    def arrays(self) -> Arrays:
        return {
            **super().arrays(),
            **self.encoder.encoder_arrays(),
            "transitions": self.transitions,
            "complement_types": self.complement_types,
        }

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.restore_encoder(arrays)
        self.transitions = arrays["transitions"]
        self.complement_types = arrays["complement_types"]

    def _export_vectors(self, module: TypeTransition, theta: Floats) -> None:
        """Vectors that answer, from what is learned so far."""
        import torch

        module.eval()
        with torch.no_grad():
            complement = module.complement.weight
            codes = torch.arange(len(complement), device=complement.device)
            self.transitions = module.transitions(codes).cpu().numpy()
            self.complement_types = complement.cpu().numpy()
            projection = module.project(complement).cpu().numpy()[self.types]
        alpha, phi = self.config.alpha, self.complement_types[self.types]
        square = alpha * (theta**2).sum(axis=1) + (1 - alpha) * (phi**2).sum(axis=1)
        targets = np.hstack(
            [
                -alpha * projection**2,
                2 * alpha * projection * theta,
                2 * (1 - alpha) * phi,
                -square[:, None],
                np.ones((len(theta), 1), dtype=np.float32),
            ]
        )
        targets[~theta.any(axis=1)] = 0
        self.source_vectors, self.target_vectors = self._sources(theta, self.types), targets

    def _sources(self, theta: Floats, codes: Rows) -> Floats:
        gamma = self.transitions[codes]
        square = -(1 - self.config.alpha) * (gamma**2).sum(axis=1, keepdims=True)
        vectors = np.hstack([theta**2, theta, gamma, np.ones((len(theta), 1), np.float32), square])
        vectors[~theta.any(axis=1)] = 0
        return vectors
