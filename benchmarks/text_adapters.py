"""Adapters of several shops, joined layer by layer for another: X-Cross.

Hadad et al. (2025), *X-Cross: Dynamic Integration of Language Models for Cross-Domain Sequential
Recommendation* (arXiv 2504.20859).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from pydantic import Field

from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.next_product import leave_one_out
from goeswith.models.base import ModelConfig
from goeswith.sequential.sequences import Sequences
from goeswith.settings.sections import Settings
from text_transformer import HistoryReader, Hllm, HllmConfig, earlier


class AdapterConfig(HllmConfig):
    """Settings of low-rank adapters."""

    layers: int = Field(2, ge=1, description="How many upper layers of the BERT.")
    rank: int = Field(8, ge=1, description="Rank of an adapter.")
    share: float = Field(1.0, gt=0, le=1, description="Share of the training sequences.")
    source: str = Field(
        "", description="Folders of other shops, joined by `;`: what the reader starts from."
    )
    source_sequences: int = Field(5000, ge=1, description="Training sequences of each, at most.")
    source_epochs: int = Field(4, ge=1, description="Epochs over each, at most.")


class Adapter(Hllm):
    """`hllm` whose layers are frozen; each linear map of attention has a low-rank addition (LoRA).

    y = W x + B A x, of the queries and values; A and B are learned, and the maps at both ends.
    With `source`, learning starts from the adapter and maps of the first of those shops.
    """

    name: ClassVar[str] = "adapter"
    Config: ClassVar[type[ModelConfig]] = AdapterConfig
    config: AdapterConfig

    def fit(self, catalog: Catalog, sequences: Sequences) -> Any:
        count = max(int(self.config.share * len(sequences)), 2)
        rng = np.random.default_rng(self.config.seed)
        return super().fit(
            catalog, sequences.take(np.sort(rng.permutation(len(sequences))[:count]))
        )

    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        sources = self.source_modules()
        if sources:
            return copy.deepcopy(sources[0])
        module = super().build(catalog, train)
        add_adapters(module["reader"], self.config.rank)
        return module

    def source_modules(self) -> list[Any]:
        """The trained reader and map of each of the other shops."""
        values = {
            name: getattr(self.config, name)
            for name in AdapterConfig.model_fields
            if name not in ("source", "share", "source_sequences", "source_epochs", "max_epochs")
        }
        modules = []
        for folder in filter(None, self.config.source.split(";")):
            (case,) = leave_one_out(BenchmarkData(load_data(Path(folder)), Settings()), 0)
            rng = np.random.default_rng(self.config.seed)
            rows = rng.permutation(len(case.train))[: self.config.source_sequences]
            config = AdapterConfig(**values, max_epochs=self.config.source_epochs)
            model = Adapter(config).fit(case.catalog, case.train.take(np.sort(rows)))
            modules.append(model.module)
        return modules

    @property
    def reads_only_text(self) -> bool:
        return True


class XCross(Adapter):
    """The frozen readers of other shops, whose states are mixed after each layer.

        z = W [h_1 ... h_m];  h_i <- h_i + sum over j of z_ij h_j
        state = W_out of the mean of h_i behind the last layer

    W (m^2 rows, zeros at the start) of each layer, W_out and the map of product text are learned
    in the new shop, the maps from the mean of those of the others.
    """

    name: ClassVar[str] = "x_cross"
    config: AdapterConfig

    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        sources = self.source_modules()
        if len(sources) < 2:
            raise ValueError("x_cross joins at least two shops: name their folders as `source`")
        item = copy.deepcopy(sources[0]["item"])
        with torch.no_grad():
            item.weight.copy_(torch.stack([part["item"].weight for part in sources]).mean(0))
        readers = [part["reader"] for part in sources]
        return torch.nn.ModuleDict({"reader": JoinedReader(readers), "item": item})

    def more_figures(self, case: Any) -> dict[str, Any]:
        """Learned weights of the joined reader, beside those of an adapter."""
        learned = [w.numel() for w in self.module.parameters() if w.requires_grad]
        return {"weights": {"learned": sum(learned)}}


class JoinedReader(torch.nn.Module):
    """Frozen readers of several shops and what joins them."""

    def __init__(self, readers: list[HistoryReader]) -> None:
        super().__init__()
        self.readers = torch.nn.ModuleList(readers)
        for weight in self.readers.parameters():
            weight.requires_grad = False
        m, self.width = len(readers), readers[0].width
        self.join = torch.nn.ModuleList(
            torch.nn.Linear(m * self.width, m * m, bias=False) for _ in readers[0].layers
        )
        for layer in self.join:
            torch.nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
        self.out = copy.deepcopy(readers[0].out)
        with torch.no_grad():
            self.out.weight.copy_(torch.stack([reader.out.weight for reader in readers]).mean(0))
        self.out.weight.requires_grad = True

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(b, l, c) inputs to the (b, l, width) state, in a list of one."""
        mask, readers = earlier(x.shape[1]), cast("list[HistoryReader]", list(self.readers))
        states = torch.stack([reader.start(x) for reader in readers], dim=2)
        m = len(readers)
        for place, join in enumerate(self.join):
            read = [
                reader.layers[place](states[:, :, i], attention_mask=mask)
                for i, reader in enumerate(readers)
            ]
            states = torch.stack(read, dim=2)
            z = join(states.flatten(2)).unflatten(-1, (m, m))
            states = states + z @ states
        return [self.out(states.mean(dim=2))]


class LowRank(torch.nn.Module):
    """A frozen linear map and a low-rank addition, which starts at zero."""

    def __init__(self, base: torch.nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base
        self.down = torch.nn.Linear(base.in_features, rank, bias=False)
        self.up = torch.nn.Linear(rank, base.out_features, bias=False)
        torch.nn.init.zeros_(self.up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.base(x) + self.up(self.down(x))
        return y


def add_adapters(reader: HistoryReader, rank: int) -> None:
    """Freeze the layers of a reader, and add to the queries and values of each."""
    for weight in reader.layers.parameters():
        weight.requires_grad = False
    for layer in reader.layers:
        attention: Any = layer
        attention = attention.attention.self
        attention.query = LowRank(attention.query, rank)
        attention.value = LowRank(attention.value, rank)
