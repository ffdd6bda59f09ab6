"""The base class of trained sequence models: settings, weights, validation."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.models.neural.training import ContentConfig, TrainedModel
from goeswith.sequential.base import SessionModel, mask_seen
from goeswith.sequential.neural.sequence_batch import SequenceValidation

MIN_STEPS = 20
"""Steps of an epoch at least: a small shop has smaller batches."""


class SequenceConfig(ContentConfig):
    """Settings of trained models of the next product."""

    batch: int = Field(
        256, ge=1, description="Batch size: sequences per training step; smaller for small data."
    )
    validation_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share of the sequences whose last product is held out for early stopping; "
        "at most 2,000 sequences.",
    )
    dimension: int = Field(64, ge=2, description="Dimension of the product vectors.")
    layers: int = Field(2, ge=1, description="Number of attention layers.")
    heads: int = Field(2, ge=1, description="Number of attention heads.")
    max_length: int = Field(
        50, ge=1, description="Maximum sequence length: only the last products are read."
    )
    dropout: float = Field(0.4, ge=0, lt=1, description="Dropout rate.")

    @model_validator(mode="after")
    def _heads_are_parts(self) -> Self:
        if self.dimension % self.heads:
            raise ValueError(
                f"heads, now {self.heads}, must divide dimension, now {self.dimension}"
            )
        return self

    def step_size(self, sequences: int) -> int:
        """Sequences in a step, for this number of training sequences."""
        return int(np.clip(sequences // MIN_STEPS, 1, self.batch))


class SequenceModel(TrainedModel, SessionModel):
    """A next-product model with training in torch and inference in numpy."""

    config: SequenceConfig
    weights: dict[str, Floats]
    """The trained weights, by name."""

    def weight_arrays(self) -> Arrays:
        """The weights and the history, to be saved with the model's arrays."""
        weights: Arrays = {f"weights/{name}": value for name, value in self.weights.items()}
        return weights | self.history_arrays()

    def restore_weights(self, arrays: Arrays) -> None:
        """Restore from `weight_arrays`."""
        weights_by_name = {name.partition("weights/")[2]: value for name, value in arrays.items()}
        self.weights = {name: value for name, value in weights_by_name.items() if name}
        self.restore_history(arrays)

    def export_weights(self, module: Any, *exclude: str) -> None:
        """Copy the weights from torch, except those of some names."""
        self.weights = {
            name: value.detach().cpu().numpy().copy()
            for name, value in module.items()
            if name not in exclude
        }

    def hit_rate(self, validation: SequenceValidation) -> float:
        """hit@10 on the held-out products; 0 without any."""
        hits, start = 0, 0
        for block in self.in_blocks(validation.prefixes):
            scores = self.score(block)
            if validation.new_only:
                mask_seen(scores, block)
            hits += validation.hits(scores, start)
            start += len(block)
        return hits / max(start, 1)
