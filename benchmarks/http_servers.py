"""Services that people write by hand, for `http_peers.py`: complements of a product over HTTP.

    python benchmarks/http_servers.py NAME PORT DOCUMENTS

DOCUMENTS has one line per queried product: the response of goeswith. Runs in the environment of the
peers. All serve the paths of goeswith, on uvicorn with the settings of goeswith (one process, no
access log), which uses uvloop and httptools.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Response

PATH = "/v1/products/{product_id}/complements"


def constant(lines: list[bytes]) -> Any:
    """The bound: no framework, no look-up, a response of median size."""
    body = sorted(lines, key=len)[len(lines) // 2]
    length = b"%d" % len(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def full(lines: list[bytes]) -> Any:
    """A dict of the responses of goeswith, encoded by the framework for every request."""
    return of_a_dict({d["product_id"]: d for d in map(json.loads, lines)})


def slim(lines: list[bytes]) -> Any:
    """A dict of ten ids and scores: the simplest service."""
    return of_a_dict({d["product_id"]: slim_of(d) for d in map(json.loads, lines)})


def slim_of(document: Any) -> Any:
    kept = ("product_id", "score")
    return [{name: answer[name] for name in kept} for answer in document["complements"]]


def of_a_dict(answers: dict[str, Any]) -> Any:
    app = FastAPI()

    @app.get(PATH)
    async def complements(product_id: str) -> Any:
        if product_id not in answers:
            raise HTTPException(404)
        return answers[product_id]

    return app


def implicit(lines: list[bytes]) -> Any:
    """Ten ids and scores, computed by a model of implicit in memory."""
    from implicit.nearest_neighbours import CosineRecommender
    from scipy import sparse

    # as many products as there are in the bundle would change nothing: a row is looked up
    ids = sorted(json.loads(line)["product_id"] for line in lines)
    row = {product_id: place for place, product_id in enumerate(ids)}
    rng = np.random.default_rng(0)
    contexts = np.repeat(np.arange(10 * len(ids)), 4)
    entries = (np.ones(len(contexts)), (contexts, rng.integers(len(ids), size=len(contexts))))
    model = CosineRecommender(K=50, num_threads=1)
    model.fit(sparse.csr_matrix(entries), show_progress=False)
    app = FastAPI()

    @app.get(PATH)
    def complements(product_id: str) -> Any:
        if product_id not in row:
            raise HTTPException(404)
        found, scores = model.similar_items(row[product_id], N=11)
        pairs = zip(found[1:].tolist(), scores[1:].tolist(), strict=True)
        return [{"product_id": ids[place], "score": score} for place, score in pairs]

    return app


def redis(lines: list[bytes]) -> Any:
    """The responses of goeswith as bytes, from a redis server at REDIS_PORT."""
    import os

    from redis import Redis
    from redis.asyncio import Redis as Client

    port = int(os.environ["REDIS_PORT"])
    filled = Redis(port=port)
    for line in lines:
        filled.set(json.loads(line)["product_id"], line)
    filled.close()
    client, app = Client(port=port), FastAPI()

    @app.get(PATH)
    async def complements(product_id: str) -> Response:
        found = await client.get(product_id)
        if found is None:
            raise HTTPException(404)
        return Response(found, media_type="application/json")

    return app


APPS: dict[str, Callable[[list[bytes]], Any]] = {
    "constant bytes": constant,
    "dict, full responses": full,
    "dict, ids and scores": slim,
    "implicit, ids and scores": implicit,
    "redis, full responses": redis,
}


def main() -> None:
    name, port, documents = sys.argv[1:]
    app = APPS[name](Path(documents).read_bytes().splitlines())
    uvicorn.run(
        app,
        port=int(port),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="off",
    )


if __name__ == "__main__":
    main()
