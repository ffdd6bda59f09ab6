"""The torch part of sequence models: operations of layers, and the softmax loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.sequential.neural.layers import Array
from goeswith.sequential.neural.sequence_batch import PlaceMask, SequenceBatch
from goeswith.sequential.sequences import Ints


@dataclass(frozen=True)
class TorchOps:
    """`goeswith.sequential.neural.layers.Ops` in torch.

    Attributes:
        device: the device.
        dropout: share of entries that `drop` takes out.
    """

    device: torch.device
    dropout: float = 0.0

    def array(self, values: Any) -> Array:
        return torch.from_numpy(values).to(self.device)

    def take(self, table: Array, rows: Array) -> Array:
        # torch's own indexing adds gradients up one by one
        if table.ndim == 1:
            return functional.embedding(rows, table[:, None])[..., 0]
        return functional.embedding(rows, table)

    def where(self, condition: Array, yes: Array, no: Any) -> Array:
        return torch.where(condition, yes, no)

    def softmax(self, x: Array) -> Array:
        return torch.softmax(x, dim=-1)

    def silu(self, x: Array) -> Array:
        return functional.silu(x)

    def gelu(self, x: Array) -> Array:
        return functional.gelu(x, approximate="tanh")

    def norm(self, x: Array) -> Array:
        return functional.layer_norm(x, x.shape[-1:])

    def drop(self, x: Array) -> Array:
        return functional.dropout(x, self.dropout) if self.dropout else x


@dataclass(frozen=True)
class DrawnProducts:
    """Products that stand for the catalogue in a softmax (Bengio and Senecal, 2008).

    m are drawn, and one that is drawn with probability q counts 1 / (m q) times, so that the sum
    over them is unbiased.

    Attributes:
        rows: (m,) which.
        log_counts: (m,) float32 log of how often each counts.
    """

    rows: Ints
    log_counts: Floats

    @classmethod
    def draw(
        cls, shares: npt.NDArray[np.floating[Any]], count: int, rng: np.random.Generator
    ) -> DrawnProducts:
        """Draw `count` products, with probabilities `shares` (n,)."""
        # a number just below 1 may lie behind the last rounded sum
        rows = np.searchsorted(np.cumsum(shares), rng.random(count)).clip(max=len(shares) - 1)
        return cls(rows, -np.log(count * shares[rows]).astype(np.float32))

    @classmethod
    def for_step(
        cls,
        products: Ints,
        shares: npt.NDArray[np.floating[Any]],
        count: int,
        rng: np.random.Generator,
    ) -> tuple[Ints, DrawnProducts | None]:
        """The rows that a step needs, and the drawn ones by their place in those.

        Args:
            products: rows that are read or predicted.
            shares: as for `draw`.
            count: as for `draw`; if the catalogue is not larger, all its rows are returned, and
                None.
            rng: draws.
        """
        if len(shares) <= count:
            return np.arange(len(shares)), None
        drawn = cls.draw(shares, count, rng)
        rows = np.unique(np.concatenate([products, drawn.rows]))
        return rows, cls(np.searchsorted(rows, drawn.rows), drawn.log_counts)


@dataclass(frozen=True)
class ItemVectors:
    """Item vectors in torch, from parameters `ids` (n, d), `content` (c, d), or both.

    Attributes:
        ops: the library.
        weights: the parameters, by name.
        has_own: (n, 1) 1 where the vector of `ids` is learned, else 0.
        attributes: (n, c).
    """

    ops: TorchOps
    weights: Any
    has_own: torch.Tensor
    attributes: torch.Tensor

    def __call__(self, rows: Ints) -> torch.Tensor:
        """(r, d) vectors of some rows, of length 1 or 0."""
        index = self.ops.array(rows)
        vectors = torch.zeros((), device=self.ops.device)
        if "ids" in self.weights:
            own = self.ops.take(self.weights["ids"], index)
            vectors = functional.normalize(own, dim=1) * self.has_own[index]
        if "content" in self.weights:
            read = self.attributes[index] @ self.weights["content"]
            vectors = vectors + functional.normalize(read, dim=1)
        return functional.normalize(vectors, dim=1)


@dataclass(frozen=True)
class TrainingStep:
    """A step of training: p predictions, and what a loss needs beside their states.

    Attributes:
        ops: the library.
        weights: the parameters, by name.
        batch: b sequences in l places.
        places: (b, l) whose states predict; `states` and `targets` are in their order.
        states: (p, d) of length 1.
        products: (p,) the next products.
        rows: (r,) the products of this step, in ascending order: all, or those that are read,
            predicted or drawn.
        vectors: (r, d) their item vectors, of length 1 or 0.
        drawn: places in `rows` of the competitors; None where `rows` are all products.
        items: of any other rows.
        temperature: divides cosines before a softmax.
        rng: for further draws.
    """

    ops: TorchOps
    weights: Any
    batch: SequenceBatch
    places: PlaceMask
    states: torch.Tensor
    products: Ints
    rows: Ints
    vectors: torch.Tensor
    drawn: DrawnProducts | None
    items: ItemVectors
    temperature: float
    rng: np.random.Generator

    @property
    def targets(self) -> torch.Tensor:
        """(p,) places in `rows` of the next products."""
        targets: torch.Tensor = self.ops.array(np.searchsorted(self.rows, self.products))
        return targets

    def next_product(self, states: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """`next_product_loss` of states (p, d) and item vectors (r, d), both of length 1."""
        return next_product_loss(states / self.temperature, vectors, self.targets, self.drawn)


def next_product_loss(
    states: torch.Tensor, vectors: torch.Tensor, targets: torch.Tensor, drawn: DrawnProducts | None
) -> torch.Tensor:
    """Sum of -log softmax of the target among all products, or among a sample of them.

    Args:
        states: (p, d), already divided by the temperature.
        vectors: (n, d) of every product.
        targets: (p,) rows of `vectors`.
        drawn: the sample; None for all.
    """
    target = (states * functional.embedding(targets, vectors)).sum(1)
    if drawn is None:
        total: torch.Tensor = _LogSum.apply(  # type: ignore[no-untyped-call]
            states, vectors, None, None
        )
        return (total - target).sum()
    rows = torch.from_numpy(drawn.rows).to(states.device)
    others = _LogSum.apply(  # type: ignore[no-untyped-call]
        states,
        functional.embedding(rows, vectors),
        torch.from_numpy(drawn.log_counts).to(states),
        targets[:, None] == rows,
    )
    return functional.softplus(others - target).sum()


class _LogSum(torch.autograd.Function):
    """Log of the sum of exp of inner products plus a constant: (p, d), (m, d), (m,) -> (p,).

    Pairs (p, m) in `out` are excluded. The gradient is explicit: torch's own would hold and pass
    over two more (p, m) arrays.
    """

    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, vectors: torch.Tensor, plus: Any, out: Any
    ) -> torch.Tensor:
        logits = states @ vectors.T
        if plus is not None:
            logits.add_(plus).masked_fill_(out, -torch.inf)
        highest = logits.amax(1, keepdim=True)
        shares = logits.sub_(highest).exp_()
        total = shares.sum(1)
        ctx.save_for_backward(states, vectors, shares, total)
        return total.log() + highest[:, 0]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        states, vectors, shares, total = ctx.saved_tensors
        scale = (gradients[0] / total)[:, None]
        return scale * (shares @ vectors), shares.T @ (scale * states), None, None


def init_parameter(shape: tuple[int, ...]) -> torch.nn.Parameter:
    """A parameter: of normal draws that keep variance as a map of rows does; a list of zeros."""
    if len(shape) == 1:
        return torch.nn.Parameter(torch.zeros(shape))
    return torch.nn.Parameter(torch.randn(shape) * shape[-2] ** -0.5)
