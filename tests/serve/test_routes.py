from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from goeswith.core.errors import ConfigError
from goeswith.query.bundle import Bundle


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path) -> Bundle:
    return Bundle.open(shop_bundle)


def ids(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["product_id"] for answer in answers]


def test_similars_are_those_of_the_bundle(client: Any, bundle: Bundle) -> None:
    body = client.get("/v1/products/phone-1/similars?k=4&ban=phone-2").json()
    expected = bundle.similars("phone-1", 5)
    assert (
        ids(body["similars"]) == [a.product_id for a in expected if a.product_id != "phone-2"][:4]
    )
    assert {answer["relation"] for answer in body["similars"]} == {"similar"}
    assert (body["bundle"], body["product_id"]) == (bundle.id, "phone-1")


def test_reverse_holds_the_products_that_have_it_among_their_answers(
    client: Any, bundle: Bundle
) -> None:
    body = client.get("/v1/products/case-1/reverse?k=3").json()
    assert len(body["sources"]) == 3
    for answer in body["sources"]:
        assert answer["relation"] == "goes_with"
        found = bundle.complements(answer["product_id"], bundle.k)
        assert "case-1" in [a.product_id for a in found]


@pytest.mark.parametrize(
    ("source", "target", "relation"),
    [
        ("phone-1", "case-1", "complement"),
        ("case-1", "phone-1", "reverse"),
        ("phone-1", "phone-4", "substitute"),
        ("phone-1", "tripod-9", "none"),
    ],
)
def test_two_products_are_compared_in_both_directions(
    client: Any, source: str, target: str, relation: str
) -> None:
    body = client.get("/v1/compare", params={"source": source, "target": target}).json()
    assert body["relation"] == relation
    assert (body["source"]["product_id"], body["target"]["product_id"]) == (source, target)
    turned = client.get("/v1/compare", params={"source": target, "target": source}).json()
    assert (body["forward"], body["backward"]) == (turned["backward"], turned["forward"])
    assert body["why"].endswith(".")


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("phone-1", "phone-1"),
        ("Tripod 3", "tripod-3"),
        ("camra 2", "camera-2"),
        ("prot", "protector"),
    ],
)
def test_search_finds_by_the_start_of_words_and_in_spite_of_slips(
    client: Any, q: str, first: str
) -> None:
    body = client.get("/v1/search", params={"q": q, "k": 5}).json()
    assert body["query"] == q
    assert body["products"][0]["product_id"].startswith(first)
    assert 0 < len(body["products"]) <= 5
    assert body["products"][0].keys() == {"product_id", "title", "type", "brand", "price"}


@pytest.mark.parametrize("query", ["", "q=", f"q={'x' * 201}", "q=a&k=0", "q=a&k=101"])
def test_a_search_out_of_bounds_is_refused(client: Any, query: str) -> None:
    assert client.get(f"/v1/search?{query}").status_code == 422


def test_one_model_can_be_queried_alone(client: Any) -> None:
    address = "/v1/products/phone-1/complements"
    body = client.get(f"{address}?k=3&model=popularity").json()
    assert {answer["model"] for answer in body["complements"]} == {"popularity"}
    response = client.get(f"{address}?model=nobody")
    assert response.status_code == 422
    assert "it has cocitation" in response.json()["detail"]


def test_a_batch_is_answered_in_the_order_requested_and_says_what_is_unknown(
    client: Any, bundle: Bundle
) -> None:
    product_ids = ["case-2", "fone", "phone-1", "case-2"]
    body = client.post("/v1/batch", json={"product_ids": product_ids, "k": 2}).json()
    assert [answer["product_id"] for answer in body["answers"]] == product_ids
    assert "no product 'fone'" in body["answers"][1]["error"]
    expected = [answer.product_id for answer in bundle.complements("phone-1", 2)]
    assert ids(body["answers"][2]["complements"]) == expected
    assert body["answers"][0] == body["answers"][3]


@pytest.mark.parametrize(
    "body",
    [
        {"product_ids": []},
        {"product_ids": ["a"] * 101},
        {"product_ids": ["a"], "k": 0},
        {"product_ids": ["a"], "k": 9},
        {"product_ids": "phone-1"},
        {"product_ids": ["phone-1"], "where": "price<3"},
        {},
    ],
)
def test_a_batch_out_of_bounds_is_refused(client: Any, body: dict[str, Any]) -> None:
    assert client.post("/v1/batch", json=body).status_code == 422


def test_the_bundle_tells_its_models_types_and_what_can_be_filtered(
    client: Any, bundle: Bundle
) -> None:
    body = client.get("/v1/bundle").json()
    assert (body["bundle"], body["products"], body["k"]) == (bundle.id, 50, 8)
    assert body["models"][0] == "cocitation"
    assert {kind["type"]: kind["products"] for kind in body["types"]}["phone"] == 10
    kinds = {column["column"]: column["kind"] for column in body["filters"]}
    assert kinds == {
        "product_id": "text",
        "title": "text",
        "type": "text",
        "brand": "text",
        "price": "number",
    }
    assert body["explained"] is True


def test_a_report_is_returned_where_the_settings_name_one(serve: Any, tmp_path: Path) -> None:
    assert serve().get("/v1/report").status_code == 404
    report = {"protocol": "edges", "results": [{"model": "cocitation"}]}
    (tmp_path / "report.json").write_text(json.dumps(report))
    client = serve(report=str(tmp_path / "report.json"))
    assert client.get("/v1/report").json()["report"] == report
    assert client.get("/v1/bundle").json()["has_report"] is True


@pytest.mark.parametrize("text", [None, "{", "[]", '{"a": 1}', "[" * 100_000])
def test_a_report_that_is_none_stops_the_start(
    serve: Any, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    with pytest.raises(ConfigError, match=r"serve\.report"):
        serve(report=str(tmp_path / "report.json"))


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [("GET", "/nothing", 404), ("DELETE", "/v1/bundle", 405), ("PUT", "/v1/feedback", 405)],
)
def test_addresses_and_methods_that_there_are_not_are_problems(
    client: Any, method: str, address: str, status: int
) -> None:
    response = client(method, address, headers={"content-length": "0"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["bundle"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"product_ids": [NaN]}', b"null", b"\xff"]
)
def test_a_body_that_is_no_json_is_refused(client: Any, body: bytes) -> None:
    response = client.post("/v1/batch", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
