"""Two workers train what one does, and a worker that is killed costs no more than an epoch.

Run as a script under torchrun, this file is one of the workers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.arrays_file import load_arrays, save_arrays
from goeswith.data.catalog import Catalog
from goeswith.models.neural.dual_embedding import DualEmbedding, DualEmbeddingConfig
from goeswith.models.neural.training import Epoch
from goeswith.models.neural.workers import Workers
from goeswith.relations.graph import RelationGraph

N, KINDS = 200, 10
SETTINGS = {"dimension": 16, "max_epochs": 6, "patience": 6, "learning_rate": 0.05}


def planted() -> tuple[Catalog, RelationGraph]:
    """What goes with a product is of the next kind."""
    rng = np.random.default_rng(0)
    sources, targets = rng.integers(0, N, (2, 20_000)).astype(np.int32)
    goes = (sources + 1) % KINDS == targets % KINDS
    catalog = Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(N)]}))
    return catalog, RelationGraph.from_edges(N, {"co_purchase": (sources[goes], targets[goes])})


def trained(folder: Path | None = None, *, die_in: int = 0) -> DualEmbedding:
    """Train; the last worker is killed after an epoch, if it has not been killed before."""
    model = DualEmbedding(DualEmbeddingConfig.model_validate(SETTINGS))
    model.checkpoints = folder

    def report(_: str, epoch: Epoch) -> None:
        rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        with (folder or Path()).joinpath(f"epochs-{rank}").open("a") as seen:
            seen.write(f"{epoch['epoch']} ")
        killed = folder and folder / "killed"
        if epoch["epoch"] == die_in and rank == size - 1 and killed and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    if folder is not None:
        model.report = report
    return model.fit(*planted())


def under_torchrun(folder: Path, *, die_in: int = 0, restarts: int = 0) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [f"--max-restarts={restarts}", __file__, str(folder), str(die_in)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr[-3000:]


def results(folder: Path) -> list[dict[str, np.ndarray]]:
    return [load_arrays(folder / f"worker-{rank}.safetensors") for rank in range(2)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    under_torchrun(folder)
    return folder


def test_two_workers_end_with_the_same_vectors_and_find_what_one_worker_finds(whole: Path) -> None:
    first, second = results(whole)
    for name in ("source_vectors", "target_vectors"):
        assert np.array_equal(first[name], second[name])
    alone = trained()
    best = max(epoch["validation"] for epoch in alone.history)
    theirs = float(first["history"][:, 2].max())
    assert best > 0.4  # by chance it would be 0.05
    assert theirs == pytest.approx(best, abs=0.08)
    assert not np.array_equal(first["source_vectors"], alone.source_vectors)


def test_a_run_of_which_a_worker_is_killed_goes_on_and_ends_as_it_would_have(
    whole: Path, tmp_path: Path
) -> None:
    under_torchrun(tmp_path, die_in=3, restarts=1)
    assert (tmp_path / "killed").exists()
    epochs = [int(epoch) for epoch in (tmp_path / "epochs-0").read_text().split()]
    assert epochs[-1] == 6
    assert epochs.count(1) == 1  # it did not begin anew
    for one, other in zip(results(whole), results(tmp_path), strict=True):
        assert np.array_equal(one["source_vectors"], other["source_vectors"])
    assert not list(tmp_path.glob("*.checkpoint"))


def test_without_torchrun_one_worker_has_everything() -> None:
    rows = np.arange(5, dtype=np.int32)
    assert Workers.here() == Workers(0, 1)
    assert np.array_equal(Workers().share(rows), rows)


def test_workers_share_a_batch() -> None:
    rows, workers = np.arange(7, dtype=np.int32), [Workers(rank, 3) for rank in range(3)]
    assert sorted(np.concatenate([w.share(rows) for w in workers]).tolist()) == rows.tolist()


if __name__ == "__main__":
    where = Path(sys.argv[1])
    made = trained(where, die_in=int(sys.argv[2]))
    save_arrays(made.arrays(), where / f"worker-{os.environ['RANK']}.safetensors")
    print(json.dumps(made.history))
