"""Inputs of the network in batches of similar length, and its predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from goeswith.core.arrays import Floats
from goeswith.language.salam.behaviour_graph import BehaviourGraph, NodePairs
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.torch_encoder import Tokens, batches_by_length, mean_vector
from goeswith.language.salam.torch_graph import NeighbourSampler
from goeswith.language.salam.torch_network import PairBatch, SalamNetwork
from goeswith.models.neural.torch_layers import native_bfloat16

OnProgress = Callable[[str], None]


def precision(config: SalamConfig, where: torch.device) -> torch.dtype:
    """What matrices are multiplied in."""
    if config.precision != "auto":
        return torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    return torch.bfloat16 if native_bfloat16(where) else torch.float32


@dataclass
class NodeInputs:
    """What all pairs share: tokens and vectors of the nodes, and behaviour between them.

    Without vectors and behaviour, only the language branch is used.
    """

    tokens: Tokens | None
    vectors: Floats | None
    behaviour: BehaviourGraph | None


@dataclass
class PairFeed:
    """Pairs ready for the network, a batch at a time."""

    config: SalamConfig
    inputs: NodeInputs
    pairs: NodePairs
    where: torch.device
    paths: Floats | None = field(init=False, default=None)
    sampler: NeighbourSampler | None = field(init=False, default=None)
    vectors: Tensor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.config.graph and self.inputs.behaviour is not None:
            assert self.inputs.vectors is not None
            if self.config.paths:
                self.paths = self.inputs.behaviour.paths(self.pairs)
            self.sampler = NeighbourSampler(self.inputs.behaviour, self.where)
            self.vectors = torch.as_tensor(self.inputs.vectors, device=self.where)

    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(m,) tokens of each pair; zeros where no text is read."""
        if not self.config.language or self.inputs.tokens is None:
            return np.zeros(len(self.pairs), dtype=np.int64)
        each = self.inputs.tokens.lengths()
        both = each[self.pairs.left] + each[self.pairs.right]
        lengths: np.ndarray[Any, np.dtype[np.int64]] = np.minimum(both, self.config.max_tokens)
        return lengths

    def step(self, which: np.ndarray[Any, np.dtype[np.int64]]) -> PairBatch:
        """The pairs of these numbers."""
        left, right = self.pairs.left[which], self.pairs.right[which]
        ids = mask = None
        if self.config.language:
            tokens = self.inputs.tokens
            assert tokens is not None
            max_tokens = self.config.max_tokens
            rows = [
                tokens.pair(one, other, max_tokens)
                for one, other in zip(left.tolist(), right.tolist(), strict=True)
            ]
            ids, mask = tokens.batch(rows, self.where)
        paths = None if self.paths is None else self._tensor(self.paths[which])
        return PairBatch(ids, mask, self._tensor(left).long(), self._tensor(right).long(), paths)

    def labels(self, which: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
        """Classes of the pairs of these numbers."""
        return self._tensor(self.pairs.labels[which])

    def _tensor(self, array: np.ndarray[Any, Any]) -> Tensor:
        return torch.as_tensor(array, device=self.where)


def node_vectors(
    encoder: nn.Module,
    tokens: Tokens,
    config: SalamConfig,
    where: torch.device,
    on_progress: OnProgress,
) -> Floats:
    """(n, h) float16 mean vectors of all texts, from the encoder as it came."""
    encoder.to(where).eval()
    inputs = [tokens.single(node, config.node_tokens) for node in range(len(tokens.starts) - 1)]
    lengths = np.array([len(row) for row in inputs], dtype=np.int64)
    vectors: Any = None
    kind = precision(config, where)
    for number, batch in enumerate(batches_by_length(lengths, 256)):
        if number % 20 == 0:
            on_progress(f"vectors of texts: {number * 256:,} of {len(inputs):,}")
        ids, mask = tokens.batch([inputs[i] for i in batch], where)
        with torch.inference_mode(), torch.autocast(where.type, kind, kind != torch.float32):
            mean = mean_vector(encoder, ids, mask).float()
        normalised = nn.functional.normalize(mean, dim=-1).half().cpu().numpy()
        if vectors is None:
            vectors = np.zeros((len(inputs), normalised.shape[1]), dtype=np.float16)
        vectors[batch] = normalised
    return np.asarray(vectors)


def predict(
    network: SalamNetwork,
    inputs: NodeInputs,
    pairs: NodePairs,
    on_progress: OnProgress = lambda _: None,
    batch: int = 128,
) -> dict[str, Floats]:
    """Branch -> (m, c) logits of pairs; `fused` where there are two branches."""
    config, where = network.config, next(network.parameters()).device
    feed = PairFeed(config, inputs, pairs, where)
    kind = precision(config, where)
    generator = torch.Generator(where).manual_seed(config.seed)
    network.eval()
    results: dict[str, Floats] = {}
    for number, which in enumerate(batches_by_length(feed.lengths(), batch)):
        if number % 20 == 0:
            on_progress(f"classifying pairs: {number * batch:,} of {len(pairs):,}")
        with torch.inference_mode(), torch.autocast(where.type, kind, kind != torch.float32):
            logits = network(feed.step(which), feed.vectors, feed.sampler, generator)
        for name, values in logits.items():
            if name not in results:
                results[name] = np.zeros((len(pairs), values.shape[1]), dtype=np.float32)
            results[name][which] = values.float().cpu().numpy()
    return results
