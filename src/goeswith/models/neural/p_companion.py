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

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import Field

from goeswith.arrays import Floats, Rows, Sparse, blocks, top_k
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.neural.product2vec import Product2Vec, Product2VecConfig, between
from goeswith.models.neural.training import Run, TrainedVectors, Validation, need_torch
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    from goeswith.models.neural.torch_p_companion import TypeTransition


class PCompanionConfig(Product2VecConfig):
    """Settings of P-Companion; those of Product2Vec hold for its product vectors."""

    type_dimension: int = Field(64, ge=2, description="Length of a type vector.")
    alpha: float = Field(
        0.8, ge=0, le=1, description="Weight of products in loss and score; types have the rest."
    )
    dropout: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the type transition's hidden units dropped in a step.",
    )
    negatives: Literal["substitutes", "random", "both"] = Field(
        "substitutes",
        description="What each complement is held against: a substitute of the source, a random "
        "product, or one of each.",
    )
    train_projection: Literal["gamma", "true_type"] = Field(
        "gamma",
        description="Type vector by which products are projected in training: the predicted one, "
        "or that of the target's own type.",
    )
    residual_projection: bool = Field(
        False, description="Whether projection starts as the identity (b6 = 1)."
    )


@dataclass(frozen=True)
class Slate:
    """A few products of each of a few complement types, the best of every type first.

    Attributes:
        products: (b, types x items) rows, round robin over the types; -1 where none is left.
        product_types: (b, types x items) the type that each stands for, as `type_names` counts.
        types: (b, types) predicted types, the likeliest first; -1 where there are fewer.
    """

    products: Rows
    product_types: Rows
    types: Rows


class PCompanion(TrainedVectors):
    """Complementary types first, then the products of each.

    Products without a type, or all of them, are of one type of their own.
    """

    name = "p_companion"
    Config = PCompanionConfig
    config: PCompanionConfig

    type_names: list[str | None]
    """Name of every type; None, the last, for products without one."""

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        need_torch(self.name)
        import torch

        from goeswith.models.neural.torch_p_companion import Negatives, TypeTransition
        from goeswith.models.neural.torch_parts import device

        config, where = self.config, device()
        validation = Validation(graph, config.validation_share, config.seed)
        self.encoder = self._new_encoder()
        self.encoder.checkpoints, self.encoder.report = self.checkpoints, self.report
        self.encoder.fit(catalog, validation.held.graph)
        del self.encoder.source_vectors, self.encoder.target_vectors  # they rank look-alikes
        self.type_names = [*catalog.type_names, None]
        self.types = self._type_codes(catalog)
        thetas = self.encoder.encode(catalog)
        known = np.flatnonzero(thetas.any(axis=1)).astype(np.int32)
        edges = between(validation.held.graph.complements, known)
        similar = between(validation.held.graph.similars, known)
        negatives = Negatives(edges, similar, config.negatives)

        torch.manual_seed(config.seed)
        module = TypeTransition(len(self.type_names), thetas.shape[1], config).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = Run(self, module, optimizer, data=[edges, similar, thetas, self.types])
        theta = torch.from_numpy(thetas).to(where)
        types = torch.from_numpy(self.types.astype(np.int64)).to(where)
        pairs = np.column_stack(edges.nonzero()).astype(np.int32)
        for _ in run.epochs():
            losses = []
            module.train()
            for block in blocks(run.rng.permutation(len(pairs)).astype(np.int32), config.batch):
                positive = pairs[block]
                terms = []
                for sign, chosen in ((1, positive), (-1, negatives.draw(positive[:, 0], run.rng))):
                    i, j = torch.from_numpy(chosen.astype(np.int64)).to(where).T
                    terms.append(
                        module.loss((theta[i], theta[j]), (types[i], types[j]), sign, config)
                    )
                loss = torch.cat(terms).mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(float(loss.detach()))
            self._take(module, thetas)
            hit_rate = validation.hit_rate(self.source_vectors, self.target_vectors)
            run.finish(float(np.mean(losses)) if losses else 0.0, hit_rate)
        run.restore_best()
        self.history = run.history
        self._take(module, thetas)
        return self

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self.types = self._type_codes(catalog)
        return super().refresh(catalog, graph)

    def score_new(self, products: Catalog) -> Floats:
        theta = self.encoder.encode(products)
        scores: Floats = self._sources(theta, self._type_codes(products)) @ self.target_vectors.T
        scores[~theta.any(axis=1)] = -np.inf
        scores[:, ~self.target_vectors.any(axis=1)] = -np.inf
        return scores

    def slate(
        self, sources: Rows, types: int = 5, items: int = 12, exclude: Sparse | None = None
    ) -> Slate:
        """Complement types of each source, nearest to its transition first, and products of each.

        Args:
            sources: (b,) rows.
            types: K, types a source.
            items: M, products a type.
            exclude: (n, n) CSR; products with an entry in a source's row are left out.
        """
        k = min(types, len(self.type_names))
        products = np.full((len(sources), items, types), -1, dtype=np.int32)
        predicted = np.full((len(sources), types), -1, dtype=np.int32)
        proposable = self.target_vectors.any(axis=1)
        members = [
            np.flatnonzero(proposable & (self.types == code)).astype(np.int32)
            for code in range(len(self.type_names))
        ]
        empty = np.array([not len(rows) for rows in members])
        for start, block in zip(
            range(0, len(sources), self.block), blocks(sources, self.block), strict=False
        ):
            scores = self.score(block)
            nearness = self._type_scores(self.types[block])
            nearness[:, empty] = -np.inf
            nearness[~self.source_vectors[block].any(axis=1)] = -np.inf
            scores[np.arange(len(block)), block] = -np.inf
            if exclude is not None:
                out = exclude[block]
                scores[np.repeat(np.arange(len(block)), np.diff(out.indptr)), out.indices] = -np.inf
            predicted[start : start + len(block), :k] = top_k(nearness, k)[0]
            for row, codes in enumerate(predicted[start : start + len(block)], start=start):
                for place, code in enumerate(codes[codes >= 0]):
                    best, _ = top_k(scores[row - start, members[code]][None], items)
                    found = members[code][best[0][best[0] >= 0]]
                    products[row, : len(found), place] = found
        return _interleaved(products, predicted)

    def arrays(self) -> Arrays:
        names = json.dumps(self.type_names).encode()
        return {
            **super().arrays(),
            **self.encoder.encoder_arrays(),
            "types": self.types,
            "transitions": self.transitions,
            "complement_types": self.complement_types,
            "type_names": np.frombuffer(names, dtype=np.uint8),
        }

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.encoder = self._new_encoder()
        self.encoder.restore_encoder(arrays)
        self.types = arrays["types"]
        self.transitions = arrays["transitions"]
        self.complement_types = arrays["complement_types"]
        self.type_names = json.loads(arrays["type_names"].tobytes())

    def _new_encoder(self) -> Product2Vec:
        shared = self.config.model_dump(include=set(Product2VecConfig.model_fields))
        return Product2Vec(Product2VecConfig.model_validate(shared))

    def _type_codes(self, catalog: Catalog) -> Rows:
        """(m,) place of each product's type in `type_names`; the last where it is not there."""
        place = {name: code for code, name in enumerate(self.type_names)}
        none = len(self.type_names) - 1
        codes = [place.get(name, none) for name in [*catalog.type_names, None]]
        found: Rows = np.array(codes, dtype=np.int32)[catalog.type_codes]
        return found

    def _take(self, module: TypeTransition, theta: Floats) -> None:
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

    def _type_scores(self, codes: Rows) -> Floats:
        """(b, types) -||gamma - phi'||^2 of source types and complement types."""
        gamma, phi = self.transitions[codes], self.complement_types
        scores: Floats = (
            2 * gamma @ phi.T - (phi**2).sum(axis=1) - (gamma**2).sum(axis=1, keepdims=True)
        )
        return scores


def _interleaved(products: Rows, predicted: Rows) -> Slate:
    """A slate of products (b, items, types): one of each type in turn, holes moved to the end."""
    b, items, types = products.shape
    flat = products.reshape(b, items * types)
    codes = np.broadcast_to(predicted[:, None], products.shape).reshape(flat.shape)
    order = np.argsort(flat < 0, axis=1, kind="stable")
    flat, codes = np.take_along_axis(flat, order, axis=1), np.take_along_axis(codes, order, axis=1)
    return Slate(flat, np.where(flat < 0, -1, codes).astype(np.int32), predicted)
