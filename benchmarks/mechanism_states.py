"""Mechanisms of published sequence models that change the states, as subclasses of SasRec.

Whatever a paper changes beside its mechanism stays as in `sasrec`, so that a difference is that of
the mechanism.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.data.catalog import Catalog
from goeswith.sequential.neural.layers import (
    Array,
    NumpyOps,
    Ops,
    Weights,
    join_heads,
    softmax_layers,
    split_heads,
)
from goeswith.sequential.neural.sasrec import SasRec
from goeswith.sequential.neural.sequence_batch import SequenceBatch
from goeswith.sequential.neural.torch_sequence_layers import TrainingStep
from goeswith.sequential.neural.trained_sequence_model import NextProductConfig
from goeswith.sequential.sequences import Sequences


class TwoQueriesConfig(NextProductConfig):
    """Settings of two queries."""

    window: int = Field(5, ge=2, description="Places that the long query averages.")
    long_share: float = Field(0.5, ge=0, le=1, description="Share of the long query's answer.")


class TwoQueries(SasRec):
    """Multi-query attention of MQSA-TED (Zhu et al., 2023, arXiv 2311.01056).

    A place attends once by its own query and once by the mean query of its last `window` places;
    the two answers are mixed by `long_share`.
    """

    name = "two_queries"
    Config = TwoQueriesConfig
    config: TwoQueriesConfig

    def states(self, ops: Ops, weights: Weights, x: Array, batch: SequenceBatch) -> Array:
        length, heads = batch.products.shape[1], self.config.heads
        before = ops.array(np.tri(length, dtype=bool))
        back = np.subtract.outer(np.arange(length), np.arange(length))
        near = ((back >= 0) & (back < self.config.window)).astype(np.float32)
        mean = ops.array(near / near.sum(axis=1, keepdims=True))
        x = x + weights["place"][:length]
        for i in range(len(weights["query"])):
            z = ops.norm(x)
            query, key, value = (
                split_heads(z @ weights[name][i], heads) for name in ("query", "key", "value")
            )
            mixed = 0.0
            for part, q in (
                (self.config.long_share, mean @ query),
                (1 - self.config.long_share, query),
            ):
                match = q @ key.swapaxes(-1, -2) / query.shape[-1] ** 0.5
                shares = ops.softmax(ops.where(before, match, -np.inf))
                mixed = mixed + part * (ops.drop(shares) @ value)
            x = x + ops.drop(join_heads(mixed) @ weights["out"][i])
            inner = ops.gelu(ops.norm(x) @ weights["up"][i] + weights["up_bias"][i])
            x = x + ops.drop(inner @ weights["down"][i])
        return ops.norm(x)


class TwoTables(SasRec):
    """Decoupled embeddings of DARE (Feng et al., 2024, arXiv 2410.02604).

    Attention compares vectors of a table of its own; what it passes on, and what is scored, are
    the item vectors. The paper's model has one target-aware attention and no layers; here queries
    and keys of the first layer read the table.
    """

    name = "two_tables"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**super().shapes(), "attention": (self._n, self.config.dimension)}

    def prepare_training(self, catalog: Catalog, train: Sequences) -> None:
        self._n = len(catalog)

    def states(self, ops: Ops, weights: Weights, x: Array, batch: SequenceBatch) -> Array:
        length, heads, d = batch.products.shape[1], self.config.heads, self.config.dimension
        before = ops.array(np.tri(length, dtype=bool))
        rows = ops.norm(ops.take(weights["attention"], ops.array(batch.products)))
        z = ops.drop(rows) + weights["place"][:length]
        query, key = (split_heads(z @ weights[name][0], heads) for name in ("query", "key"))
        x = x + weights["place"][:length]
        value = split_heads(ops.norm(x) @ weights["value"][0], heads)
        match = query @ key.swapaxes(-1, -2) / (d // heads) ** 0.5
        shares = ops.softmax(ops.where(before, match, -np.inf))
        x = x + ops.drop(join_heads(ops.drop(shares) @ value) @ weights["out"][0])
        x = x + ops.drop(
            ops.gelu(ops.norm(x) @ weights["up"][0] + weights["up_bias"][0]) @ weights["down"][0]
        )
        rest = {name: value[1:] for name, value in weights.items() if name in _STACKED}
        return softmax_layers(ops, rest, x, before, heads)


_STACKED = ("query", "key", "value", "out", "up", "up_bias", "down")


class ReasoningConfig(NextProductConfig):
    """Settings of latent steps."""

    steps: int = Field(1, ge=1, description="Latent steps after the last product.")


class Reasoning(SasRec):
    """Latent reasoning of ReaRec (Tang et al., 2025, arXiv 2503.22675).

    After reading, the state of a place goes through the layers again, with a vector of the step
    added, and attends to the places that it saw and to itself; the state is the mean of those of
    all steps (the paper's ensemble form, without its term against equal steps).
    """

    name = "reasoning"
    Config = ReasoningConfig
    config: ReasoningConfig

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {**super().shapes(), "step": (self.config.steps, self.config.dimension)}

    def states(self, ops: Ops, weights: Weights, x: Array, batch: SequenceBatch) -> Array:
        length, heads = batch.products.shape[1], self.config.heads
        before = ops.array(np.tri(length, dtype=bool))
        size = (self.config.dimension // heads) ** 0.5
        x = x + weights["place"][:length]
        memory: list[list[tuple[Array, Array]]] = [[] for _ in weights["query"]]
        total, state = 0.0, x
        for step in range(self.config.steps + 1):
            if step:
                state = state + weights["step"][step - 1]
            for i in range(len(weights["query"])):
                z = ops.norm(state)
                query, key, value = (
                    split_heads(z @ weights[name][i], heads) for name in ("query", "key", "value")
                )
                memory[i].append((key, value))
                seen = ops.where(before, query @ memory[i][0][0].swapaxes(-1, -2) / size, -np.inf)
                own = [(query * k).sum(-1)[..., None] / size for k, _ in memory[i][1:]]
                shares = ops.drop(ops.softmax(_join(ops, [seen, *own])))
                read = shares[..., :length] @ memory[i][0][1]
                for place, (_, v) in enumerate(memory[i][1:], length):
                    read = read + shares[..., place : place + 1] * v
                state = state + ops.drop(join_heads(read) @ weights["out"][i])
                inner = ops.gelu(ops.norm(state) @ weights["up"][i] + weights["up_bias"][i])
                state = state + ops.drop(inner @ weights["down"][i])
            state = ops.norm(state)
            total = total + state
        return total / (self.config.steps + 1)


def _join(ops: Ops, parts: list[Array]) -> Array:
    return np.concatenate(parts, -1) if isinstance(ops, NumpyOps) else torch.cat(parts, -1)


class TwoRoundsConfig(NextProductConfig):
    """Settings of two rounds."""

    retrieved: int = Field(10, ge=1, description="Products of the first round that are read.")


class TwoRounds(SasRec):
    """Multi-round retrieval of Ada-Retrieval (Li et al., 2024, arXiv 2401.06633).

    The products that the first state retrieves enter a second one:

        s2 = normalise(s + W2 GELU([s, mean of the retrieved vectors] W1 + b))

    and the loss is the mean of both rounds. The paper adapts item vectors, too, and goes on for
    several rounds. Products read before are not left out of the first round.
    """

    name = "two_rounds"
    Config = TwoRoundsConfig
    config: TwoRoundsConfig

    def shapes(self) -> dict[str, tuple[int, ...]]:
        d = self.config.dimension
        return {**super().shapes(), "adapt": (2 * d, d), "adapt_bias": (1, d), "adapt_out": (d, d)}

    def loss(self, step: TrainingStep) -> torch.Tensor:
        count = min(self.config.retrieved, len(step.vectors) - 1)
        with torch.no_grad():
            top = (step.states @ step.vectors.T).topk(count).indices
        mean = functional.embedding(top, step.vectors).mean(1)
        second = self.second_round(step.ops, step.weights, step.states, mean, torch.cat)
        second = functional.normalize(second, dim=1)
        first = step.next_product(step.states, step.vectors)
        return (first + step.next_product(second, step.vectors)) / 2

    def second_round(
        self, ops: Ops, weights: Weights, states: Array, mean: Array, join: Any
    ) -> Array:
        both = join([states, mean], -1)
        inner = ops.gelu(both @ weights["adapt"] + weights["adapt_bias"])
        return states + inner @ weights["adapt_out"]

    def score(self, prefixes: Sequences) -> Floats:
        batch, places = self.prepare_prefixes(prefixes)
        x = self.vectors[batch.products] * np.float32(self.config.dimension**0.5)
        states = self.states(NumpyOps(), self.weights, x, batch)[np.arange(len(places)), places]
        states /= np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-9)
        first = states @ self.vectors.T
        count = min(self.config.retrieved, self.n - 1)
        top = np.argpartition(-first, count, axis=1)[:, :count]
        mean = self.vectors[top].mean(axis=1)
        second = self.second_round(NumpyOps(), self.weights, states, mean, np.concatenate)
        second /= np.maximum(np.linalg.norm(second, axis=1, keepdims=True), 1e-9)
        scores: Floats = second @ self.vectors.T
        scores[prefixes.lengths == 0] = -np.inf
        scores[:, ~self.vectors.any(axis=1)] = -np.inf
        return scores
