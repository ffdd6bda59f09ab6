"""Rungs of a ladder: models that differ by one change, on the splits of the protocol `edges`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connected_sample import sampled_data
from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.evaluation.protocols import protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.held_out_edges import EdgesCase
from goeswith.settings.sections import Settings

SHARED = Path(__file__).parents[2] / "shared" / "data"

Measure = Callable[[EdgesCase, str, int], dict[str, Any]]
"""Split, specification of the model and seed -> figures."""


def climb(rungs: Mapping[str, str], measure: Measure, script: str, description: str | None) -> None:
    """Measure the rungs that the command line names, and write each result at once.

    Args:
        rungs: name -> specification of a model.
        measure: of one rung on one split.
        script: name of the script and, with hyphens, of its file in `results/`.
        description: for `--help`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", nargs="+", default=["amazon-beauty", "amazon-grocery"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rungs", nargs="+", default=list(rungs), help="names; default: all")
    own = Path(__file__).parent / "results" / f"{script.replace('_', '-')}.json"
    parser.add_argument("--out", type=Path, default=own)
    parser.add_argument("--products", type=int, help="of a connected sample; default: all")
    given = parser.parse_args()
    result: dict[str, Any] = {"command": f"python benchmarks/{script}.py", "data": {}}
    if given.out.exists():
        result = json.loads(given.out.read_text(encoding="utf-8"))
    for seed in given.seeds:
        for data in given.data:
            folder, count = SHARED / data, given.products
            key = f"{data}, {count:,} products" if count else data
            measured = result["data"].setdefault(key, {})
            dataset = sampled_data(folder, count) if count else load_data(folder)
            ground = BenchmarkData(dataset, Settings())
            (case,) = protocol("edges")(ground, seed)
            assert isinstance(case, EdgesCase)
            for name in given.rungs:
                if measured.get(name, {}).get("model") != rungs[name]:
                    measured[name] = {"model": rungs[name], "seeds": {}}
                if str(seed) in measured[name]["seeds"]:
                    continue
                figures = measure(case, rungs[name], seed)
                measured[name]["seeds"][str(seed)] = figures
                write_json(result, given.out)
                shown = {key: value for key, value in figures.items() if key != "epochs"}
                print(key, seed, name, shown, flush=True)
