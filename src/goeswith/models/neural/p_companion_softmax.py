"""P-Companion with two softmaxes in place of its hinge losses, and random products as negatives.

The structure is that of P-Companion (Hao et al., 2020): product vectors theta of Product2Vec, a
bottleneck from a type to the types that complement it, and a projection by complement type. What
is changed are the causes for which it finds little here (docs/models/p_companion.md). With w the
type of i, c that of j, and d vectors of ids and b biases for products with edges:

    gamma_i = Dropout(ReLU((phi_w + theta_i W) W4 + b4)) W5 + b5
    types:    y_ic = gamma_i . phi'_c + b'_c
    products: x_ij = ((theta_i + d_i) * (phi'_c W6 + b6)) . (theta_j + d'_j) / temperature
                     + b_j + y_ic

Losses of an edge: -log softmax of y over all types, so that a frequent type is nearer than a rare
one, and -log softmax of x over drawn products. Early stopping is by what slates are made of: the
share of held-out pairs whose type is among three predicted ones, and whose target is among the
ten best of its type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from goeswith.core.arrays import Floats, Rows, blocks, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.neural.p_companion_config import PCompanionSoftmaxConfig
from goeswith.models.neural.product2vec import Product2Vec, Product2VecConfig, edges_between
from goeswith.models.neural.training import PairValidation, TrainingRun, require_torch
from goeswith.models.neural.typed_vectors import TypedVectors
from goeswith.models.paths import in_degree, out_degree
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    from goeswith.models.neural.torch_p_companion import TypedSoftmax

_SOURCES: Final = 512
"""Sources in a step, with all their edges."""


class PCompanionSoftmax(TypedVectors):
    """P-Companion with softmaxes over types and products, and random negatives."""

    name = "p_companion_softmax"
    Config = PCompanionSoftmaxConfig
    config: PCompanionSoftmaxConfig
    transitions: Floats
    """(n, L + 1) gamma of every product, and a one."""
    complement_types: Floats
    """(types, L + 1) phi' of every type, and its frequency."""

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import device, sampled_softmax_loss
        from goeswith.models.neural.torch_p_companion import TypedSoftmax

        config, where = self.config, device()
        validation = PairValidation(graph, config.validation_share, config.seed)
        self.encoder = self._new_encoder()
        self.encoder.checkpoints, self.encoder.on_epoch = self.checkpoints, self.on_epoch
        self.encoder.fit(catalog, validation.split.graph)
        del self.encoder.source_vectors, self.encoder.target_vectors  # they rank look-alikes
        self.set_types(catalog)
        thetas = _unit(self.encoder.encode(catalog))
        known = np.flatnonzero(thetas.any(axis=1)).astype(np.int32)
        edges = edges_between(validation.split.graph.complements, known)
        edges.data = np.ones_like(edges.data)

        torch.manual_seed(config.seed)
        with_ids = (out_degree(edges) + in_degree(edges) > 0) & config.id_vectors
        module = TypedSoftmax(thetas, self.types, with_ids, len(self.type_names), config).to(where)
        # ids fit the training pairs within a few epochs; types need more
        ids = [module.source_id, module.target_id, module.bias]
        rest = [p for p in module.parameters() if all(p is not one for one in ids)]
        groups: list[dict[str, Any]] = [
            {"params": rest},
            {"params": ids, "lr": config.step_size / 5},
        ]
        optimizer = torch.optim.Adam(groups, lr=config.step_size)
        data = [edges, thetas, self.types]
        run = TrainingRun(self, module, optimizer, data=data, pairs=validation.pairs)
        sources = np.flatnonzero(out_degree(edges)).astype(np.int32)
        for _ in run.epochs():
            losses = []
            module.train()
            for batch in blocks(run.rng.permutation(sources), _SOURCES):
                block = run.workers.share(batch)
                drawn = np.sort(run.rng.permutation(known)[: config.negatives])
                part = edges[block]
                u = torch.from_numpy(block.astype(np.int64)).to(where)
                w = torch.from_numpy(drawn.astype(np.int64)).to(where)
                of = torch.from_numpy(entry_rows(part).astype(np.int64)).to(where)
                v = torch.from_numpy(part.indices.astype(np.int64)).to(where)
                s, gamma = module.sources(u)
                # what products go together says nothing on types: those learn from theirs alone
                s = torch.cat([s[:, : -gamma.shape[1]], gamma.detach()], dim=1)
                t, t_drawn = module.targets(v), module.targets(w)
                share = len(drawn) / len(known)
                loss = sampled_softmax_loss(
                    s @ t_drawn.T, (s[of] * t).sum(1), part, (block, drawn), share
                )
                kinds = module.type_logits(gamma)[of]
                kind_loss = torch.nn.functional.cross_entropy(
                    kinds, module.types[v], reduction="sum"
                )
                losses.append(run.step(loss + kind_loss, part.nnz))
            self._export(module)
            run.finish(float(np.mean(losses)) if losses else 0.0, self._slate_rate(validation))
        run.restore_best()
        self.history = run.history
        self._export(module)
        return self

    def type_scores(self, sources: Rows) -> Floats:
        """(b, types) log-odds of complement types."""
        scores: Floats = self.transitions[sources] @ self.complement_types.T
        return scores

    def score_new(self, products: Catalog) -> Floats:
        theta = _unit(self.encoder.encode(products))
        gamma = self._transition(theta, self.type_codes(products))
        vectors = np.hstack([theta, gamma])
        vectors[~theta.any(axis=1)] = 0
        return self.score_vectors(vectors)

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.transitions = np.pad(self.transitions, ((0, graph.n - self.n), (0, 0)))
        return super().refresh(catalog, graph)

    def arrays(self) -> Arrays:
        return {
            **super().arrays(),
            **self.encoder.encoder_arrays(),
            **self.transition_weights,
            "transitions": self.transitions,
            "complement_types": self.complement_types,
        }

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.encoder = self._new_encoder()
        self.encoder.restore_encoder(arrays)
        self.transitions = arrays["transitions"]
        self.complement_types = arrays["complement_types"]
        self.transition_weights = {k: v for k, v in arrays.items() if k.startswith("transition_")}

    def _new_encoder(self) -> Product2Vec:
        shared = self.config.model_dump(include=set(Product2VecConfig.model_fields))
        return Product2Vec(Product2VecConfig.model_validate(shared))

    def _transition(self, theta: Floats, codes: Rows) -> Floats:
        """(b, L + 1) gamma and a one, of products outside the catalogue."""
        w = self.transition_weights
        query = w["transition_query"][codes] + theta @ w["transition_theta"].T
        hidden = np.maximum(query @ w["transition_w4"].T + w["transition_b4"], 0)
        gamma = hidden @ w["transition_w5"].T + w["transition_b5"]
        return np.hstack([gamma, np.ones((len(gamma), 1), np.float32)]).astype(np.float32)

    def _export(self, module: TypedSoftmax) -> None:
        """Vectors that answer, from what is learned so far."""
        import torch

        module.eval()
        with torch.no_grad():
            everything = torch.arange(len(self.types), device=module.types.device)
            s, gamma = module.sources(everything)
            t = module.targets(everything)
            self.complement_types = module.complement_types().cpu().numpy()
        self.transitions = gamma.cpu().numpy()
        named = {
            "query": module.query.weight,
            "theta": module.content.weight,
            "w4": module.narrow.weight,
            "b4": module.narrow.bias,
            "w5": module.widen.weight,
            "b5": module.widen.bias,
        }
        self.transition_weights = {
            f"transition_{name}": value.detach().cpu().numpy() for name, value in named.items()
        }
        unknown = ~module.theta.any(dim=1).cpu().numpy()
        self.source_vectors, self.target_vectors = s.cpu().numpy(), t.cpu().numpy()
        self.source_vectors[unknown] = self.target_vectors[unknown] = 0

    def _slate_rate(self, validation: PairValidation) -> float:
        """Share of held-out pairs that a slate of three types and ten products of each holds."""
        hits = 0
        u, v = validation.ranked_pairs
        rows, place = np.unique(u, return_inverse=True)
        for block in blocks(np.arange(len(rows), dtype=np.int32), self.block):
            slate = self.slate(rows[block], 3, 10, exclude=validation.excluded).products
            here = (place >= block[0]) & (place <= block[-1])
            hits += int((slate[place[here] - block[0]] == v[here][:, None]).any(axis=1).sum())
        return hits / max(len(u), 1)


def _unit(vectors: Floats) -> Floats:
    """(n, d) rows of length 1, or 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = vectors / np.maximum(length, 1e-12)
    return unit
