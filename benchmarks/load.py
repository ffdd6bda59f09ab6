"""Requests a second of complements, beside those of an empty JSON endpoint, and memory meanwhile.

    python benchmarks/load.py [--repeats 5] [--seconds 4] [--memory-requests 1000000]

Needs wrk. One worker process each, the same framework and server settings, 16 connections kept
alive, in turns on the same machine, so that other load affects all of them equally:

- empty: a FastAPI application whose one endpoint answers `{}`
- popular: ten complements with evidence and reasons of one of 100,000 products, default settings;
  the probability of a product is proportional to 1 / rank (Zipf), and responses that fit into
  `serve.cache_mb` are cached; measured after a minute of such requests
- cached: of 100 products, all of them in the cache
- computed: of products drawn uniformly, with `serve.cache_mb = 0`, without a cache

Then the service with default settings takes requests as in `popular`, and its memory is read
between them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from serving_scale import ask, free_port, made_up

RESULT = Path(__file__).parent / "results" / "load.json"
PRODUCTS = 100_000
CONNECTIONS = 16
_WARM = 6
"""Times ten seconds of popular products before anything is counted."""
ADDRESSES = {
    "empty": '"/"',
    "popular": f"of(math.floor({PRODUCTS} ^ math.random()) - 1)",
    "cached": "of(math.random(0, 99))",
    "computed": f"of(math.random(0, {PRODUCTS - 1}))",
}
LUA = """
math.randomseed(%d)
function of(i) return string.format("/v1/products/B%%09d/complements", i) end
request = function() return wrk.format("GET", %s) end
done = function(summary, latency, requests)
  local e = summary.errors
  print(string.format('{"requests": %%d, "seconds": %%f, "failed": %%d, "p50": %%f, "p99": %%f}',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


def wrk(port: int, way: str, seconds: float, seed: int, folder: Path) -> dict[str, float]:
    """What wrk counted: requests, failures, rate, and milliseconds."""
    script = folder / "ask.lua"
    script.write_text(LUA % (seed, ADDRESSES[way]))
    options = ["-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds:g}s", "-s", str(script)]
    completed = subprocess.run(
        ["wrk", *options, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(completed.stdout.splitlines()[-1])
    return {**found, "rate": found["requests"] / found["seconds"]}


def serve_empty(port: int) -> None:
    """The empty endpoint, on the server that `goeswith serve` runs."""
    from fastapi import FastAPI

    from goeswith.serve.process.server import serve
    from goeswith.settings.serve_settings import ServeSettings

    app = FastAPI()
    app.state.ending = False

    @app.get("/")
    async def empty() -> dict[str, str]:
        return {}

    serve(app, ServeSettings(port=port))


@contextmanager
def running(
    arguments: list[str], port: int, python: str = sys.executable, **environment: str
) -> Iterator[int]:
    """A process that answers, without a file for its log; its id."""
    process = subprocess.Popen(
        [python, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not ask(port, "/"):
            if process.poll() is not None:
                raise SystemExit(f"{arguments} has ended")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def resident(pid: int) -> float:
    """MB in memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    return round(int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024, 1)


def middle(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {
        "requests_per_second": round(median(one["rate"] for one in rounds)),
        "p50_ms": round(median(one["p50"] for one in rounds), 2),
        "p99_ms": round(median(one["p99"] for one in rounds), 2),
        "failed": int(sum(one["failed"] for one in rounds)),
        "requests": int(sum(one["requests"] for one in rounds)),
    }


def measure(bundle: Path, repeats: int, seconds: float, requests: int) -> dict[str, Any]:
    """Rates in turns, then memory."""
    ports = {name: free_port() for name in ("empty", "default", "no cache")}
    where = dict(zip(ADDRESSES, ("empty", "default", "default", "no cache"), strict=True))
    command = ["-m", "goeswith.cli.main", "serve", str(bundle), "--port"]
    rounds: dict[str, list[dict[str, float]]] = {way: [] for way in ADDRESSES}
    with (
        tempfile.TemporaryDirectory() as name,
        running([__file__, "--empty", str(ports["empty"])], ports["empty"]),
        running([*command, str(ports["default"])], ports["default"]) as pid,
        running(
            [*command, str(ports["no cache"])],
            ports["no cache"],
            GOESWITH_SERVE_CACHE_MB="0",
        ),
    ):
        folder = Path(name)
        for way in ADDRESSES:
            wrk(ports[where[way]], way, seconds, 0, folder)  # the first requests cost more
        for seed in range(1, 1 + _WARM):  # until popular products are cached
            wrk(ports["default"], "popular", 10, 1000 + seed, folder)
        for turn in range(1, repeats + 1):
            for way in ADDRESSES:
                rounds[way].append(wrk(ports[where[way]], way, seconds, turn, folder))
        memory = grows(ports["default"], pid, requests, folder)
    ratios = {
        way: [one["rate"] / empty["rate"] for one, empty in zip(of, rounds["empty"], strict=True)]
        for way, of in rounds.items()
        if way != "empty"
    }
    return {
        "rates": {way: middle(of) for way, of in rounds.items()},
        "share_of_the_empty_endpoint": {
            way: {
                "median": round(median(of), 3),
                "least": round(min(of), 3),
                "most": round(max(of), 3),
            }
            for way, of in ratios.items()
        },
        "memory": memory,
        "products": PRODUCTS,
        "connections": CONNECTIONS,
        "repeats": repeats,
        "seconds_each": seconds,
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }


def grows(port: int, pid: int, requests: int, folder: Path) -> dict[str, Any]:
    """Memory of a service while it takes so many requests of popular products."""
    done, failed, samples = 0, 0, [[0.0, resident(pid)]]
    while done < requests:
        one = wrk(port, "popular", 5, done, folder)
        done, failed = done + int(one["requests"]), failed + int(one["failed"])
        samples.append([done, resident(pid)])
    later = [mb for count, mb in samples if count >= done / 5]
    return {
        "requests": done,
        "failed": failed,
        "mb_before": samples[0][1],
        "mb_after_a_fifth": later[0],
        "mb_at_the_end": later[-1],
        "mb_most_after_a_fifth": max(later),
        "mb_by_requests": samples[:: max(1, len(samples) // 40)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--memory-requests", type=int, default=1_000_000)
    parser.add_argument("--make", type=Path, help="only make the bundle, here, and keep it")
    parser.add_argument("--bundle", type=Path, help="a bundle made before with --make")
    parser.add_argument("--empty", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    if given.empty:
        serve_empty(given.empty)
        return
    if given.make:
        made_up(given.make, PRODUCTS)
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not on this machine")
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        path = given.bundle or Path(folder) / "bundle"
        if given.bundle is None:
            # in a process of its own, whose memory goes with it
            subprocess.run([sys.executable, __file__, "--make", path], check=True)
        result = measure(path, given.repeats, given.seconds, given.memory_requests)
    result["load_before_and_after"] = [round(before, 1), round(os.getloadavg()[0], 1)]
    text = json.dumps(result, indent=2)
    text = re.sub(r"\[\s+([\d.]+),\s+([\d.]+)\s+\]", r"[\1, \2]", text)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
