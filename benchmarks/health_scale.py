"""What the health of a large bundle costs: time and memory until it is measured, and then.

    python benchmarks/health_scale.py --bundle BUNDLE

BUNDLE is one of `serving_scale.py --make`, whose build holds no `health.json`, so that it is
measured here as a fit measures it. Memory is private and anonymous, looked at every 20 ms.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from pathlib import Path

from goeswith.health.live_health import HealthReader
from goeswith.query.bundle import Bundle

RESULT = Path(__file__).parent / "results" / "health-scale.json"


def private_mb() -> float:
    """Anonymous memory of this process."""
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    bundle = Bundle.open(given.bundle)
    bundle.refresh()
    reader, before, peak, done = HealthReader(bundle), private_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], private_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, used = time.perf_counter(), time.process_time()
    report = reader.report()
    wall, used = time.perf_counter() - wall, time.process_time() - used
    done.set()
    watcher.join()
    again = time.perf_counter()
    reader.report()
    again = time.perf_counter() - again
    result = {
        "products": len(bundle),
        "recommendations_a_product": bundle.k,
        "seconds": round(wall, 2),
        "seconds_of_processor_time": round(used, 2),
        "private_mb_before_and_peak": [round(before), round(peak[0])],
        "seconds_again": round(again, 4),
        "bytes_of_the_report": len(report.model_dump_json()),
        "command": "python benchmarks/health_scale.py --bundle BUNDLE",
    }
    given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
