"""The layers of sequence models: training runs them in torch, inference in numpy.

An array is a numpy array or a torch tensor; operations that differ by library are in `Ops`.
With b sequences of l places, d the dimension and h heads, a layer maps (b, l, d) to (b, l, d).
Weights of all layers are stacked along a first axis. Norms have no gain and no offset of their own:
the maps behind them have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""A numpy array or a torch tensor."""
Weights: TypeAlias = Mapping[str, Array]


class Ops(Protocol):
    """The operations of layers beyond operators, indexing, `reshape` and `swapaxes`."""

    def array(self, values: Any) -> Array:
        """A numpy array, as an array of this library."""

    def take(self, table: Array, rows: Array) -> Array:
        """`table[rows]`, for rows of any shape."""

    def where(self, condition: Array, yes: Array, no: Any) -> Array:
        """`yes` where the condition holds, else `no`."""

    def softmax(self, x: Array) -> Array:
        """Shares over the last axis that add up to 1."""

    def silu(self, x: Array) -> Array:
        """Its logistic times x."""

    def gelu(self, x: Array) -> Array:
        """The Gaussian error unit, by its tanh formula."""

    def norm(self, x: Array) -> Array:
        """Mean 0 and variance 1 over the last axis."""

    def drop(self, x: Array) -> Array:
        """Dropout, while training."""


class NumpyOps:
    """`Ops` in numpy, without dropout."""

    def array(self, values: Any) -> Array:
        return values

    def take(self, table: Array, rows: Array) -> Array:
        return table[rows]

    def where(self, condition: Array, yes: Array, no: Any) -> Array:
        return np.where(condition, yes, no)

    def softmax(self, x: Array) -> Array:
        shares = np.exp(x - x.max(axis=-1, keepdims=True))
        return shares / shares.sum(axis=-1, keepdims=True)

    def silu(self, x: Array) -> Array:
        return x * (0.5 + 0.5 * np.tanh(0.5 * x))  # a logistic that cannot overflow

    def gelu(self, x: Array) -> Array:
        return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))

    def norm(self, x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)

    def drop(self, x: Array) -> Array:
        return x


def softmax_layers(ops: Ops, weights: Weights, x: Array, visible: Array, heads: int) -> Array:
    """Layers of self-attention and a feed-forward net (Vaswani et al., 2017), each behind a norm.

    Args:
        ops: the library.
        weights: query, key, value, out (layers, d, d); up (layers, d, f), up_bias
            (layers, 1, f) and down (layers, f, d).
        x: (b, l, d).
        visible: bool, whether a place sees another, to be broadcast to (b, h, l, l).
        heads: h.
    """
    for i in range(len(weights["query"])):
        z = ops.norm(x)
        query, key, value = (split_heads(z @ weights[name][i], heads) for name in _PROJECTIONS)
        match = query @ key.swapaxes(-1, -2) / query.shape[-1] ** 0.5
        shares = ops.softmax(ops.where(visible, match, -np.inf))
        x = x + ops.drop(join_heads(ops.drop(shares) @ value) @ weights["out"][i])
        inner = ops.gelu(ops.norm(x) @ weights["up"][i] + weights["up_bias"][i])
        x = x + ops.drop(inner @ weights["down"][i])
    return ops.norm(x)


def hstu_layers(  # noqa: PLR0917
    ops: Ops,
    weights: Weights,
    x: Array,
    visible: Array,
    heads: int,
    places: Array,
    times: Array | None,
) -> Array:
    """Layers of pointwise aggregated attention with a gate (Zhai et al., 2024, eq. 1 to 3).

        U, V, Q, K = SiLU(norm(X) W)
        A = SiLU(Q K' + p + t) / visible places, 0 for the others
        X + (norm(A V) * U) W_out

    Args:
        ops: the library.
        weights: gate, value, query, key, out (layers, d, d); place (layers, places that differ);
            time (layers, buckets of time).
        x: (b, l, d).
        visible: (l, l) float32, 0 where a place does not see another, else 1 / visible places.
        heads: h.
        places: (l, l) entries of `place`: how many places back the other is.
        times: (b, l, l) entries of `time`: time since the other; None without times.
    """
    for i in range(len(weights["query"])):
        z = ops.norm(x)
        gate = ops.silu(z @ weights["gate"][i])
        query, key, value = (
            split_heads(ops.silu(z @ weights[name][i]), heads) for name in _PROJECTIONS
        )
        match = query @ key.swapaxes(-1, -2) + ops.take(weights["place"][i], places)
        if times is not None:
            match = match + ops.take(weights["time"][i], times)[:, None]
        mean = (ops.silu(match) * visible) @ value
        x = x + ops.drop((ops.norm(join_heads(mean)) * gate) @ weights["out"][i])
    return ops.norm(x)


_PROJECTIONS = ("query", "key", "value")


def split_heads(x: Array, heads: int) -> Array:
    """(b, l, d) to (b, h, l, d / h)."""
    b, length, d = x.shape
    return x.reshape(b, length, heads, d // heads).swapaxes(1, 2)


def join_heads(x: Array) -> Array:
    """(b, h, l, d / h) to (b, l, d)."""
    b, heads, length, d = x.shape
    return x.swapaxes(1, 2).reshape(b, length, heads * d)
