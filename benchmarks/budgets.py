"""What the budgets of `goeswith fit` cost: seconds on the wall, processor seconds and peak memory.

    python benchmarks/budgets.py [DATA] [--budgets fast,balanced,best]

Each is a process of its own, as a shop would run it; DATA is ../shared/data/amazon-beauty where
left out. Figures are of one run each, with whatever else the machine did.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from goeswith.core.atomic_files import write_json

RESULT = Path(__file__).parent / "results" / "budgets.json"


def measure(data: Path, budget: str) -> dict[str, float | str]:
    """Fit a bundle in a process and ask the system what it took."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "goeswith.cli.main", "fit", str(data)]
        command += ["--out", f"{folder}/bundle", "--budget", budget]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            raise SystemExit(f"fit with the budget {budget} has failed")
        return {
            "budget": budget,
            "seconds": round(seconds, 1),
            "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_memory_mb": round(usage.ru_maxrss / 1024),
        }


def main() -> None:
    beside = Path(__file__).parents[2] / "shared" / "data" / "amazon-beauty"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=beside)
    parser.add_argument("--budgets", default="fast,balanced,best")
    given = parser.parse_args()
    load = [round(os.getloadavg()[0], 1)]
    fits = [measure(given.data, budget) for budget in given.budgets.split(",")]
    load.append(round(os.getloadavg()[0], 1))
    found = {
        "data": given.data.name,
        "cores": len(os.sched_getaffinity(0)),
        "fits": fits,
        "load_before_and_after": load,
    }
    write_json(found, RESULT)
    for fit in fits:
        print(fit)


if __name__ == "__main__":
    main()
