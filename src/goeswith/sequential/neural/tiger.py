"""TIGER: the next product spelled out, code by code (Rajput et al., 2023, arXiv 2305.05065).

A product is a short code: residual k-means of what is known of it, and a last number that tells
those of equal codes apart. A sequence is read to a state, as SASRec does it, and the code of what
comes next is generated from it, each number given those before. Only codes of products can be
generated: at every step those that lead to no product are left out.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, block_size
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.semantic_codes import Codes, Trie, residual_codes, told_apart
from goeswith.models.base import ModelConfig
from goeswith.models.neural.training import Run, need_torch
from goeswith.sequential.item_knn import ItemKnn
from goeswith.sequential.neural.batches import Batch, Validation, shuffled
from goeswith.sequential.neural.layers import Array, Numpy, Ops, Weights, softmax_layers
from goeswith.sequential.neural.sequence_model import SequenceConfig, SequenceModel
from goeswith.sequential.sequences import Sequences


class TigerConfig(SequenceConfig):
    """Settings of generation by codes."""

    max_epochs: int = Field(30, ge=1, description="Epochs at most.")
    learning_rate: float = Field(0.002, gt=0, description="Adam's step size.")
    levels: int = Field(3, ge=1, le=8, description="Numbers of a code, less the last.")
    codes: int = Field(256, ge=2, description="Different numbers of a level, at most.")
    behaviour: bool = Field(
        True,
        description="Whether codes are of what products stand beside in sequences, too, or of "
        "attributes alone, where there are any.",
    )
    beams: int = Field(50, ge=1, description="Products that are generated, at most.")
    dimension: int = Field(96, ge=2, description="Length of a vector.")


class Tiger(SequenceModel):
    """Generative retrieval by semantic ids (see the module)."""

    name: ClassVar[str] = "tiger"
    Config: ClassVar[type[ModelConfig]] = TigerConfig
    config: TigerConfig
    codes: Codes
    """(n, levels + 1) the code of each product."""
    trie: Trie

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        need_torch(self.name)
        import torch
        from torch.nn import functional

        from goeswith.models.neural.torch_layers import device
        from goeswith.sequential.neural.torch_sequence_layers import Torch, drawn

        config, where = self.config, device()
        validation = Validation(sequences, config.validation_share, config.seed)
        train = validation.train.tail(config.max_length + 1)
        train = train.take(np.flatnonzero(train.lengths > 1))
        vectors = self._known(catalog, validation.train)
        self._spell(told_apart(residual_codes(vectors, config.levels, config.codes, config.seed)))

        torch.manual_seed(config.seed)
        module = torch.nn.ParameterDict({k: drawn(v) for k, v in self._shapes().items()}).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = Run(self, module, optimizer, [train.products, train.starts, self.codes])
        ops = Torch(where, config.dropout)
        weights: Any = module  # read by name, as layers do
        size = config.batch_of(len(train))
        for _ in run.epochs():
            losses = []
            for rows in shuffled(train.lengths, size, run.rng):
                batch = Batch.of(train.take(run.workers.share(rows)))
                followed = batch.filled[:, 1:]
                spelled = ops.array(self.codes[batch.products[:, 1:][followed]])
                states = self._states(ops, weights, batch.until(-1))[ops.array(followed)]
                loss = torch.zeros((), device=where)
                for level in range(len(self.trie.sizes)):
                    logits = self._next(ops, weights, states, level)
                    loss = loss + functional.cross_entropy(
                        logits, spelled[:, level], reduction="sum"
                    )
                    states = states + ops.take(weights[f"said{level}"], spelled[:, level])
                losses.append(run.step(loss, len(spelled)))
            self.keep(module)
            run.finish(float(np.mean(losses)) if losses else 0.0, self.hit_rate(validation))
        run.restore_best()
        self.keep(module)
        self.history = run.history
        return self

    def _known(self, catalog: Catalog, sequences: Sequences) -> Floats:
        """(n, c) what codes are made of: attributes, and what stands beside in sequences."""
        from sklearn.utils.extmath import randomized_svd

        content = self.config.content_encoder().fit(catalog).encode(catalog)
        if content.any() and not self.config.behaviour:
            return content
        near = ItemKnn().fit(catalog, sequences).near
        rank = min(self.config.content_dimension, len(catalog) - 1)
        left, values, _ = randomized_svd(near, rank, random_state=self.config.seed)
        beside = left * np.sqrt(values)
        beside = beside / np.maximum(np.linalg.norm(beside, axis=1, keepdims=True), 1e-12)
        return np.concatenate([content, beside], axis=1).astype(np.float32)

    def _spell(self, codes: Codes) -> None:
        self.codes, self.trie = codes, Trie(codes)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        config = self.config
        shapes: dict[str, tuple[int, ...]] = {}
        layers, d = config.layers, config.dimension
        for level, size in enumerate(self.trie.sizes):
            shapes |= dict.fromkeys((f"read{level}", f"said{level}", f"spell{level}"), (size, d))
            shapes |= {f"up{level}": (d, 2 * d), f"down{level}": (2 * d, d)}
        return {
            **shapes,
            "place": (config.max_length, d),
            **dict.fromkeys(("query", "key", "value", "out"), (layers, d, d)),
            "up": (layers, d, 4 * d),
            "up_bias": (layers, 1, 4 * d),
            "down": (layers, 4 * d, d),
        }

    def _states(self, ops: Ops, weights: Weights, batch: Batch) -> Array:
        """(b, l, d) what is known after each place."""
        spelled, length = ops.array(self.codes[batch.products]), batch.products.shape[1]
        x = weights["place"][:length]
        for level in range(len(self.trie.sizes)):
            x = x + ops.take(weights[f"read{level}"], spelled[..., level])
        before = ops.array(np.tri(length, dtype=bool))
        return softmax_layers(ops, weights, ops.drop(x), before, self.config.heads)

    @staticmethod
    def _next(ops: Ops, weights: Weights, states: Array, level: int) -> Array:
        """(..., size of the level) logits of the next number, of states and what was said since."""
        z = ops.norm(states)
        z = z + ops.gelu(z @ weights[f"up{level}"]) @ weights[f"down{level}"]
        return ops.norm(z) @ weights[f"spell{level}"].swapaxes(0, 1)

    def score(self, prefixes: Sequences) -> Floats:
        """(b, n) logarithms of probabilities, of the `beams` products that are generated."""
        scores = np.full((len(prefixes), self.n), -np.inf, dtype=np.float32)
        asked = np.flatnonzero(prefixes.lengths)
        if not len(asked):
            return scores
        read = prefixes.take(asked).tail(self.config.max_length)
        ops, each = Numpy(), np.arange(len(asked))
        states = self._states(ops, self.weights, Batch.of(read))[each, read.lengths - 1][:, None]
        nodes = np.zeros((len(asked), 1), dtype=np.int64)
        log_p = np.zeros((len(asked), 1), dtype=np.float32)
        for level, size in enumerate(self.trie.sizes):
            logits = self._next(ops, self.weights, states, level)
            below = self.trie.children(level, nodes)
            reached = np.where(below >= 0, logits, -np.inf)
            reached = log_p[..., None] + reached - _log_sum(reached)
            reached = np.where(below >= 0, reached, -np.inf).reshape(len(asked), -1)
            beams = min(self.config.beams, reached.shape[1])
            best = np.argpartition(-reached, beams - 1, axis=1)[:, :beams]
            log_p = np.take_along_axis(reached, best, axis=1)
            nodes = np.take_along_axis(below.reshape(len(asked), -1), best, axis=1)
            states = states[each[:, None], best // size]
            states = states + self.weights[f"said{level}"][best % size]
        row, place = np.nonzero(nodes >= 0)
        scores[asked[row], self.trie.products[nodes[row, place]]] = log_p[row, place]
        return scores

    def shares(self, prefixes: Sequences) -> Floats:
        """(b, n) probabilities of the products that are generated, among them."""
        powers = np.exp(self.score(prefixes))
        total = powers.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(powers, total, where=total > 0, out=powers)
        return shares

    @property
    def block(self) -> int:
        widest = self.config.beams * max(self.trie.sizes)
        return min(super().block, block_size(8 * max(widest, self.config.max_length**2)))

    def arrays(self) -> Arrays:
        return self.weight_arrays() | {"codes": self.codes}

    def restore(self, arrays: Arrays) -> None:
        self.restore_weights(arrays)
        self._spell(arrays["codes"])

    @property
    def n(self) -> int:
        return len(self.codes)


def _log_sum(x: Floats) -> Floats:
    """Log of the sum of exp over the last axis, kept; 0 where all are -inf."""
    highest = x.max(axis=-1, keepdims=True)
    highest = np.where(np.isfinite(highest), highest, 0)
    total: Floats = np.exp(x - highest).sum(axis=-1, keepdims=True)
    return np.log(np.maximum(total, 1e-30)) + highest
