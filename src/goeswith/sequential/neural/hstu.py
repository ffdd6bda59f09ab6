"""HSTU: pointwise aggregated attention with a gate (Zhai et al., 2024)."""

from __future__ import annotations

from typing import Final

import numpy as np

from goeswith.sequential.neural.batches import Batch
from goeswith.sequential.neural.layers import Array, Ops, Weights, hstu_layers
from goeswith.sequential.neural.sasrec import Causal
from goeswith.sequential.sequences import Whole

_TIMES: Final = 32
"""Buckets of time: powers of two of seconds, up to a hundred years."""


class Hstu(Causal):
    """Attention whose weights are no shares, by content, place and time (see the module)."""

    name = "hstu"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        config = self.config
        square = (config.layers, config.dimension, config.dimension)
        maps = dict.fromkeys(("gate", "value", "query", "key", "out"), square)
        return {
            **maps,
            "place": (config.layers, config.max_length),
            "time": (config.layers, _TIMES),
        }

    def states(self, ops: Ops, weights: Weights, x: Array, batch: Batch) -> Array:
        length = batch.products.shape[1]
        before = np.tri(length, dtype=np.float32)
        visible = ops.array(before / before.sum(axis=1, keepdims=True))
        places = np.arange(length)
        back = ops.array(np.maximum(places[:, None] - places, 0))
        times = None if batch.seconds is None else ops.array(buckets(batch.seconds))
        return hstu_layers(ops, weights, x, visible, self.config.heads, back, times)


def buckets(seconds: Whole) -> Whole:
    """(b, l, l) log2 of 1 + the seconds from each place back to another; 0 for those behind it."""
    apart = np.maximum(seconds[:, :, None] - seconds[:, None, :], 0)
    bucket: Whole = np.minimum(np.log2(1.0 + apart).astype(np.int64), _TIMES - 1)
    return bucket
