"""SASRec: self-attention over what came before (Kang and McAuley, 2018)."""

from __future__ import annotations

import numpy as np

from goeswith.sequential.neural.batches import Batch, Places
from goeswith.sequential.neural.layers import Array, Ops, Weights, softmax_layers
from goeswith.sequential.neural.trained_sequence_model import TrainedSession, attention
from goeswith.sequential.sequences import Sequences, Whole


class Causal(TrainedSession):
    """A model whose places see those before them: each predicts the product that came next."""

    def examples(
        self, sequences: Sequences, rng: np.random.Generator
    ) -> tuple[Batch, Places, Whole]:
        batch = Batch.of(sequences)
        followed = batch.filled[:, 1:]
        return batch.until(-1), followed, batch.products[:, 1:][followed]

    def question(self, prefixes: Sequences) -> tuple[Batch, Whole]:
        prefixes = prefixes.tail(self.config.max_length)
        return Batch.of(prefixes), np.maximum(prefixes.lengths - 1, 0)


class SasRec(Causal):
    """Causal self-attention with learned places (see the module)."""

    name = "sasrec"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"place": (self.config.max_length, self.config.dimension), **attention(self.config)}

    def states(self, ops: Ops, weights: Weights, x: Array, batch: Batch) -> Array:
        length = batch.products.shape[1]
        before = ops.array(np.tri(length, dtype=bool))
        return softmax_layers(
            ops, weights, x + weights["place"][:length], before, self.config.heads
        )
