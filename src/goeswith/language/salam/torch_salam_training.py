"""One loop for both phases: batches of like length, bfloat16 where it is native.

All randomness of a step is seeded from (seed, step), so that a killed run that takes up its
checkpoint, in the middle of an epoch, ends as an uninterrupted one would have
on the same machine and number of threads.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from goeswith.core.errors import ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.language.salam.behaviour_graph import NodePairs
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.labels import balanced_weights
from goeswith.language.salam.torch_feed import NodeInputs, PairFeed, precision, predict
from goeswith.language.salam.torch_network import SalamNetwork
from goeswith.models.neural.checkpoint import read_checkpoint, write_checkpoint


class SalamEpoch(TypedDict):
    """One finished epoch."""

    epoch: int
    loss: float
    validation: float
    seconds: float


def train(
    network: SalamNetwork,
    inputs: NodeInputs,
    pairs: NodePairs,
    validation: tuple[NodeInputs, NodePairs] | None = None,
    *,
    checkpoint: Path | None = None,
    on_progress: MessageProgress = lambda _: None,
) -> list[SalamEpoch]:
    """Train the network in place; with a validation set, the best epoch's weights are used.

    Args:
        network: on the device to train on.
        inputs: nodes, and the behaviour that may be seen while learning.
        pairs: training pairs; no step uses an edge between the ends of its own pairs.
        validation: held-out pairs with their inputs.
        checkpoint: file for resuming a killed run.
        on_progress: called with a line now and then.

    Raises:
        ConfigError: the loss left the finite numbers.
    """
    config, where = network.config, next(network.parameters()).device
    feed = PairFeed(config, inputs, pairs, where)
    if feed.paths is not None and not network.pretrained:
        network.graph.standardize(torch.as_tensor(feed.paths, device=where))
    weights = balanced_weights(pairs.labels, len(config.classes)) if config.balance else None
    loss_of = nn.CrossEntropyLoss(
        torch.as_tensor(weights, device=where) if weights is not None else None
    )
    optimizer = torch.optim.AdamW(
        _parameter_groups(network, config),
        weight_decay=config.weight_decay,
        fused=where.type == "cuda",
    )
    per_epoch = -(-len(pairs) // config.batch)
    steps = per_epoch * config.epochs
    rates = [group["lr"] for group in optimizer.param_groups]
    kind = precision(config, where)
    generator = torch.Generator(where)
    state = _SalamCheckpoint(network, optimizer, checkpoint, _fingerprint(config, pairs))
    done, lengths = state.resume(), feed.lengths()
    started = saved = time.monotonic()
    for epoch in range(done // per_epoch, config.epochs):
        order = _epoch_batches(lengths, config.batch, np.random.default_rng([config.seed, epoch]))
        network.train()
        for number, which in enumerate(order):
            at = epoch * per_epoch + number
            if at < done:
                continue
            torch.manual_seed(config.seed * 1_000_003 + at)
            generator.manual_seed(config.seed * 1_000_003 + at)
            labels = feed.labels(which)
            with torch.autocast(where.type, kind, kind != torch.float32):
                logits = network(feed.step(which), feed.vectors, feed.sampler, generator)
            each = {name: loss_of(values.float(), labels) for name, values in logits.items()}
            last = list(each)[-1]
            loss = each[last] + config.branch_loss * sum(each[n] for n in each if n != last)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * _rate_share(at, steps, config.warmup)
            optimizer.step()
            state.losses += loss.detach()
            if at % 50 == 49:
                on_progress(
                    f"epoch {epoch + 1} of {config.epochs}, step {number + 1} of {per_epoch}"
                )
            due = time.monotonic() - saved > 60 * config.checkpoint_minutes
            if due and number + 1 < per_epoch:  # an epoch's last step is saved with its history
                state.save(at + 1)
                saved = time.monotonic()
        loss_mean = float(state.losses) / per_epoch
        if not np.isfinite(loss_mean):
            raise ConfigError(
                f"training diverged in epoch {epoch + 1} (the loss is not finite): lower "
                f"learning_rate, now {config.learning_rate}"
            )
        score = macro_f1(network, *validation) if validation is not None else float("nan")
        state.finish(epoch + 1, loss_mean, score, time.monotonic() - started)
        started = time.monotonic()
        on_progress(f"epoch {epoch + 1}: loss {loss_mean:.4f}, validation macro-F1 {score:.4f}")
        state.save((epoch + 1) * per_epoch)
    state.end()
    return state.history


def macro_f1(network: SalamNetwork, inputs: NodeInputs, pairs: NodePairs) -> float:
    """Macro-F1 of the last branch on labelled pairs."""
    from sklearn.metrics import f1_score

    logits = list(predict(network, inputs, pairs).values())[-1]
    return float(f1_score(pairs.labels, logits.argmax(axis=1), average="macro"))


@dataclass
class _SalamCheckpoint:
    """State for resuming a run, and the best epoch's weights."""

    network: SalamNetwork
    optimizer: torch.optim.Optimizer
    file: Path | None
    fingerprint: str
    history: list[SalamEpoch] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    losses: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.losses = torch.zeros((), device=next(self.network.parameters()).device)

    def finish(self, epoch: int, loss: float, validation: float, seconds: float) -> None:
        self.history.append(
            {"epoch": epoch, "loss": loss, "validation": validation, "seconds": seconds}
        )
        self.losses.zero_()
        if np.isfinite(validation) and validation >= max(e["validation"] for e in self.history):
            self.best = {k: v.detach().clone() for k, v in self.network.trained_weights().items()}

    def save(self, step: int) -> None:
        if self.file is None:
            return
        metadata = {
            "fingerprint": self.fingerprint,
            "step": str(step),
            "history": json.dumps(self.history),
        }
        now, sums = self.network.trained_weights(), {"losses": self.losses}
        parts = {"now": now, "best": self.best, "sums": sums}
        write_checkpoint(self.file, self.optimizer, metadata, parts)

    def resume(self) -> int:
        """Steps that are done already; a checkpoint of other data or settings is overwritten."""
        if self.file is None:
            return 0
        checkpoint = read_checkpoint(self.file, self.optimizer, self.fingerprint)
        if checkpoint is None:
            return 0
        load_weights_into(self.network, checkpoint.part("now"))
        self.best = checkpoint.part("best")
        self.losses.copy_(checkpoint.part("sums")["losses"])
        self.history = json.loads(checkpoint.metadata["history"])
        return int(checkpoint.metadata["step"])

    def end(self) -> None:
        if self.best:
            load_weights_into(self.network, self.best)
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def load_weights_into(network: SalamNetwork, tensors: dict[str, Tensor]) -> None:
    """Put trained weights back.

    Raises:
        ConfigError: they are not those of this network.
    """
    own = network.trained_weights()
    wrong = sorted(set(own) ^ set(tensors)) or [
        name for name, value in tensors.items() if own[name].shape != value.shape
    ]
    if wrong:
        raise ConfigError(
            f"the saved weights are of another network: {wrong[0]} does not fit; use the same "
            "encoder, labels, relations and dimensions"
        )
    with torch.no_grad():
        for name, value in tensors.items():
            own[name].copy_(value)


def _parameter_groups(network: SalamNetwork, config: SalamConfig) -> list[dict[str, Any]]:
    trained = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    # adapters start from nothing, as heads do, but a step of theirs moves pretrained layers
    rate = config.learning_rate * (10 if config.lora else 1)
    return [
        {"params": [p for n, p in trained if n.startswith("encoder.")], "lr": rate},
        {"params": [p for n, p in trained if not n.startswith("encoder.")], "lr": config.head_rate},
    ]


def _rate_share(step: int, steps: int, warmup: float) -> float:
    """Share of the full step size: up in a line, then down to nothing."""
    rising = max(int(steps * warmup), 1)
    return min((step + 1) / rising, (steps - step) / max(steps - rising, 1))


def _epoch_batches(
    lengths: np.ndarray[Any, np.dtype[np.int64]], batch: int, rng: np.random.Generator
) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Batches of an epoch: random pairs, those of like length together."""
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), 50 * batch):
        run = order[start : start + 50 * batch]
        run = run[np.argsort(lengths[run], kind="stable")]
        batches += [run[at : at + batch] for at in range(0, len(run), batch)]
    yield from (batches[i] for i in rng.permutation(len(batches)))


def _fingerprint(config: SalamConfig, pairs: NodePairs) -> str:
    digest = hashlib.sha256(config.model_dump_json().encode())
    for part in (pairs.left, pairs.right, pairs.labels):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
