"""Fine-tuning of an encoder-decoder model (such as T5) for explanations, fully or by LoRA."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.core.errors import ConfigError
from goeswith.models.neural.checkpoint import read_checkpoint, write_checkpoint
from goeswith.text.explanation import prompt
from goeswith.text.local_explainer import (
    MAX_PROMPT_TOKENS,
    MAX_SENTENCE_TOKENS,
    load_language_model,
)
from goeswith.text.training_examples import ExplanationExample


@dataclass(frozen=True)
class ExplainerTraining:
    """Settings of a fine-tuning.

    Attributes:
        backbone: folder or hub id of a model that reads and writes apart.
        lora_rank: of the matrices that LoRA (Hu et al. 2021) trains; 0 trains all weights.
        epochs: maximum number; the weights with the lowest validation loss are used.
        patience: stop after so many epochs without improvement.
        batch: examples in a step.
        learning_rate: AdamW's step size, falling to nothing in a line.
        bfloat16: train in it, where the processor has it.
        seed: of every draw.
    """

    backbone: str
    lora_rank: int = 0
    epochs: int = 4
    patience: int = 1
    batch: int = 8
    learning_rate: float = 5e-4
    bfloat16: bool = False
    seed: int = 0


class ExplainerEpoch(TypedDict):
    """One finished epoch: mean loss of a token, in nats."""

    epoch: int
    loss: float
    validation: float
    seconds: float


def train_explainer(
    training: ExplainerTraining,
    examples: Sequence[ExplanationExample],
    validation: Sequence[ExplanationExample],
    out: Path,
    on_epoch: Callable[[ExplainerEpoch], None] | None = None,
) -> list[ExplainerEpoch]:
    """Fine-tune a model and write it to `out`, complete, as `LocalExplainer` loads it.

    A killed run resumes after its last finished epoch if settings and examples are the same: its
    state is in `OUT.training`.

    Args:
        training: settings.
        examples: each sentence of each is learned.
        validation: selects the best epoch; shares no product with `examples`.
        out: folder.
        on_epoch: called after each epoch.

    Raises:
        ConfigError: the model cannot be loaded, or does not read and write apart.
    """
    import torch

    tokenizer, model, is_seq2seq = load_language_model(training.backbone)
    if not is_seq2seq:
        raise ConfigError(
            f"{training.backbone} is a causal model; fine-tune an encoder-decoder model "
            "such as flan-t5-small"
        )
    torch.manual_seed(training.seed)
    if training.lora_rank:
        model = _with_lora(model, training.lora_rank)
    encoded = _encode(tokenizer, examples)
    encoded_validation = _encode(tokenizer, validation)
    weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimizer = torch.optim.AdamW(weights.values(), lr=training.learning_rate, weight_decay=0.01)
    steps = training.epochs * -(-len(encoded) // training.batch)
    state = _TrainingCheckpoint(
        out.with_name(f"{out.name}.training"), training, encoded, weights, optimizer
    )
    first_epoch = state.resume()
    for epoch in range(first_epoch + 1, training.epochs + 1):
        if state.epochs_since_best() >= training.patience:
            break
        started = time.perf_counter()
        torch.manual_seed(training.seed * 100_003 + epoch)
        model.train()
        total = 0.0
        batches = _batches(encoded, training.batch, np.random.default_rng([training.seed, epoch]))
        for step, batch in enumerate(
            batches, start=(epoch - 1) * -(-len(encoded) // training.batch)
        ):
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate * (1 - step / steps)
            optimizer.zero_grad()
            loss = _loss(model, tokenizer, batch, bfloat16=training.bfloat16)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimizer.step()
            total += loss.item() * len(batch)
        model.eval()
        with torch.inference_mode():
            sums = [
                _loss(model, tokenizer, batch, bfloat16=training.bfloat16).item() * len(batch)
                for batch in _batches(encoded_validation, training.batch, None)
            ]
        finished = state.finish_epoch(
            ExplainerEpoch(
                epoch=epoch,
                loss=total / max(len(encoded), 1),
                validation=sum(sums) / max(len(encoded_validation), 1),
                seconds=time.perf_counter() - started,
            )
        )
        if on_epoch is not None:
            on_epoch(finished)
    state.restore_best()
    if training.lora_rank:
        model = model.merge_and_unload()
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out, safe_serialization=True)
    tokenizer.save_pretrained(out)
    write_json({"training": asdict(training), "history": state.history}, out / "training.json")
    state.delete()
    return state.history


EncodedPair: TypeAlias = tuple[list[int], list[int]]
"""Tokens of a prompt and of its sentence."""


def _encode(tokenizer: Any, examples: Sequence[ExplanationExample]) -> list[EncodedPair]:
    pairs = [(prompt(example.pair), text) for example in examples for text in example.texts]
    if not pairs:
        return []
    read = tokenizer(
        [text_in for text_in, _ in pairs], truncation=True, max_length=MAX_PROMPT_TOKENS
    )["input_ids"]
    written = tokenizer(
        [text for _, text in pairs], truncation=True, max_length=MAX_SENTENCE_TOKENS
    )
    return list(zip(read, written["input_ids"], strict=True))


def _batches(
    encoded: list[EncodedPair], size: int, rng: np.random.Generator | None
) -> list[list[EncodedPair]]:
    """Batches of like length; drawn in another order where a generator is given."""
    noise = np.zeros(len(encoded)) if rng is None else rng.uniform(0, 12, len(encoded))
    lengths = np.array([len(read) for read, _ in encoded]) + noise
    order = np.argsort(lengths, kind="stable")
    batches = [
        [encoded[i] for i in order[start : start + size]] for start in range(0, len(order), size)
    ]
    return batches if rng is None else [batches[i] for i in rng.permutation(len(batches))]


def _loss(model: Any, tokenizer: Any, batch: list[EncodedPair], *, bfloat16: bool) -> Any:
    import torch

    read = tokenizer.pad({"input_ids": [read for read, _ in batch]}, return_tensors="pt")
    longest = max(len(written) for _, written in batch)
    labels = torch.full((len(batch), longest), -100)
    for row, (_, written) in enumerate(batch):
        labels[row, : len(written)] = torch.tensor(written)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        return model(
            input_ids=read["input_ids"], attention_mask=read["attention_mask"], labels=labels
        ).loss


def _with_lora(model: Any, rank: int) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type="SEQ_2_SEQ_LM",
        r=rank,
        lora_alpha=2 * rank,
        target_modules=["q", "v"],
        lora_dropout=0.05,
    )
    return get_peft_model(model, config)


class _TrainingCheckpoint:
    """State of a run for resuming: trained weights, the best ones, AdamW's moments."""

    def __init__(
        self, folder: Path, training: ExplainerTraining, data: Any, weights: Any, optimizer: Any
    ) -> None:
        metadata = json.dumps([asdict(training), data]).encode()
        self._fingerprint = hashlib.sha256(metadata).hexdigest()[:16]
        self._file = folder / f"{self._fingerprint}.safetensors"
        self._weights, self._optimizer = weights, optimizer
        self._best: dict[str, Any] = {}
        self.history: list[ExplainerEpoch] = []

    def resume(self) -> int:
        """Take up a checkpoint where there is one; epochs that are done."""
        checkpoint = read_checkpoint(self._file, self._optimizer, self._fingerprint)
        if checkpoint is None:
            return 0
        for name, value in checkpoint.part("now").items():
            self._weights[name].data.copy_(value)
        self._best = checkpoint.part("best")
        self.history = json.loads(checkpoint.metadata["history"])
        return len(self.history)

    def finish_epoch(self, epoch: ExplainerEpoch) -> ExplainerEpoch:
        """Record an epoch, store the best weights, and write the checkpoint."""
        self.history.append(epoch)
        if not self.epochs_since_best():
            self._best = {name: value.detach().clone() for name, value in self._weights.items()}
        metadata = {"fingerprint": self._fingerprint, "history": json.dumps(self.history)}
        parts = {"now": self._weights, "best": self._best}
        write_checkpoint(self._file, self._optimizer, metadata, parts)
        return epoch

    def epochs_since_best(self) -> int:
        """Epochs since the one of least validation loss."""
        if not self.history:
            return 0
        return len(self.history) - min(self.history, key=lambda e: e["validation"])["epoch"]

    def restore_best(self) -> None:
        """Put the weights of the best epoch back."""
        for name, value in self._best.items():
            self._weights[name].data.copy_(value)

    def delete(self) -> None:
        """Remove the checkpoint."""
        self._file.unlink(missing_ok=True)
        if self._file.parent.is_dir() and not any(self._file.parent.iterdir()):
            self._file.parent.rmdir()
