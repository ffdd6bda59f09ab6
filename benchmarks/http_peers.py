"""Complements over HTTP, beside what people write by hand: `python benchmarks/http_peers.py`.

    python benchmarks/http_peers.py --peers PYTHON [--products 100000] [--rounds 5] [--seconds 4]

Needs wrk, and redis-server for one row. PYTHON is the interpreter of a separate environment with
fastapi, uvicorn, httptools, uvloop, redis and, for one row, implicit (`http_servers.py`). Each
service is one process. All run at once and are queried in turns, over one and over sixteen
keep-alive connections, for ten complements of one of 5,000 products, drawn uniformly. Every product
is requested once before the measurement.
`goeswith, cached` has the default settings (log, metrics, evidence, response cache);
`goeswith, computed` has no response cache (`serve.cache_mb = 0`).

Rates are requests per second of processor time: of the service with its children, and of redis if
the row uses it. Latencies are wall-clock.

Then the parts: the same application is called without HTTP, in this process, with one setting
changed at a time; microseconds of processor time per request.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from load import LUA, running
from serving_scale import family, free_port
from side_by_side import (
    RESULTS,
    Runs,
    arguments,
    both,
    load,
    machine,
    medians,
    memory_kb,
    show,
    versions,
)

RESULT = RESULTS / "http-peers.json"
SERVERS = Path(__file__).with_name("http_servers.py")
QUERIED = 5_000
CONNECTIONS = (1, 16)
BOUND = "constant bytes"
CACHED, COMPUTED = "goeswith, cached", "goeswith, computed"
PEERS = (
    BOUND,
    "dict, full responses",
    "dict, ids and scores",
    "implicit, ids and scores",
)
REDIS = "redis, full responses"
PACKAGES = ("fastapi", "starlette", "uvicorn", "httptools", "uvloop", "orjson", "implicit", "redis")
_TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(pids: list[int]) -> float:
    """Processor seconds of processes so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def path_of(number: int) -> str:
    return f"/v1/products/B{number:09d}/complements"


def read(port: int, count: int) -> list[bytes]:
    """Responses of a service for the first products."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for number in range(count):
        connection.request("GET", path_of(number))
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"{path_of(number)}: {response.status}")
        found.append(body)
    connection.close()
    return found


def recommendations_in(body: bytes) -> int:
    content = json.loads(body)
    return len(content["complements"] if isinstance(content, dict) else content)


def wrk(port: int, connections: int, seconds: float, seed: int, script: Path) -> dict[str, float]:
    script.write_text(LUA % (seed, f"of(math.random(0, {QUERIED - 1}))"))
    options = ["-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "-s", str(script)]
    completed = subprocess.run(
        ["wrk", *options, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(completed.stdout.splitlines()[-1])
    return found


def one(port: int, pids: list[int], seconds: float, seed: int, script: Path) -> dict[str, float]:
    """One round of a service."""
    figures: dict[str, float] = {"failed": 0}
    for connections in CONNECTIONS:
        before = seconds_of(pids)
        summary = wrk(port, connections, seconds, seed, script)
        spent = seconds_of(pids) - before
        figures |= {
            f"rate_{connections}": summary["requests"] / spent,
            f"microseconds_{connections}": 1e6 * spent / summary["requests"],
            f"p50_ms_{connections}": summary["p50"],
            f"p99_ms_{connections}": summary["p99"],
        }
        figures["failed"] += summary["failed"]
    figures["peak_mb"] = sum(memory_kb("VmHWM", pid) for pid in pids) // 1024
    return figures


def measure(bundle: Path, peers: str, rounds: int, seconds: float) -> tuple[Runs, dict[str, Any]]:
    """Measure all services in turns: figures of each round, and size of a response."""
    runs: Runs = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, serve = Path(name), ["-m", "goeswith.cli.main", "serve", str(bundle), "--port"]
        documents, script = folder / "documents.jsonl", folder / "requests.lua"
        up: dict[str, tuple[int, list[int]]] = {}

        def start(who: str, arguments: list[str], python: str, **environment: str) -> int:
            port = free_port()
            place = [str(port) if part == "PORT" else part for part in arguments]
            pid = stack.enter_context(running(place, port, python, **environment))
            up[who] = port, family(pid)
            return port

        port = start(CACHED, [*serve, "PORT"], sys.executable)
        documents.write_bytes(b"\n".join(read(port, QUERIED)) + b"\n")
        start(COMPUTED, [*serve, "PORT"], sys.executable, GOESWITH_SERVE_CACHE_MB="0")
        has_implicit = "implicit" in versions(peers, ["implicit"])
        for who in PEERS if has_implicit else PEERS[:-1]:
            start(who, [str(SERVERS), who, "PORT", str(documents)], peers)
        if server := shutil.which("redis-server"):
            port = free_port()
            quiet = ["--port", str(port), "--save", "", "--appendonly", "no", "--dir", name]
            process = stack.enter_context(
                subprocess.Popen([server, *quiet], stdout=subprocess.DEVNULL)
            )
            stack.callback(process.terminate)
            command = [str(SERVERS), REDIS, "PORT", str(documents)]
            start(REDIS, command, peers, REDIS_PORT=str(port))
            up[REDIS][1].append(process.pid)
        bodies = {who: read(port, QUERIED) for who, (port, _) in up.items()}
        sizes = {
            who: {
                "answers": recommendations_in(found[0]),
                "bytes": round(float(np.mean([len(body) for body in found]))),
            }
            for who, found in bodies.items()
        }
        for port, _ in up.values():
            wrk(port, CONNECTIONS[-1], seconds, 0, script)  # warm
        for seed in range(1, rounds + 1):
            for who, (port, pids) in up.items():
                runs.setdefault(who, []).append(one(port, pids, seconds, seed, script))
                print(seed, who, runs[who][-1], flush=True)
    return runs, sizes


def parts(bundle: Path, folder: Path, requests: int) -> dict[str, float]:
    """Microseconds of processor time per request, without HTTP; medians of five rounds."""
    from goeswith.serve.api_keys import new_key
    from goeswith.serve.app import create_app
    from goeswith.settings.serve_settings import ServeSettings

    key, line = new_key("shop")
    keys = folder / "keys.txt"
    keys.write_text(line + "\n")
    plain: dict[str, Any] = {"log": False}
    ways: dict[str, tuple[dict[str, Any], bytes]] = {
        "cached, no log": (plain, b""),
        "cached, with the log": ({}, b""),
        "cached, with a rate limit": ({**plain, "rate": 1e6, "burst": 1_000_000}, b""),
        "cached, with a key": ({**plain, "keys_file": str(keys)}, b""),
        "computed, no log": ({**plain, "cache_mb": 0}, b""),
        "cached, with per_type": (plain, b"per_type=10"),
    }
    apps = {
        who: create_app(bundle, ServeSettings(**settings)) for who, (settings, _) in ways.items()
    }
    found: dict[str, list[float]] = {who: [] for who in ways}
    out = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # the log's lines
        for turn in range(6):
            for who, (_, query) in ways.items():
                spent = asyncio.run(_request_all(apps[who], query, key, requests))
                if turn:
                    found[who].append(1e6 * spent / requests)
        sys.stdout.flush()
        os.dup2(out, 1)
    return {who: round(float(np.median(times)), 1) for who, times in found.items()}


async def _request_all(app: Any, query: bytes, key: str, requests: int) -> float:
    """Processor seconds of so many requests of 1,000 products, one after another."""

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            raise SystemExit(f"status {message['status']}")

    async def every(count: int) -> None:
        for number in range(count):
            path = path_of(number % 1000)
            scope = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "query_string": query,
                "root_path": "",
                "headers": [(b"host", b"127.0.0.1"), (b"x-api-key", key.encode())],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 1),
            }
            await app(scope, receive, send)

    await every(min(requests, 1000))
    started = time.process_time()
    await every(requests)
    return time.process_time() - started


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--parts", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.parts:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(parts(given.parts, Path(folder), 2000)))
        return
    if not given.peers or shutil.which("wrk") is None:
        parser.error("--peers is needed, and wrk on this machine")
    from goeswith.core.atomic_files import write_json

    before = load()
    scale = Path(__file__).with_name("serving_scale.py")
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        make = [str(scale), "--make", str(bundle), "--products", str(given.products)]
        subprocess.run([sys.executable, *make], check=True)
        runs, sizes = measure(bundle, given.peers, given.rounds, given.seconds)
        completed = subprocess.run(
            [sys.executable, __file__, "--parts", str(bundle)],
            check=True,
            capture_output=True,
            text=True,
        )
    within = json.loads(completed.stdout.splitlines()[-1])
    middle = medians(runs)
    for who, figures in middle.items():
        figures.update(sizes[who])
        for connections in CONNECTIONS:
            key = f"rate_{connections}"
            figures[f"{key}_to_bound"] = round(figures[key] / middle[BOUND][key], 3)
    write_json(
        {
            "command": "python benchmarks/http_peers.py --peers PYTHON"
            f" --products {given.products} --rounds {given.rounds} --seconds {given.seconds:g}",
            "data": f"synthetic bundle of {given.products:,} products, {QUERIED:,} of them queried",
            **machine(before),
            "versions": both(given.peers, PACKAGES),
            "medians": middle,
            "microseconds_without_http": within,
            "runs": runs,
        },
        RESULT,
    )
    columns = [
        ("bytes", "bytes:,.0f"),
        ("/s, 1", "rate_1:,.0f"),
        ("to bound", "rate_1_to_bound:.2f"),
        ("p50 ms", "p50_ms_1:.2f"),
        ("p99 ms", "p99_ms_1:.2f"),
        ("/s, 16", "rate_16:,.0f"),
        ("to bound", "rate_16_to_bound:.2f"),
        ("p50 ms", "p50_ms_16:.2f"),
        ("p99 ms", "p99_ms_16:.2f"),
        ("failed", "failed:.0f"),
        ("peak MiB", "peak_mb:.0f"),
    ]
    show(middle, columns, width=32)
    print(within)


if __name__ == "__main__":
    main()
