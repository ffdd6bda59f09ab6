"""The base class of trained next-product models with item vectors: training, inference.

A model reads a sequence to a state of length 1, and a product scores its cosine with that state.
Item vectors are tied: those that are read are those that are scored. Each is the sum, scaled to
length 1, of a vector of its own and of a linear map of its attributes, or of one of the two.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, block_size
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.features.product_vectors import ContentEncoder
from goeswith.models.neural.training import TrainingRun, require_torch
from goeswith.sequential.neural.layers import Array, NumpyOps, Ops, Weights
from goeswith.sequential.neural.sequence_batch import (
    PlaceMask,
    SequenceBatch,
    SequenceValidation,
    select_examples,
    shuffled_batches,
)
from goeswith.sequential.neural.sequence_model import SequenceConfig, SequenceModel
from goeswith.sequential.sequences import Ints, Sequences


class NextProductConfig(SequenceConfig):
    """Settings of models that compare states with item vectors."""

    max_epochs: int = Field(20, ge=1, description="Epochs at most.")
    learning_rate: float = Field(0.004, gt=0, description="Adam's step size.")
    items: Literal["ids", "text", "both"] = Field(
        "both",
        description="What an item vector is made of: ids (one of its own), text (its attributes) "
        "or both, which is ids where the catalogue has no attributes.",
    )
    temperature: float = Field(0.1, gt=0, description="Divides cosines before the softmax.")
    competitors: int = Field(
        4000,
        ge=1,
        description="Products in the softmax: all of a smaller catalogue, else as many drawn in "
        "each step.",
    )


class TrainedSequenceModel(SequenceModel):
    """A next-product model that compares the state of a prefix with item vectors.

    A subclass writes `shapes`, `states`, `examples` and `prepare_prefixes`.
    """

    Config = NextProductConfig
    config: NextProductConfig
    vectors: Floats
    """(n, d) of length 1; zeros for a product without a vector."""
    encoder: ContentEncoder
    """Encoder of attributes, if they are used."""

    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the weights beside item vectors."""

    @abstractmethod
    def states(self, ops: Ops, weights: Weights, x: Array, batch: SequenceBatch) -> Array:
        """(b, l, d) state at each place.

        Args:
            ops: the library.
            weights: those of `shapes`.
            x: (b, l, d) item vectors at the places of the batch, entries of variance 1.
            batch: the places.
        """

    @abstractmethod
    def examples(
        self, sequences: Sequences, rng: np.random.Generator
    ) -> tuple[SequenceBatch, PlaceMask, Ints]:
        """The input of a training step, the places (b, l) of predictions, and their targets.

        Targets are in the order of the places.
        """

    @abstractmethod
    def prepare_prefixes(self, prefixes: Sequences) -> tuple[SequenceBatch, Ints]:
        """The input of inference, and the place (b,) whose state is compared with products."""

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        require_torch(self.name)
        import torch
        from torch.nn import functional

        from goeswith.models.neural.torch_layers import device
        from goeswith.sequential.neural.torch_sequence_layers import (
            TorchOps,
            init_parameter,
            next_product_loss,
        )

        config, where = self.config, device()
        validation = SequenceValidation(sequences, config.validation_share, config.seed)
        train = validation.train.tail(config.max_length + 1)
        train = train.take(np.flatnonzero(train.lengths > 1))
        content = self._read_attributes(catalog)
        frequency = np.bincount(validation.train.products, minlength=len(catalog))
        shares = (frequency + 1.0) ** 0.5
        shares /= shares.sum()

        torch.manual_seed(config.seed)
        shapes = {**self.shapes(), **self._item_shapes(content)}
        module = torch.nn.ParameterDict(
            {name: init_parameter(shape) for name, shape in shapes.items()}
        )
        module.to(where)
        optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
        data = [train.products, train.starts, content]
        run = TrainingRun(
            self, module, optimizer, data if train.seconds is None else [*data, train.seconds]
        )
        has_own = torch.from_numpy((frequency[:, None] > 0).astype(np.float32)).to(where)
        attributes = torch.from_numpy(content).to(where)
        ops = TorchOps(where, config.dropout)
        size = config.step_size(len(train))
        weights: Any = module  # read by name, as layers do

        def items() -> torch.Tensor:
            vectors = torch.zeros((), device=where)
            if "ids" in module:
                vectors = functional.normalize(module["ids"], dim=1) * has_own
            if "content" in module:
                vectors = vectors + functional.normalize(attributes @ module["content"], dim=1)
            return functional.normalize(vectors, dim=1)

        for _ in run.epochs():
            losses = []
            for rows in shuffled_batches(train.lengths, size, run.rng):
                share = run.workers.share(np.arange(len(rows)))
                batch, places, targets = select_examples(
                    self.examples(train.take(rows), run.rng), share
                )
                vectors = items()
                x = ops.take(vectors, ops.array(batch.products)) * config.dimension**0.5
                states = self.states(ops, weights, ops.drop(x), batch)[ops.array(places)]
                states = functional.normalize(states, dim=1) / config.temperature
                loss = next_product_loss(
                    states, vectors, ops.array(targets), config.competitors, shares, run.rng
                )
                losses.append(run.step(loss, len(targets)))
            self._export(module, items())
            run.finish(float(np.mean(losses)) if losses else 0.0, self.hit_rate(validation))
        run.restore_best()
        self._export(module, items())
        self.history = run.history
        return self

    def score(self, prefixes: Sequences) -> Floats:
        batch, places = self.prepare_prefixes(prefixes)
        x = self.vectors[batch.products] * np.float32(self.config.dimension**0.5)
        states = self.states(NumpyOps(), self.weights, x, batch)[np.arange(len(places)), places]
        scores: Floats = _normalize_rows(states) @ self.vectors.T
        scores[prefixes.lengths == 0] = -np.inf
        scores[:, ~self.vectors.any(axis=1)] = -np.inf
        return scores

    def shares(self, prefixes: Sequences) -> Floats:
        """(b, n) the softmax of training applied to the scores."""
        with np.errstate(invalid="ignore"):  # -inf - -inf, in rows without scores
            scores = self.score(prefixes) / np.float32(self.config.temperature)
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        powers[~np.isfinite(scores)] = 0
        total = powers.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(powers, total, where=total > 0, out=powers)
        return shares

    @property
    def block(self) -> int:
        places = min(self.config.max_length + 1, 2048)  # attention holds their square, too
        return min(super().block, block_size(self.config.heads * places**2))

    def for_catalog(self, catalog: Catalog) -> Self:
        """The same model for another catalogue, with item vectors from its attributes.

        Args:
            catalog: any; its products need attributes of the kind that the model was trained on.

        Raises:
            ConfigError: the model was not trained with items=text.
        """
        if self.config.items != "text":
            raise ConfigError(
                f"{self.name} has a vector of its own for each product and cannot be used for "
                "another catalogue: train it with items=text"
            )
        other = type(self)(self.config)
        other.weights, other.history, other.encoder = self.weights, self.history, self.encoder
        other.vectors = _normalize_rows(self.encoder.encode(catalog) @ self.weights["content"])
        return other

    def arrays(self) -> Arrays:
        arrays = self.weight_arrays() | {"vectors": self.vectors}
        return arrays | self.encoder.arrays() if "content" in self.weights else arrays

    def restore(self, arrays: Arrays) -> None:
        self.restore_weights(arrays)
        self.vectors = arrays["vectors"]
        if "content" in self.weights:
            self.encoder = self.config.content_encoder().restore(arrays)

    @property
    def n(self) -> int:
        return len(self.vectors)

    def _read_attributes(self, catalog: Catalog) -> Floats:
        """(n, c) attributes; c = 0 if only ids are used."""
        if self.config.items != "ids":
            self.encoder = self.config.content_encoder().fit(catalog)
            content = self.encoder.encode(catalog)
            if content.any():
                return content
        if self.config.items == "text":
            raise ConfigError(
                f"{self.name} with items=text needs products with attributes, such as a title, a "
                "brand or categories; the catalogue has none"
            )
        return np.zeros((len(catalog), 0), dtype=np.float32)

    def _item_shapes(self, content: Floats) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the weights of item vectors."""
        (n, c), d = content.shape, self.config.dimension
        own: dict[str, tuple[int, ...]] = {} if self.config.items == "text" else {"ids": (n, d)}
        return {**own, "content": (c, d)} if c else own

    def _export(self, module: Any, vectors: Any) -> None:
        """Copy weights and item vectors from torch."""
        self.export_weights(module, "ids")
        self.vectors = vectors.detach().cpu().numpy()


def attention_shapes(config: NextProductConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights of `goeswith.sequential.neural.layers.softmax_layers`."""
    layers, d = config.layers, config.dimension
    return {
        **dict.fromkeys(("query", "key", "value", "out"), (layers, d, d)),
        "up": (layers, d, 4 * d),
        "up_bias": (layers, 1, 4 * d),
        "down": (layers, 4 * d, d),
    }


def _normalize_rows(vectors: Floats) -> Floats:
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return scaled
