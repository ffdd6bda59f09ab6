"""HSTU's attention against softmax attention: `OMP_NUM_THREADS=1 python benchmarks/attention.py`.

Layers alone, without item vectors and their softmax, of the same width, count and events in a step.
A training step is forward, backward and Adam, in torch; inference is forward in numpy, as a saved
model answers. The models take turns, so that whatever else the machine does meets all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import timeit
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.neural.layers import NumpyOps
from goeswith.sequential.neural.sequence_batch import SequenceBatch
from goeswith.sequential.neural.torch_sequence_layers import TorchOps, init_parameter
from goeswith.sequential.neural.trained_sequence_model import TrainedSequenceModel

RESULT = Path(__file__).parent / "results" / "attention.json"
EVENTS = 4096
"""In a step: fewer sequences where they are longer."""
LENGTHS = (256, 1024, 4096)


def batch_of(length: int, *, timed: bool) -> SequenceBatch:
    shape = (EVENTS // length, length)
    seconds = np.cumsum(np.random.default_rng(0).integers(1, 10_000, shape), axis=1)
    filled = np.ones(shape, dtype=bool)
    products = np.zeros(shape, dtype=np.int64)
    return SequenceBatch(products, filled, np.zeros(shape, dtype=bool), seconds if timed else None)


def calls(name: str, length: int, dimension: int) -> dict[str, Callable[[], object]]:
    """A training step and an inference of a model's layers, ready to be timed."""
    kind, _, timed = name.partition(" ")
    settings = {"dimension": dimension, "max_length": length}
    model = SESSION_MODELS.make(kind, {kind: settings})
    assert isinstance(model, TrainedSequenceModel)
    torch.manual_seed(0)
    batch = batch_of(length, timed=bool(timed))
    module = torch.nn.ParameterDict(
        {n: init_parameter(shape) for n, shape in model.shapes().items()}
    )
    optimizer = torch.optim.AdamW(module.parameters())
    x = torch.randn(*batch.products.shape, dimension)
    weights = {n: value.detach().numpy().copy() for n, value in module.items()}

    def train() -> None:
        states = model.states(TorchOps(torch.device("cpu")), module, x, batch)  # type: ignore[arg-type]
        optimizer.zero_grad()
        (states * x).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    queries = x.numpy()
    return {
        "training_step": train,
        "inference": lambda: model.states(NumpyOps(), weights, queries, batch),
    }


def measure(length: int, dimension: int, runs: int) -> dict[str, dict[str, float]]:
    """Model -> median milliseconds of a training step and of an inference."""
    timed = {name: calls(name, length, dimension) for name in ("sasrec", "hstu", "hstu with times")}
    spent: dict[tuple[str, str], list[float]] = {}
    for run in range(runs + 1):
        for name, both in timed.items():
            for what, call in both.items():
                seconds = timeit.timeit(call, number=1)
                if run:  # the first warms up
                    spent.setdefault((name, what), []).append(seconds)
    return {
        name: {f"{what}_ms": round(float(np.median(spent[name, what])) * 1000, 1) for what in both}
        for name, both in timed.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    lengths = {str(n): measure(n, given.dimension, given.runs) for n in LENGTHS}
    result = {
        "events_in_a_step": EVENTS,
        "dimension": given.dimension,
        "layers": 2,
        "heads": 2,
        "runs": given.runs,
        "threads": 1,
        "lengths": lengths,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load_at_the_end": round(os.getloadavg()[0], 1),
    }
    text = json.dumps(result, indent=2)
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
