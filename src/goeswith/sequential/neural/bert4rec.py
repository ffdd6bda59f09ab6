"""BERT4Rec: a masked product from what is before and behind it (Sun et al., 2019)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from goeswith.sequential.neural.batches import Batch, Places
from goeswith.sequential.neural.layers import Array, Ops, Weights, softmax_layers
from goeswith.sequential.neural.trained_sequence_model import (
    NextProductConfig,
    TrainedSession,
    attention,
)
from goeswith.sequential.sequences import Sequences, Whole


class Bert4RecConfig(NextProductConfig):
    """Settings of BERT4Rec."""

    mask: float = Field(0.3, gt=0, lt=1, description="Share of the products that are masked.")
    mask_last: float = Field(
        0.2, ge=0, le=1, description="Share of the sequences of which only the last is masked."
    )


class Bert4Rec(TrainedSession):
    """Self-attention in both directions, trained on gaps, asked with a mask behind the prefix."""

    name = "bert4rec"
    Config = Bert4RecConfig
    config: Bert4RecConfig

    def shapes(self) -> dict[str, tuple[int, ...]]:
        config = self.config
        return {
            "place": (config.max_length + 1, config.dimension),
            "mask": (1, config.dimension),
            **attention(config),
        }

    def examples(
        self, sequences: Sequences, rng: np.random.Generator
    ) -> tuple[Batch, Places, Whole]:
        batch, last = Batch.of(sequences), _last(sequences)
        masked = batch.filled & (rng.random(batch.filled.shape) < self.config.mask)
        only_last = (rng.random(len(masked)) < self.config.mask_last) | ~masked.any(axis=1)
        masked[only_last] = last[only_last]
        return batch.hide(masked), masked, batch.products[masked]

    def question(self, prefixes: Sequences) -> tuple[Batch, Whole]:
        prefixes = prefixes.tail(self.config.max_length)
        batch = Batch.of(prefixes, spare=1)
        behind = np.arange(batch.filled.shape[1]) == prefixes.lengths[:, None]
        return batch.hide(behind), prefixes.lengths

    def states(self, ops: Ops, weights: Weights, x: Array, batch: Batch) -> Array:
        x = ops.where(ops.array(batch.masked[..., None]), weights["mask"][0], x)
        x = x + weights["place"][: x.shape[1]]
        there = ops.array(batch.filled[:, None, None])
        return softmax_layers(ops, weights, x, there, self.config.heads)


def _last(sequences: Sequences) -> Places:
    """(b, l) where the last product of each stands."""
    lengths = sequences.lengths
    last: Places = np.arange(lengths.max(initial=1)) == lengths[:, None] - 1
    return last
