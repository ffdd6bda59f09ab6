"""What benchmarks beside peers share: work in processes of their own, in turns, and what it took.

Peers live in an environment of their own, whose Python runs the same file as a child, so nothing
here imports more than Python brings. A child prints its figures as JSON on its last line; one that
fails is left out from then on, and said to be.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

Figures: TypeAlias = dict[str, Any]
Runs: TypeAlias = dict[str, list[Figures]]

ONE_THREAD: Final = {
    f"{name}_THREADS": "1"
    for name in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "RAYON_NUM", "POLARS_MAX")
}
RESULTS: Final = Path(__file__).parent / "results"


def arguments(doc: str) -> argparse.ArgumentParser:
    """What every benchmark beside peers is told."""
    parser = argparse.ArgumentParser(description=doc.split("\n", maxsplit=1)[0])
    parser.add_argument("--peers", help="Python of the environment of the peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser


def memory_kb(what: str, pid: int | str = "self") -> int:
    """Of one program alone, now (VmRSS) or at most (VmHWM).

    ru_maxrss also knows what the process was before it became this program.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"{what}:\s+(\d+) kB", status)[0])


def spent(work: Callable[[], Any]) -> tuple[Any, Figures]:
    """What some work leaves, and its processor seconds, peak memory and growth in MiB."""
    before, started = memory_kb("VmRSS"), time.process_time()
    found = work()
    seconds = time.process_time() - started
    peak = memory_kb("VmHWM")
    return found, {
        "processor_seconds": round(seconds, 3),
        "peak_mb": peak // 1024,
        "grew_mb": (peak - before) // 1024,
    }


def child(command: list[str], **environment: str) -> Figures | None:
    """What a command prints on its last line, run on one thread; None where it fails."""
    done = subprocess.run(
        command,
        env={**os.environ, **ONE_THREAD, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"{command}: left out: {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return None
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(command: list[str], **environment: str) -> Figures:
    """Run a command on one thread and ask the system what it took, with its own children.

    Raises:
        SystemExit: it has failed.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**os.environ, **ONE_THREAD, **environment}
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} has failed")
    return {
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": usage.ru_maxrss // 1024,
    }


def in_turns(
    names: Iterable[str], rounds: int, run: Callable[[str], Figures | None], once: str = ""
) -> tuple[Runs, list[str]]:
    """Run all, a round after another; the runs of each, and who was left out.

    Args:
        names: who takes part.
        rounds: how often.
        run: gives the figures of one, None where it cannot.
        once: who takes part in the first round alone.
    """
    runs: Runs = {}
    left_out: list[str] = []
    for number in range(rounds):
        for who in names:
            if who in left_out or (number and who == once):
                continue
            found = run(who)
            if found is None:
                left_out.append(who)
                continue
            runs.setdefault(who, []).append(found)
            print(number, who, found, flush=True)
    return runs, left_out


def medians(runs: Runs) -> dict[str, Figures]:
    """The median of every figure that is a number."""
    return {
        who: {
            key: median(one[key] for one in found)
            for key, value in found[0].items()
            if isinstance(value, int | float)
        }
        for who, found in runs.items()
    }


def versions(python: str, names: Iterable[str]) -> dict[str, str]:
    """Those of the packages that an environment has."""
    code = (
        "import importlib.metadata as m, json\nfound = {}\n"
        f"for name in {list(names)}:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def load() -> float:
    """Processes that wanted a core in the last minute."""
    return round(os.getloadavg()[0], 1)


def machine(before: float) -> Figures:
    """What every result says of where it was taken; `before` is the load before."""
    return {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before_and_after": [before, load()],
    }


def both(peers: str, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Versions of this environment and that of the peers."""
    names = list(names)
    return {"goeswith": versions(sys.executable, names), "peers": versions(peers, names)}


def show(rows: Mapping[str, Figures], columns: Sequence[tuple[str, str]], width: int = 46) -> None:
    """Print a table.

    Args:
        rows: figures by name.
        columns: heading, and the figure with its format, such as `peak_mb:.0f`.
        width: of the names.
    """
    print(" " * width + "".join(f"{heading:>14}" for heading, _ in columns))
    for who, figures in rows.items():
        cells = []
        for _, spec in columns:
            key, _, form = spec.partition(":")
            value = figures.get(key)
            cells.append(f"{'–' if value is None else format(value, form):>14}")
        print(f"{who:{width}}" + "".join(cells))
