from __future__ import annotations

import io
import json
from typing import Any

import pytest

from goeswith.query.bundle import Bundle
from goeswith.serve.request_log import RequestLog

SECRET = "ünsäglich"


def lines(client: Any) -> list[dict[str, Any]]:
    log = client.app.state.log
    log.flush()
    return [json.loads(line) for line in log._stream.getvalue().splitlines()]


@pytest.fixture
def logged(serve: Any) -> Any:
    client = serve(log=True)
    client.app.state.log._stream = io.BytesIO()
    return client


def test_a_request_is_a_line_without_ids_queries_or_text(logged: Any) -> None:
    for address in (
        "/v1/products/phone-1/complements?k=2",
        f"/v1/products/{SECRET}/similars",
        f"/v1/search?q={SECRET}",
        f"/{SECRET}",
        "/v1/products/phone-1/complements?where=title contains " + SECRET,
    ):
        logged.get(address)
    logged.post("/v1/complements", json={"attributes": {"title": SECRET}})
    records = lines(logged)
    assert [(line["method"], line["route"], line["status"]) for line in records] == [
        ("GET", "/v1/products/{product_id}/complements", 200),
        ("GET", "/v1/products/{product_id}/similars", 404),
        ("GET", "/v1/search", 200),
        ("GET", "other", 404),
        ("GET", "/v1/products/{product_id}/complements", 200),
        ("POST", "/v1/complements", 200),
    ]
    text = json.dumps(records, ensure_ascii=False)
    assert SECRET not in text
    assert "phone-1" not in text
    for line in records:
        assert line.keys() == {
            "time", "method", "route", "status", "milliseconds", "bundle", "key"
        }  # fmt: skip
        assert 0 < line["milliseconds"] < 60_000


def test_what_fails_is_a_problem_and_a_line_without_the_message(
    logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Bundle, "similars", fail)
    response = logged.get("/v1/products/phone-1/similars")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert SECRET not in response.text
    (line,) = lines(logged)
    assert line["error"] == "RuntimeError"
    assert any("test_gate.py" in frame for frame in line["at"])
    assert SECRET not in json.dumps(line, ensure_ascii=False)


def test_a_log_that_nobody_reads_any_more_stops_nothing() -> None:
    stream = io.BytesIO()
    stream.close()
    log = RequestLog(stream)
    log.write({"status": 200})
    log.flush()


def test_answers_are_not_to_be_sniffed(client: Any) -> None:
    for address in ("/v1/bundle", "/none", "/v1/products/phone-1/complements"):
        assert client.get(address).headers["x-content-type-options"] == "nosniff"


def test_other_origins_may_ask_only_where_the_settings_name_them(serve: Any) -> None:
    page = {"Origin": "https://shop.example"}
    preflight = page | {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-api-key",
    }
    closed = serve()
    assert "access-control-allow-origin" not in closed.get("/v1/bundle", headers=page).headers
    assert closed("OPTIONS", "/v1/bundle", headers=preflight).status_code == 405
    opened = serve(origins=["https://shop.example"])
    response = opened.get("/v1/bundle", headers=page)
    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert opened("OPTIONS", "/v1/bundle", headers=preflight).status_code == 200
    other = opened.get("/v1/bundle", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_metrics_count_requests_answers_and_the_bundle(serve: Any) -> None:
    client = serve()
    for _ in range(3):
        client.get("/v1/products/camera-9/complements?k=2")
    client.get("/v1/products/nothing/complements")
    client.get("/nowhere")
    text = client.get("/metrics").text
    bundle = client.app.state.snapshot_holder().bundle
    route = 'route="/v1/products/{product_id}/complements"'
    for line in (
        f'goeswith_requests_total{{method="GET",{route},status="200"}} 3.0',
        f'goeswith_requests_total{{method="GET",{route},status="404"}} 1.0',
        'goeswith_requests_total{method="GET",route="other",status="404"} 1.0',
        f"goeswith_request_seconds_count{{{route}}} 4.0",
        f'bundle="{bundle.id}"',
        "goeswith_bundle_products 50.0",
        'goeswith_reloads_total{outcome="swapped"} 0.0',
    ):
        assert line in text
    answers = [line for line in text.splitlines() if line.startswith("goeswith_answers_total")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in answers) == 6
    assert "camera" not in text
