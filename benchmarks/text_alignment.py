"""A-LLMRec: vectors of a collaborative model, aligned with text and read by a frozen transformer.

Kim et al. (2024), *Large Language Models meet Collaborative Filtering* (arXiv 2404.11343).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sequential.neural.layers import NumpyOps
from goeswith.sequential.neural.sasrec import SasRec
from goeswith.sequential.neural.sequence_batch import SequenceBatch
from goeswith.sequential.sequences import Sequences
from text_model import linear
from text_transformer import HistoryReader, Hllm, HllmConfig


class ALlmRecConfig(HllmConfig):
    """Settings of A-LLMRec."""

    frozen: bool = Field(True, description="Leave the layers as they are.")
    latent: int = Field(128, ge=2, description="Length of a joint vector.")
    steps: int = Field(400, ge=1, description="Steps of the alignment.")
    plain_epochs: int = Field(20, ge=1, description="Epochs of `sasrec` at most.")


class ALlmRec(Hllm):
    """The two stages of A-LLMRec, with a score of products instead of generated titles.

    Stage 1, from vectors e of a fitted `sasrec:items=ids` and sentence vectors v of the products:

        |E(e) - F(v)|^2 + 0.5 |E'(E(e)) - e|^2 + 0.2 |F'(F(v)) - v|^2, and -log softmax of the
        cosines of the states of `sasrec` with the decoded vectors E'(E(e))

    The joint vector of a product is E(e), or F(v) of one without purchases. Stage 2: linear maps of
    the joint vector, the sentence vector and the state of `sasrec` are the input of frozen layers
    at each place; the output is compared with a map of the joint vectors. Of stage 2 only maps are
    trained.
    """

    name: ClassVar[str] = "a_llmrec"
    Config: ClassVar[type[ModelConfig]] = ALlmRecConfig
    config: ALlmRecConfig

    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        values = {"items": "ids", "seed": self.config.seed, "max_epochs": self.config.plain_epochs}
        self.plain = SasRec(SasRec.make_config(values))
        self.plain.fit(catalog, train)
        bought = np.bincount(train.products, minlength=len(catalog)) > 0
        joint = self._align(train, torch.from_numpy(bought))
        inside = joint.shape[1] + self.content.shape[1] + self.plain.config.dimension
        self.joint = joint
        reader = HistoryReader(self.config, inside)
        return torch.nn.ModuleDict({"reader": reader, "item": linear(joint.shape[1], reader.width)})

    def _align(self, train: Sequences, bought: torch.Tensor) -> torch.Tensor:
        """Stage 1: (n, latent) joint vectors."""
        torch.manual_seed(self.config.seed)
        own, text = torch.from_numpy(self.plain.vectors), self.content
        d, c, latent = own.shape[1], text.shape[1], self.config.latent
        encode, decode = _mlp(d, latent), _mlp(latent, d)
        read, write = _mlp(c, latent), _mlp(latent, c)
        maps = torch.nn.ModuleList([encode, decode, read, write])
        optimizer = torch.optim.Adam(maps.parameters(), lr=0.001)
        batch = SequenceBatch.from_sequences(train)
        has_next = batch.filled[:, 1:]
        states = self._plain_states(batch.up_to(-1))[torch.from_numpy(has_next)]
        targets = torch.from_numpy(batch.products[:, 1:][has_next])
        rows = bought.nonzero()[:, 0]
        for _ in range(self.config.steps):
            some = rows[torch.randperm(len(rows))[:512]]
            e, v = encode(own[some]), read(text[some])
            loss = (
                ((e - v) ** 2).mean()
                + 0.5 * ((decode(e) - own[some]) ** 2).mean() * d
                + 0.2 * ((write(v) - text[some]) ** 2).mean() * c
            )
            places = torch.randperm(len(targets))[:256]
            decoded = functional.normalize(decode(encode(own)), dim=1)
            logits = states[places] @ decoded.T / self.config.temperature
            loss = loss + functional.cross_entropy(logits, targets[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            return functional.layer_norm(
                torch.where(bought[:, None], encode(own), read(text)), (latent,)
            )

    def _plain_states(self, batch: SequenceBatch) -> torch.Tensor:
        """(b, l, d) of length 1, of `sasrec`."""
        x = self.plain.vectors[batch.products] * np.float32(self.plain.config.dimension**0.5)
        states = self.plain.states(NumpyOps(), self.plain.weights, x, batch)
        return functional.normalize(torch.from_numpy(np.asarray(states)), dim=-1)

    def place_inputs(self, batch: SequenceBatch) -> torch.Tensor:
        rows = torch.from_numpy(batch.products)
        joint, text = self.joint[rows], self.content[rows]
        scale = joint.shape[-1] ** 0.5
        return torch.cat([joint, text * scale, self._plain_states(batch) * scale], dim=-1)

    def product_vectors(self) -> torch.Tensor:
        vectors: torch.Tensor = self.module["item"](self.joint)
        return vectors

    @property
    def reads_only_text(self) -> bool:
        return False


def _mlp(inside: int, outside: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(inside, 128), torch.nn.GELU(), torch.nn.Linear(128, outside)
    )
