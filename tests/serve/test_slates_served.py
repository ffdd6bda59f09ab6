from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path) -> Bundle:
    return Bundle.open(shop_bundle)


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [answer["product_id"] for answer in response.json()["complements"]]


def test_constraints_are_parameters_of_the_address(client: Any, bundle: Bundle) -> None:
    params = [("where", "price<=9"), ("where", "type in case|tripod"), ("pin", "tripod-1")]
    params += [("ban", "case-1"), ("per_type", "2"), ("diversity", "0.5"), ("k", "4")]
    response = client("GET", "/v1/products/phone-1/complements", params=params)
    wanted = Constraints.from_text(
        ["price<=9", "type in case|tripod"], ["case-1"], ["tripod-1"], per_type=2, diversity=0.5
    )
    assert ids(response) == [a.product_id for a in bundle.complements("phone-1", 4, wanted)]
    assert response.json()["complements"][0]["pinned"] is True


def test_a_basket_is_answered_with_what_each_goes_with(client: Any, bundle: Bundle) -> None:
    response = client("GET", "/v1/basket?product=phone-1&product=camera-2&product=phone-1&k=6")
    assert response.json()["basket"] == ["phone-1", "camera-2"]
    expected = bundle.basket(["phone-1", "camera-2"], 6)
    assert ids(response) == [answer.product_id for answer in expected]
    goes_with = [tuple(answer["goes_with"]) for answer in response.json()["complements"]]
    assert goes_with == [answer.goes_with for answer in expected]


def test_a_new_product_is_answered_from_its_attributes(client: Any, bundle: Bundle) -> None:
    attributes = {"title": "Phone 77", "type": "phone", "brand": "brand 1", "price": 9.5}
    response = client("POST", "/v1/complements?k=4", json={"attributes": attributes})
    assert ids(response) == [a.product_id for a in bundle.complements_of_new(attributes, 4)]
    assert response.json()["product_id"] == "new product"


@pytest.mark.parametrize(
    "query",
    [
        "where=price<cheap",
        "where=price",
        "where=" + "x" * 501,
        "&".join(["where=price<3"] * 21),
        "per_type=0",
        "diversity=2",
        "diversity=nan",
        "ban=case-1&pin=case-1",
        "&".join(["ban=case-1"] * 101),
    ],
)
def test_constraints_that_cannot_be_met_are_refused(client: Any, query: str) -> None:
    response = client("GET", f"/v1/products/phone-1/complements?{query}")
    assert response.status_code == 422
    assert response.json()["detail"]


def test_a_basket_is_bounded_and_its_products_known(client: Any) -> None:
    assert client("GET", "/v1/basket").status_code == 422
    many = "&".join(["product=phone-1"] * 51)
    assert client("GET", f"/v1/basket?{many}").status_code == 422
    response = client("GET", "/v1/basket?product=phone-1&product=phone-11")
    assert response.status_code == 404
    assert response.json()["nearest"][0]["product_id"] == "phone-1"
    response = client("GET", "/v1/products/phone-1/complements?ban=phone-11&where=prize<3")
    assert response.status_code == 200
    assert [one["what"] for one in response.json()["skipped"]] == ["filter", "ban"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"attributes": {}},
        {"attributes": {"titel": "x"}},
        {"attributes": {"title": {"a": 1}}},
        {"attributes": {"title": "x" * 60_000}},
        {"attributes": {"product_id": "phone-1"}},
        {"attributes": {"price": "cheap"}},
        {"attributes": {"title": ["a", "b"]}},
        {"product": {"title": "x"}},
    ],
)
def test_attributes_that_cannot_be_read_are_refused(client: Any, body: dict[str, Any]) -> None:
    response = client("POST", "/v1/complements", json=body)
    assert response.status_code == 422
    assert response.json()["detail"]


def test_a_body_that_is_too_large_or_of_unknown_length_is_not_read(client: Any) -> None:
    response = client("POST", "/v1/complements", content=b"x" * 1_000_001)
    assert response.status_code == 413
    assert response.json()["title"] == HTTPStatus(413).phrase

    async def parts():
        yield b"{}"

    assert client("POST", "/v1/complements", content=parts()).status_code == 411


def test_without_models_in_memory_only_known_products_are_answered(serve: Any) -> None:
    client = serve(live=False)
    response = client("POST", "/v1/complements", json={"attributes": {"type": "phone"}})
    assert response.status_code == 422
    assert "serve.live" in response.json()["detail"]
    kept = client("GET", "/v1/products/phone-1/complements?where=type=tripod&k=8")
    assert len(ids(kept)) < 8
