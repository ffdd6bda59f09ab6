"""The few torch pieces that models share: sparse products, and where to compute."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from goeswith.core.arrays import (
    Rows,
    Sparse,
    entry_rows,
    inverse_power,
    scale_columns,
    scale_rows,
)
from goeswith.models.neural.distributed import Workers


def device() -> torch.device:
    """A CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def native_bfloat16(where: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself; else it is slower than float32."""
    if where.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def symmetric_normalised(matrix: Sparse) -> Sparse:
    """`D_out^-1/2 M D_in^-1/2`, with M's out- and in-degrees; 0 where a degree is 0."""
    out = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
    into = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    return scale_columns(scale_rows(matrix, inverse_power(out, 0.5)), inverse_power(into, 0.5))


class SparseMap:
    """A constant CSR matrix M as a map of dense tensors, x -> M x, with its gradient M' g."""

    def __init__(self, matrix: Sparse, where: torch.device) -> None:
        self.forward, self.backward = _tensor(matrix, where), _tensor(matrix.T.tocsr(), where)

    @property
    def transposed(self) -> SparseMap:
        """X -> M' x."""
        other = SparseMap.__new__(SparseMap)
        other.forward, other.backward = self.backward, self.forward
        return other

    def __matmul__(self, x: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = _Product.apply(  # type: ignore[no-untyped-call]
            self.forward, self.backward, x
        )
        return product


class _Product(torch.autograd.Function):
    """Sparse times dense; torch's own gradient of it would transpose the matrix in every step."""

    @staticmethod
    def forward(ctx: Any, m: torch.Tensor, mt: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        ctx.mt = mt
        return m @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return None, None, ctx.mt @ gradients[0]


def _tensor(matrix: Sparse, where: torch.device) -> torch.Tensor:
    with warnings.catch_warnings():
        # torch calls CSR young and its checks opt-in whenever one is made; scipy's are canonical
        warnings.filterwarnings("ignore", message="Sparse (CSR tensor support|invariant checks)")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data.astype(np.float32)),
            size=matrix.shape,
            device=where,
        )


class SharedNorm(torch.nn.BatchNorm1d):
    """Batch normalisation over what all workers read in a step; of one process, torch's own.

    A product that several of them read counts as often.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        workers = Workers.here()
        if workers.size == 1 or not self.training:
            return super().forward(x)
        count = workers.sum(len(x))
        mean = _everywhere(x.sum(0)) / count
        variance = _everywhere(((x - mean) ** 2).sum(0)) / count
        unbiased = variance * (count / (count - 1))
        for running, batch_value in ((self.running_mean, mean), (self.running_var, unbiased)):
            assert running is not None and self.momentum is not None
            running.lerp_(batch_value.detach(), self.momentum)
        return (x - mean) / (variance + self.eps).sqrt() * self.weight + self.bias


def _everywhere(x: torch.Tensor) -> torch.Tensor:
    """The sum over all workers; the gradient is that of all of their losses."""
    total: torch.Tensor = _Everywhere.apply(x)  # type: ignore[no-untyped-call]
    return total


class _Everywhere(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        total = x.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total


def softmax_loss(
    logits: torch.Tensor,
    edges: Sparse,
    block: Rows,
    excluded: torch.Tensor,
    pairs: torch.Tensor | None = None,
) -> torch.Tensor:
    """Sum over the edges of weight times -log softmax of the target among it and all non-targets.

    Args:
        logits: (b, n).
        edges: (b, n) CSR of weights; the targets of each source do not compete with each other.
        block: (b,) the sources, which do not compete either.
        excluded: (m,) columns that do not compete: products that nothing is known of.
        pairs: (nnz,) logits of the edges, where they differ from those of all pairs.
    """
    where = logits.device
    rows = torch.from_numpy(np.repeat(np.arange(len(block)), np.diff(edges.indptr))).to(where)
    columns = torch.from_numpy(edges.indices.astype(np.int64)).to(where)
    out = torch.zeros(logits.shape, dtype=torch.bool, device=where)
    out[:, excluded] = True
    out[rows, columns] = True
    out[torch.arange(len(block)), torch.from_numpy(block.astype(np.int64)).to(where)] = True
    weights = torch.from_numpy(edges.data).to(where, logits.dtype)
    loss: torch.Tensor = _SoftmaxLoss.apply(  # type: ignore[no-untyped-call]
        logits, pairs, out, rows, columns, weights
    )
    return loss


class _SoftmaxLoss(torch.autograd.Function):
    """Its gradient by hand: torch's own would hold four more (b, n) arrays where one is enough."""

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, pairs: torch.Tensor | None, *edges: torch.Tensor
    ) -> torch.Tensor:
        out, rows, columns, weights = edges
        rivals = logits.masked_fill(out, -torch.inf)
        highest = rivals.amax(1, keepdim=True).nan_to_num(neginf=0)
        rivals.sub_(highest).exp_()
        total = rivals.sum(1)
        edge_logits = logits[rows, columns] if pairs is None else pairs
        gap = (total.log() + highest[:, 0])[rows] - edge_logits
        ctx.save_for_backward(rivals, total, gap, rows, columns, weights)
        return (torch.nn.functional.softplus(gap) * weights).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        rivals, total, gap, rows, columns, weights = ctx.saved_tensors
        pull = gap.sigmoid() * weights * gradients[0]
        pulls = torch.zeros_like(total).index_add_(0, rows, pull)
        gradient = rivals * (pulls / total.clamp_min(1e-30))[:, None]
        if ctx.needs_input_grad[1]:
            return gradient, -pull, None, None, None, None
        gradient[rows, columns] -= pull
        return gradient, None, None, None, None, None


def sampled_softmax_loss(
    logits: torch.Tensor,
    pairs: torch.Tensor,
    edges: Sparse,
    rows: tuple[Rows, Rows],
    share: float,
) -> torch.Tensor:
    """Sum over edges of weight times -log softmax of the target among it and drawn non-targets.

    Args:
        logits: (b, m) of the sources and the drawn products.
        pairs: (nnz,) of the edges.
        edges: (b, n) CSR of weights.
        rows: the sources (b,), and products (m,) that compete where they are neither the source
            nor one of its targets.
        share: of all that compete, how many are drawn.
    """
    where, (block, drawn) = logits.device, rows

    def on_device(array: Rows) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.int64)).to(where)

    known = edges[:, drawn]
    out = on_device(block)[:, None] == on_device(drawn)
    out[on_device(entry_rows(known)), on_device(known.indices)] = True
    # a finite number: of nothing but infinities, the gradient is none
    rivals = logits.masked_fill(out, -1e9).logsumexp(1) - np.log(share)
    gap = rivals[on_device(entry_rows(edges))] - pairs
    return (
        torch.nn.functional.softplus(gap) * torch.from_numpy(edges.data).to(where, gap.dtype)
    ).sum()


def edge_cosines(
    states: tuple[torch.Tensor, torch.Tensor],
    sent: tuple[torch.Tensor, torch.Tensor] | None,
    messages: Sparse,
    block: Rows,
) -> torch.Tensor:
    """(nnz,) cosines of the two ends of each edge, without what came over that edge itself.

    Args:
        states: of sources and of targets, (n, d), with the messages of all edges.
        sent: what each product sends as a source to its targets, and as a target to its sources,
            (n, d); None leaves it in the states.
        messages: (b, n) CSR of the sources' edges: what a message is multiplied by.
        block: the sources (b,).
    """
    (s, t), where = states, states[0].device
    source = torch.from_numpy(block[entry_rows(messages)].astype(np.int64)).to(where)
    target = torch.from_numpy(messages.indices.astype(np.int64)).to(where)
    s_u, t_v = s[source], t[target]
    if sent is not None:
        along = torch.from_numpy(messages.data).to(where, s.dtype)[:, None]
        s_u, t_v = s_u - along * sent[1][target], t_v - along * sent[0][source]
    unit = torch.nn.functional.normalize
    return (unit(s_u, dim=1) * unit(t_v, dim=1)).sum(1)


def normal(rows: int, columns: int, deviation: float = 0.1) -> torch.nn.Parameter:
    """A parameter of independent normal draws."""
    return torch.nn.Parameter(torch.randn(rows, columns) * deviation)
