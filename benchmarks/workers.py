"""One worker against two of torchrun, one of them killed: `python benchmarks/workers.py`.

    python benchmarks/workers.py [DATA] [--model dual_embedding] [--seeds 0,1,2] [--epochs 8]

Each run trains the model on the complements of DATA (../shared/data/amazon-beauty where left out),
or a model of sessions on its events (amazon-beauty-sequences), less what it holds back itself;
compared is hit@10 on that, of the best epoch. The same seed holds the same back whatever the
workers. One more run of two workers on the first seed has its second worker killed after an epoch;
torchrun starts both again, and they go on. The table of a model replaces the one that the results
hold of it, and leaves those of others.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.models.registry import model_name

RESULT = Path(__file__).parent / "results" / "workers.json"
DATA = Path(__file__).parents[2] / "shared" / "data"


def train(given: argparse.Namespace) -> None:
    """One worker: train, and let the first of them write what came out."""
    from goeswith import load_data
    from goeswith.models import make_model
    from goeswith.models.neural.training import TrainedModel
    from goeswith.relations.build_graph import build_graph
    from goeswith.sequential import SESSION_MODELS
    from goeswith.sequential.sequences import sequences_from_events

    seed, folder, die_in = int(given.worker[0]), Path(given.worker[1]), int(given.worker[2])
    spec, name = given.model, model_name(given.model)
    dataset = load_data(given.data)
    settings = {name: {"seed": seed, "max_epochs": given.epochs}}
    if name in SESSION_MODELS.names:
        model: Any = SESSION_MODELS.make(spec, settings)
        learned: Any = sequences_from_events(dataset.events)[0]
    else:
        model, learned = make_model(spec, settings), build_graph(dataset)
    if not isinstance(model, TrainedModel):
        raise SystemExit(f"{spec} is not trained")
    rank = int(os.environ.get("RANK", "0"))
    trained: list[int] = []

    def report(_: str, epoch: Any) -> None:
        trained.append(epoch["epoch"])
        flag = folder / "killed"
        if rank == 1 and epoch["epoch"] == die_in and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    model.checkpoints, model.on_epoch = folder, report
    started = time.process_time()
    model.fit(dataset.catalog, learned)
    used = time.process_time() - started
    if not rank:
        best = max(epoch["validation"] for epoch in model.history)
        result = {"hit@10": best, "epochs": len(model.history), "first_epoch_here": trained[0]}
        write_json({**result, "fit_processor_seconds": round(used, 1)}, folder / "found.json")


def run(given: argparse.Namespace, workers: int, seed: int, die_in: int = 0) -> dict[str, Any]:
    """A run of so many workers."""
    with tempfile.TemporaryDirectory() as folder:
        start = [sys.executable]
        if workers > 1:
            start += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}"]
            start += [f"--max-restarts={int(die_in > 0)}"]
        command = [*start, __file__, str(given.data), "--model", given.model]
        command += ["--epochs", str(given.epochs), "--worker", str(seed), folder, str(die_in)]
        started = time.perf_counter()
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        found = json.loads((Path(folder) / "found.json").read_text())
        killed = (Path(folder) / "killed").exists()
    found = {"workers": workers, "seed": seed, "killed": killed, **found}
    return {**found, "wall_seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DATA / "amazon-beauty")
    parser.add_argument("--model", default="dual_embedding")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--worker", nargs=3)
    given = parser.parse_args()
    if given.worker:
        train(given)
        return
    seeds = [int(seed) for seed in given.seeds.split(",")]
    load = [round(os.getloadavg()[0], 1)]
    runs = [run(given, workers, seed) for seed in seeds for workers in (1, 2)]
    runs.append(run(given, 2, seeds[0], die_in=2))
    load.append(round(os.getloadavg()[0], 1))
    figures = {
        f"{workers} workers": [
            one["hit@10"] for one in runs if one["workers"] == workers and not one["killed"]
        ]
        for workers in (1, 2)
    }
    summary = {
        name: {"mean": float(np.mean(found)), "std": float(np.std(found, ddof=1))}
        for name, found in figures.items()
        if len(found) > 1
    }
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    results[given.model] = {
        "command": f"python benchmarks/workers.py {given.data.name} --model {given.model} "
        f"--seeds {given.seeds} --epochs {given.epochs}",
        "data": given.data.name,
        "torch": version("torch"),
        "backend": "gloo",
        "load_before_and_after": load,
        "summary": summary,
        "runs": runs,
    }
    write_json(results, RESULT)
    for one in runs:
        print(one)
    print(summary)


if __name__ == "__main__":
    main()
