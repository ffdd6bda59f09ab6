"""Fine-tuning of one model on all tasks at once; a killed run can be resumed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from goeswith.core.arrays import Floats
from goeswith.core.errors import ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.language.eccr.candidate_lists import CandidateLists, candidate_list_metrics
from goeswith.language.eccr.prompts import TITLE_TOKENS, Ids, Prompts
from goeswith.language.eccr.torch_backbone import Backbone
from goeswith.models.neural.checkpoint import read_checkpoint, write_checkpoint
from goeswith.models.neural.training import EpochRecord

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EccrTraining:
    """How long and how fast to learn, and what each task weighs.

    Attributes:
        steps: optimiser steps.
        lists: lists of candidates in a step.
        negatives: of a list, drawn anew each time it is seen.
        batch: examples of each other task in a step.
        learning_rate: AdamW's at its highest; it rises over a twentieth of the steps, then falls.
        auxiliary: weight of each other task's loss beside that of the lists.
        tails: share of candidates with strategic text at the end of their title, complements or
            not, so that the model learns to ignore it.
        checks: number of validations; the best weights are used.
        seed: of every draw.
    """

    steps: int = 60
    lists: int = 12
    negatives: int = 5
    batch: int = 4
    learning_rate: float = 2e-3
    auxiliary: float = 0.15
    tails: float = 0.0
    checks: int = 4
    seed: int = 0


@dataclass(frozen=True)
class TextTargets:
    """Prompts with their target texts: explanations, codes."""

    prompts: Sequence[Ids]
    texts: Sequence[Ids]


@dataclass(frozen=True)
class YesNoPairs:
    """Pairs and whether the answer is yes."""

    sources: np.ndarray[Any, Any]
    targets: np.ndarray[Any, Any]
    yes: np.ndarray[Any, Any]


@dataclass(frozen=True)
class EccrTasks:
    """What is learned from; a task that is left out is not learned.

    Attributes:
        lists: one coherent complement and negatives, of each list.
        yes_no: task -> pairs (`complement`, `substitute`).
        texts: task -> texts (`generation`, `explanation`).
        tails: strategic texts, as token ids (see `EccrTraining.tails`).
    """

    lists: CandidateLists
    yes_no: dict[str, YesNoPairs] = field(default_factory=dict)
    texts: dict[str, TextTargets] = field(default_factory=dict)
    tails: Sequence[Ids] = ()


Validate = Callable[[], float]
"""How good the model is at this moment; higher is better."""


def train(
    backbone: Backbone,
    prompts: Prompts,
    tasks: EccrTasks,
    plan: EccrTraining,
    *,
    check: Validate | None = None,
    checkpoint: Path | None = None,
    every: int = 20,
    on_progress: MessageProgress | None = None,
    deadline: float = float("inf"),
) -> list[EpochRecord]:
    """Fine-tune in place; ends with the weights that were best at a check.

    A list costs the cross-entropy of its scores (listwise softmax, as RankT5, Zhuang et al., 2023);
    a judged pair that of yes and no; a text that of its tokens.

    Args:
        backbone: with its behaviour tokens added.
        prompts: over the catalogue.
        tasks: what to learn.
        plan: how.
        check: validates, `plan.checks` times.
        checkpoint: file for the state, written every `every` steps, and to resume from.
        every: see `checkpoint`.
        on_progress: called with a line of progress after every step.
        deadline: `time.monotonic()` after which no step begins.

    Returns:
        an epoch for each check: the steps since the last, with their mean loss and seconds.

    Raises:
        ConfigError: the loss left the finite numbers.
    """
    model = backbone.model
    trained, optimizer = _optimizer(backbone, plan.learning_rate)
    state = _EccrCheckpoint(plan, trained, optimizer, checkpoint, tasks)
    at = {round(plan.steps * (i + 1) / plan.checks) for i in range(plan.checks)}
    for step in range(state.step, plan.steps):
        if time.monotonic() > deadline:
            break
        rng = np.random.default_rng([plan.seed, step])
        torch.manual_seed(plan.seed * 100_003 + step)
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * _rate_share(step, plan.steps)
        with backbone.autocast():
            loss = _yes_loss(backbone, prompts, tasks, plan, rng)
            if tasks.texts:
                loss = loss + plan.auxiliary * _text_loss(backbone, tasks, plan, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([p for _, p in trained], 1.0)
        optimizer.step()
        state.losses.append(float(loss.detach()))
        if not np.isfinite(state.losses[-1]):
            raise ConfigError(
                f"training diverged in step {step + 1} (the loss is not finite): lower "
                f"learning_rate, now {plan.learning_rate}"
            )
        state.step = step + 1
        if state.step in at and check is not None:
            state.record(check())
        if on_progress is not None:
            line = f"step {state.step} of {plan.steps}: loss {float(loss.detach()):.3f}"
            if state.history:
                line += f", validation nDCG@5 {state.history[-1]['validation']:.3f}"
            on_progress(line)
        if checkpoint is not None and state.step % every == 0:
            state.save(checkpoint)
    state.end(checkpoint)
    return state.history


def list_scores(backbone: Backbone, prompts: Prompts, lists: CandidateLists) -> Floats:
    """(m, c) scores of the candidates of lists."""
    width = lists.candidates.shape[1]
    pairs = prompts.pairs("listwise", np.repeat(lists.sources, width), lists.candidates.ravel())
    return backbone.score_all(pairs).reshape(-1, width)


def lists_ndcg(backbone: Backbone, prompts: Prompts, lists: CandidateLists) -> float:
    """nDCG@5 of lists, their mean."""
    scores = list_scores(backbone, prompts, lists)
    return float(candidate_list_metrics(scores, 5)["ndcg@5"].mean())


def _yes_loss(
    backbone: Backbone,
    prompts: Prompts,
    tasks: EccrTasks,
    plan: EccrTraining,
    rng: np.random.Generator,
) -> Tensor:
    """Of lists, each one complement before `plan.negatives` of its negatives; of judged pairs."""
    lists = tasks.lists
    shown = []
    for i in rng.integers(len(lists.sources), size=plan.lists):
        negatives = rng.permutation(lists.candidates.shape[1] - 1)[: plan.negatives] + 1
        for at in [0, *negatives]:
            target, title = int(lists.candidates[i, at]), None
            if len(tasks.tails) and rng.random() < plan.tails:
                tail = _draw_tail(tasks.tails, rng)
                title = with_tail(prompts.titles[target], tail, prompts.limit)
            shown.append(prompts.pair("listwise", int(lists.sources[i]), target, title))
    list_prompts, answers = len(shown), []
    for task, pairs in tasks.yes_no.items():
        rows = rng.integers(len(pairs.sources), size=plan.batch)
        shown += prompts.pairs(task, pairs.sources[rows], pairs.targets[rows])
        answers.append(pairs.yes[rows].astype(np.float32))
    scores = backbone.scores(shown)  # all that is answered by yes or no at once: it is quicker
    of_lists = scores[:list_prompts].reshape(plan.lists, -1)
    right = torch.zeros(plan.lists, dtype=torch.int64, device=scores.device)
    loss = functional.cross_entropy(of_lists, right)
    if answers:
        yes = torch.from_numpy(np.concatenate(answers)).to(scores.device)
        yes_no_loss = functional.binary_cross_entropy_with_logits(scores[list_prompts:], yes)
        loss = loss + plan.auxiliary * len(answers) * yes_no_loss
    return loss


def _text_loss(
    backbone: Backbone, tasks: EccrTasks, plan: EccrTraining, rng: np.random.Generator
) -> Tensor:
    prompts: list[Ids] = []
    texts: list[Ids] = []
    for task in tasks.texts.values():
        rows = rng.integers(len(task.prompts), size=plan.batch)
        prompts += [task.prompts[i] for i in rows]
        texts += [task.texts[i] for i in rows]
    return len(tasks.texts) * backbone.text_loss(prompts, texts).mean()


def _draw_tail(tails: Sequence[Ids], rng: np.random.Generator) -> Ids:
    """A strategic text, or as often words of several in any order."""
    tail = tails[int(rng.integers(len(tails)))]
    if rng.random() < 0.5:
        words = np.concatenate([tails[int(i)] for i in rng.integers(len(tails), size=8)])
        tail = rng.permutation(words)[: int(rng.integers(2, 13))]
    return tail


def with_tail(title: Ids, tail: Ids, limit: int = TITLE_TOKENS) -> Ids:
    """A title of `limit` tokens that makes place for a tail, but for its first quarter."""
    head = title[: max(limit // 4, limit - len(tail))]
    ids: Ids = np.concatenate([head, tail])[:limit]
    return ids


def _rate_share(step: int, steps: int) -> float:
    """Share of the learning rate: rises over a twentieth of the steps, then falls to nothing."""
    warm = max(steps // 20, 1)
    return min((step + 1) / warm, (steps - step) / max(steps - warm, 1))


def _optimizer(
    backbone: Backbone, rate: float
) -> tuple[list[tuple[str, torch.nn.Parameter]], torch.optim.AdamW]:
    """All that is trained; behaviour tokens at the pace of their size, words of the table not.

    Vectors of T5's tokens are thirty times as long as what its layers hold: at their rate a new
    token would stay where it began.
    """
    table, words = backbone.embedding.weight, backbone.words
    added = len(table) > words
    table.requires_grad_(added)
    if added:
        keep = torch.arange(len(table), device=table.device)[:, None] >= words
        table.register_hook(lambda grad: grad * keep)
    pace = max(1.0, 8 * float(table[:words].detach().square().mean().sqrt()))
    named_weights = [(name, p) for name, p in backbone.model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for _, p in named_weights if p is not table], "base": rate},
        {"params": [p for _, p in named_weights if p is table], "base": rate * pace},
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, weight_decay=0.0)
    return named_weights, optimizer


class _EccrCheckpoint:
    """Where a run is: step, history, weights now and at their best."""

    def __init__(
        self,
        plan: EccrTraining,
        trained: list[tuple[str, torch.nn.Parameter]],
        optimizer: torch.optim.AdamW,
        file: Path | None,
        tasks: EccrTasks,
    ) -> None:
        self.trained, self.optimizer = trained, optimizer
        self.step, self.history = 0, list[EpochRecord]()
        self.losses: list[float] = []
        self._started = time.perf_counter()
        self.best: dict[str, Tensor] = {}
        description = [
            asdict(plan),
            [(name, tuple(p.shape)) for name, p in trained],
            sorted(tasks.texts),
            "epochs",  # the form of the history
        ]
        digest = hashlib.sha256(json.dumps(description).encode())
        digest.update(tasks.lists.sources.tobytes() + tasks.lists.candidates.tobytes())
        self.fingerprint = digest.hexdigest()
        if file is not None:
            self._resume(file)

    def record(self, validation: float) -> None:
        """Record a validation, and copy the weights if it is the best; of equal ones, less loss."""
        loss = float(np.mean(self.losses))
        best = max(((h["validation"], -h["loss"]) for h in self.history), default=None)
        if best is None or (validation, -loss) > best:
            self.best = {name: p.detach().clone() for name, p in self.trained}
        now = time.perf_counter()
        self.history.append(
            {
                "epoch": len(self.history) + 1,
                "loss": loss,
                "validation": validation,
                "seconds": now - self._started,
            }
        )
        self._started, self.losses = now, []

    def end(self, file: Path | None) -> None:
        """Put the best weights in place, and forget the checkpoint."""
        with torch.no_grad():
            for name, p in self.trained:
                if name in self.best:
                    p.copy_(self.best[name])
        if file is not None:
            file.unlink(missing_ok=True)

    def save(self, file: Path) -> None:
        """Write all of it, beside and renamed."""
        metadata = {"fingerprint": self.fingerprint, "history": json.dumps(self.history)}
        now: dict[str, Tensor] = dict(self.trained)
        metadata |= {"step": str(self.step), "losses": json.dumps(self.losses)}
        write_checkpoint(file, self.optimizer, metadata, {"now": now, "best": self.best})

    def _resume(self, file: Path) -> None:
        """Take up a checkpoint of the same run; one of another, or damaged, is overwritten."""
        checkpoint = read_checkpoint(file, self.optimizer, self.fingerprint)
        if checkpoint is None:
            return
        with torch.no_grad():
            for name, p in self.trained:
                p.copy_(checkpoint.part("now")[name])
        self.best = checkpoint.part("best")
        self.step, self.history = (
            int(checkpoint.metadata["step"]),
            json.loads(checkpoint.metadata["history"]),
        )
        self.losses = json.loads(checkpoint.metadata["losses"])
