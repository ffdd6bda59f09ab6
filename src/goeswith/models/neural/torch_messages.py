"""Messages between the states of products: the graph of DAEMON as one table of 2n states.

Row u is the source state of product u, row n + u its target state. A bought edge (u, v) lets the
target state of v speak to the source state of u and the source state of u to the target state of
v; a viewed edge joins the two source states and the two target states likewise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, block_size, blocks, top_k
from goeswith.models.neural.neighbour_sampler import sample_neighbours
from goeswith.models.neural.torch_layers import SparseMap


class Messages(NamedTuple):
    """The sending states of each receiving state: (2n, 2n) CSR matrices, a row a receiver."""

    bought: Sparse
    viewed: Sparse

    @classmethod
    def from_edges(cls, bought: Sparse, viewed_s: Sparse, viewed_t: Sparse) -> Messages:
        """The messages along edges.

        Args:
            bought: (n, n) CSR of directed co-purchase edges.
            viewed_s: (n, n) CSR, row = the product whose source state listens.
            viewed_t: (n, n) CSR, row = the product whose target state listens.
        """
        return cls(
            sparse.bmat([[None, bought], [bought.T, None]], format="csr", dtype=np.float32),
            sparse.block_diag([viewed_s, viewed_t], format="csr", dtype=np.float32),
        )


class MessageStep(NamedTuple):
    """One layer of messages: from the states that speak to the states that listen."""

    bought: SparseMap
    viewed: SparseMap
    own: torch.Tensor
    """Place of each listener among those that speak; read only with a self term."""


def full_step(messages: Messages, where: torch.device) -> MessageStep:
    """Every state hears all its neighbours."""
    own = torch.arange(messages.bought.shape[0], device=where)
    return MessageStep(SparseMap(messages.bought, where), SparseMap(messages.viewed, where), own)


def sample_steps(
    messages: Messages,
    states: Rows,
    fan_outs: tuple[int, ...],
    rng: np.random.Generator,
    where: torch.device,
) -> tuple[list[MessageStep], Rows]:
    """The layers that lead to `states`, each state hearing a few of its neighbours.

    Args:
        messages: the complete graph.
        states: (m,) distinct states that the last layer gives, sorted.
        fan_outs: neighbours per relation, first those of `states` themselves.
        rng: draws them, anew for each layer.
        where: device of the steps.

    Returns:
        the steps, that of the input first, and the states that speak in it, sorted.
    """
    steps: list[MessageStep] = []
    place = np.zeros(messages.bought.shape[0], dtype=np.int32)
    for fan_out in fan_outs:
        neighbours = [sample_neighbours(matrix, states, fan_out, rng) for matrix in messages]
        speaks = np.zeros(len(place), dtype=bool)
        for rows in (states, *neighbours):
            speaks[rows[rows >= 0]] = True
        speakers = np.flatnonzero(speaks).astype(np.int32)
        place[speakers] = np.arange(len(speakers))
        bought, viewed = (_map(place, some, len(speakers), where) for some in neighbours)
        steps.append(MessageStep(bought, viewed, torch.from_numpy(place[states]).to(where)))
        states = speakers
    return steps[::-1], states


def _map(place: Rows, neighbours: Rows, speakers: int, where: torch.device) -> SparseMap:
    there = neighbours >= 0
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    columns = place[neighbours[there]]
    ones = np.ones(len(columns), dtype=np.float32)
    shape = (len(neighbours), speakers)
    return SparseMap(sparse.csr_matrix((ones, columns, indptr), shape=shape), where)


def propagate(
    steps: list[MessageStep],
    x: torch.Tensor,
    weights: list[torch.Tensor],
    self_term: bool,
    last_relu: bool,
) -> torch.Tensor:
    """Algorithm 1 of DAEMON: sums of neighbours through one matrix a layer, then length 1.

    Args:
        steps: L layers; what the first hears are the rows of `x`.
        x: (m_0, f) input.
        weights: L matrices, (f, d) and then (d, d).
        self_term: adds ReLU(h W) of the state itself (not in the paper).
        last_relu: whether the last layer has the paper's ReLU.

    Returns:
        (m_L, d) states; zero where nothing was heard.
    """
    for layer, (step, weight) in enumerate(zip(steps, weights, strict=True), start=1):
        z = x @ weight
        terms = [step.bought @ z, step.viewed @ z]
        if self_term:
            terms.append(z[step.own])
        if last_relu or layer < len(steps):
            terms = [term.relu() for term in terms]
        x = torch.nn.functional.normalize(torch.stack(terms).sum(0), dim=1, eps=1e-6)
    return x


def nearest_rows(
    content: Floats, rows: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_], k: int
) -> Sparse:
    """For each product of `rows` the k of `among` with the most similar attributes.

    Args:
        content: (n, f) attribute vectors of length 1, or 0 where nothing is known.
        rows: (n,) products that need neighbours.
        among: (n,) products that can be some.
        k: how many at most; products without anything in common are none.

    Returns:
        (n, n) CSR of ones.
    """
    n = len(content)
    queries = np.flatnonzero(rows & content.any(axis=1)).astype(np.int32)
    warm = np.flatnonzero(among & content.any(axis=1))
    parts = [np.zeros((0, min(k, len(warm))), dtype=np.int32)]
    for block in blocks(queries, block_size(max(len(warm), 1))):
        cosines = content[block] @ content[warm].T
        cosines[cosines <= 0] = -np.inf
        parts.append(top_k(cosines, k)[0])
    neighbours = np.concatenate(parts)
    there = neighbours >= 0
    entries = (np.repeat(queries, there.sum(axis=1)), warm[neighbours[there]])
    return sparse.csr_matrix((np.ones(len(entries[0]), dtype=np.float32), entries), shape=(n, n))
