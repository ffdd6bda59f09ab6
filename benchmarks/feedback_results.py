"""Time and memory of `goeswith results` on a large synthetic feedback log.

    python benchmarks/feedback_results.py [--lines 10000000]

Writes a log of answers of four products, impressions, clicks and purchases, and reports it three
times, each in a process of its own: first, again (parsed files exist), and after lines of the last
day were added to a file. Beside the seconds on the wall are those of the processor: on a machine
that other jobs use, half of them is what two idle cores take.
The logs are written by repeating one block of lines with other ids.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RESULT = Path(__file__).parent / "results" / "feedback-results.json"
FILES = 8
REPORT = """
import resource, sys, time
from pathlib import Path
from goeswith.results.reports.results_report import report_results
start = time.perf_counter()
report = report_results(Path(sys.argv[1]))
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_SELF)
total = report.rows["all"][0]
processor = used.ru_utime + used.ru_stime
print(seconds, processor, used.ru_maxrss / 1024, total["impressions"], total["units"])
"""


def write_file(folder: Path, number: int, lines: int, days: int = 28) -> int:
    """One file of about so many lines, of the last days of a month; how many it has."""
    rng = np.random.default_rng(number)
    written, path = 0, folder / f"feedback-20260101T00000{number}.000000Z-{number}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        i = 0
        while written < lines:
            out: list[str] = []
            for _ in range(10_000):
                i += 1
                stamp = f"2026-01-{29 - days + i % days:02d}T{i % 24:02d}:{i % 60:02d}:00.000+00:00"
                name, source = f"{number:04x}{i:028x}", int(rng.integers(20_000))
                who = f'"session_id":"s{number}-{i}","user_id":"u{rng.integers(1_000_000)}"'
                products = [f"p{(source * 7 + j * 13) % 50_000}" for j in range(4)]
                out.append(
                    f'{{"timestamp":"{stamp}","event":"answer","recommendation_id":"{name}",'
                    f'"bundle":"b","counted":"seen","source_id":"p{source}",'
                    f'"source_type":"phone",{who},"products":{json.dumps(products)},'
                    '"types":["case","case","charger","glass"],'
                    '"models":["ranker","ranker","popularity","popularity"],'
                    '"fallbacks":[false,false,true,true]}'
                )
                draws = rng.random(6)
                for j, product in enumerate(products):
                    base = (
                        f'"timestamp":"{stamp}","product_id":"{product}",{who},'
                        f'"event_id":"{number}-{i}-{j}"'
                    )
                    shown = f'"recommendation_id":"{name}",{base}'
                    if draws[j] < 0.8:
                        out.append(f'{{"event":"impression",{shown}}}')
                    if j == int(draws[5] * 4) and draws[4] < 0.1:
                        out.append(f'{{"event":"click",{shown}}}')
                        if draws[4] < 0.02:
                            buy = '"price":9.5,"currency":"EUR","quantity":1'
                            out.append(f'{{"event":"purchase",{buy},{base}}}')
            file.write("\n".join(out) + "\n")
            written += len(out)
    return written


def repeat_file(folder: Path, number: int) -> None:
    """The first file again, with the ids of another one; shoppers stay."""
    first = (folder / "feedback-20260101T000000.000000Z-0.jsonl").read_bytes()
    for old, new in (
        (b'"recommendation_id":"0000', b'"recommendation_id":"%04x' % number),
        (b'"session_id":"s0-', b'"session_id":"s%d-' % number),
        (b'"event_id":"0-', b'"event_id":"%d-' % number),
    ):
        first = first.replace(old, new)
    (folder / f"feedback-20260101T00000{number}.000000Z-{number}.jsonl").write_bytes(first)


def report(folder: Path) -> dict[str, Any]:
    """One report in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    seconds, processor, peak, impressions, units = map(float, done.stdout.split())
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "peak_mib": round(peak),
        "impressions": int(impressions),
        "units": int(units),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory(prefix="goeswith-") as name:
        folder = Path(name)
        start = time.perf_counter()
        written = FILES * write_file(folder, 0, lines // FILES)
        for i in range(1, FILES):
            repeat_file(folder, i)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{written:,} lines, {size / 1e9:.2f} GB, {time.perf_counter() - start:.0f} s")
        result = {"lines": written, "bytes": size, "cpus": os.cpu_count()}
        result["load_average"] = round(os.getloadavg()[0], 1)
        result["machine"] = platform.machine()
        for what in ("first", "again"):
            result[what] = report(folder)
            print(what, result[what])
        result["added_lines"] = write_file(folder, FILES, lines // 100, days=1)
        added, last = sorted(folder.glob("*.jsonl"))[-1], sorted(folder.glob("*.jsonl"))[-2]
        with last.open("ab") as file:  # as a running service adds them
            file.write(added.read_bytes())
        added.unlink()
        result["added"] = report(folder)
        print("added", result["added"])
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
