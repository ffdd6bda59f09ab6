"""P-Companion with two softmaxes in place of its hinge losses, and random products as negatives.

The structure is that of P-Companion (Hao et al., 2020): product vectors theta of Product2Vec, a
bottleneck from a type to the types that complement it, and a projection by complement type. What
is changed are the causes for which it finds little here (docs/models/p_companion.md). With w the
type of i, C_i its content vector, c the type of j, d vectors of ids, and b biases, of products
those with edges:

    gamma_i = Dropout(ReLU((phi_w + C_i W) W4 + b4)) W5 + b5
    types:    y_ic = gamma_i . phi'_c + P_w . Q_c + b'_c
    products: x_ij = ((theta_i + d_i) * (phi'_c W6 + b6)) . (theta_j + d'_j) / temperature
                     + b_j + y_ic

P_w . Q_c and where b'_c starts are counted: how often c follows w. Product vectors, types and
products are learned one after the other, each until its own validation no longer improves:

- types by -log softmax of y over all types, so that a frequent type is nearer than a rare one, as
  long as more held-out pairs have a type among three predicted ones;
- products by -log softmax of x over drawn products, y fixed, as long as slates of three types and
  ten products of each hold more of the held-out pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, entry_rows, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.type_transitions import CountedTransitions
from goeswith.models.neural.p_companion_config import PCompanionSoftmaxConfig
from goeswith.models.neural.product2vec import Product2Vec, Product2VecConfig, edges_between
from goeswith.models.neural.product2vec_softmax import (
    Product2VecSoftmax,
    Product2VecSoftmaxConfig,
)
from goeswith.models.neural.training import PairValidation, TrainingRun, require_torch
from goeswith.models.neural.typed_vectors import EncodedTypes
from goeswith.models.paths import in_degree, out_degree
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    from goeswith.models.neural.torch_p_companion import ProductSoftmax, TypeSoftmax

_SOURCES: Final = 512
"""Sources in a step, with all their edges."""


class PCompanionSoftmax(EncodedTypes):
    """P-Companion with softmaxes over types and products, and random negatives."""

    name = "p_companion_softmax"
    Config = PCompanionSoftmaxConfig
    config: PCompanionSoftmaxConfig
    transitions: Floats
    """(n, L + r + 1) gamma of every product, P of its type, and a one."""
    complement_types: Floats
    """(types, L + r + 1) phi' and Q of every type, and its bias."""

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        require_torch(self.name)
        import torch

        from goeswith.models.neural.torch_layers import device, sampled_softmax_loss
        from goeswith.models.neural.torch_p_companion import ProductSoftmax

        config, where = self.config, device()
        validation = PairValidation(graph, config.validation_share, config.seed)
        self.fit_encoder(catalog, validation.split.graph)
        self.set_types(catalog)
        thetas = _unit(self.encoder.encode(catalog))
        known = np.flatnonzero(thetas.any(axis=1)).astype(np.int32)
        edges = edges_between(validation.split.graph.complements, known)
        edges.data = np.ones_like(edges.data)

        self._fit_types(_unit(self.encoder.contents(catalog)), edges, validation)
        torch.manual_seed(config.seed)
        with_ids = (out_degree(edges) + in_degree(edges) > 0) & config.id_vectors
        learned = self.transitions, self.complement_types
        module = ProductSoftmax(thetas, self.types, with_ids, learned, config).to(where)
        # ids fit the training pairs within a few epochs
        ids = [module.source_id, module.target_id, module.bias]
        groups: list[dict[str, Any]] = [
            {"params": module.project.parameters()},
            {"params": ids, "lr": config.step_size / 5},
        ]
        optimizer = torch.optim.Adam(groups, lr=config.step_size)
        data = [edges, thetas, self.types, *learned]
        run = TrainingRun(self, module, optimizer, data=data, pairs=validation.pairs)
        sources = np.flatnonzero(out_degree(edges)).astype(np.int32)
        for _ in run.epochs():
            losses = []
            module.train()
            for batch in blocks(run.rng.permutation(sources), _SOURCES):
                block = run.workers.share(batch)
                drawn = np.sort(run.rng.permutation(known)[: config.negatives])
                part = edges[block]
                u, of, v, w = (
                    torch.from_numpy(rows.astype(np.int64)).to(where)
                    for rows in (block, entry_rows(part), part.indices, drawn)
                )
                s, t, t_drawn = module.sources(u), module.targets(v), module.targets(w)
                share = len(drawn) / len(known)
                loss = sampled_softmax_loss(
                    s @ t_drawn.T, (s[of] * t).sum(1), part, (block, drawn), share
                )
                losses.append(run.step(loss, part.nnz))
            self._export_products(module)
            run.finish(float(np.mean(losses)) if losses else 0.0, self._slate_rate(validation))
        run.restore_best()
        self.history = run.history
        self._export_products(module)
        return self

    def _fit_types(self, contents: Floats, edges: Sparse, validation: PairValidation) -> None:
        import torch

        from goeswith.models.neural.torch_layers import device
        from goeswith.models.neural.torch_p_companion import TypeSoftmax

        config, where = self.config, device()
        counted = CountedTransitions.count(
            edges, self.types, len(self.type_names), config.type_dimension, config.seed
        )
        torch.manual_seed(config.seed)
        module = TypeSoftmax(contents, self.types, counted, config).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.step_size)
        data = [edges, contents, self.types]
        run = TrainingRun(self, module, optimizer, data=data, stage="types")
        sources = np.flatnonzero(out_degree(edges)).astype(np.int32)
        for _ in run.epochs():
            losses = []
            module.train()
            for batch in blocks(run.rng.permutation(sources), _SOURCES):
                block = run.workers.share(batch)
                part = edges[block]
                u, of, v = (
                    torch.from_numpy(rows.astype(np.int64)).to(where)
                    for rows in (block, entry_rows(part), part.indices)
                )
                shares = module(u).log_softmax(dim=1)
                losses.append(run.step(-shares[of, module.types[v]].sum(), part.nnz))
            self._export_types(module)
            run.finish(float(np.mean(losses)) if losses else 0.0, self._type_rate(validation))
        run.restore_best()
        self._export_types(module)

    def _new_encoder(self) -> Product2Vec:
        if self.config.vectors == "product2vec":
            return super()._new_encoder()
        shared = self.config.model_dump(include=set(Product2VecConfig.model_fields))
        return Product2VecSoftmax(Product2VecSoftmaxConfig.model_validate(shared))

    def type_scores(self, sources: Rows) -> Floats:
        """(b, types) log-odds of complement types."""
        scores: Floats = self.transitions[sources] @ self.complement_types.T
        return scores

    def score_new(self, products: Catalog) -> Floats:
        theta = _unit(self.encoder.encode(products))
        contents = _unit(self.encoder.contents(products))
        gamma = self._transition(contents, self.type_codes(products))
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
        self.restore_encoder(arrays)
        self.transitions = arrays["transitions"]
        self.complement_types = arrays["complement_types"]
        self.transition_weights = {k: v for k, v in arrays.items() if k.startswith("transition_")}

    def _transition(self, contents: Floats, codes: Rows) -> Floats:
        """(b, L + r + 1) of products outside the catalogue, as `transitions`."""
        w = self.transition_weights
        query = w["transition_query"][codes] + contents @ w["transition_content"].T
        hidden = np.maximum(query @ w["transition_w4"].T + w["transition_b4"], 0)
        gamma = hidden @ w["transition_w5"].T + w["transition_b5"]
        one = np.ones((len(gamma), 1), np.float32)
        return np.hstack([gamma, w["transition_prior"][codes], one]).astype(np.float32)

    def _export_types(self, module: TypeSoftmax) -> None:
        """Types that answer, from what is learned so far."""
        import torch

        module.eval()
        with torch.no_grad():
            everything = torch.arange(len(self.types), device=module.types.device)
            self.transitions = module.transitions(everything).cpu().numpy()
            self.complement_types = module.complement_types().cpu().numpy()
        named = {
            "query": module.query.weight,
            "content": module.content.weight,
            "w4": module.narrow.weight,
            "b4": module.narrow.bias,
            "w5": module.widen.weight,
            "b5": module.widen.bias,
            "prior": module.prior,
        }
        self.transition_weights = {
            f"transition_{name}": value.detach().cpu().numpy() for name, value in named.items()
        }

    def _export_products(self, module: ProductSoftmax) -> None:
        """Vectors that answer, from what is learned so far."""
        import torch

        module.eval()
        with torch.no_grad():
            everything = torch.arange(len(self.types), device=module.types.device)
            s, t = module.sources(everything), module.targets(everything)
        unknown = ~module.theta.any(dim=1).cpu().numpy()
        self.source_vectors, self.target_vectors = s.cpu().numpy(), t.cpu().numpy()
        self.source_vectors[unknown] = self.target_vectors[unknown] = 0

    def _type_rate(self, validation: PairValidation) -> float:
        """Share of held-out pairs whose target's type is among three predicted ones."""
        hits = 0
        u, v = validation.split.sources, validation.split.targets
        for block in blocks(np.arange(len(u), dtype=np.int32), _SOURCES):
            predicted, _ = top_k(self.type_scores(u[block]), 3)
            hits += int((predicted == self.types[v[block]][:, None]).any(axis=1).sum())
        return hits / max(len(u), 1)

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
