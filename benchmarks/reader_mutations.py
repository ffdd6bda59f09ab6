"""Files with mutated bytes, each read in a child: `python benchmarks/reader_mutations.py`.

    python benchmarks/reader_mutations.py [--mutations 5000] [--start 0] [--seed 0] [--seconds 20]

The files (`reader_sources.py`) are tables in every format, exports that `goeswith import` reads,
settings, rules, labels and keys. A mutation is `read` or `refused`; a fault is a `traceback`, a
`crash` (a signal ended the process), a `hang` (longer than --seconds) or `memory` (grown by more
than 500 MB). The child is a fresh process, not a fork of one with threads, and starts anew after a
fault. With --start, the figures are added to those of the mutations before.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

RESULT: Final = Path(__file__).parent / "results" / "reader-mutations.json"
FAULTS: Final = ("traceback", "crash", "hang", "memory")
_MAX_GROWN: Final = 500_000_000


def mutate(content: bytes, rng: random.Random) -> bytes:
    """The bytes with a change: flips, a cut, a repeated or removed part, or zeros."""
    data = bytearray(content)
    at = rng.randrange(len(data))
    size = min(rng.choice((1, 2, 8, 64, 1024)), len(data) - at)
    kind = rng.randrange(7)
    if kind < 3:
        for _ in range(rng.choice((1, 1, 4, 32))):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        del data[at : at + size]
    elif kind == 5:
        data[at:at] = data[at : at + size] * rng.choice((1, 2, 50))
    else:
        data[at : at + size] = rng.choice((b"\0", b"\xff", b'"', b"\n")) * size
    return bytes(data)


def worker(numbers: range, seed: int) -> None:
    """Read the mutations; a line of JSON before and after each."""
    from goeswith.core.errors import GoesWithError
    from hostile_inputs import memory
    from reader_sources import originals, read

    warnings.simplefilter("ignore")
    files = originals()
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            rng = random.Random(f"{seed} {number}")
            name = rng.choice(sorted(files))
            path = Path(folder) / str(number) / Path(name).name
            path.parent.mkdir()
            path.write_bytes(mutate(files[name], rng))
            print(json.dumps({"number": number, "name": name}), flush=True)
            Path("/proc/self/clear_refs").write_text("5")
            before, started, said = memory("VmRSS"), time.monotonic(), ""
            try:
                read(name, path)
                outcome = "read"
            except GoesWithError:
                outcome = "refused"
            except BaseException as error:  # such as a panic of polars
                outcome, said = "traceback", f"{type(error).__name__}: {error}"[:500]
            if memory("VmHWM") - before > _MAX_GROWN:
                outcome = "memory"
            shutil.rmtree(path.parent)
            seconds = round(time.monotonic() - started, 2)
            print(json.dumps({"outcome": outcome, "said": said, "seconds": seconds}), flush=True)


def follow(
    start: Callable[[int], subprocess.Popen[str]], number: int, seconds: float, minutes: float
) -> list[dict[str, Any]]:
    """Start a worker at a number, again after each fault; a record for each mutation."""
    rows: list[dict[str, Any]] = []
    end = time.monotonic() + 60 * minutes
    while True:
        child = start(number)
        assert child.stdout is not None
        current: dict[str, Any] | None = None
        while select.select([child.stdout], [], [], seconds if current else 120)[0]:
            line = child.stdout.readline()
            if not line:
                break
            record = json.loads(line)
            if "number" in record:
                current = record
            else:
                rows.append({**(current or {}), **record})
                current = None
                if time.monotonic() > end:
                    break
        ended = child.poll() if current is None else _ended(child)
        child.kill()
        child.wait()
        if current is None:
            return rows
        outcome = "hang" if ended is None else "crash"
        rows.append({**current, "outcome": outcome, "said": str(ended), "seconds": seconds})
        number = int(current["number"]) + 1


def _ended(child: subprocess.Popen[str]) -> int | None:
    try:
        return child.wait(timeout=2)
    except subprocess.TimeoutExpired:
        return None


def main() -> None:
    """Print the faults and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=5000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after that many")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    end = given.start + given.mutations
    if given.worker:
        worker(range(given.start, end), given.seed)
        return
    from goeswith.core.atomic_files import write_json

    def start(number: int) -> subprocess.Popen[str]:
        options = ["--start", str(number), "--mutations", str(end - number)]
        return subprocess.Popen(
            [sys.executable, __file__, "--worker", "--seed", str(given.seed), *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )  # fmt: skip

    earlier: dict[str, Any] = json.loads(RESULT.read_text()) if given.start else {}
    if given.start and earlier["mutations"] != given.start:
        parser.error(f"{RESULT} has {earlier['mutations']} mutations; start there")
    started = time.monotonic()
    rows = follow(start, given.start, given.seconds, given.minutes) if given.mutations else []
    faults = [row for row in rows if row["outcome"] in FAULTS]
    for row in faults:
        print(json.dumps(row), flush=True)
    by_form: dict[str, Counter[str]] = {
        form: Counter(counts) for form, counts in earlier.get("by_form", {}).items()
    }
    for row in rows:
        by_form.setdefault(row["name"], Counter())[row["outcome"]] += 1
    counts = sum(by_form.values(), Counter[str]())
    result = {
        "command": f"python benchmarks/reader_mutations.py --mutations {counts.total()} "
        f"--seed {given.seed}",
        "mutations": counts.total(),
        "outcomes": {name: counts[name] for name in ("read", "refused", *FAULTS)},
        "by_form": {form: dict(sorted(counter.items())) for form, counter in by_form.items()},
        "most_seconds": max([earlier.get("most_seconds", 0), *(row["seconds"] for row in rows)]),
        "first_faults": [*earlier.get("first_faults", []), *faults][:10],
        "seconds": round(time.monotonic() - started + earlier.get("seconds", 0), 1),
        "python": platform.python_version(),
    }
    write_json(result, RESULT)
    print(json.dumps({key: result[key] for key in ("mutations", "outcomes", "most_seconds")}))


if __name__ == "__main__":
    main()
