"""Skip-gram with negative sampling as a compiled loop over pairs, which changes their rows alone.

Needs numba. An optimizer of complete tables changes every product in every step; here a step costs
the rows of one pair and its negatives, however large the catalogue is.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.core.jit import jit_compile

DEVIATION: Final = 0.02
"""Standard deviation of the first source vectors."""
_PAIRS_AT_ONCE: Final = 1 << 20
"""Pairs in machine code, a second or two, which no interrupt can end."""
_RATE: Final = 5.0
"""Step size of Adagrad, relative to the learning rate of Adam."""


class CompiledSkipGram:
    """Skip-gram by Adagrad with one sum of squares for each row (Duchi, Hazan & Singer, 2011).

    Sums of products are added up in a fixed order, so that one processor rounds like another.

    Args:
        tables: (n, d) `in` and `out`, vectors, and (n,) `in_squares` and `out_squares`, the mean
            squares of their gradients added up, from zeros; all float32, changed in place.
        shares: (n,) cumulative chance of each product to be a negative.
        negatives: drawn for each pair.
        learning_rate: as Adam has it.
    """

    def __init__(
        self,
        tables: dict[str, Floats],
        shares: npt.NDArray[np.float64],
        negatives: int,
        learning_rate: float,
    ) -> None:
        self.tables, self.shares, self.negatives = tables, shares, negatives
        self.rate = np.float32(_RATE * learning_rate)
        n = len(shares)
        self._last = int(np.searchsorted(shares, shares[-1]))
        # where the search for the k-th n-th of all chances starts
        guide = np.searchsorted(shares, np.arange(n) * (shares[-1] / n), "right")
        self._guide = np.minimum(guide, self._last).astype(np.int64)

    def epoch(self, sources: Rows, targets: Rows, seed: int) -> float:
        """Train on pairs in their order; the mean loss of a pair.

        Args:
            sources: (m,) rows.
            targets: (m,) rows.
            seed: of the negatives, at least 1.
        """
        tables, state, total = self.tables, np.uint64(seed), 0.0
        for start in range(0, len(sources), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            loss, state = jit_compile(_train)(
                sources[part], targets[part], tables["in"], tables["out"], tables["in_squares"],
                tables["out_squares"], self._guide, self.shares, self._last, self.negatives,
                self.rate, np.uint64(state),
            )  # fmt: skip
            total += loss
        return total / max(len(sources), 1)


def _train(  # noqa: PLR0917
    sources: Any, targets: Any, s: Any, t: Any, s_squares: Any, t_squares: Any, guide: Any,
    shares: Any, last: int, negatives: int, rate: Any, state: Any,
) -> tuple[float, Any]:  # fmt: skip
    """Sum of the losses of all pairs, and the state of the negatives; numba compiles this."""
    d = s.shape[1]
    whole = d - d % 4
    mean, tiny, total = np.float32(1) / np.float32(d), np.float32(1e-8), 0.0
    gradient = np.empty(d, dtype=np.float32)
    for i in range(len(sources)):
        u = sources[i]
        square, likelihood = np.float32(0), 1.0
        for k in range(d):
            gradient[k] = 0
            square += s[u, k] * s[u, k]
        for j in range(negatives + 1):
            v = targets[i]
            if j:  # xorshift (Marsaglia, 2003)
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                chance = (state >> np.uint64(11)) / 9007199254740992.0
                v = guide[int(chance * len(guide))]
                while v < last and shares[v] <= chance * shares[last]:
                    v += 1
            a, b, c, e = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for k in range(0, whole, 4):
                a += s[u, k] * t[v, k]
                b += s[u, k + 1] * t[v, k + 1]
                c += s[u, k + 2] * t[v, k + 2]
                e += s[u, k + 3] * t[v, k + 3]
            for k in range(whole, d):
                a += s[u, k] * t[v, k]
            rises = 1 / (1 + math.exp(-((a + b) + (c + e))))
            likelihood *= max(1 - rises if j else rises, 1e-30)
            error = np.float32(rises if j else rises - 1)
            t_squares[v] += error * error * square * mean
            step = rate * error / (np.sqrt(t_squares[v]) + tiny)
            for k in range(d):
                gradient[k] += error * t[v, k]
                t[v, k] -= step * s[u, k]
        total -= math.log(max(likelihood, 1e-300))
        square = np.float32(0)
        for k in range(d):
            square += gradient[k] * gradient[k]
        s_squares[u] += square * mean
        step = rate / (np.sqrt(s_squares[u]) + tiny)
        for k in range(d):
            s[u, k] -= step * gradient[k]
    return total, state
