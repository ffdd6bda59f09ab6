"""A pretrained language model's upper layers as the model of a shopper: HLLM and Lite-LLM4Rec.

Chen et al. (2024), *HLLM* (arXiv 2409.12740): one language model reads the text of a product to a
vector, a second one reads the vectors of a history. Wang et al. (2024), *Lite-LLM4Rec* (arXiv
2402.09543): the state is compared with a vector for each product, and no text is generated.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.sequential.neural.sequence_batch import SequenceBatch
from goeswith.sequential.sequences import Sequences
from text_model import TextConfig, TextModel, last_places, linear


class HllmConfig(TextConfig):
    """Settings of a language model of shoppers."""

    learning_rate: float = Field(0.0005, gt=0, description="Adam's step size.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of entries dropped at the input.")
    lm: str = Field(description="Folder of a BERT, whose upper layers read histories.")
    layers: int = Field(1, ge=1, description="How many of its upper layers.")
    pretrained: bool = Field(True, description="Start from its weights, else from random ones.")
    frozen: bool = Field(False, description="Leave the layers as they are.")
    head: Literal["text", "ids"] = Field(
        "text",
        description="What a state is compared with: a map of the text of a product, or a vector of "
        "its own (Lite-LLM4Rec).",
    )


class Hllm(TextModel):
    """HLLM with a frozen product model: sentence vectors, computed once.

    x_t = norm(W_in v_t) + p_t, of the sentence vector v of the product at place t
    h = causal attention over x, by the upper layers of a pretrained encoder
    score = cos(W_out h_t, W_item v)
    """

    name: ClassVar[str] = "hllm"
    Config: ClassVar[type[ModelConfig]] = HllmConfig
    config: HllmConfig

    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        reader = HistoryReader(self.config, self.content.shape[1])
        if self.config.head == "text":
            return torch.nn.ModuleDict(
                {"reader": reader, "item": linear(self.content.shape[1], reader.width)}
            )
        self.has_own = torch.from_numpy(np.bincount(train.products, minlength=len(catalog)) > 0)
        own = torch.nn.Linear(reader.width, len(catalog), bias=False)
        return torch.nn.ModuleDict({"reader": reader, "item": own})

    def product_vectors(self) -> torch.Tensor:
        if self.config.head == "text":
            vectors: torch.Tensor = self.module["item"](self.content)
            return vectors
        return self.module["item"].weight * self.has_own[:, None]

    def place_inputs(self, batch: SequenceBatch) -> torch.Tensor:
        """(b, l, c) what the reader reads at each place."""
        return self.content[torch.from_numpy(batch.products)]

    def place_states(self, batch: SequenceBatch) -> torch.Tensor:
        states: torch.Tensor = self.module["reader"](self.place_inputs(batch))[-1]
        return states

    def prefix_states(self, prefixes: Sequences) -> torch.Tensor:
        return last_places(self.place_states(SequenceBatch.from_sequences(prefixes)), prefixes)

    @property
    def reads_only_text(self) -> bool:
        return self.config.head == "text"

    @property
    def block(self) -> int:
        return min(super().block, 512)


class HistoryReader(torch.nn.Module):
    """Upper layers of a pretrained encoder over the places of a history.

    Args:
        config: of the model.
        inside: length of the vectors that are read.
    """

    def __init__(self, config: HllmConfig, inside: int) -> None:
        super().__init__()
        self.layers, self.width = pretrained_layers(config.lm, config.layers, config.pretrained)
        for weight in self.layers.parameters():
            weight.requires_grad = not config.frozen
        self.read = linear(inside, self.width)
        self.out = linear(self.width, self.width)
        self.place = torch.nn.Parameter(torch.randn(config.max_length, self.width) * 0.02)
        self.dropout = config.dropout

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(b, l, c) inputs to (b, l, width) states after each layer, and behind the last map."""
        x, mask = self.start(x), earlier(x.shape[1])
        states = []
        for layer in self.layers:
            x = layer(x, attention_mask=mask)
            states.append(x)
        return [*states, self.out(x)]

    def start(self, x: torch.Tensor) -> torch.Tensor:
        """(b, l, width) what the first layer reads."""
        x = functional.layer_norm(self.read(x), (self.width,)) + self.place[: x.shape[1]]
        return functional.dropout(x, self.dropout, self.training)


def earlier(length: int) -> torch.Tensor:
    """(1, 1, l, l) added to attention: 0 for a place and those before it, -inf for later ones."""
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    return torch.zeros(1, 1, length, length).masked_fill(later, -torch.inf)


def pretrained_layers(folder: str, count: int, pretrained: bool) -> tuple[torch.nn.ModuleList, int]:
    """The last layers of a BERT in a folder, and their width."""
    from transformers import AutoConfig, AutoModel

    if pretrained:
        model: Any = AutoModel.from_pretrained(folder)
    else:
        model = AutoModel.from_config(AutoConfig.from_pretrained(folder))
    if count > len(model.encoder.layer):
        raise ValueError(f"{folder} has {len(model.encoder.layer)} layers, fewer than {count}")
    return torch.nn.ModuleList(model.encoder.layer[-count:]), model.config.hidden_size


class SlmRecConfig(HllmConfig):
    """Settings of distillation."""

    teacher_layers: int = Field(4, ge=2, description="Layers of the teacher.")
    teacher_epochs: int = Field(6, ge=1, description="Its epochs at most.")
    distil: float = Field(1.0, ge=0, description="Weight of the distance from its states.")


class SlmRec(Hllm):
    """SLMRec: a reader of few layers learns the states of one of many (Xu et al., 2024).

        loss = next product + distil * mean over layers of (1 - cos(h_S, h_T))
               + 0.1 * distil * (|h_S| - |h_T|)^2 / |h_T|^2

    Layer j of m of the student is compared with layer j n / m of n of the teacher (arXiv
    2405.17890, with its losses of direction and length; its third, a prediction after every
    block, is left out).
    """

    name: ClassVar[str] = "slmrec"
    Config: ClassVar[type[ModelConfig]] = SlmRecConfig
    config: SlmRecConfig

    def fit(self, catalog: Catalog, sequences: Sequences) -> Any:
        values = {name: getattr(self.config, name) for name in HllmConfig.model_fields}
        values |= {"layers": self.config.teacher_layers, "max_epochs": self.config.teacher_epochs}
        self.teacher = Hllm(HllmConfig(**values)).fit(catalog, sequences)
        return super().fit(catalog, sequences)

    def batch_loss(self, rows: Any, train: Sequences) -> tuple[torch.Tensor, int]:
        batch = SequenceBatch.from_sequences(train.take(rows))
        has_next = torch.from_numpy(batch.filled[:, 1:])
        targets = batch.products[:, 1:][batch.filled[:, 1:]]
        x = self.place_inputs(batch.up_to(-1))
        *layers, last = self.module["reader"](x)
        with torch.no_grad():
            taught = self.teacher.module["reader"](x)[:-1]
        far = torch.zeros(())
        for j, state in enumerate(layers, 1):
            one, other = state[has_next], taught[j * len(taught) // len(layers) - 1][has_next]
            length, aim = one.norm(dim=1), other.norm(dim=1)
            far = far + (1 - functional.cosine_similarity(one, other)).sum() / len(layers)
            far = far + 0.1 * ((length - aim) ** 2 / aim**2).sum() / len(layers)
        loss = self.next_product_loss(last[has_next], targets)
        return loss + self.config.distil * far, len(targets)

    def more_figures(self, case: Any) -> dict[str, Any]:
        """Hits of the teacher, and parameters of both readers."""
        ranks = case.answer(self.teacher)["ranks"]
        values = case.measure({"ranks": ranks}).values()
        return {
            "teacher": {name: round(values[name], 5) for name in ("hit@10", "ndcg@10")},
            "weights": {
                "teacher": _size(self.teacher.module["reader"].layers),
                "student": _size(self.module["reader"].layers),
            },
        }


def _size(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())
