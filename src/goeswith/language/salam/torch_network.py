"""The network: a language branch, a graph branch, and attention that fuses them.

The authors' attention runs across the batch (`papers`, 3.2: `batch_first` is missing), so that a
pair's class depends on what it was batched with; here it runs over the tokens of one pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.torch_encoder import mean_vector
from goeswith.language.salam.torch_graph import GraphBranch, NeighbourSampler


@dataclass
class PairBatch:
    """What a batch of pairs gives the network.

    Attributes:
        ids, mask: (b, l) tokens of the pairs; None where no language is read.
        left, right: (b,) nodes.
        paths: (b, p) path columns; None where none are read.
    """

    ids: Tensor | None
    mask: Tensor | None
    left: Tensor
    right: Tensor
    paths: Tensor | None


class SalamNetwork(nn.Module):
    """Logits of each branch and of their fusion.

    Args:
        config: what it is made of.
        encoder: the pretrained encoder; None where neither language nor node vectors need it.
        width: h, its hidden size.
        relations: r.
        paths: p, path columns.
    """

    def __init__(
        self, config: SalamConfig, encoder: Any, width: int, relations: int, paths: int
    ) -> None:
        super().__init__()
        self.config = config
        self.pretrained = False
        """Whether weights come from an earlier phase."""
        d, classes = config.dimension, len(config.classes)
        # the pretrained encoder also makes node vectors, once and as it came: only the language
        # branch trains it
        self.encoder = encoder if config.language else None
        tokens = 0
        if config.language:
            self.read = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(width, d), nn.Tanh())
            self.language_head = nn.Linear(width, classes)
            tokens += 1
        if config.graph:
            used = paths if config.paths else 0
            self.graph = GraphBranch(width, d, relations, used, config.dropout)
            here = 3 + bool(used)
            self.graph_head = nn.Sequential(
                nn.Dropout(config.dropout),
                nn.Linear(here * d, d),
                nn.ReLU(),
                nn.Linear(d, classes),
            )
            tokens += here
        if config.language and config.graph:
            self.attention = nn.MultiheadAttention(d, config.heads, batch_first=True)
            self.norm = nn.LayerNorm(d)
            self.fused_head = nn.Sequential(
                nn.Dropout(config.dropout),
                nn.Linear(tokens * d, d),
                nn.ReLU(),
                nn.Linear(d, classes),
            )

    def forward(
        self,
        batch: PairBatch,
        vectors: Tensor | None,
        sampler: NeighbourSampler | None,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Branch -> (b, c) logits; `fused` is the last where there are two branches.

        Without a sampler, only the language branch is used.
        """
        logits: dict[str, Tensor] = {}
        tokens: list[Tensor] = []
        if self.encoder is not None:
            assert batch.ids is not None and batch.mask is not None
            pair = mean_vector(self.encoder, batch.ids, batch.mask).float()
            tokens.append(self.read(pair))
            logits["language"] = self.language_head(pair)
        if self.config.graph and sampler is not None:
            assert vectors is not None
            counts = (self.config.neighbours, self.config.second_neighbours)
            ends = [
                self.graph.around(one, other, vectors, sampler, counts=counts, generator=generator)
                for one, other in ((batch.left, batch.right), (batch.right, batch.left))
            ]
            graph_tokens = self.graph(ends[0], ends[1], batch.paths)
            tokens += [token.float() for token in graph_tokens]
            logits["graph"] = self.graph_head(torch.cat(tokens[-len(graph_tokens) :], dim=-1))
        if "language" in logits and "graph" in logits:
            stacked = torch.stack(tokens, dim=1)
            fused, _ = self.attention(stacked, stacked, stacked, need_weights=False)
            logits["fused"] = self.fused_head(self.norm(stacked + fused).flatten(1))
        return logits

    def trained_weights(self) -> dict[str, Tensor]:
        """What training changes: all that a saved model holds, beside the encoder's name."""
        return {
            name: value
            for name, value in self.state_dict(keep_vars=True).items()
            if not isinstance(value, nn.Parameter) or value.requires_grad
            if not name.startswith("encoder.") or isinstance(value, nn.Parameter)
        }
