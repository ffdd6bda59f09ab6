"""TIGER: generation of the next product's semantic code (Rajput et al., 2023, arXiv 2305.05065).

A product is a short code: residual k-means of its features, and a last number that makes it
unique. A sequence is encoded to a state, as in SASRec, and the code of the next product is
generated from it, each number given those before. Only codes of products can be
generated: at every step, prefixes without a product are excluded. With `paths` a product has
several codes, and those that agree count (REG4Rec, Xing et al., 2025, arXiv 2508.15308).
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from goeswith.core.arrays import Floats, block_size
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.features.semantic_codes import Codes, Trie, residual_codes, with_unique_suffix
from goeswith.models.base import ModelConfig
from goeswith.models.neural.training import TrainingRun, require_torch
from goeswith.sequential.item_knn import ItemKnn
from goeswith.sequential.neural.layers import Array, NumpyOps, Ops, Weights, softmax_layers
from goeswith.sequential.neural.sequence_batch import (
    SequenceBatch,
    SequenceValidation,
    shuffled_batches,
)
from goeswith.sequential.neural.sequence_model import SequenceConfig, SequenceModel
from goeswith.sequential.sequences import Sequences


class TigerConfig(SequenceConfig):
    """Settings of generation by codes."""

    max_epochs: int = Field(30, ge=1, description="Maximum number of training epochs.")
    learning_rate: float = Field(0.002, gt=0, description="Learning rate of Adam.")
    levels: int = Field(
        3,
        ge=1,
        le=8,
        description="Number of code levels, without the last, which makes codes unique.",
    )
    codes: int = Field(256, ge=2, description="Maximum number of codes per level.")
    behaviour: bool = Field(
        True,
        description="Whether codes also depend on the neighbours in sequences, not only on "
        "attributes.",
    )
    paths: int = Field(
        1,
        ge=1,
        le=8,
        description="Codes of a product: one in the paper; with several, a product is as likely "
        "as all of them say.",
    )
    beams: int = Field(50, ge=1, description="Beam width: maximum number of generated products.")
    dimension: int = Field(96, ge=2, description="Dimension of the product vectors.")


class Tiger(SequenceModel):
    """Generative retrieval by semantic ids (see the module)."""

    name: ClassVar[str] = "tiger"
    Config: ClassVar[type[ModelConfig]] = TigerConfig
    config: TigerConfig
    codes: Codes
    """(n, paths * (levels + 1)) the codes of each product, side by side."""
    tries: list[Trie]
    """Of each path."""
    first: list[int]
    """The column of the first number of each path."""

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        require_torch(self.name)
        import torch
        from torch.nn import functional

        from goeswith.models.neural.torch_layers import device
        from goeswith.sequential.neural.torch_sequence_layers import TorchOps, init_parameter

        config, where = self.config, device()
        validation = SequenceValidation(sequences, config.validation_share, config.seed)
        train = validation.train.tail(config.max_length + 1)
        train = train.take(np.flatnonzero(train.lengths > 1))
        self._set_codes(self.product_codes(catalog, validation.train))

        torch.manual_seed(config.seed)
        module = torch.nn.ParameterDict(
            {k: init_parameter(v) for k, v in self._shapes().items()}
        ).to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        run = TrainingRun(self, module, optimizer, [train.products, train.starts, self.codes])
        ops = TorchOps(where, config.dropout)
        weights: Any = module  # read by name, as layers do
        size = config.step_size(len(train))
        for _ in run.epochs():
            losses = []
            for rows in shuffled_batches(train.lengths, size, run.rng):
                batch = SequenceBatch.from_sequences(train.take(run.workers.share(rows)))
                has_next = batch.filled[:, 1:]
                target_codes = ops.array(self.codes[batch.products[:, 1:][has_next]])
                start = self._states(ops, weights, batch.up_to(-1))[ops.array(has_next)]
                loss, states = torch.zeros((), device=where), start
                for level in range(target_codes.shape[1]):
                    if level in self.first:
                        states = start
                    logits = self._next_logits(ops, weights, states, level)
                    loss = loss + functional.cross_entropy(
                        logits, target_codes[:, level], reduction="sum"
                    )
                    states = states + ops.take(weights[f"said{level}"], target_codes[:, level])
                losses.append(run.step(loss, len(target_codes)))
            self.export_weights(module)
            run.finish(float(np.mean(losses)) if losses else 0.0, self.hit_rate(validation))
        run.restore_best()
        self.export_weights(module)
        self.history = run.history
        return self

    def product_codes(self, catalog: Catalog, sequences: Sequences) -> Codes:
        """(n, paths * (levels + 1)) codes; on each path a different one for each product.

        The first path has the codes of the paper; on the others the entries of the vectors are
        weighted at random, so that they divide the products along other lines.
        """
        vectors, config = self._code_inputs(catalog, sequences), self.config
        parts = []
        for path in range(config.paths):
            rng = np.random.default_rng([config.seed, path])
            weights = np.sqrt(rng.exponential(size=vectors.shape[1])) if path else 1.0
            seen = (vectors * weights).astype(np.float32)
            parts.append(
                residual_codes(seen, config.levels, config.codes, config.seed + 100 * path)
            )
        return np.hstack([with_unique_suffix(part) for part in parts])

    def _code_inputs(self, catalog: Catalog, sequences: Sequences) -> Floats:
        """(n, c) input of the codes: attributes, and neighbours in sequences."""
        from sklearn.utils.extmath import randomized_svd

        content = self.config.content_encoder().fit(catalog).encode(catalog)
        if content.any() and not self.config.behaviour:
            return content
        similarity = ItemKnn().fit(catalog, sequences).near
        rank = min(self.config.content_dimension, len(catalog) - 1)
        left, values, _ = randomized_svd(similarity, rank, random_state=self.config.seed)
        behaviour = left * np.sqrt(values)
        behaviour = behaviour / np.maximum(np.linalg.norm(behaviour, axis=1, keepdims=True), 1e-12)
        return np.concatenate([content, behaviour], axis=1).astype(np.float32)

    def _set_codes(self, codes: Codes) -> None:
        self.codes, width = codes, codes.shape[1] // self.config.paths
        self.first = list(range(0, codes.shape[1], width))
        self.tries = [Trie(codes[:, first : first + width]) for first in self.first]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        config = self.config
        shapes: dict[str, tuple[int, ...]] = {}
        layers, d = config.layers, config.dimension
        for level, size in enumerate(self.codes.max(axis=0).tolist()):
            shapes |= dict.fromkeys(
                (f"read{level}", f"said{level}", f"spell{level}"), (size + 1, d)
            )
            shapes |= {f"up{level}": (d, 2 * d), f"down{level}": (2 * d, d)}
        return {
            **shapes,
            "place": (config.max_length, d),
            **dict.fromkeys(("query", "key", "value", "out"), (layers, d, d)),
            "up": (layers, d, 4 * d),
            "up_bias": (layers, 1, 4 * d),
            "down": (layers, 4 * d, d),
        }

    def _states(self, ops: Ops, weights: Weights, batch: SequenceBatch) -> Array:
        """(b, l, d) state after each place."""
        target_codes, length = ops.array(self.codes[batch.products]), batch.products.shape[1]
        x = weights["place"][:length]
        for level in range(self.codes.shape[1]):
            x = x + ops.take(weights[f"read{level}"], target_codes[..., level])
        before = ops.array(np.tri(length, dtype=bool))
        return softmax_layers(ops, weights, ops.drop(x), before, self.config.heads)

    @staticmethod
    def _next_logits(ops: Ops, weights: Weights, states: Array, level: int) -> Array:
        """(..., size of the level) logits of the next number, given states with the code so far."""
        z = ops.norm(states)
        z = z + ops.gelu(z @ weights[f"up{level}"]) @ weights[f"down{level}"]
        return ops.norm(z) @ weights[f"spell{level}"].swapaxes(0, 1)

    def score(self, prefixes: Sequences) -> Floats:
        """(b, n) logarithms of probabilities, of the products that are generated.

        With several paths it is their mean, of the products that any of them generates.
        """
        scores = np.full((len(prefixes), self.n), -np.inf, dtype=np.float32)
        rows = np.flatnonzero(prefixes.lengths)
        if not len(rows):
            return scores
        sequences = prefixes.take(rows).tail(self.config.max_length)
        batch = SequenceBatch.from_sequences(sequences)
        states = self._states(NumpyOps(), self.weights, batch)
        states = states[np.arange(len(rows)), sequences.lengths - 1]
        if len(self.tries) == 1:
            products, log_p = self._generate(0, states)
        else:
            generated = [self._generate(path, states)[0] for path in range(len(self.tries))]
            products = np.concatenate(generated, axis=1)
            log_p = np.mean(
                [self._log_p(path, states, products) for path in range(len(self.tries))], axis=0
            )
        row, place = np.nonzero(products >= 0)
        scores[rows[row], products[row, place]] = log_p[row, place]
        return scores

    def _generate(self, path: int, states: Floats) -> tuple[Codes, Floats]:
        """(b, beams) the likeliest products of a path, -1 for none, and log-probabilities."""
        trie, rows = self.tries[path], np.arange(len(states))
        states = states[:, None]
        nodes = np.zeros((len(states), 1), dtype=np.int64)
        log_p = np.zeros((len(states), 1), dtype=np.float32)
        for level, size in enumerate(trie.sizes, self.first[path]):
            logits = self._next_logits(NumpyOps(), self.weights, states, level)
            children = trie.children(level - self.first[path], nodes)
            among = (log_p[..., None] + _log_softmax(logits, children >= 0)).reshape(len(rows), -1)
            beams = min(self.config.beams, among.shape[1])
            best = np.argpartition(-among, beams - 1, axis=1)[:, :beams]
            log_p = np.take_along_axis(among, best, axis=1)
            nodes = np.take_along_axis(children.reshape(len(rows), -1), best, axis=1)
            states = states[rows[:, None], best // size]
            states = states + self.weights[f"said{level}"][best % size]
        return np.where(nodes >= 0, trie.products[nodes], -1), log_p

    def _log_p(self, path: int, states: Floats, products: Codes) -> Floats:
        """(b, c) log-probabilities of given products on a path; of any number for product -1."""
        trie, codes = self.tries[path], self.codes[products]
        states = states[:, None]
        nodes = np.zeros((len(states), 1), dtype=np.int64)
        total = np.zeros(products.shape, dtype=np.float32)
        for level, size in enumerate(trie.sizes, self.first[path]):
            children = trie.children(level - self.first[path], nodes)
            logits = self._next_logits(NumpyOps(), self.weights, states, level)
            shape, number = (*products.shape, size), codes[..., level, None]
            log_p = np.broadcast_to(_log_softmax(logits, children >= 0), shape)
            total += np.take_along_axis(log_p, number, axis=2)[..., 0]
            nodes = np.take_along_axis(np.broadcast_to(children, shape), number, axis=2)[..., 0]
            states = states + self.weights[f"said{level}"][number[..., 0]]
        return total

    def shares(self, prefixes: Sequences) -> Floats:
        """(b, n) probabilities of the products that are generated, among them."""
        powers = np.exp(self.score(prefixes))
        total = powers.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(powers, total, where=total > 0, out=powers)
        return shares

    @property
    def block(self) -> int:
        widest = self.config.beams * max(size for trie in self.tries for size in trie.sizes)
        widest *= self.config.paths
        return min(super().block, block_size(8 * max(widest, self.config.max_length**2)))

    def arrays(self) -> Arrays:
        return self.weight_arrays() | {"codes": self.codes}

    def restore(self, arrays: Arrays) -> None:
        self.restore_weights(arrays)
        self._set_codes(arrays["codes"])

    @property
    def n(self) -> int:
        return len(self.codes)


def _log_softmax(logits: Floats, valid: npt.NDArray[np.bool_]) -> Floats:
    """Over the last axis, among valid numbers; -inf elsewhere."""
    logits = np.where(valid, logits, np.float32(-np.inf))
    highest = logits.max(axis=-1, keepdims=True)
    logits = logits - np.where(np.isfinite(highest), highest, 0)
    total = np.exp(logits).sum(axis=-1, keepdims=True)
    log_p: Floats = logits - np.log(np.maximum(total, 1e-30))
    return log_p
