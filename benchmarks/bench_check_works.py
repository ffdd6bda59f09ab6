"""What `bench_check.py` runs: each work of goeswith, and the same written plainly.

All is of one synthetic shop of 5,000 products (`shops.py`) and one bundle of it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import polars as pl
from scipy import sparse

from shops import Shop

Work: TypeAlias = Callable[[], Any]
PRODUCTS: Final = 5_000
K: Final = 10


class Pair(NamedTuple):
    """A work of goeswith, and a plain one that does as much `times` times."""

    ours: Work
    plain: Work
    times: int = 1


def repeat(work: Work, times: int) -> Work:
    return lambda: [work() for _ in range(times)]


def works(folder: Path) -> dict[str, Pair]:
    """Every pair of works, by name."""
    from goeswith.data.folder import load_data
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import FitSettings, Settings

    data = folder / "shop"
    write_shop(data)
    settings = Settings(fit=FitSettings(model="copurchase", fallbacks=["cocitation"], k=20))
    fit_bundle(load_data(data), folder / "bundle", settings)
    return {
        **counting(data),
        **arithmetic(),
        **answers(folder / "bundle"),
        **service(folder / "bundle"),
        **search(folder / "bundle", data),
        **starting(),
        **fitting(data, folder),
    }


def write_shop(folder: Path) -> None:
    folder.mkdir()
    shop = Shop(PRODUCTS, views=0.0, missions=3.0, bought=1.0, noise=0.5)
    log = shop.block(0).head(150_000)
    log.select(
        product_id=pl.format("p{}", "product"),
        basket_id=pl.format("b{}", "session"),
        event=pl.lit("purchase"),
        timestamp=pl.col("timestamp"),
    ).write_parquet(folder / "events.parquet")
    rng = np.random.default_rng(0)
    words = rng.zipf(1.4, (PRODUCTS, 4)) % 900
    pl.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(PRODUCTS)],
            "title": [" ".join(f"word{w}" for w in row) for row in words],
            "type": [f"type {t}" for t in shop.type_of(np.arange(PRODUCTS))],
        }
    ).write_parquet(folder / "products.parquet")


def counting(data: Path) -> dict[str, Pair]:
    """Pairs of baskets from integers, and from a table of events."""
    from goeswith.relations.mine import mine
    from goeswith.relations.pair_counts import count_pairs

    events = pl.read_parquet(data / "events.parquet")
    log = events.with_columns(product=pl.col("product_id").str.slice(1).cast(pl.Int32))
    pairs = log.select(pl.col("basket_id").rank("dense") - 1, "product").unique()
    basket = pairs["basket_id"].cast(pl.Int32).to_numpy()
    product = pairs["product"].to_numpy()
    ones = np.ones(len(basket), dtype=np.int32)

    def product_of_matrices() -> Any:
        bought = sparse.csr_matrix((ones, (basket, product)))
        counts = (bought.T @ bought).tocoo()
        kept = (counts.data >= 3) & (counts.row < counts.col)
        return counts.row[kept], counts.col[kept], counts.data[kept]

    def self_join() -> Any:
        lines = log.lazy().select("basket_id", "product", "timestamp").unique()
        joined = lines.join(lines, on="basket_id", suffix="_2")
        return (
            joined.filter(pl.col("product") < pl.col("product_2"))
            .group_by("product", "product_2")
            .agg(pl.len(), (pl.col("timestamp") < pl.col("timestamp_2")).sum().alias("first"))
            .filter(pl.col("len") >= 3)
            .collect()
        )

    return {
        "pairs of baskets / scipy A'A": Pair(
            repeat(lambda: count_pairs(basket, product, PRODUCTS, 3), 10),
            repeat(product_of_matrices, 10),
        ),
        "relations of a log / polars self-join": Pair(
            lambda: mine(log.drop("product_id"), PRODUCTS),
            self_join,
        ),
    }


def arithmetic() -> dict[str, Pair]:
    """EASE in closed form, and the best of rows of scores."""
    from goeswith.core.arrays import top_k
    from goeswith.models.ease import item_weights

    rng = np.random.default_rng(0)
    n = 1_200
    lists = (rng.random((2 * n, n)) < 0.02).astype(np.float32)
    gram = np.asfortranarray(lists.T @ lists)
    scores = rng.random((400, 30_000), dtype=np.float32)
    scores[rng.random(scores.shape) < 0.9] = -np.inf

    def inverse() -> Any:
        weights = gram.copy()
        weights[np.diag_indices(n)] += 50.0
        weights = np.linalg.inv(weights)
        weights /= -np.diag(weights)
        np.fill_diagonal(weights, 0)
        return weights

    def partition() -> Any:
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        return np.take_along_axis(best, order, axis=1)

    return {
        "EASE / numpy inverse": Pair(
            repeat(lambda: item_weights(gram.copy(order="F"), 50.0), 2), repeat(inverse, 2)
        ),
        "top 10 of rows / numpy argpartition": Pair(
            repeat(lambda: top_k(scores, K), 5), repeat(partition, 5)
        ),
    }


def answers(path: Path) -> dict[str, Pair]:
    """Complements in the process, of all kinds, beside a dict of lists of dicts."""
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints

    bundle = Bundle.open(path)
    ids = [bundle.products.ids[row] for row in range(0, PRODUCTS, 5)]
    stored = {
        one: [{"product_id": hit.product_id, "score": hit.score} for hit in bundle.lookup(one, 20)]
        for one in ids
    }
    kinds = {one: f"type {number % 50}" for number, one in enumerate(ids)}
    limit = Constraints(per_type=2, diversity=0.3)

    def copies() -> None:
        for one in ids:
            json.dumps([dict(row) for row in stored[one][:K]])

    def limited() -> None:
        for one in ids:
            seen: dict[str, int] = {}
            kept = []
            for row in stored[one]:
                kind = kinds.get(str(row["product_id"]), "")
                seen[kind] = seen.get(kind, 0) + 1
                if seen[kind] <= 2:
                    kept.append(dict(row))
            json.dumps(kept[:K])

    def every(ask: Callable[[str], Any]) -> None:
        for one in ids:
            ask(one)

    return {
        "ids and scores / dict and json": Pair(
            repeat(lambda: every(lambda one: bundle.lookup(one, K)), 4), repeat(copies, 8), 2
        ),
        "recommendations with evidence / dict and json": Pair(
            lambda: every(lambda one: bundle.complements(one, K)), repeat(copies, 10), 10
        ),
        "recommendations by type limits / plain loop": Pair(
            lambda: every(lambda one: bundle.complements(one, K, limit)), repeat(limited, 10), 10
        ),
    }


def service(path: Path) -> dict[str, Pair]:
    """The application of the service without sockets, beside one that sends constant bytes."""
    from goeswith.serve.app import create_app
    from goeswith.settings.serve_settings import ServeSettings

    app = create_app(path, ServeSettings(log=False))

    async def constant(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1500")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * 1500})

    async def ask(asgi: Any, rounds: int) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message.get("status", 200) != 200:
                raise SystemExit(f"the service answered {message['status']}")

        for number in range(rounds):
            where = f"/v1/products/p{number % 1000}/complements"
            scope = {
                **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1"},
                **{"method": "GET", "path": where, "raw_path": where.encode()},
                **{"query_string": b"", "root_path": "", "scheme": "http"},
                **{"headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1)},
                **{"server": ("127.0.0.1", 80), "state": {}},
            }
            await asgi(scope, receive, send)

    return {
        "HTTP, in the process / constant bytes": Pair(
            lambda: asyncio.run(ask(app, 3_000)), lambda: asyncio.run(ask(constant, 60_000)), 20
        )
    }


def search(path: Path, data: Path) -> dict[str, Pair]:
    """Search by two words, one with a typing error, beside a scan of all titles for the other."""
    from goeswith.query.bundle import Bundle

    bundle = Bundle.open(path)
    titles = pl.read_parquet(data / "products.parquet")["title"].to_list()
    queries = [f"word{number} wrod{number + 1}" for number in range(2, 42)]

    def scan() -> None:
        for query in queries:
            first = query.split()[0]
            [row for row, title in enumerate(titles) if first in title][:K]

    return {
        "search with an error / scan of titles": Pair(
            repeat(lambda: [bundle.search(query, K) for query in queries], 2), repeat(scan, 10), 5
        )
    }


def starting() -> dict[str, Pair]:
    """A command's start, beside that of numpy."""

    def run(*code: str) -> Work:
        command = [sys.executable, *code]
        return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return {
        "goeswith --help / import numpy": Pair(
            run("-m", "goeswith.cli.main", "--help"), run("-c", "import numpy")
        ),
        "import of queries / import numpy": Pair(
            run("-c", "import goeswith.query.bundle"), run("-c", "import numpy")
        ),
    }


def fitting(data: Path, folder: Path) -> dict[str, Pair]:
    """A fit of the cheap models and its export, beside cosines of the basket matrix."""
    from goeswith.data.folder import load_data
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import FitSettings, Settings

    settings = Settings(fit=FitSettings(model="copurchase", session_model="none"))

    def script() -> None:
        bought = pl.read_parquet(data / "events.parquet", columns=["basket_id", "product_id"])
        bought = bought.unique()
        rows = [
            bought[name].cast(pl.Categorical).to_physical().to_numpy()
            for name in ("basket_id", "product_id")
        ]
        baskets, products = (np.unique(row, return_inverse=True)[1] for row in rows)
        matrix = sparse.csr_matrix((np.ones(len(bought)), (baskets, products)))
        matrix = matrix @ sparse.diags(1 / np.sqrt(np.asarray(matrix.sum(axis=0)).ravel()))
        near = (matrix.T @ matrix).tocsr()
        near.setdiag(0)
        sources, targets, scores = [], [], []
        for row in range(near.shape[0]):
            part = slice(near.indptr[row], near.indptr[row + 1])
            best = np.argsort(-near.data[part], kind="stable")[:K]
            sources += [row] * len(best)
            targets.append(near.indices[part][best])
            scores.append(near.data[part][best])
        pl.DataFrame(
            {
                "source": sources,
                "target": np.concatenate(targets),
                "score": np.concatenate(scores),
            }
        ).write_parquet(folder / "script.parquet")

    return {
        "fit of counts / script with polars and scipy": Pair(
            lambda: fit_bundle(load_data(data), folder / "fitted", settings),
            script,
        )
    }
