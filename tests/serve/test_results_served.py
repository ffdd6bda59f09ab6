"""What recommendations earned, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from goeswith.results.reports import cached_report

LIST = "/v1/products/phone-1/complements"


def test_results_are_those_of_the_log_and_cached(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text('name = "x"\n[variants.a]\n[variants.b]\n')
    folder = tmp_path / "feedback"
    client = serve(feedback=str(folder), exposures="sent", editors=["*"], experiment=str(file))
    assert client.get("/v1/results").status_code == 404
    params = {"k": 3, "user_id": "u1"}
    answer = client.get(LIST, params=params).json()
    click = {
        "event": "click",
        "product_id": answer["complements"][0]["product_id"],
        "recommendation_id": answer["recommendation_id"],
        "user_id": "u1",
    }
    assert client.post("/v1/feedback", json={"events": [click]}).status_code == 202
    found = client.get("/v1/results").json()
    assert (found["rows"][0]["impressions"], found["rows"][0]["clicks"]) == (3, 1)
    assert found["experiment"]["state"] == "running"
    assert found["incremental"] is None
    ranks = client.get("/v1/results", params={"by": "rank"}).json()["rows"]
    assert [(row["value"], row["clicks"]) for row in ranks] == [("1", 1), ("2", 0), ("3", 0)]
    client.get(LIST, params=params)
    assert client.get("/v1/results").json()["rows"][0]["impressions"] == 3  # a minute old at most
    monkeypatch.setattr(cached_report, "MIN_SECONDS", 0.0)
    assert client.get("/v1/results").json()["rows"][0]["impressions"] == 6
    assert client.get("/v1/results", params={"by": "colour"}).status_code == 422


def test_results_are_for_editors(serve: Any, tmp_path: Path) -> None:
    refused = serve(feedback=str(tmp_path), exposures="sent").get("/v1/results")
    assert refused.status_code == 403
    assert "serve.editors" in refused.json()["detail"]
    missing = serve(feedback=str(tmp_path), editors=["*"]).get("/v1/results")
    assert missing.status_code == 404
    assert "answers are not stored" in missing.json()["detail"]
