"""20 million order rows, beside plain DuckDB: `python benchmarks/large_tables.py`.

    python benchmarks/large_tables.py [--rows 20000000] [--files 500] [--folder FOLDER]

The rows are synthetic (orders of four lines on average, 200,000 products, a few rows without a
product) and written to FOLDER as parquet files of one table, and to a PostgreSQL of its own. Then:

parquet   `load_data` of the folder, and pairs bought together in three orders or more; DuckDB reads
          the same files into a table in memory with a number for each product, and joins it with
          itself. Both find the same pairs.
postgres  `goeswith data pull --watermark created_at` of the table, again after new rows, and again
          without new rows; DuckDB reads what psql copies of the same rows and writes parquet.

Each is a process of its own: seconds on the wall, processor seconds (of PostgreSQL apart), peak
memory. Writes benchmarks/results/large-tables.json.
"""

# ruff: noqa: S608 - statements of this script's own values

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json

RESULT = Path(__file__).parent / "results" / "large-tables.json"
PRODUCTS: Final = 200_000
CUSTOMERS: Final = 2_000_000
SUPPORT: Final = 3
FIRST_ORDER: Final = np.datetime64("2024-01-01T00:00:00", "us")
COLUMNS: Final = (
    "order_id bigint, customer_id bigint, sku text, created_at timestamp, quantity int, price float"
)


def order_rows(rows: int, first_order: int, seed: int) -> pl.DataFrame:
    """Lines of orders, ten seconds apart; one line in a thousand has no product."""
    rng = np.random.default_rng(seed)
    lines = rng.geometric(1 / 4, rows)
    index = np.repeat(np.arange(rows), lines)[:rows]
    orders = first_order + index
    products = (PRODUCTS * rng.random(rows) ** 3).astype(np.int64)
    return pl.DataFrame(
        {
            "order_id": orders,
            "customer_id": rng.integers(0, CUSTOMERS, rows)[index],
            "sku": products,
            "created_at": FIRST_ORDER + (orders * 10_000_000).astype("timedelta64[us]"),
            "quantity": rng.integers(1, 4, rows).astype(np.int32),
            "price": np.round(rng.random(rows) * 100, 2),
            "_lost": rng.random(rows) < 0.001,
        }
    ).select(
        "order_id",
        "customer_id",
        pl.when(~pl.col("_lost")).then(pl.format("SKU-{}", "sku")).alias("sku"),
        "created_at",
        "quantity",
        "price",
    )


def write_files(folder: Path, rows: int, files: int) -> int:
    """Write the table `events` in files; return the number of the next order."""
    (folder / "events").mkdir(parents=True)
    order = 0
    for number in range(files):
        frame = order_rows(rows // files, order, number)
        frame.write_parquet(folder / "events" / f"part-{number:05d}.parquet")
        order = int(frame["order_id"][-1]) + 1
    return order


def measured(*arguments: str) -> dict[str, Any]:
    """Run a step of this script as a process; its time, peak memory and what it prints."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} has failed")
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_memory_mb": round(usage.ru_maxrss / 1024),
        **json.loads(printed),
    }


def read_here(folder: str) -> dict[str, Any]:
    """Read the folder, and count pairs."""
    from goeswith.data.folder import load_data
    from goeswith.relations.build_graph import build_graph
    from goeswith.relations.config import MiningConfig

    started = time.perf_counter(), time.process_time()
    data = load_data(folder)
    read = time.perf_counter() - started[0], time.process_time() - started[1]
    assert data.events is not None
    rows, products = data.events.height, len(data.catalog)
    config = MiningConfig(
        min_co_purchase=SUPPORT, min_customers=1, per_user_cap=10**6, memory_mb=4096
    )
    pairs = build_graph(data, config).relations["co_purchase"].count.nnz // 2
    return {
        "read_seconds": round(read[0], 1),
        "read_processor_seconds": round(read[1], 1),
        "rows": rows,
        "products": products,
        "pairs": pairs,
    }


def read_duckdb(folder: str) -> dict[str, Any]:
    """The same with DuckDB alone."""
    import duckdb

    started = time.perf_counter(), time.process_time()
    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE lines AS SELECT * FROM read_parquet('{folder}/events/*.parquet') "
        "WHERE sku IS NOT NULL"
    )
    connection.execute(
        "CREATE TABLE products AS SELECT sku, (row_number() OVER (ORDER BY sku))::INT AS product "
        "FROM (SELECT DISTINCT sku FROM lines)"
    )
    connection.execute(
        "CREATE TABLE events AS SELECT product, order_id, customer_id, created_at, quantity "
        "FROM lines JOIN products USING (sku)"
    )
    connection.execute("DROP TABLE lines")
    read = time.perf_counter() - started[0], time.process_time() - started[1]

    def value(statement: str) -> int:
        row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    pairs = value(
        "WITH bought AS (SELECT DISTINCT order_id, product FROM events) "
        "SELECT count(*) FROM (SELECT 1 FROM bought a JOIN bought b ON a.order_id = b.order_id "
        f"AND a.product < b.product GROUP BY a.product, b.product HAVING count(*) >= {SUPPORT})"
    )
    return {
        "read_seconds": round(read[0], 1),
        "read_processor_seconds": round(read[1], 1),
        "rows": value("SELECT count(*) FROM events"),
        "products": value("SELECT count(*) FROM products"),
        "pairs": pairs,
    }


def pull_here(url: str, folder: str) -> dict[str, Any]:
    """Read the table with a watermark."""
    from goeswith.data.sources.database import pull_table

    pulled = pull_table(url, "lines", "events", Path(folder), "created_at")
    return {"rows": pulled.rows, "file": pulled.path.name if pulled.path else None}


def pull_duckdb(url: str, folder: str, after: str) -> dict[str, Any]:
    """What psql copies of the same rows, through DuckDB into a parquet file."""
    import duckdb

    condition = f"WHERE created_at >= '{after}'" if after else ""
    copying = subprocess.Popen(
        ["psql", url, "-c", f"COPY (SELECT * FROM lines {condition}) TO STDOUT (FORMAT csv)"],
        stdout=subprocess.PIPE,
    )
    assert copying.stdout is not None
    columns = {c.split()[0]: "VARCHAR" for c in COLUMNS.split(", ")}
    source = f"/dev/fd/{copying.stdout.fileno()}"
    file = Path(folder) / f"duckdb-{'new' if after else 'all'}.parquet"
    connection = duckdb.connect()
    connection.execute(
        f"COPY (SELECT * FROM read_csv('{source}', columns={columns}, header=false, "
        f"auto_detect=false)) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
    )
    if copying.wait():
        raise SystemExit("psql has failed")
    row = connection.execute(f"SELECT count(*) FROM '{file}'").fetchone()
    return {"rows": row[0] if row else 0}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL of this run's own."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parts[-2]))
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    home = Path(tempfile.mkdtemp(prefix="large-pg-", dir=folder))
    if user:
        folder.chmod(0o755)
        shutil.chown(home, user)
    options = "-D data -U shop -A trust --no-sync -E UTF8 --locale=C"
    initdb = [str(programs / "initdb"), *options.split()]
    subprocess.run(initdb, user=user, cwd=home, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    settings = f"-D {home}/data -k {home} -h 127.0.0.1 -p {port} -c fsync=off -c max_wal_size=8GB"
    server = subprocess.Popen(
        [str(programs / "postgres"), *settings.split()],
        user=user,
        cwd=home,
        stderr=subprocess.DEVNULL,
    )
    url = f"postgresql://shop@127.0.0.1:{port}/postgres"
    try:
        probe = ["psql", url, "-c", "select 1"]
        while subprocess.run(probe, check=False, capture_output=True).returncode:
            time.sleep(0.2)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        shutil.rmtree(home, ignore_errors=True)


def insert(url: str, frames: Iterator[pl.DataFrame]) -> None:
    """Copy rows into the table `lines`."""
    import psycopg

    statement = "COPY lines FROM STDIN (FORMAT csv)"
    with psycopg.connect(url) as connection, connection.cursor().copy(statement) as copy:
        for frame in frames:
            copy.write(frame.write_csv(include_header=False).encode())


def pulls(folder: Path, rows: int, next_order: int) -> dict[str, Any]:
    """Pull all rows, then one in a hundred that are new, then none."""
    import psycopg

    files = sorted((folder / "shop" / "events").glob("*.parquet"))
    with postgres(folder) as url:
        with psycopg.connect(url) as connection:
            connection.execute(f"CREATE UNLOGGED TABLE lines ({COLUMNS})")
        insert(url, (pl.read_parquet(file) for file in files))
        with psycopg.connect(url) as connection:
            connection.execute("CREATE INDEX ON lines (created_at)")
            newest = connection.execute("SELECT max(created_at)::text FROM lines").fetchone()
        assert newest is not None
        out = str(folder / "pulled")
        result = {
            "all": {
                "goeswith": measured("pull-here", url, out),
                "duckdb": measured("pull-duckdb", url, str(folder), ""),
            }
        }
        insert(url, iter([order_rows(rows // 100, next_order, 10**6)]))
        result["new"] = {
            "goeswith": measured("pull-here", url, out),
            "duckdb": measured("pull-duckdb", url, str(folder), newest[0]),
        }
        result["nothing new"] = {"goeswith": measured("pull-here", url, out)}
    return result


def main() -> None:
    """Run the steps, or one of them in a process of its own."""
    steps = {
        "read-here": read_here,
        "read-duckdb": read_duckdb,
        "pull-here": pull_here,
        "pull-duckdb": pull_duckdb,
    }
    if len(sys.argv) > 1 and sys.argv[1] in steps:
        print(json.dumps(steps[sys.argv[1]](*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="large-tables-", dir=options.folder) as name:
        folder = Path(name)
        next_order = write_files(folder / "shop", options.rows, options.files)
        result: dict[str, Any] = {
            "rows": options.rows,
            "files": options.files,
            "parquet": {
                "goeswith": measured("read-here", str(folder / "shop")),
                "duckdb": measured("read-duckdb", str(folder / "shop")),
            },
        }
        result["postgres"] = pulls(folder, options.rows, next_order)
    result["machine"] = {
        "processor_cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in ("polars", "duckdb", "psycopg")},
    }
    write_json(result, options.out)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
