"""SASRec: causal self-attention (Kang and McAuley, 2018)."""

from __future__ import annotations

import numpy as np

from goeswith.sequential.neural.layers import Array, Ops, Weights, softmax_layers
from goeswith.sequential.neural.sequence_batch import PlaceMask, SequenceBatch
from goeswith.sequential.neural.trained_sequence_model import TrainedSequenceModel, attention_shapes
from goeswith.sequential.sequences import Ints, Sequences


class CausalSequenceModel(TrainedSequenceModel):
    """A model whose places see the previous ones: each predicts the next product."""

    def examples(
        self, sequences: Sequences, rng: np.random.Generator
    ) -> tuple[SequenceBatch, PlaceMask, Ints]:
        batch = SequenceBatch.from_sequences(sequences)
        has_next = batch.filled[:, 1:]
        return batch.up_to(-1), has_next, batch.products[:, 1:][has_next]

    def prepare_prefixes(self, prefixes: Sequences) -> tuple[SequenceBatch, Ints]:
        prefixes = prefixes.tail(self.config.max_length)
        return SequenceBatch.from_sequences(prefixes), np.maximum(prefixes.lengths - 1, 0)


class SasRec(CausalSequenceModel):
    """Causal self-attention with learned places (see the module)."""

    name = "sasrec"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {
            "place": (self.config.max_length, self.config.dimension),
            **attention_shapes(self.config),
        }

    def states(self, ops: Ops, weights: Weights, x: Array, batch: SequenceBatch) -> Array:
        length = batch.products.shape[1]
        before = ops.array(np.tri(length, dtype=bool))
        return softmax_layers(
            ops, weights, x + weights["place"][:length], before, self.config.heads
        )
