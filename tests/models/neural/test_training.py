"""Training stops when it pays no more, and a killed run ends where it would have ended.

Run as a script, this file is the run that is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models.neural.directed_propagation import (
    DirectedPropagation,
    DirectedPropagationConfig,
)
from goeswith.models.neural.training import (
    EpochRecord,
    PairValidation,
    TrainedVectors,
    TrainingConfig,
    TrainingRun,
)
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import pair_keys

pytestmark = pytest.mark.one_processor

N = 60


def small_shop(seed: int = 0) -> tuple[Catalog, RelationGraph]:
    rng = np.random.default_rng(seed)
    sources, targets = rng.integers(0, N, (2, 500)).astype(np.int32)
    same = sources % 5 == targets % 5
    catalog = Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(N)]}))
    return catalog, RelationGraph.from_edges(N, {"co_purchase": (sources[same], targets[same])})


def model(folder: Path | None = None, **settings: object) -> DirectedPropagation:
    given = {"dimension": 8, "max_epochs": 5, "patience": 5, "batch": 16, **settings}
    made = DirectedPropagation(DirectedPropagationConfig.model_validate(given))
    made.checkpoints = folder
    return made


def epochs_of(made: TrainedVectors) -> list[int]:
    """The epochs that the model trains from here on, as it reports them."""
    seen: list[int] = []
    made.on_epoch = lambda _, epoch: seen.append(epoch["epoch"])
    return seen


def killed_after(folder: Path, epochs: int) -> None:
    """Train until a checkpoint of so many epochs is there, then be killed."""

    def die(_: str, epoch: EpochRecord) -> None:
        if epoch["epoch"] == epochs:
            os.kill(os.getpid(), signal.SIGKILL)

    made = model(folder)
    made.on_epoch = die
    made.fit(*small_shop())


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint of a run that was killed after two of its five epochs."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run([sys.executable, __file__, str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    return (folder / "directed_propagation.checkpoint").read_bytes()


@pytest.fixture
def checkpoint(left_behind: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "directed_propagation.checkpoint"
    path.write_bytes(left_behind)
    return path


@pytest.fixture(scope="module")
def whole() -> DirectedPropagation:
    return model().fit(*small_shop())


def same_run(one: TrainedVectors, other: TrainedVectors) -> bool:
    keys = ("epoch", "loss", "validation")
    figures = [[[e[k] for k in keys] for e in made.history] for made in (one, other)]
    return (
        figures[0] == figures[1]
        and np.array_equal(one.source_vectors, other.source_vectors)
        and np.array_equal(one.target_vectors, other.target_vectors)
    )


def test_a_killed_run_goes_on_and_ends_with_the_same_vectors_and_history(
    checkpoint: Path, whole: DirectedPropagation
) -> None:
    resumed = model(checkpoint.parent)
    seen = epochs_of(resumed)
    resumed.fit(*small_shop())
    assert seen == [3, 4, 5]
    assert same_run(resumed, whole)
    assert list(checkpoint.parent.iterdir()) == []  # a finished run leaves no checkpoint


def test_a_run_killed_after_its_last_epoch_only_has_its_answers_left_to_compute(
    checkpoint: Path, whole: DirectedPropagation
) -> None:
    class KilledError(Exception):
        pass

    def stop(_: str, epoch: EpochRecord) -> None:
        if epoch["epoch"] == 5:
            raise KilledError

    first = model(checkpoint.parent)
    first.on_epoch = stop
    with pytest.raises(KilledError):
        first.fit(*small_shop())
    resumed = model(checkpoint.parent)
    seen = epochs_of(resumed)
    resumed.fit(*small_shop())
    assert seen == []
    assert same_run(resumed, whole)


def test_a_checkpoint_of_other_settings_or_other_data_is_not_resumed(checkpoint: Path) -> None:
    kept = checkpoint.read_bytes()
    for settings, seed in (({"temperature": 0.2}, 0), ({"dimension": 4}, 0), ({"seed": 1}, 0)):
        checkpoint.write_bytes(kept)
        other = model(checkpoint.parent, **settings)
        seen = epochs_of(other)
        other.fit(*small_shop(seed))
        assert seen == [1, 2, 3, 4, 5], settings
    checkpoint.write_bytes(kept)
    other = model(checkpoint.parent)
    seen = epochs_of(other)
    other.fit(*small_shop(seed=1))
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("keep", [0, 5, 300, -40])
def test_a_damaged_checkpoint_is_no_checkpoint(
    checkpoint: Path, keep: int, whole: DirectedPropagation
) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
    anew = model(checkpoint.parent)
    seen = epochs_of(anew)
    anew.fit(*small_shop())
    assert seen == [1, 2, 3, 4, 5]
    assert same_run(anew, whole)


def test_a_file_that_is_something_else_is_no_checkpoint(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, tmp_path / "directed_propagation.checkpoint")
    anew = model(tmp_path, max_epochs=1)
    seen = epochs_of(anew)
    anew.fit(*small_shop())
    assert seen == [1]


def test_the_same_seed_gives_the_same_vectors_and_another_seed_others(
    whole: DirectedPropagation,
) -> None:
    assert same_run(model().fit(*small_shop()), whole)
    assert not same_run(model(seed=1).fit(*small_shop()), whole)


def test_history_is_saved_and_loaded_with_the_model(
    whole: DirectedPropagation, tmp_path: Path
) -> None:
    whole.save(tmp_path)
    assert list(DirectedPropagation.load(tmp_path).history) == list(whole.history)
    assert [e["epoch"] for e in whole.history] == [1, 2, 3, 4, 5]
    assert all(e["seconds"] > 0 for e in whole.history)


class Scripted(TrainedVectors):
    """A model whose training is told what it will validate at."""

    name = "scripted"
    Config = TrainingConfig

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Scripted:
        raise NotImplementedError


def scripted(
    validations: list[float],
    patience: int,
    losses: list[float] | None = None,
    pairs: int | None = None,
) -> tuple[TrainingRun, torch.nn.Parameter, list[int]]:
    """Train a weight that counts its epochs."""
    config = TrainingConfig(max_epochs=len(validations), patience=patience)
    module = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(1))])
    optimizer = torch.optim.Adam(module.parameters())
    run = TrainingRun(Scripted(config), module, optimizer, data=[], pairs=pairs)
    trained = []
    for epoch in run.epochs():
        with torch.no_grad():
            module[0].fill_(epoch)
        trained.append(epoch)
        run.finish(losses[epoch - 1] if losses else 1.0, validations[epoch - 1])
    run.restore_best()
    return run, module[0], trained


@pytest.mark.parametrize(
    ("validations", "patience", "trained", "best"),
    [
        ([0.1, 0.2, 0.1, 0.1, 0.9], 2, 4, 2),
        ([0.1, 0.2, 0.1, 0.1, 0.9], 3, 5, 5),
        ([0.1, 0.2, 0.3], 1, 3, 3),
        ([0.3, 0.3, 0.4], 1, 2, 1),  # as good is not better
        ([0.5], 3, 1, 1),
    ],
)
def test_training_stops_after_so_many_epochs_without_gain_and_keeps_the_best(
    validations: list[float], patience: int, trained: int, best: int
) -> None:
    run, weight, epochs = scripted(validations, patience)
    assert epochs == list(range(1, trained + 1))
    assert run.best_epoch == best
    assert float(weight.detach()) == best


@pytest.mark.parametrize(
    ("pairs", "best"),
    [
        (None, 1),  # hit rates as they are
        (25, 4),  # within .1 of .5: the least loss
        (10_000, 1),  # within .005
    ],
)
def test_hit_rates_within_a_standard_error_are_equal_and_the_least_loss_is_kept(
    pairs: int | None, best: int
) -> None:
    validations, losses = [0.5, 0.3, 0.45, 0.42], [1.0, 0.01, 0.5, 0.4]
    run, weight, _ = scripted(validations, 9, losses, pairs)
    assert run.best_epoch == best
    assert float(weight.detach()) == best


def test_an_epoch_that_falls_behind_by_more_than_a_standard_error_is_not_kept() -> None:
    run, weight, _ = scripted([0.5, 0.58, 0.65], 9, [0.1, 0.2, 0.3], 25)
    assert run.best_epoch == float(weight.detach()) == 3


def test_a_loss_that_is_no_number_stops_training_and_says_what_to_do() -> None:
    module = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(1))])
    run = TrainingRun(
        Scripted(TrainingConfig()), module, torch.optim.Adam(module.parameters()), data=[]
    )
    next(run.epochs())
    with pytest.raises(ConfigError, match=r"epoch 1 .*: lower learning_rate, now 0\.01"):
        run.finish(float("nan"), 0)


@pytest.fixture
def validation() -> Iterator[tuple[PairValidation, RelationGraph]]:
    _, graph = small_shop()
    yield PairValidation(graph, 0.2, 0), graph


def test_validation_pairs_are_in_neither_direction_of_what_is_left(
    validation: tuple[PairValidation, RelationGraph],
) -> None:
    held = validation[0].split
    left = held.graph.complements
    kept = pair_keys(left.sources, left.targets, N)
    assert len(held.sources)
    assert not np.isin(pair_keys(held.sources, held.targets, N), kept).any()


def test_the_hit_rate_is_the_share_of_held_out_edges_in_the_top_ten(
    validation: tuple[PairValidation, RelationGraph],
) -> None:
    checked, _ = validation
    rng = np.random.default_rng(0)
    s, t = rng.normal(size=(2, N, 4)).astype(np.float32)
    seen = checked.split.graph.complements.count.toarray() > 0
    hits = 0
    for u, v in zip(checked.split.sources.tolist(), checked.split.targets.tolist(), strict=True):
        rivals = [w for w in range(N) if w != u and not seen[u, w]]
        hits += v in sorted(rivals, key=lambda w: -float(s[u] @ t[w]))[:10]
    assert checked.hit_rate(s, t) == pytest.approx(hits / len(checked.split.sources))


if __name__ == "__main__":
    killed_after(Path(sys.argv[1]), 2)
