"""The torch part of sequence models: operations of layers, and the softmax loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from goeswith.sequential.neural.layers import Array


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


def next_product_loss(  # noqa: PLR0917
    states: torch.Tensor,
    vectors: torch.Tensor,
    targets: torch.Tensor,
    competitors: int,
    shares: npt.NDArray[np.floating[Any]],
    rng: np.random.Generator,
) -> torch.Tensor:
    """Sum of -log softmax of the target among all products, or among a sample of them.

    Args:
        states: (p, d), already divided by the temperature.
        vectors: (n, d) of every product.
        targets: (p,) rows of `vectors`.
        competitors: m. Where n is larger, m products are drawn, and one that is drawn with
            probability q counts 1 / (m q) times, so that the sum over them is unbiased
            (Bengio and Senecal, 2008).
        shares: (n,) probabilities by which they are drawn.
        rng: draws them.
    """
    target = (states * functional.embedding(targets, vectors)).sum(1)
    if len(vectors) <= competitors:
        total: torch.Tensor = _LogSum.apply(  # type: ignore[no-untyped-call]
            states, vectors, None, None
        )
        return (total - target).sum()
    # a number just below 1 may lie behind the last rounded sum
    rows = np.searchsorted(np.cumsum(shares), rng.random(competitors)).clip(max=len(shares) - 1)
    counts = -np.log(competitors * shares[rows]).astype(np.float32)
    init_parameter = torch.from_numpy(rows).to(states.device)
    others = _LogSum.apply(  # type: ignore[no-untyped-call]
        states,
        functional.embedding(init_parameter, vectors),
        torch.from_numpy(counts).to(states),
        targets[:, None] == init_parameter,
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
