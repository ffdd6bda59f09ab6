"""The base classes of models: the contract, blocked scoring, exclusion, saving.

A `Model` has settings and arrays, from which it is restored without its training data. A
`Recommender` learns from a catalogue and a relation graph, and scores every product as a complement
of a source; models of the next product in a session are in `goeswith.sequential`.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy import sparse

from goeswith.core.arrays import SPARSE_BLOCK_ROWS, Floats, Rows, Sparse, block_size, blocks, top_k
from goeswith.core.arrays_file import Arrays, load_arrays, save_arrays
from goeswith.core.atomic_files import write_json
from goeswith.core.errors import BundleError, ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.models.approximate_search import ApproximateIndex, make_index
from goeswith.models.exact_search import best_products
from goeswith.models.sparse_topk import sparse_top_k
from goeswith.relations.graph import RelationGraph


class ModelConfig(BaseModel):
    """Settings of a model: unknown keys are errors, values are validated."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def mask_excluded(scores: Floats, sources: Rows, exclude: Sparse | None) -> None:
    """Set the scores of excluded products to -inf, in place: each source itself, and `exclude`.

    Args:
        scores: (b, n).
        sources: (b,) rows.
        exclude: (n, n) CSR; an entry in a source's row is an excluded product.
    """
    scores[np.arange(len(sources)), sources] = -np.inf
    if exclude is not None:
        out = exclude[sources]
        scores[np.repeat(np.arange(len(sources)), np.diff(out.indptr)), out.indices] = -np.inf


def concatenate_top_k(parts: Sequence[tuple[Rows, Floats]], k: int) -> tuple[Rows, Floats]:
    """The top k of blocks of sources as one array; empty for no blocks."""
    if not parts:
        return np.zeros((0, k), dtype=np.int32), np.zeros((0, k), dtype=np.float32)
    return np.concatenate([p for p, _ in parts]), np.concatenate([s for _, s in parts])


class Model(ABC):
    """Settings, and arrays to save: the base of all models.

    A subclass writes `fit` and `score`. Its settings are the fields of an inner class `Config`; its
    name is that of the class in snake case, unless it sets `name`. What it learns and keeps in
    attributes that end with an underscore (numpy arrays and CSR matrices; `n_` is the number of
    products) is saved and loaded by itself; a model with other state writes `arrays`, `restore`
    and `n`.
    """

    name: ClassVar[str]
    Config: ClassVar[type[ModelConfig]] = ModelConfig
    history: Sequence[Any] = ()
    """Epochs of the last training (`models.neural.training.Epoch`); none without training."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, config: ModelConfig | None = None, **settings: Any) -> None:
        """A model, not yet fitted.

        Args:
            config: its settings, or
            settings: the same by name, `EASE(l2=200)`.

        Raises:
            ConfigError: a setting is unknown or out of range.
        """
        self.config = config or self.make_config(settings)
        if config is not None and settings:
            raise ConfigError(f"{self.name}: give a config or settings by name, not both")
        if not isinstance(self.config, self.Config):
            raise ConfigError(f"{self.name} takes a {self.Config.__qualname__}")

    @classmethod
    def make_config(cls, settings: Mapping[str, Any]) -> ModelConfig:
        """Settings, checked.

        Raises:
            ConfigError: one is unknown or out of range; the message lists those there are.
        """
        try:
            return cls.Config.model_validate(settings)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()} (got {e['input']!r})"
                for e in error.errors()
            )
            names = ", ".join(cls.Config.model_fields) or "none"
            raise ConfigError(f"model {cls.name!r}: {wrong}. Its settings: {names}") from error

    def set_checkpoints(self, checkpoints: Path, on_progress: MessageProgress) -> None:  # noqa: B027
        """Set the folder of checkpoints and a callback for progress messages, before `fit`.

        Models in closed form ignore both.
        """

    def importances(self) -> dict[str, float]:
        """Feature of a pair -> its share of importance, largest first.

        Empty for models that do not weigh evidence.
        """
        return {}

    def arrays(self) -> Arrays:
        """The arrays of the fitted model, by name: numpy arrays or CSR matrices."""
        state = {key: value for key, value in vars(self).items() if key.endswith("_")}
        return {
            key: value if sparse.issparse(value) else np.asarray(value)
            for key, value in state.items()
        }

    def restore(self, arrays: Arrays) -> None:
        """Restore the fitted model from `arrays`."""
        for key, value in arrays.items():
            setattr(self, key, value)

    @property
    def block(self) -> int:
        """Rows of a block of dense scores, which bounds memory."""
        return block_size(self.n)

    @property
    def n(self) -> int:
        """Number of products in the catalogue of `fit`."""
        if not hasattr(self, "n_"):
            raise ConfigError(f"{self.name}: fit must set self.n_ = len(catalog)")
        return int(self.n_)

    def save(self, folder: Path) -> None:
        """Write config and arrays: model.json and model.safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        save_arrays(self.arrays(), folder / "model.safetensors")
        write_json(
            {"name": self.name, "config": self.config.model_dump(mode="json")},
            folder / "model.json",
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises:
            BundleError: the folder holds another model.
        """
        saved = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if saved["name"] != cls.name:
            raise BundleError(f"{folder} holds the model {saved['name']!r}, not {cls.name!r}")
        model = cls(cls.Config.model_validate(saved["config"]))
        model.restore(load_arrays(folder / "model.safetensors"))
        return model


class Recommender(Model):
    """A model of the complements of a product.

    A subclass sets `name` and `Config`, and writes `fit`, `score`, `arrays` and `restore`.
    """

    probabilities: ClassVar[bool] = False
    """Whether scores are calibrated probabilities in [0, 1] that a pair goes together."""

    @abstractmethod
    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        """Learn from `graph`, whose rows are those of `catalog`.

        The same config and data give the same model on the same machine and number of threads.
        """

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        """Update with new counts and new products, without a full training.

        Here: `fit`, since closed forms are quick. A trained model keeps its parameters.

        Args:
            catalog: the products of `fit`, in the same rows, and new ones after them.
            graph: relations between them.
        """
        return self.fit(catalog, graph)

    def score_new(self, products: Catalog) -> Floats:
        """How well every product goes with new products, from their attributes only.

        Returns:
            (m, n) float32 for m products; -inf where the model has no score, which is
            everywhere for a model that does not read attributes, so that a fallback can take over.
        """
        return np.full((len(products), self.n), -np.inf, dtype=np.float32)

    @abstractmethod
    def score(self, sources: Rows) -> Floats:
        """How well every product goes with each source.

        Args:
            sources: (b,) rows.

        Returns:
            (b, n) float32; higher is better, -inf where the model has no score (no path, no
            vector): such products are never recommended, so that a fallback can take over.
        """

    def score_sparse(self, sources: Rows) -> Sparse | None:
        """The scores as a CSR matrix (b, n) of the finite entries, where these are few.

        None if a dense matrix is as good.
        """
        return None

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        """(m,) float32 scores of single pairs, by `score` of each distinct source.

        Args:
            sources: (m,) rows.
            targets: (m,) rows.
        """
        rows, row_of_pair = np.unique(sources, return_inverse=True)
        scores = np.empty(len(sources), dtype=np.float32)
        for block in blocks(np.arange(len(rows), dtype=np.int32), self.block):
            positions = np.flatnonzero((row_of_pair >= block[0]) & (row_of_pair <= block[-1]))
            scores[positions] = self.score(rows[block])[
                row_of_pair[positions] - block[0], targets[positions]
            ]
        return scores

    def prepare_batch(self, sources: Rows) -> None:
        """Prepare for calls of `recommend` that together cover all of these sources.

        The search may then be approximate: for vectors of a large catalogue with a recall of .99.
        Otherwise it is exact.

        Args:
            sources: rows.
        """

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        """The k best complements of each source, never the source itself.

        Args:
            sources: (b,) rows.
            k: how many.
            exclude: (n, n) CSR; products with an entry in a source's row are excluded.

        Returns:
            products (b, k) int32, -1 where none is left, and scores (b, k) float32, -inf there.
        """
        parts = []
        for rows in blocks(np.asarray(sources, dtype=np.int32), SPARSE_BLOCK_ROWS):
            sparse_scores = self.score_sparse(rows)
            if sparse_scores is not None:
                parts.append(sparse_top_k(sparse_scores, rows, min(k, self.n), exclude))
                continue
            for block in blocks(rows, self.block):
                scores = self.score(block)
                mask_excluded(scores, block, exclude)
                parts.append(top_k(scores, k))
        return concatenate_top_k(parts, k)


class VectorModel(Recommender):
    """A model whose score is the inner product of a source's and a target's vector.

    A vector of zeros means that the model has no vector of a product, as a source or as a target.
    """

    source_vectors: Floats
    """(n, d) vectors of the products as sources."""
    target_vectors: Floats
    """(n, d) vectors of the products as targets."""
    _index: ApproximateIndex | None = None

    @property
    def n(self) -> int:
        return len(self.target_vectors)

    def score(self, sources: Rows) -> Floats:
        return self.score_vectors(self.source_vectors[sources])

    def prepare_batch(self, sources: Rows) -> None:
        self._index = make_index(self.target_vectors, self.source_vectors, sources)

    def recommend(
        self, sources: Rows, k: int, exclude: Sparse | None = None
    ) -> tuple[Rows, Floats]:
        sources = np.asarray(sources, dtype=np.int32)
        vectors = self.source_vectors[sources]
        if self._index is not None and self._index.targets is self.target_vectors:
            return self._index.best_products(vectors, sources, min(k, self.n), exclude)
        return best_products(vectors, self.target_vectors, sources, min(k, self.n), exclude)

    def score_vectors(self, vectors: Floats) -> Floats:
        """(b, n) scores of every product for source vectors (b, d)."""
        scores: Floats = vectors @ self.target_vectors.T
        scores[~vectors.any(axis=1)] = -np.inf
        scores[:, ~self.target_vectors.any(axis=1)] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        return {"source_vectors": self.source_vectors, "target_vectors": self.target_vectors}

    def restore(self, arrays: Arrays) -> None:
        self.source_vectors = arrays["source_vectors"]
        self.target_vectors = arrays["target_vectors"]
