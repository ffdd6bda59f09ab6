"""What 10,000 rules cost an answer: `python benchmarks/shop_rules.py [--products 100000]`.

Requests for ten complements of random products to one service in this process, without a cache of
responses, with and without rules in turns: bans and boosts of single products, type maps, pins,
limits per brand, price relations and filters, by source product, by type and for all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RESULT = Path(__file__).parent / "results" / "shop-rules.json"


def request_times(app: Any, ids: list[str]) -> list[tuple[float, float]]:
    """Microseconds of each request for complements, through every layer of the service.

    Of the wall clock, and of the processor, which other programs on the machine do not change.
    """
    times: list[tuple[float, float]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise SystemExit(f"status {message['status']}")

    async def run() -> None:
        for product_id in ids:
            path = f"/v1/products/{product_id}/complements"
            scope = {
                "type": "http",
                "method": "GET",
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"k=10",
                "headers": [],
                "client": ("127.0.0.1", 1),
                "scheme": "http",
                "http_version": "1.1",
                "root_path": "",
                "server": ("127.0.0.1", 80),
            }
            wall, used = time.perf_counter(), time.thread_time()
            await app(scope, receive, send)
            wall, used = time.perf_counter() - wall, time.thread_time() - used
            times.append((wall * 1e6, used * 1e6))

    asyncio.run(run())
    return times


def made_up_rules(bundle: Any, count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rules as a large shop has them, most of them about single products."""
    ids, n = bundle.products.ids, len(bundle)
    types, brands = bundle.products.type_names, [f"brand {b}" for b in range(5000)]

    def product() -> str:
        return str(ids[int(rng.integers(n))])

    def kind() -> str:
        return str(types[int(rng.integers(len(types)))])

    def one() -> dict[str, Any]:  # noqa: PLR0911  a way each
        way = int(rng.integers(100))
        if way < 35:
            return {"action": "ban", "target": {"products": [product()]}}
        if way < 50:
            source, target = {"products": [product()]}, {"products": [product()]}
            return {"action": "ban", "source": source, "target": target}
        if way < 60:
            target = {"products": [product()]}
            return {"action": "boost", "by": 3, "source": {"types": [kind()]}, "target": target}
        if way < 70:
            source, target = {"types": [kind()]}, {"types": [kind()]}
            return {"action": "bury", "by": 5, "source": source, "target": target}
        if way < 80:
            target = {"where": [f"brand={brands[int(rng.integers(len(brands)))]}"]}
            return {"action": "bury", "target": target}
        if way < 85:
            source, target = {"products": [product()]}, {"products": [product()]}
            return {"action": "pin", "rank": 2, "source": source, "target": target}
        if way < 90:
            return {"action": "ban", "source": {"types": [kind()]}, "max_price_ratio": 0.05}
        if way < 95:
            target = {"where": ["price>95"]}
            return {"action": "bury", "source": {"types": [kind()]}, "target": target}
        source = {"types": [kind()]}
        return {"action": "limit", "attribute": "brand", "max": 2, "source": source}

    rules = [{"id": f"rule-{i}", **one()} for i in range(count - 2)]
    rules.append({"id": "cheap", "action": "ban", "target": {"where": ["price<2"]}})
    rules.append({"id": "brands", "action": "limit", "attribute": "brand", "max": 3})
    return rules


def percentiles(times: list[tuple[float, float]]) -> dict[str, float]:
    wall, used = np.array(times).T
    return {
        f"{name} p{p}": round(float(np.percentile(values, p)), 1)
        for name, values in (("wall", wall), ("processor", used))
        for p in (50, 99)
    }


def ratios(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {name: round(one[name] / other[name], 3) for name in one}


def measure(path: Path, count: int, requests: int, turns: int) -> dict[str, Any]:
    """Both services in turns, on the same products."""
    from goeswith.query.bundle import Bundle
    from goeswith.rules.rule import Rule
    from goeswith.rules.rule_store import RuleStore
    from goeswith.serve.app import create_app
    from goeswith.settings.serve_settings import ServeSettings

    rng = np.random.default_rng(0)
    settings = ServeSettings(log=False, cache_mb=0)
    plain, with_rules = Bundle.open(path), Bundle.open(path)
    plain.rules.use([], plain)
    rules = [Rule.model_validate(one) for one in made_up_rules(plain, count, rng)]
    RuleStore(path).replace(rules, "benchmark")
    started = time.perf_counter()
    with_rules.refresh()
    seconds_to_load = time.perf_counter() - started
    problems = len(with_rules.rules.problems)
    apps = {
        "without rules": create_app(plain, settings),
        "with rules": create_app(with_rules, settings),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in apps}
    ids, n = plain.products.ids, len(plain)
    for turn in range(turns + 1):
        chosen = [str(ids[row]) for row in rng.integers(0, n, requests).tolist()]
        for name in list(apps)[:: 1 if turn % 2 else -1]:
            times = request_times(apps[name], chosen)
            if turn:  # what is asked first costs more
                found[name] += times
    index = with_rules.rules.index
    assert index is not None
    figures = {name: percentiles(times) for name, times in found.items()}
    return {
        "products": n,
        "rules": count,
        "rules_applied": len(index.rules),
        "problems": problems,
        "seconds_to_load_rules": round(seconds_to_load, 2),
        "microseconds": figures,
        "ratio": ratios(figures["with rules"], figures["without rules"]),
        "requests": requests * turns,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=100, help="of a turn")
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--bundle", type=Path, help="a bundle of load.py --make; it gets rules")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    load = [round(os.getloadavg()[0], 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = given.bundle
        if path is None:
            from serving_scale import made_up

            made_up(path := Path(folder) / "bundle", given.products)
        result = measure(path, given.rules, given.requests, given.turns)
        shutil.rmtree(path / "live", ignore_errors=True)
    result |= {
        "command": f"python benchmarks/shop_rules.py --products {result['products']}",
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before_and_after": [*load, round(os.getloadavg()[0], 1)],
    }
    given.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
