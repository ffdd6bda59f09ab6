"""Counts of which product is near which in sequences, and how frequent and recent each is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.sequential.sequences import Ints, Sequences

_WINDOW: Final = 50
"""Positions apart that a pair of products may stand."""
_HALF_LIFE: Final = 0.3
"""Share of the sequences after which a recent transition counts half."""
RECENT: Final = (0.02, 0.1, 0.3)
"""Shares of the sequences, the latest, whose popularity is a column."""
_MATRICES: Final = ("adjacent", "second", "recent", "forward", "near")


@dataclass(frozen=True)
class TransitionCounts:
    """Counts over s sequences of n products.

    Attributes:
        adjacent: (n, n) CSR, how often the column came directly after the row.
        second: (n, n) CSR, two positions after it.
        recent: (n, n) CSR, `adjacent` with a half-life of 0.3 of the sequences.
        forward: (n, n) CSR, after it at distance d at most 50, each counted d^-0.5.
        near: (n, n) CSR, before or after it, each counted 1.
        frequency: (n,) events of each product.
        recent_rate: (n, 3) share of the events of the latest sequences, times a million.
        age: (n,) share of the sequences that came after the last one with the product.
        first_seen: (n,) and after the first one with it.
        last_share: (n,) share of its events that are the last of their sequence.
        vectors: (n, d) of length 1 or 0, of the truncated SVD of
            log(1 + near * events / ((f_i + 3) (f_j + 3))).
    """

    adjacent: Sparse
    second: Sparse
    recent: Sparse
    forward: Sparse
    near: Sparse
    frequency: Floats
    recent_rate: Floats
    age: Floats
    first_seen: Floats
    last_share: Floats
    vectors: Floats

    @classmethod
    def count(cls, sequences: Sequences, n: int, dimension: int, seed: int) -> Self:
        """Count sequences of n products; vectors have at most `dimension` entries."""
        products, run = sequences.products, sequences.run_index
        freshness = sequences.freshness(_HALF_LIFE)
        empty = sparse.csr_matrix((n, n), dtype=np.float32)
        parts = dict.fromkeys(_MATRICES, empty)
        for distance in range(1, _WINDOW + 1):
            same = run[distance:] == run[:-distance]
            if not same.any():
                break
            same &= products[distance:] != products[:-distance]
            at = products[:-distance][same], products[distance:][same]
            counts = _matrix(np.ones(len(at[0])), at, n)
            if distance == 1:
                parts["adjacent"] = counts
                parts["recent"] = _matrix(freshness[run[1:][same]], at, n)
            if distance == 2:
                parts["second"] = counts
            parts["forward"] = parts["forward"] + np.float32(distance**-0.5) * counts
            parts["near"] = parts["near"] + counts
        parts["near"] = (parts["near"] + parts["near"].T).tocsr()
        for matrix in parts.values():
            matrix.sort_indices()
        frequency = np.bincount(products, minlength=n).astype(np.float32)
        return cls(
            **parts,
            frequency=frequency,
            **_recency(sequences, n),
            last_share=_last_share(sequences, frequency),
            vectors=_vectors(parts["near"], frequency, dimension, seed),
        )

    def at(self, name: str, i: Ints, j: Ints) -> Floats:
        """(m,) entries of a matrix at pairs of products; 0 where `i` or `j` is -1."""
        found = np.zeros(len(i), dtype=np.float32)
        valid = np.flatnonzero((i >= 0) & (j >= 0))
        if len(valid):
            found[valid] = np.asarray(getattr(self, name)[i[valid], j[valid]]).ravel()
        return found

    def out(self, name: str) -> Floats:
        """(n,) sums of the rows of a matrix."""
        return self._sums[name][0]

    def into(self, name: str) -> Floats:
        """(n,) sums of its columns."""
        return self._sums[name][1]

    @cached_property
    def _sums(self) -> dict[str, tuple[Floats, Floats]]:
        sums = {}
        for name in _MATRICES:
            matrix = getattr(self, name)
            out = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
            sums[name] = out, np.asarray(matrix.sum(axis=0), dtype=np.float32).ravel()
        return sums

    def arrays(self) -> Arrays:
        """The arrays of `restore`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Restore from `arrays`; other names in it are ignored."""
        return cls(**{name: arrays[name] for name in cls.__dataclass_fields__})


def _matrix(values: npt.NDArray[Any], at: tuple[Any, Any], n: int) -> Sparse:
    return sparse.csr_matrix((values.astype(np.float32), at), shape=(n, n))


def _recency(sequences: Sequences, n: int) -> dict[str, Floats]:
    products, run, s = sequences.products, sequences.run_index, max(len(sequences), 1)
    rates = []
    for share in RECENT:
        latest = products[run >= s * (1 - share)]
        rates.append(np.bincount(latest, minlength=n) * (1e6 / max(len(latest), 1)))
    last, first = np.full(n, -1.0), np.full(n, float(s))
    np.maximum.at(last, products, run)
    np.minimum.at(first, products, run)
    return {
        "recent_rate": np.stack(rates, axis=1).astype(np.float32),
        "age": ((s - last) / s).astype(np.float32),
        "first_seen": ((s - first) / s).astype(np.float32),
    }


def _last_share(sequences: Sequences, frequency: Floats) -> Floats:
    last = sequences.products[sequences.starts[1:][sequences.lengths > 0] - 1]
    count = np.bincount(last, minlength=len(frequency))
    return (count / np.maximum(frequency, 1)).astype(np.float32)


def _vectors(near: Sparse, frequency: Floats, dimension: int, seed: int) -> Floats:
    from sklearn.utils.extmath import randomized_svd

    rank = min(dimension, len(frequency) - 1)
    if rank < 1 or not near.nnz:
        return np.zeros((len(frequency), 1), dtype=np.float32)
    smoothed, lift = frequency + 3, near.copy()
    expected = smoothed[entry_rows(near)] * smoothed[near.indices]
    lift.data = np.log1p(near.data * frequency.sum() / expected).astype(np.float32)
    left, singular, _ = randomized_svd(lift, rank, n_iter=4, random_state=seed)
    vectors = left * np.sqrt(singular)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return unit
