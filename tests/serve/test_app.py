from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from goeswith.core.errors import BundleError
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.quarantine import Quarantine
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.graph import RelationGraph
from goeswith.settings.sections import FitSettings, Settings

ODD_IDS = ["a/b", "/slash", "a b", "ключ", "a?b#c", "100%", "%2F", "a&k=3", "..b", "a//b"]


@pytest.fixture(scope="module")
def odd(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service whose ids hold what addresses use for themselves."""
    out = tmp_path_factory.mktemp("odd") / "bundle"
    frame = pl.DataFrame({"product_id": ODD_IDS, "price": [float("nan"), *[1.5] * 9]})
    n = len(ODD_IDS)
    graph = RelationGraph.from_edges(
        n, [(u, v, "co_purchase") for u in range(n) for v in range(n) if u != v]
    )
    fit = FitSettings(model="copurchase:measure=count", fallbacks=[], k=9)
    dataset = Dataset("odd", Path(), Catalog(frame), None, None, None, None, Quarantine(), "0")
    fit_bundle(dataset, out, Settings(fit=fit), graph=graph)
    return serve(out)


def test_complements_are_those_of_the_bundle(client: Any, shop_bundle: Path) -> None:
    bundle = Bundle.open(shop_bundle)
    response = client.get("/v1/products/phone-1/complements", params={"k": 4})
    assert response.status_code == 200
    body = response.json()
    assert (body["bundle"], body["product_id"]) == (bundle.id, "phone-1")
    expected = bundle.complements("phone-1", 4)
    assert [a["product_id"] for a in body["complements"]] == [a.product_id for a in expected]
    first = body["complements"][0]
    assert first["why"] == expected[0].why
    assert first["evidence"]["bought_together"] == expected[0].evidence.bought_together
    assert first["evidence"]["lift"] == pytest.approx(expected[0].evidence.lift)


def test_links_of_the_evidence_are_served(client: Any) -> None:
    first = client.get("/v1/products/camera-9/complements?k=1").json()["complements"][0]
    assert first["evidence"]["basis"] == "alike"
    assert first["evidence"]["link"]["product_id"].startswith("camera-")


def test_ten_answers_or_all_there_are_without_k(client: Any) -> None:
    assert len(client.get("/v1/products/phone-1/complements").json()["complements"]) == 8


@pytest.mark.parametrize("k", ["0", "-1", "9", "1000000000000000000000", "two", "1.5", ""])
def test_a_k_out_of_bounds_is_refused(client: Any, k: str) -> None:
    response = client.get("/v1/products/phone-1/complements", params={"k": k})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["title"]) == (422, HTTPStatus(422).phrase)
    assert "k: " in body["detail"]
    assert body["bundle"]


def test_the_settings_bound_k_below_what_the_bundle_holds(serve: Any) -> None:
    client = serve(max_k=2)
    assert client.get("/v1/products/phone-1/complements?k=3").status_code == 422
    assert len(client.get("/v1/products/phone-1/complements").json()["complements"]) == 2


def test_a_product_comes_with_its_attributes(client: Any) -> None:
    assert client.get("/v1/products/case-2").json()["attributes"] == {
        "title": "Case 2",
        "type": "case",
        "brand": "brand 2",
        "price": 7.0,
    }


@pytest.mark.parametrize("end", ["", "/complements"])
def test_an_unknown_product_is_404_with_the_nearest(client: Any, end: str) -> None:
    response = client.get(f"/v1/products/phone-11{end}")
    assert response.status_code == 404
    body = response.json()
    assert body["detail"].startswith("no product 'phone-11' among the 50 of this bundle")
    assert body["nearest"][0] == {"product_id": "phone-1", "title": "Phone 1"}
    assert body["bundle"]


def test_a_long_or_odd_unknown_id_is_404_as_well(client: Any) -> None:
    for name in ("x" * 5000, "%00", "%ff%fe", "%F0%9F%93%B1", "(((((", "phone-1%20"):
        assert client.get(f"/v1/products/{name}").status_code == 404


@pytest.mark.parametrize("product", ODD_IDS)
def test_ids_with_slashes_and_odd_characters_are_found(odd: Any, product: str) -> None:
    address = f"/v1/products/{quote(product, safe='')}"
    assert odd.get(address).json()["product_id"] == product
    body = odd.get(f"{address}/complements?k=9").json()
    assert {a["product_id"] for a in body["complements"]} == set(ODD_IDS) - {product}


def test_a_price_that_is_no_number_is_left_out(odd: Any) -> None:
    assert odd.get("/v1/products/a/b").json()["attributes"] == {}
    assert odd.get("/v1/products/a%20b").json()["attributes"] == {"price": 1.5}


def test_health_names_the_bundle(client: Any, shop_bundle: Path) -> None:
    for state in ("live", "ready"):
        assert client.get(f"/v1/health/{state}").json() == {
            "status": state,
            "bundle": Bundle.open(shop_bundle).id,
            "products": 50,
        }


def test_the_service_answers_on_while_its_bundle_is_replaced(serve: Any, tmp_path: Path) -> None:
    catalog = Catalog.from_records([{"product_id": "a"}, {"product_id": "b", "brand": "x"}])
    dataset = Dataset("s", Path(), catalog, None, None, None, None, Quarantine(), "0")
    graph = RelationGraph.from_edges(2, [(0, 1, "co_purchase")])
    settings = Settings(fit=FitSettings(model="copurchase:measure=count", fallbacks=[], k=1))
    fit_bundle(dataset, tmp_path / "b", settings, graph=graph)
    client = serve(tmp_path / "b")
    before = client.get("/v1/products/a/complements").json()
    fit_bundle(dataset, tmp_path / "b", settings, graph=graph)
    assert client.get("/v1/products/a/complements").json() == before
    assert client.get("/v1/products/b").json()["attributes"] == {"brand": "x"}


def test_a_damaged_bundle_is_not_served(serve: Any, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not a bundle"):
        serve(tmp_path)


def test_the_openapi_description_has_examples_and_the_unknown_product(client: Any) -> None:
    described = client.get("/openapi.json").json()
    assert sorted(described["paths"]) == [
        "/metrics",
        "/v1/basket",
        "/v1/batch",
        "/v1/best-sellers",
        "/v1/bundle",
        "/v1/compare",
        "/v1/complements",
        "/v1/feedback",
        "/v1/health/live",
        "/v1/health/ready",
        "/v1/health/recommendations",
        "/v1/kinds",
        "/v1/kinds/{id}",
        "/v1/labels",
        "/v1/products",
        "/v1/products/{product_id}",
        "/v1/products/{product_id}/complements",
        "/v1/products/{product_id}/question",
        "/v1/products/{product_id}/reverse",
        "/v1/products/{product_id}/similars",
        "/v1/report",
        "/v1/results",
        "/v1/rules",
        "/v1/rules/history",
        "/v1/rules/preview",
        "/v1/rules/undo",
        "/v1/rules/{rule_id}",
        "/v1/search",
        "/v1/session",
        "/v1/users/{user_id}/next",
    ]
    for path in ("/v1/products/{product_id}", "/v1/products/{product_id}/complements"):
        assert "404" in described["paths"][path]["get"]["responses"]
    answer = described["components"]["schemas"]["RecommendationSchema"]["properties"]
    assert all(
        "examples" in field or "description" in field or "$ref" in field
        for field in answer.values()
    )
    for path in described["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                assert parameter.get("examples") or parameter["schema"].get("examples"), parameter
    for name, shape in described["components"]["schemas"].items():
        for field, shape_of in shape["properties"].items():
            nested = (
                "$ref" in shape_of
                or "$ref" in shape_of.get("items", {})
                or "$ref" in str(shape_of.get("anyOf"))
            )
            assert nested or "examples" in shape_of, (name, field)
