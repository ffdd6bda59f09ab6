"""What the trained models of `text_recommenders.py` share: product text, epochs, scores.

These models are for one table of a benchmark. They are trained and queried in torch, with the
early stopping of `sasrec`, and are not stored.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.models.neural.training import TrainingRun
from goeswith.sequential.neural.sequence_batch import (
    SequenceBatch,
    SequenceValidation,
    shuffled_batches,
)
from goeswith.sequential.neural.sequence_model import SequenceConfig, SequenceModel
from goeswith.sequential.sequences import Ints, Sequences


class TextConfig(SequenceConfig):
    """Settings of models that read product text."""

    max_epochs: int = Field(20, ge=1, description="Epochs at most.")
    learning_rate: float = Field(0.002, gt=0, description="Adam's step size.")
    temperature: float = Field(0.1, gt=0, description="Divides cosines before the softmax.")


class TextModel(SequenceModel):
    """A model whose states are compared with product vectors by cosine.

    A subclass writes `build`, `product_vectors`, `prefix_states` and, unless it trains on every
    place of a sequence, `batches` and `batch_loss`.
    """

    Config: ClassVar[type[ModelConfig]] = TextConfig
    config: TextConfig
    module: torch.nn.Module
    content: torch.Tensor
    """(n, c) text vectors of the products, of length 1 or 0."""
    vectors: torch.Tensor
    """(n, d) product vectors of length 1, of the weights after the last epoch."""

    @property
    def reads_only_text(self) -> bool:
        """Whether it can be used for another catalogue."""
        return True

    @abstractmethod
    def build(self, catalog: Catalog, train: Sequences) -> torch.nn.Module:
        """The parameters, before training."""

    @abstractmethod
    def product_vectors(self) -> torch.Tensor:
        """(n, d) vectors of all products."""

    @abstractmethod
    def prefix_states(self, prefixes: Sequences) -> torch.Tensor:
        """(b, d) states of non-empty prefixes."""

    def place_states(self, batch: SequenceBatch) -> torch.Tensor:
        """(b, l, d) the state after each place, for models that train on every place."""
        raise NotImplementedError

    def batches(self, train: Sequences, rng: np.random.Generator) -> Any:
        """What an epoch trains on, step by step; here rows of sequences of similar length."""
        return shuffled_batches(train.lengths, self.config.step_size(len(train)), rng)

    def batch_loss(self, rows: Ints, train: Sequences) -> tuple[torch.Tensor, int]:
        """The sum of the losses of a step, and how many they are."""
        batch = SequenceBatch.from_sequences(train.take(rows))
        has_next = batch.filled[:, 1:]
        targets = batch.products[:, 1:][has_next]
        states = self.place_states(batch.up_to(-1))[torch.from_numpy(has_next)]
        return self.next_product_loss(states, targets), len(targets)

    def next_product_loss(self, states: torch.Tensor, targets: Ints) -> torch.Tensor:
        """Sum of -log softmax(cosine / temperature) over the catalogue."""
        logits = unit(states) @ unit(self.product_vectors()).T / self.config.temperature
        return functional.cross_entropy(logits, torch.from_numpy(targets).long(), reduction="sum")

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        validation = SequenceValidation(sequences, self.config.validation_share, self.config.seed)
        train = validation.train.tail(self.config.max_length + 1)
        train = train.take(np.flatnonzero(train.lengths > 1))
        torch.manual_seed(self.config.seed)
        self.read_text(catalog)
        self.module = self.build(catalog, train)
        learned = [weight for weight in self.module.parameters() if weight.requires_grad]
        optimizer = torch.optim.Adam(learned, lr=self.config.learning_rate)
        run = TrainingRun(self, self.module, optimizer, [train.products, train.starts])
        for _ in run.epochs():
            self.module.train()
            losses = [
                run.step(*self.batch_loss(rows, train)) for rows in self.batches(train, run.rng)
            ]
            self.export()
            run.finish(float(np.mean(losses)), self.hit_rate(validation))
        run.restore_best()
        self.export()
        self.history = run.history
        return self

    def read_text(self, catalog: Catalog) -> None:
        """Set `content` from the attributes of a catalogue."""
        self.encoder = self.config.content_encoder().fit(catalog)
        self.content = torch.tensor(self.encoder.encode(catalog))

    def export(self) -> None:
        """Take the vectors that `score` reads from the weights."""
        self.module.eval()
        with torch.no_grad():
            self.vectors = unit(self.product_vectors())

    def for_catalog(self, catalog: Catalog) -> Self:
        """The same weights over the products of another catalogue, of which only text is read."""
        other = type(self)(self.config)
        other.module, other.history, other.encoder = self.module, self.history, self.encoder
        other.content = torch.tensor(self.encoder.encode(catalog))
        other.export()
        return other

    def score(self, prefixes: Sequences) -> Floats:
        scores = np.full((len(prefixes), self.n), -np.inf, dtype=np.float32)
        rows = np.flatnonzero(prefixes.lengths)
        if len(rows):
            with torch.no_grad():
                states = self.prefix_states(prefixes.take(rows).tail(self.config.max_length))
                scores[rows] = (unit(states) @ self.vectors.T).numpy()
        scores[:, ~self.vectors.any(dim=1).numpy()] = -np.inf
        return scores

    @property
    def n(self) -> int:
        return len(self.vectors)

    def arrays(self) -> Arrays:
        return {name: value.numpy() for name, value in self.module.state_dict().items()}

    def restore(self, arrays: Arrays) -> None:
        raise NotImplementedError("models of this benchmark are not stored: fit them again")


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """Rows scaled to length 1; zeros stay."""
    return functional.normalize(vectors, dim=-1)


def last_places(states: torch.Tensor, prefixes: Sequences) -> torch.Tensor:
    """(b, d) of (b, l, d): the state at the last place of each prefix."""
    return states[torch.arange(len(prefixes)), torch.from_numpy(prefixes.lengths - 1)]


def linear(inside: int, outside: int) -> torch.nn.Linear:
    """A linear map that starts as the identity, as far as lengths allow, and without offset."""
    layer = torch.nn.Linear(inside, outside, bias=False)
    with torch.no_grad():
        layer.weight.mul_(0.1).add_(torch.eye(outside, inside))
    return layer
