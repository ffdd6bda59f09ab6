"""Pairs ready for the network, a batch of like length at a time; and what it says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from goeswith.core.arrays import Floats
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.nodes import Behaviour, Pairs
from goeswith.language.salam.torch_encoder import Tokens, batches_by_length, mean_vector
from goeswith.language.salam.torch_graph import Sampler
from goeswith.language.salam.torch_network import Network, Step
from goeswith.models.neural.torch_layers import native_bfloat16

Tell = Callable[[str], None]


def precision(config: SalamConfig, where: torch.device) -> torch.dtype:
    """What matrices are multiplied in."""
    if config.precision != "auto":
        return torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    return torch.bfloat16 if native_bfloat16(where) else torch.float32


@dataclass
class World:
    """What all pairs share: tokens and vectors of the nodes, and behaviour between them.

    Without vectors and behaviour the language branch is asked alone.
    """

    tokens: Tokens | None
    vectors: Floats | None
    behaviour: Behaviour | None


@dataclass
class Feed:
    """Pairs ready for the network, a batch at a time."""

    config: SalamConfig
    world: World
    pairs: Pairs
    where: torch.device
    paths: Floats | None = field(init=False, default=None)
    sampler: Sampler | None = field(init=False, default=None)
    vectors: Tensor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.config.graph and self.world.behaviour is not None:
            assert self.world.vectors is not None
            if self.config.paths:
                self.paths = self.world.behaviour.paths(self.pairs)
            self.sampler = Sampler(self.world.behaviour, self.where)
            self.vectors = torch.as_tensor(self.world.vectors, device=self.where)

    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(m,) tokens of each pair; zeros where no text is read."""
        if not self.config.language or self.world.tokens is None:
            return np.zeros(len(self.pairs), dtype=np.int64)
        each = self.world.tokens.lengths()
        both = each[self.pairs.left] + each[self.pairs.right]
        found: np.ndarray[Any, np.dtype[np.int64]] = np.minimum(both, self.config.max_tokens)
        return found

    def step(self, which: np.ndarray[Any, np.dtype[np.int64]]) -> Step:
        """The pairs of these numbers."""
        left, right = self.pairs.left[which], self.pairs.right[which]
        ids = mask = None
        if self.config.language:
            tokens = self.world.tokens
            assert tokens is not None
            most = self.config.max_tokens
            rows = [
                tokens.pair(one, other, most)
                for one, other in zip(left.tolist(), right.tolist(), strict=True)
            ]
            ids, mask = tokens.batch(rows, self.where)
        paths = None if self.paths is None else self._tensor(self.paths[which])
        return Step(ids, mask, self._tensor(left).long(), self._tensor(right).long(), paths)

    def labels(self, which: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
        """Classes of the pairs of these numbers."""
        return self._tensor(self.pairs.labels[which])

    def _tensor(self, array: np.ndarray[Any, Any]) -> Tensor:
        return torch.as_tensor(array, device=self.where)


def node_vectors(
    encoder: nn.Module, tokens: Tokens, config: SalamConfig, where: torch.device, tell: Tell
) -> Floats:
    """(n, h) float16 mean vectors of all texts, from the encoder as it came."""
    encoder.to(where).eval()
    inputs = [tokens.single(node, config.node_tokens) for node in range(len(tokens.starts) - 1)]
    lengths = np.array([len(row) for row in inputs], dtype=np.int64)
    vectors: Any = None
    kind = precision(config, where)
    for number, batch in enumerate(batches_by_length(lengths, 256)):
        if number % 20 == 0:
            tell(f"vectors of texts: {number * 256:,} of {len(inputs):,}")
        ids, mask = tokens.batch([inputs[i] for i in batch], where)
        with torch.inference_mode(), torch.autocast(where.type, kind, kind != torch.float32):
            mean = mean_vector(encoder, ids, mask).float()
        found = nn.functional.normalize(mean, dim=-1).half().cpu().numpy()
        if vectors is None:
            vectors = np.zeros((len(inputs), found.shape[1]), dtype=np.float16)
        vectors[batch] = found
    return np.asarray(vectors)


def predict(
    network: Network, world: World, pairs: Pairs, tell: Tell = lambda _: None, batch: int = 128
) -> dict[str, Floats]:
    """Branch -> (m, c) logits of pairs; `fused` where there are two branches."""
    config, where = network.config, next(network.parameters()).device
    feed = Feed(config, world, pairs, where)
    kind = precision(config, where)
    generator = torch.Generator(where).manual_seed(config.seed)
    network.eval()
    found: dict[str, Floats] = {}
    for number, which in enumerate(batches_by_length(feed.lengths(), batch)):
        if number % 20 == 0:
            tell(f"classifying pairs: {number * batch:,} of {len(pairs):,}")
        with torch.inference_mode(), torch.autocast(where.type, kind, kind != torch.float32):
            logits = network(feed.step(which), feed.vectors, feed.sampler, generator)
        for name, values in logits.items():
            if name not in found:
                found[name] = np.zeros((len(pairs), values.shape[1]), dtype=np.float32)
            found[name][which] = values.float().cpu().numpy()
    return found
