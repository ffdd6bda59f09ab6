"""HSTU: pointwise aggregated attention with a gate (Zhai et al., 2024)."""

from __future__ import annotations

from typing import Final

import numpy as np

from goeswith.sequential.neural.layers import Array, Ops, Weights, hstu_layers
from goeswith.sequential.neural.sasrec import CausalSequenceModel
from goeswith.sequential.neural.sequence_batch import SequenceBatch
from goeswith.sequential.sequences import Ints

_TIME_BUCKETS: Final = 32
"""Buckets of time: powers of two of seconds, up to a hundred years."""


class Hstu(CausalSequenceModel):
    """Attention with unnormalised weights, by content, place and time (see the module)."""

    name = "hstu"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        config = self.config
        square = (config.layers, config.dimension, config.dimension)
        maps = dict.fromkeys(("gate", "value", "query", "key", "out"), square)
        return {
            **maps,
            "place": (config.layers, config.max_length),
            "time": (config.layers, _TIME_BUCKETS),
        }

    def states(self, ops: Ops, weights: Weights, x: Array, batch: SequenceBatch) -> Array:
        length = batch.products.shape[1]
        before = np.tri(length, dtype=np.float32)
        visible = ops.array(before / before.sum(axis=1, keepdims=True))
        places = np.arange(length)
        back = ops.array(np.maximum(places[:, None] - places, 0))
        times = None if batch.seconds is None else ops.array(time_buckets(batch.seconds))
        return hstu_layers(ops, weights, x, visible, self.config.heads, back, times)


def time_buckets(seconds: Ints) -> Ints:
    """(b, l, l) log2 of 1 + the seconds from each place back to another; 0 for later places."""
    apart = np.maximum(seconds[:, :, None] - seconds[:, None, :], 0)
    bucket: Ints = np.minimum(np.log2(1.0 + apart).astype(np.int64), _TIME_BUCKETS - 1)
    return bucket
