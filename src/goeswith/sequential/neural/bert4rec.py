"""BERT4Rec: prediction of masked products from both sides (Sun et al., 2019)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from goeswith.sequential.neural.layers import Array, Ops, Weights, softmax_layers
from goeswith.sequential.neural.sequence_batch import PlaceMask, SequenceBatch
from goeswith.sequential.neural.trained_sequence_model import (
    NextProductConfig,
    TrainedSequenceModel,
    attention_shapes,
)
from goeswith.sequential.sequences import Ints, Sequences


class Bert4RecConfig(NextProductConfig):
    """Settings of BERT4Rec."""

    mask: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="Share of the products of a sequence that are masked in training.",
    )
    mask_last: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of the sequences in which only the last product is masked.",
    )


class Bert4Rec(TrainedSequenceModel):
    """Bidirectional self-attention, trained on masks; the query is a mask after the prefix."""

    name = "bert4rec"
    Config = Bert4RecConfig
    config: Bert4RecConfig

    def shapes(self) -> dict[str, tuple[int, ...]]:
        config = self.config
        return {
            "place": (config.max_length + 1, config.dimension),
            "mask": (1, config.dimension),
            **attention_shapes(config),
        }

    def examples(
        self, sequences: Sequences, rng: np.random.Generator
    ) -> tuple[SequenceBatch, PlaceMask, Ints]:
        batch, last = SequenceBatch.from_sequences(sequences), _last_places(sequences)
        masked = batch.filled & (rng.random(batch.filled.shape) < self.config.mask)
        only_last = (rng.random(len(masked)) < self.config.mask_last) | ~masked.any(axis=1)
        masked[only_last] = last[only_last]
        return batch.mask_places(masked), masked, batch.products[masked]

    def prepare_prefixes(self, prefixes: Sequences) -> tuple[SequenceBatch, Ints]:
        prefixes = prefixes.tail(self.config.max_length)
        batch = SequenceBatch.from_sequences(prefixes, spare=1)
        behind = np.arange(batch.filled.shape[1]) == prefixes.lengths[:, None]
        return batch.mask_places(behind), prefixes.lengths

    def states(self, ops: Ops, weights: Weights, x: Array, batch: SequenceBatch) -> Array:
        x = ops.where(ops.array(batch.masked[..., None]), weights["mask"][0], x)
        x = x + weights["place"][: x.shape[1]]
        there = ops.array(batch.filled[:, None, None])
        return softmax_layers(ops, weights, x, there, self.config.heads)


def _last_places(sequences: Sequences) -> PlaceMask:
    """(b, l) mask of the last product of each sequence."""
    lengths = sequences.lengths
    last: PlaceMask = np.arange(lengths.max(initial=1)) == lengths[:, None] - 1
    return last
