"""Two workers train what one does, and a worker that is killed costs no more than an epoch.

Run as a script, this file is the agent, as torchrun is, and its workers.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pytest
import torch
from scipy.sparse import issparse

from goeswith.core.arrays_file import Arrays, load_arrays, save_arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.models import make_model
from goeswith.models.neural import dual_embedding, training
from goeswith.models.neural.daemon import Daemon
from goeswith.models.neural.distributed import Workers
from goeswith.models.neural.training import EpochRecord, TrainedModel, TrainingRun
from goeswith.relations.graph import RelationGraph
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.sequences import Sequences

N, KINDS = 203, 7
_SEQUENCE: Final = {"max_epochs": 2, "dimension": 8, "layers": 1, "dropout": 0, "batch": 7}
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    # nothing is dropped, all neighbours are heard: no worker draws anything for its share alone;
    # a batch more has one example, which leaves one worker without any
    "dual_embedding": {"dimension": 16, "max_epochs": 6, "patience": 6, "learning_rate": 0.05},
    "product2vec": {"dimension": 16, "max_epochs": 3, "batch": 101},
    "product2vec_softmax": {"dimension": 16, "max_epochs": 3, "batch": 101},
    "p_companion": {"dimension": 16, "max_epochs": 2, "batch": 101, "dropout": 0},
    "p_companion_softmax": {"dimension": 16, "max_epochs": 2, "batch": 101, "dropout": 0},
    "daemon": {"dimension": 16, "max_epochs": 2, "batch": 500, "fan_outs": "200-200"},
    "daemon_full_graph": {"dimension": 16, "max_epochs": 3, "batch": 101},
    "directed_propagation": {"dimension": 16, "max_epochs": 3, "batch": 101},
    "typed_towers": {"dimension": 16, "max_epochs": 3, "batch": 101},
    "sasrec": {**_SEQUENCE, "competitors": 50},
    "bert4rec": {**_SEQUENCE, "competitors": 50},
    "hstu": _SEQUENCE,
    "tiger": {**_SEQUENCE, "codes": 16},
}
KILLED: Final = "dual_embedding"
NEAR: Final = {"product2vec": 0.05, "p_companion": 0.05, "p_companion_softmax": 0.05, "hstu": 0.01}
"""Largest difference from what one process learns, relative to the largest entry.

Product2Vec normalises over what its workers read, in which a product may be twice; HSTU's gate
makes much of rounding.
"""

pytestmark = pytest.mark.one_processor


def shop() -> tuple[Catalog, RelationGraph]:
    """What goes with a product is of the next kind, what is viewed with it of its own."""
    rng = np.random.default_rng(0)
    sources, targets = rng.integers(0, N, (2, 20_000)).astype(np.int32)
    goes = (sources + 1) % KINDS == targets % KINDS
    alike = (sources % KINDS == targets % KINDS) & (sources != targets)
    names = [[f"p{i}", f"kind{i % KINDS} colour{i % 5} of {i}", f"t{i % KINDS}"] for i in range(N)]
    catalog = Catalog(pl.DataFrame(names, ["product_id", "title", "type"], orient="row"))
    pairs = {
        "co_purchase": (sources[goes], targets[goes]),
        "co_view": (sources[alike], targets[alike]),
    }
    return catalog, RelationGraph.from_edges(N, pairs)


def walks() -> Sequences:
    """148 runs, in 21 batches of seven and one of a single run; after product i comes i + 3."""
    rng = np.random.default_rng(0)
    starts, lengths = rng.integers(0, N, 148), rng.integers(2, 8, 148)
    each = zip(starts, lengths, strict=True)
    return Sequences.from_rows([[(start + 3 * i) % N for i in range(many)] for start, many in each])


def trained(name: str, folder: Path | None = None, *, die_in: int = 0) -> Arrays:
    """Train; the last worker is killed after an epoch, if it has not been killed before."""

    def report(_: str, epoch: EpochRecord) -> None:
        assert folder is not None
        rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        with (folder / f"epochs-{rank}").open("a") as seen:
            seen.write(f"{epoch['epoch']} ")
        killed = folder / "killed"
        if epoch["epoch"] == die_in and rank == size - 1 and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    given = {name: SETTINGS[name]}
    session = name in SESSION_MODELS.names
    model = SESSION_MODELS.make(name, given) if session else make_model(name, given)
    assert isinstance(model, TrainedModel)
    if folder is not None:
        model.checkpoints, model.on_epoch = folder, report
    catalog, graph = shop()
    return model.fit(catalog, walks() if session else graph).arrays()  # type: ignore[arg-type]


def work(folder: Path, die_in: int, names: list[str]) -> None:
    """What a worker does."""
    for name in names:
        made = trained(name, folder, die_in=die_in)
        save_arrays(made, folder / f"{name}-{os.environ['RANK']}.safetensors")


def results(folder: Path, name: str) -> list[Arrays]:
    return [load_arrays(folder / f"{name}-{rank}.safetensors") for rank in range(2)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two workers left in `whole`, and in `killed` those of which one was killed."""
    folder = tmp_path_factory.mktemp("runs")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", SETTINGS)
def test_two_workers_learn_alike_what_one_process_learns(
    runs: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dual_embedding, "has_numba", lambda: False)  # workers train by torch
    first, second = results(runs / "whole", name)
    alone = trained(name)
    assert first.keys() == alone.keys()
    for key in first.keys() - {"history"}:
        one, other = (x[key].toarray() if issparse(x[key]) else x[key] for x in (first, second))
        assert np.array_equal(one, other)
        if "vectors" in key or key.startswith("weights/"):  # what answers
            near = NEAR.get(name, 0.001) * np.abs(alone[key]).max()
            np.testing.assert_allclose(first[key], alone[key], rtol=0, atol=near, err_msg=key)
    assert np.array_equal(first["history"][:, :3], second["history"][:, :3])
    loss, validation = np.abs(first["history"] - alone["history"])[:, 1:3].T
    assert (loss <= NEAR.get(name, 1e-5) * alone["history"][:, 1]).all()
    assert (validation <= 0.05).all()


def test_a_run_of_which_a_worker_is_killed_goes_on_and_ends_as_it_would_have(runs: Path) -> None:
    folder = runs / "killed"
    assert (folder / "killed").exists()
    epochs = [int(epoch) for epoch in (folder / "epochs-0").read_text().split()]
    assert epochs[-1] == 6
    assert epochs.count(1) == 1  # it did not begin anew
    for one, other in zip(results(runs / "whole", KILLED), results(folder, KILLED), strict=True):
        assert np.array_equal(one["source_vectors"], other["source_vectors"])
    assert not list(folder.glob("*.checkpoint"))


def test_without_torchrun_one_worker_has_everything() -> None:
    rows = np.arange(5, dtype=np.int32)
    assert Workers.here() == Workers(0, 1)
    assert np.array_equal(Workers().share(rows), rows)


def test_workers_share_a_batch() -> None:
    rows, workers = np.arange(7, dtype=np.int32), [Workers(rank, 3) for rank in range(3)]
    assert sorted(np.concatenate([w.share(rows) for w in workers]).tolist()) == rows.tolist()


def run_of(
    monkeypatch: pytest.MonkeyPatch, workers: Workers, folder: Path | None = None
) -> TrainingRun:
    """A run as one of several workers has it."""
    monkeypatch.setattr(training.Workers, "here", lambda: workers)
    model = Daemon()
    model.checkpoints = folder
    module = torch.nn.Linear(1, 1)
    return TrainingRun(model, module, torch.optim.Adam(module.parameters()), data=[])


def test_workers_draw_together_what_all_need_and_apart_what_is_for_a_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together, apart = set(), set()
    for rank in range(2):
        run = run_of(monkeypatch, Workers(rank, 2))
        next(run.epochs())
        together.add((run.rng.random(), float(torch.rand(1, generator=run.generator))))
        apart |= {run.own.random(), float(torch.rand(1))}
    assert len(together) == 1
    assert len(apart) == 4
    run = run_of(monkeypatch, Workers())
    next(run.epochs())
    assert run.own is run.rng


def test_workers_that_see_different_checkpoints_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Workers, "sum", lambda _, value: value + 3)
    with pytest.raises(ConfigError, match=r"different checkpoints in .*: give them a folder"):
        run_of(monkeypatch, Workers(0, 2), tmp_path)


def test_the_checkpoint_stays_until_all_workers_are_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Workers, "sum", lambda _, value: 2 * value)
    run = run_of(monkeypatch, Workers(0, 2), tmp_path)
    next(run.epochs())
    run.finish(1.0, 0.5)
    with monkeypatch.context() as dead:
        dead.setattr(Workers, "wait", lambda _: os.close(-1))
        with pytest.raises(OSError, match="Bad file descriptor"):
            run.restore_best()
    assert list(tmp_path.glob("*.checkpoint"))
    run.restore_best()
    assert not list(tmp_path.glob("*.checkpoint"))


def run(folder: Path, names: list[str], *, die_in: int = 0) -> None:
    """What torchrun does; workers are forked, so that torch is imported once."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    folder.mkdir()
    two = {"min_nodes": 1, "max_nodes": 1, "nproc_per_node": 2, "max_restarts": int(die_in > 0)}
    here = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "start_method": "fork"}
    elastic_launch(LaunchConfig(**two, **here), work)(folder, die_in, names)


if __name__ == "__main__":
    for library in ("sklearn.cluster", "sklearn.decomposition", "torch._dynamo"):
        importlib.import_module(library)  # once, not in each worker

    run(Path(sys.argv[1]) / "whole", list(SETTINGS))
    run(Path(sys.argv[1]) / "killed", [KILLED], die_in=3)
