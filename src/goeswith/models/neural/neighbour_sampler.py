"""Neighbour sampling over a CSR matrix: a fixed fan-out, so that a batch is a dense array."""

from __future__ import annotations

import numpy as np

from goeswith.core.arrays import Rows, Sparse


def sample_neighbours(matrix: Sparse, rows: Rows, fan_out: int, rng: np.random.Generator) -> Rows:
    """Up to `fan_out` distinct neighbours of each row, all of them where there are no more.

    Args:
        matrix: (n, n) CSR; a row's neighbours are its stored columns, each as likely as another.
        rows: (b,) rows, which may repeat: each gets a draw of its own.
        fan_out: neighbours at most.
        rng: the only source of chance; the same state gives the same neighbours.

    Returns:
        (b, fan_out) int32 columns, those of fewer neighbours padded with -1 at the end.
    """
    starts = matrix.indptr[rows].astype(np.int64)
    degrees = matrix.indptr[1:][rows].astype(np.int64) - starts
    places = np.tile(np.arange(fan_out), (len(rows), 1))
    sampled_rows = np.flatnonzero(degrees > fan_out)  # the others give all they have
    drawn = np.zeros((len(sampled_rows), fan_out), dtype=np.int64)
    for step in range(fan_out):
        # Floyd's algorithm (Bentley & Floyd, 1987): one draw of [0, top], or top for a repeat
        top = degrees[sampled_rows] - fan_out + step
        draw = (rng.random(len(sampled_rows)) * (top + 1)).astype(np.int64)
        is_repeat = (drawn[:, :step] == draw[:, None]).any(axis=1)
        drawn[:, step] = np.where(is_repeat, top, draw)
    places[sampled_rows] = drawn
    present = places < degrees[:, None]
    sampled = np.full(places.shape, -1, dtype=np.int32)
    sampled[present] = matrix.indices[(starts[:, None] + places)[present]]
    return sampled
