"""Whatever a catalogue says of its products is handed on as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.quarantine import Quarantine
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import FitSettings, Settings
from goeswith.store.product_lookup import MAX_TEXT_LENGTH

TITLES = {
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "bidi": "\u202egro.elpmaxe\u2066 \u200f\u061c",
    "null": "a\x00b\x1b[31m\x7f\x85\u2028",
    "quote": "\"'`\\\r\nSet-Cookie: a=b\r\n\r\n",
    "huge": "long " * 200_000,
    "formula": "=cmd|' /C calc'!A0",
    "marks": "Z" + "\u0301" * 5000,
    "pair": "\U0001f468\u200d\U0001f469\ufffe\ufdd0",
}


@pytest.fixture(scope="module")
def hostile(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("hostile") / "bundle"
    frame = pl.DataFrame(
        {
            "product_id": list(TITLES),
            "title": list(TITLES.values()),
            "type": list(reversed(TITLES.values())),
            "brand": list(TITLES.values()),
        }
    )
    n = len(TITLES)
    graph = RelationGraph.from_edges(
        n, [(u, v, "co_purchase") for u in range(n) for v in range(n) if u != v]
    )
    fit = FitSettings(model="copurchase:measure=count", fallbacks=[], k=n - 1)
    dataset = Dataset("hostile", Path(), Catalog(frame), None, None, None, None, Quarantine(), "0")
    fit_bundle(dataset, out, Settings(fit=fit), graph=graph)
    return serve(out)


def shown(text: str) -> str:
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[: MAX_TEXT_LENGTH - 1]}…"


@pytest.mark.parametrize("product", TITLES)
@pytest.mark.parametrize("route", ["complements", "similars", "reverse"])
def test_answers_hold_titles_as_they_are_and_no_longer_than_shown(
    hostile: Any, product: str, route: str
) -> None:
    response = hostile.get(f"/v1/products/{product}/{route}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert len(response.content) < 60_000
    answers = next(value for value in response.json().values() if isinstance(value, list))
    for answer in answers:
        assert answer["title"] == shown(TITLES[answer["product_id"]])


def test_searches_and_comparisons_of_hostile_products_are_answered(hostile: Any) -> None:
    for title in TITLES.values():
        response = hostile.get("/v1/search", params={"q": title[:200], "k": 8})
        assert response.status_code == 200
        assert len(response.content) < 30_000
    response = hostile.get("/v1/compare?source=huge&target=script")
    assert response.status_code == 200
    assert len(response.content) < 20_000
    assert hostile.get("/v1/bundle").status_code == 200


@pytest.mark.parametrize("title", TITLES.values(), ids=list(TITLES))
def test_hostile_requests_are_answered_and_come_back_in_no_header(hostile: Any, title: str) -> None:
    requests = [
        ("GET", f"/v1/products/{quote(title[:3000], safe='')}", {}),
        ("GET", "/v1/products/null/complements", {"params": {"where": f"title={title[:400]}"}}),
        ("GET", "/v1/products/null/complements", {"params": {"model": title[:400]}}),
        ("POST", "/v1/complements", {"json": {"attributes": {"title": title[:40_000]}}}),
        ("POST", "/v1/batch", {"json": {"product_ids": [title[:3000]]}}),
    ]
    for response in hostile.many(requests):
        assert response.status_code in {200, 404, 422}
        json.loads(response.content)
        assert "set-cookie" not in response.headers
        assert len(response.content) < 60_000
