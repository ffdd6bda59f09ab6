"""Ten small ratios, compared with the stored ones: `make bench-check`.

    python benchmarks/bench_check.py [--store] [--only NAME] [--rounds 5]

Each work of goeswith runs beside a plain implementation (`bench_check_works.py`), interleaved,
five times. A ratio is the median processor time of the plain one divided by that of goeswith:
above 1 goeswith is faster. On a busy machine both slow down, and the ratio stays. A ratio that
fell by more than a fifth is measured again; if it is still lower, it is listed and the exit code
is 1.

The stored ratios (`results/bench-check.json`) are of one machine. On another kind of processor,
store your own before a change (`--store`) and compare after it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import ONE_THREAD, RESULTS

if TYPE_CHECKING:
    from bench_check_works import Pair

RESULT: Final = RESULTS / "bench-check.json"
LARGEST_FALL: Final = 0.2


def cpu_seconds() -> float:
    """Processor seconds of this process and its children so far."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def seconds(work: Callable[[], Any]) -> float:
    started = cpu_seconds()
    work()
    return cpu_seconds() - started


def ratio(pair: Pair, rounds: int) -> dict[str, float]:
    """Medians of interleaved runs and their ratio; the first run of each only warms up."""
    pair.ours()
    pair.plain()
    times = [(seconds(pair.ours), seconds(pair.plain) / pair.times) for _ in range(rounds)]
    own, other = (median(column) for column in zip(*times, strict=True))
    return {
        "ratio": float(f"{other / own:.3g}"),
        "goeswith_seconds": float(f"{own:.3g}"),
        "plain_seconds": float(f"{other:.3g}"),
    }


def fallen(now: dict[str, Any], stored: dict[str, Any]) -> dict[str, float]:
    """Name -> share by which a ratio fell, for those that fell by more than a fifth."""
    falls = {
        name: 1 - figures["ratio"] / stored[name]["ratio"]
        for name, figures in now.items()
        if name in stored
    }
    return {name: fall for name, fall in falls.items() if fall > LARGEST_FALL}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--store", action="store_true", help="store the ratios, compare nothing")
    parser.add_argument("--only", help="part of the name of a work")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    os.environ.update(ONE_THREAD)  # before numpy is imported
    from bench_check_works import works

    content = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    stored: dict[str, Any] = content.get("works", {})
    now: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        pairs = {
            name: pair
            for name, pair in works(Path(folder)).items()
            if given.only is None or given.only in name
        }
        print(f"{'':44}{'ratio':>10}{'stored':>10}{'seconds':>10}{'plain':>10}")
        for name, pair in pairs.items():
            now[name] = found = ratio(pair, given.rounds)
            if not given.store and fallen({name: found}, stored):
                again = ratio(pair, given.rounds)
                now[name] = found = max(found, again, key=lambda figures: figures["ratio"])
            before = stored.get(name, {}).get("ratio")
            print(
                f"{name:44}{found['ratio']:>10.3g}{before or float('nan'):>10.3g}"
                f"{found['goeswith_seconds']:>10.3g}{found['plain_seconds']:>10.3g}",
                flush=True,
            )
    if given.store:
        content = {
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
            "rounds": given.rounds,
            "load_after": round(os.getloadavg()[0], 1),
            "works": {**stored, **now},
        }
        RESULT.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return
    falls = fallen(now, stored)
    for name, fall in falls.items():
        print(f"slower: {name}: the ratio fell by {fall:.0%}")
    if new := now.keys() - stored.keys():
        print(f"not stored yet: {', '.join(sorted(new))} (--store)")
    sys.exit(1 if falls else 0)


if __name__ == "__main__":
    main()
