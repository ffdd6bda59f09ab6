"""Query parameters that a route does not have are refused, with the nearest name."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("path", "name", "hint"),
    [
        ("/v1/products/phone-1/complements?kk=3", "kk", "did you mean 'k'?"),
        ("/v1/products/phone-1/complements?k=3&per_typ=1", "per_typ", "did you mean 'per_type'?"),
        ("/v1/products/phone-1/similars?wher=price<2", "wher", "did you mean 'where'?"),
        ("/v1/search?q=phone&zzz=1", "zzz", "the parameters are q, k, locale"),
        ("/v1/bundle?format=json", "format", "this path has no parameters"),
        ("/v1/products/phone-1?k=1", "k", "this path has no parameters"),
        ("/metrics?x=", "x", "this path has no parameters"),
    ],
)
def test_an_unknown_parameter_is_refused(client: Any, path: str, name: str, hint: str) -> None:
    response = client.get(path)
    assert response.status_code == 422
    problem = response.json()
    assert problem["detail"] == f"query.{name}: unknown parameter; {hint}"
    assert problem["errors"][0]["loc"] == ["query", name]


def test_an_unknown_parameter_of_a_post_is_refused(client: Any) -> None:
    body = {"product_ids": ["phone-1"]}
    assert client.post("/v1/batch?k=2", json=body).status_code == 422
    assert client.post("/v1/batch", json=body).status_code == 200


def test_several_unknown_parameters_are_all_reported(client: Any) -> None:
    problem = client.get("/v1/compare?source=phone-1&target=case-1&sorce=a&tarket=b").json()
    assert [error["loc"][1] for error in problem["errors"]] == ["sorce", "tarket"]


def test_a_parameter_that_is_no_list_is_given_once(client: Any) -> None:
    response = client.get("/v1/products/phone-1/complements?k=2&k=3")
    assert response.status_code == 422
    assert response.json()["detail"] == "query.k: the parameter is given 2 times; give it once"
    lists = "ban=case-1&ban=case-2&where=price<90&where=price>1"
    assert client.get(f"/v1/products/phone-1/complements?{lists}").status_code == 200


def test_the_bundle_states_whether_evidence_is_counted(client: Any) -> None:
    info = client.get("/v1/bundle").json()
    assert info["counted"] is info["explained"] is True
