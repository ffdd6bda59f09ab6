"""What training loops share: early stopping, checkpoints that resume, history. No loop is here.

A model's loop reads top to bottom in its own file:

    run = Run(self, module, optimizer, data=[...])
    for epoch in run.epochs():
        for batch in ...:                    # drawn from run.rng, alike in all workers
            share = run.workers.share(batch)
            losses.append(run.step(loss_of(share).sum(), len(share)))
        run.finish(loss, validation)
    run.restore_best()
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypedDict

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, block_size, blocks, entry_rows, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.features.product_vectors import ContentEncoder, content_encoder
from goeswith.models.base import Model, ModelConfig, VectorModel
from goeswith.models.neural.checkpoint import read_checkpoint, write_checkpoint
from goeswith.models.neural.distributed import Workers
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import HeldOutPairs, hold_out_pairs

if TYPE_CHECKING:
    import torch


class EpochRecord(TypedDict):
    """One finished epoch of a training history."""

    epoch: int
    loss: float
    validation: float
    seconds: float


OnEpoch: TypeAlias = Callable[[str, EpochRecord], None]
"""Called with a model's name after each epoch: what shows progress."""


class TrainingConfig(ModelConfig):
    """Settings that every trained model has."""

    seed: int = Field(
        0,
        ge=0,
        description="Random seed. The same seed gives the same vectors on the same machine with "
        "the same number of threads.",
    )
    max_epochs: int = Field(30, ge=1, description="Maximum number of training epochs.")
    patience: int = Field(
        3, ge=1, description="Early stopping: number of epochs without a better validation hit@10."
    )
    batch: int = Field(1024, ge=1, description="Batch size: training examples per step.")
    learning_rate: float = Field(0.01, gt=0, description="Learning rate of Adam.")
    validation_share: float = Field(
        0.05, gt=0, lt=0.5, description="Share of the training pairs held out for early stopping."
    )


class ContentConfig(TrainingConfig):
    """Settings of trained models that read a product as one dense vector of its attributes."""

    content_dimension: int = Field(
        128, ge=1, description="Dimension of the latent attributes that the model reads."
    )
    sentence_encoder: str | None = Field(
        None,
        description="Folder or hub id of a sentence encoder that replaces the latent attributes.",
    )

    def content_encoder(self) -> ContentEncoder:
        """The encoder that these settings name, not fitted."""
        return content_encoder(self.sentence_encoder, self.content_dimension, self.seed)


class PairValidation:
    """hit@10 on pairs held back from training: share of them in the top 10 of their source.

    The complete catalogue is ranked, without the source, its training targets, and what the model
    does not recommend: (n, n) CSR `exclude`.
    """

    MAX_SOURCES = 2000
    """Sources that are ranked at most; the same ones in every epoch."""

    def __init__(
        self, graph: RelationGraph, share: float, seed: int, exclude: Sparse | None = None
    ) -> None:
        self.split: HeldOutPairs = hold_out_pairs(graph, share, seed)
        rng = np.random.default_rng(seed)
        sources = np.unique(self.split.sources)
        self.sources = np.sort(rng.permutation(sources)[: self.MAX_SOURCES]).astype(np.int32)
        is_ranked = np.isin(self.split.sources, self.sources)
        n = graph.n
        self._pairs = (
            self.split.sources[is_ranked].astype(np.int64) * n + self.split.targets[is_ranked]
        )
        self.excluded: Sparse = self.split.graph.complements.count
        if exclude is not None and exclude.nnz:
            self.excluded = (self.excluded + exclude).tocsr()

    @property
    def pairs(self) -> int:
        """How many pairs the hit rate is a share of."""
        return len(self._pairs)

    @property
    def ranked_pairs(self) -> tuple[Rows, Rows]:
        """Sources and targets of those pairs."""
        n = self.excluded.shape[0]
        return (self._pairs // n).astype(np.int32), (self._pairs % n).astype(np.int32)

    def hit_rate(self, source_vectors: Floats, target_vectors: Floats) -> float:
        """hit@10 of inner products; 0 where nothing could be held back."""
        n, hits = len(target_vectors), 0
        for block in blocks(self.sources, block_size(n, 32)):
            scores = source_vectors[block] @ target_vectors.T
            scores[:, ~target_vectors.any(axis=1)] = -np.inf  # as in VectorModel.score
            excluded = self.excluded[block]
            scores[entry_rows(excluded), excluded.indices] = -np.inf
            scores[np.arange(len(block)), block] = -np.inf
            products, _ = top_k(scores, 10)
            hits += int(np.isin(block[:, None].astype(np.int64) * n + products, self._pairs).sum())
        return hits / max(len(self._pairs), 1)


class TrainedModel(Model):
    """A model that is trained in epochs, with its history: what `TrainingRun` needs of it."""

    checkpoints: Path | None = None
    """Where to keep a checkpoint after each epoch; None keeps none."""
    on_epoch: OnEpoch | None = None
    """Called after each epoch."""
    history: Sequence[EpochRecord] = ()

    def set_checkpoints(self, checkpoints: Path, on_progress: MessageProgress) -> None:
        def report(name: str, epoch: EpochRecord) -> None:
            on_progress(
                f"fitting {name}: epoch {epoch['epoch']}, loss {epoch['loss']:.4g}, "
                f"validation hit@10 {epoch['validation']:.3f}"
            )

        self.checkpoints, self.on_epoch = checkpoints, report

    @property
    def training(self) -> TrainingConfig:
        """The config, as the training settings that every trained model's config is."""
        if not isinstance(self.config, TrainingConfig):
            raise ConfigError(f"the config of {self.name} is not one of training")
        return self.config

    def history_arrays(self) -> Arrays:
        """The history, to be saved with the model's arrays."""
        table = [[e["epoch"], e["loss"], e["validation"], e["seconds"]] for e in self.history]
        return {"history": np.array(table, dtype=np.float64).reshape(len(table), 4)}

    def restore_history(self, arrays: Arrays) -> None:
        """Take back what `history_arrays` gave."""
        self.history = [
            {"epoch": int(epoch), "loss": loss, "validation": validation, "seconds": seconds}
            for epoch, loss, validation, seconds in arrays["history"].tolist()
        ]


class TrainedVectors(TrainedModel, VectorModel):
    """A trained model with source and target vectors."""

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        """Keep the vectors that were trained: new counts change nothing until the next fit.

        New products have vectors of zeros, and so no scores: fallbacks take over.
        """
        more = ((0, graph.n - self.n), (0, 0))
        self.source_vectors = np.pad(self.source_vectors, more)
        self.target_vectors = np.pad(self.target_vectors, more)
        return self

    def arrays(self) -> Arrays:
        return super().arrays() | self.history_arrays()

    def restore(self, arrays: Arrays) -> None:
        super().restore(arrays)
        self.restore_history(arrays)


class TrainingRun:
    """The state of one training run: what a killed run needs to go on where it was.

    All randomness is seeded anew for each epoch from (seed, epoch), so that a resumed run draws
    what an uninterrupted one would have drawn. On the same machine and number of threads it ends
    with the same vectors, to the last bit; another processor rounds sums otherwise, and training
    carries such differences further.

    Attributes:
        workers: this process among those that train the model.
        rng: what the workers draw together: each must draw the same from it.
        generator: the same, of torch.
        own: what a worker draws for its share alone; torch's own generator is for that, too. One
            process draws all from `rng`.
    """

    rng: np.random.Generator
    own: np.random.Generator
    generator: torch.Generator

    def __init__(
        self,
        model: TrainedModel,
        module: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        data: Sequence[Any],
        *,
        pairs: int | None = None,
        stage: str = "",
    ) -> None:
        """Take up a training run, or start one.

        Args:
            model: whose name, config, checkpoint folder and report are used.
            module: its parameters.
            optimizer: over those parameters.
            data: the arrays and CSR matrices that it learns from: a checkpoint of other data is
                not resumed.
            pairs: validation pairs. With them, epochs whose hit rates differ by less than a
                standard error count as equal, and the one of least loss is restored: with a few
                dozen pairs the highest hit rate is chance. None compares hit rates as they are.
            stage: of several runs of one model, the name of this one.

        Raises:
            ConfigError: the workers do not see the same checkpoint.
        """
        self.name = f"{model.name}-{stage}" if stage else model.name
        self.module, self.optimizer = module, optimizer
        self._device = next(module.parameters()).device
        self.workers = Workers.here()
        self.config: TrainingConfig = model.training
        self.history: list[EpochRecord] = []
        self._best: dict[str, torch.Tensor] = {}
        self._on_epoch, self._pairs = model.on_epoch, pairs
        self._file = model.checkpoints / f"{self.name}.checkpoint" if model.checkpoints else None
        shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
        self._fingerprint = _fingerprint(f"{self.name} {self.config!r} {shapes}", data)
        if self._file is not None:
            self._resume(self._file)
            # all workers read the file before any continues, and removes it in the end
            if self.workers.mean(len(self.history)) != len(self.history):
                raise ConfigError(
                    f"the workers that train {self.name} found different checkpoints in "
                    f"{self._file.parent}: give them a folder that all of them see"
                )

    @property
    def best_epoch(self) -> int:
        """The epoch with the best validation so far; 0 before the first.

        Of epochs that validate equally well, as all do in a shop too small to hold pairs back, the
        one of least loss.
        """
        if not self.history:
            return 0
        best, highest = self.history[0], 0.0
        for epoch in self.history:
            highest = max(highest, epoch["validation"])
            enough = highest - self._standard_error(highest)
            falls_behind = best["validation"] < enough
            if falls_behind or (epoch["validation"] >= enough and epoch["loss"] < best["loss"]):
                best = epoch
        return best["epoch"]

    def _standard_error(self, hit_rate: float) -> float:
        """Of a hit rate, as a share of the validation pairs; 0 without them."""
        return math.sqrt(hit_rate * (1 - hit_rate) / self._pairs) if self._pairs else 0.0

    def epochs(self) -> Iterator[int]:
        """Epoch numbers from 1, or after those of a checkpoint, until early stopping."""
        import torch

        done = len(self.history)
        for epoch in range(done + 1, self.config.max_epochs + 1):
            if self.history and epoch - 1 - self.best_epoch >= self.config.patience:
                return
            seed, rank = self.config.seed * 100_003 + epoch, self.workers.rank
            torch.manual_seed(seed + rank * 1_000_000_007)
            self.generator = torch.Generator(self._device).manual_seed(seed)
            self.rng = self.own = np.random.default_rng([self.config.seed, epoch])
            if self.workers.size > 1:
                self.own = np.random.default_rng([self.config.seed, epoch, rank])
            self._started = time.perf_counter()
            yield epoch

    def step(self, total: torch.Tensor, terms: int) -> float:
        """Go one step down the gradient of a mean loss.

        Args:
            total: () the sum of the terms of this worker's share.
            terms: how many they are; the mean is over those of all workers.

        Returns:
            The mean loss, the same for all workers.
        """
        loss = total / self.workers.sum(terms)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.workers.add_gradients(self.module)
        self.optimizer.step()
        return self.workers.sum(float(loss.detach()))

    def finish(self, loss: float, validation: float) -> None:
        """Note an epoch's mean loss and validation hit@10, keep the best weights, save.

        Raises:
            ConfigError: the loss is no finite number.
        """
        validation = self.workers.mean(validation)  # they must agree on when to stop
        if not np.isfinite(loss):
            raise ConfigError(
                f"training {self.name} diverged in epoch {len(self.history) + 1} (the loss is not "
                f"finite): lower learning_rate, now {self.config.learning_rate}"
            )
        epoch: EpochRecord = {
            "epoch": len(self.history) + 1,
            "loss": loss,
            "validation": validation,
            "seconds": time.perf_counter() - self._started,
        }
        self.history.append(epoch)
        if self.best_epoch == epoch["epoch"]:
            self._best = {k: v.detach().clone() for k, v in self.module.state_dict().items()}
        if self._file is not None and not self.workers.rank:
            self._save(self._file)
        if self._on_epoch is not None:
            self._on_epoch(self.name, epoch)

    def restore_best(self) -> None:
        """Put the weights of the best epoch back, and forget the checkpoint."""
        self.module.load_state_dict(self._best)
        self.workers.wait()  # one that dies before needs it
        if self._file is not None and not self.workers.rank:
            self._file.unlink(missing_ok=True)

    def _save(self, path: Path) -> None:
        metadata = {"fingerprint": self._fingerprint, "history": json.dumps(self.history)}
        parts = {"now": self.module.state_dict(), "best": self._best}
        write_checkpoint(path, self.optimizer, metadata, parts)

    def _resume(self, path: Path) -> None:
        """Take up a checkpoint; one that is damaged, or of other data or settings, is overwritten.

        The state is restored only if all of it is readable: a run resumes completely or starts
        anew.
        """
        checkpoint = read_checkpoint(path, self.optimizer, self._fingerprint)
        if checkpoint is not None:
            self._best = checkpoint.part("best")
            self.module.load_state_dict(checkpoint.part("now"))
            self.history = json.loads(checkpoint.metadata["history"])


def _fingerprint(run: str, data: Sequence[Any]) -> str:
    digest = hashlib.sha256(run.encode())
    for item in data:
        parts = (item,) if isinstance(item, np.ndarray) else (item.indptr, item.indices, item.data)
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def require_torch(name: str) -> None:
    """Refuse to train where torch is not installed.

    Raises:
        ConfigError: with how to install it.
    """
    if find_spec("torch") is None:
        raise ConfigError(f"training {name} needs torch: pip install 'goeswith[torch]'")
