"""How long commands take to start, beside Python and numpy: `python benchmarks/starting.py`.

    python benchmarks/starting.py [--products 100000] [--rounds 5] [--before SOURCE]

Each command is a new process, in turns with `python -c pass` and `python -c "import numpy"`.
Modules are compiled once before, as an installation does it. `recommend` prints ten recommendations
of a synthetic bundle (`serving_scale.py`). SOURCE is the folder `src` of another version, in
the same turns.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import ONE_THREAD, RESULTS, Figures, in_turns, load, machine, medians, show

RESULT = RESULTS / "starting.json"
BOUND = "import numpy"
MAIN = "from goeswith.cli.main import main; main()"


def run(command: list[str], source: Path, compiled: str) -> Figures:
    """Processor and wall-clock seconds of one process."""
    changed = {"PYTHONPATH": str(source), "PYTHONPYCACHEPREFIX": compiled, "COLUMNS": "120"}
    environment = {**os.environ, **ONE_THREAD, **changed}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} has failed")
    return {
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "seconds": time.perf_counter() - started,
        "peak_mb": usage.ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="`src` of another version")
    given = parser.parse_args()
    from goeswith.core.atomic_files import write_json

    before, own = load(), Path(__file__).parents[1] / "src"
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        scale = str(Path(__file__).with_name("serving_scale.py"))
        make = [scale, "--make", str(bundle), "--products", str(given.products)]
        subprocess.run([sys.executable, *make], check=True)
        goeswith = [sys.executable, "-c", MAIN]
        recommend = [*goeswith, "recommend", str(bundle), f"B{given.products // 2:09d}"]
        commands = {
            "pass": ([sys.executable, "-c", "pass"], own),
            BOUND: ([sys.executable, "-c", "import numpy"], own),
            "goeswith --help": ([*goeswith, "--help"], own),
            "goeswith recommend": (recommend, own),
        }
        if given.before:
            commands["goeswith --help, before"] = commands["goeswith --help"][0], given.before
            commands["goeswith recommend, before"] = recommend, given.before
        for command, source in commands.values():
            run(command, source, folder)  # compiles
        runs, _ = in_turns(commands, given.rounds, lambda who: run(*commands[who], compiled=folder))
    middle = medians(runs)
    for figures in middle.values():
        for name in ("processor_seconds", "seconds"):
            figures[f"{name}_to_numpy"] = round(figures[name] / middle[BOUND][name], 2)
    write_json(
        {
            "command": f"python benchmarks/starting.py --products {given.products} "
            f"--rounds {given.rounds}",
            **machine(before),
            "medians": middle,
            "runs": runs,
        },
        RESULT,
    )
    columns = [
        ("processor s", "processor_seconds:.3f"),
        ("to numpy", "processor_seconds_to_numpy:.2f"),
        ("wall s", "seconds:.3f"),
        ("peak MiB", "peak_mb:.0f"),
    ]
    show(middle, columns, width=32)


if __name__ == "__main__":
    main()
