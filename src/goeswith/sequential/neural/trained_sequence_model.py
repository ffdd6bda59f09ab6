"""The base class of trained next-product models with item vectors: training, inference.

A model reads a sequence to a state of length 1, and a product scores its cosine with that state.
Item vectors are tied: those that are read are those that are scored. Each is the sum, scaled to
length 1, of a vector of its own and of a linear map of its attributes, or of one of the two.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Self

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

if TYPE_CHECKING:
    import torch

    from goeswith.sequential.neural.torch_sequence_layers import TrainingStep


class NextProductConfig(SequenceConfig):
    """Settings of models that compare states with item vectors."""

    max_epochs: int = Field(20, ge=1, description="Maximum number of training epochs.")
    learning_rate: float = Field(0.004, gt=0, description="Learning rate of Adam.")
    decay: bool = Field(
        False, description="Decrease the learning rate linearly to 0 over `max_epochs`."
    )
    items: Literal["ids", "text", "both"] = Field(
        "both",
        description="Source of product vectors: ids (a learned vector), text (attributes) or both; "
        "without attributes, both is ids.",
    )
    temperature: float = Field(
        0.1, gt=0, description="Temperature: cosines are divided by it before the softmax."
    )
    competitors: int = Field(
        4000,
        ge=1,
        description="Maximum number of products in the softmax. Of a larger catalogue, this many "
        "are sampled in each step.",
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

    def prepare_training(self, catalog: Catalog, train: Sequences) -> None:
        """Counts that a loss needs, of the training sequences. Here none."""

    def loss(self, step: TrainingStep) -> torch.Tensor:
        """The sum over the predictions of a training step."""
        return step.next_product(step.states, step.vectors)

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        require_torch(self.name)
        import torch
        from torch.nn import functional

        from goeswith.models.neural.torch_layers import device
        from goeswith.sequential.neural.torch_sequence_layers import (
            DrawnProducts,
            ItemVectors,
            TorchOps,
            TrainingStep,
            init_parameter,
        )

        config, where = self.config, device()
        validation = SequenceValidation(sequences, config.validation_share, config.seed)
        train = validation.train.tail(config.max_length + 1)
        train = train.take(np.flatnonzero(train.lengths > 1))
        content = self._read_attributes(catalog)
        self.prepare_training(catalog, train)
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
        ops = TorchOps(where, config.dropout)
        size, all_rows = config.step_size(len(train)), np.arange(len(catalog))
        weights: Any = module  # read by name, as layers do
        has_own = ops.array((frequency[:, None] > 0).astype(np.float32))
        items = ItemVectors(ops, weights, has_own, ops.array(content))
        for epoch in run.epochs():
            if config.decay:
                optimizer.param_groups[0]["lr"] = config.learning_rate * (
                    1 - (epoch - 1) / config.max_epochs
                )
            losses = []
            for sequence_rows in shuffled_batches(train.lengths, size, run.rng):
                share = run.workers.share(np.arange(len(sequence_rows)))
                batch, places, products = select_examples(
                    self.examples(train.take(sequence_rows), run.rng), share
                )
                rows, drawn = DrawnProducts.for_step(
                    np.concatenate([batch.products.ravel(), products]),
                    shares,
                    config.competitors,
                    run.rng,
                )
                vectors = items(rows)
                x = ops.take(vectors, ops.array(np.searchsorted(rows, batch.products)))
                x = ops.drop(x * config.dimension**0.5)
                states = self.states(ops, weights, x, batch)[ops.array(places)]
                step = TrainingStep(
                    ops,
                    weights,
                    batch,
                    places,
                    functional.normalize(states, dim=1),
                    products,
                    rows,
                    vectors,
                    drawn,
                    items,
                    config.temperature,
                    run.rng,
                )
                losses.append(run.step(self.loss(step), len(products)))
            self._export(module, items(all_rows))
            run.finish(float(np.mean(losses)) if losses else 0.0, self.hit_rate(validation))
        run.restore_best()
        self._export(module, items(all_rows))
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
