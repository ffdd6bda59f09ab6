"""Live facts and rules over HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def own_bundle(shop_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle, which a test may change."""
    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


@pytest.fixture
def edited(serve: Any, own_bundle: Path) -> Any:
    return serve(own_bundle, editors=["*"])


COMPLEMENTS = "/v1/products/phone-1/complements"


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.text
    return [one["product_id"] for one in response.json()["complements"]]


def test_nothing_can_be_changed_unless_the_settings_name_editors(client: Any) -> None:
    response = client("PATCH", "/v1/products/case-1", json={"attributes": {"price": 3}})
    assert response.status_code == 403
    assert "serve.editors" in response.json()["detail"]
    assert client("DELETE", "/v1/products/case-1").status_code == 403
    rule = {"id": "a", "action": "ban", "target": {"products": ["case-1"]}}
    assert client.post("/v1/rules", json={"rules": [rule]}).status_code == 403
    assert client.post("/v1/rules/undo").status_code == 403


def test_only_the_keys_of_editors_may_change(serve: Any, own_bundle: Path, tmp_path: Path) -> None:
    from goeswith.serve.api_keys import new_key

    keys = {name: new_key(name) for name in ("web", "shop")}
    file = tmp_path / "keys"
    file.write_text("".join(f"{line}\n" for _, line in keys.values()))
    client = serve(own_bundle, keys_file=str(file), editors=["shop"])
    for name, status in (("web", 403), ("shop", 200)):
        response = client(
            "PATCH",
            "/v1/products/case-1",
            json={"attributes": {"price": 3}},
            headers={"x-api-key": keys[name][0]},
        )
        assert response.status_code == status
    log = (own_bundle / "live" / "facts.log").read_text()
    assert '"who":"shop"' in log


def test_a_change_is_in_the_next_answer_of_every_service(serve: Any, own_bundle: Path) -> None:
    one, other = serve(own_bundle, editors=["*"]), serve(own_bundle)
    first, second, *_ = ids(one.get(COMPLEMENTS))
    assert ids(other.get(COMPLEMENTS))[0] == first
    response = one("PATCH", f"/v1/products/{first}", json={"attributes": {"stock": 0}})
    assert response.json()["changed"] == 1
    for client in (one, other):
        assert ids(client.get(COMPLEMENTS))[0] == second
        assert first not in ids(client.get(COMPLEMENTS))
        assert ids(client.get(f"{COMPLEMENTS}?include=sold_out"))[0] == first
        product = client.get(f"/v1/products/{first}").json()
        assert product["attributes"]["stock"] == 0
        assert product["changed"] == ["in_stock", "stock"]
    one("PATCH", f"/v1/products/{first}", json={"attributes": {"stock": 5}})
    assert ids(other.get(COMPLEMENTS))[0] == first


def test_prices_of_filters_and_search_are_those_of_now(edited: Any) -> None:
    edited("PATCH", "/v1/products/case-3", json={"attributes": {"price": 0.5}})
    assert ids(edited.get(f"{COMPLEMENTS}?where=price<1")) == ["case-3"]
    found = edited.get("/v1/search?q=case-3&k=1").json()["products"]
    assert found[0]["price"] == 0.5
    edited("PATCH", "/v1/products/case-3", json={"attributes": {"price": None}})
    assert ids(edited.get(f"{COMPLEMENTS}?where=price<1")) == []


def test_many_products_change_at_once_and_unknown_ones_are_reported(edited: Any) -> None:
    changes = [
        {"product_id": "case-1", "attributes": {"visible": False}},
        {"product_id": "case-99", "attributes": {"price": 3}},
        {"product_id": "case-2", "deleted": True},
    ]
    body = edited.post("/v1/products", json={"products": changes}).json()
    assert (body["changed"], body["unchanged"]) == (2, 0)
    assert body["skipped"][0]["product_id"] == "case-99"
    shown = ids(edited.get(f"{COMPLEMENTS}?include=hidden"))
    assert "case-1" in shown
    assert "case-2" not in shown
    assert edited.get("/v1/products/case-2").status_code == 404
    assert edited.get("/v1/products/case-2/complements").status_code == 404
    restored = {"products": [{"product_id": "case-2", "deleted": False}]}
    assert edited.post("/v1/products", json=restored).json()["changed"] == 1
    assert edited.get("/v1/products/case-2").status_code == 200


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"price": "cheap"}, "price = 'cheap' is not a number"),
        ({"title": "New"}, "title cannot change without a fit"),
        ({"prize": 3}, "did you mean 'price'"),
        ({"visible": "perhaps"}, "is not true or false"),
        ({"price": -5}, "price = -5 is negative"),
        ({"price": True}, "price = 'True' is not a number"),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused(
    edited: Any, attributes: dict[str, Any], message: str
) -> None:
    response = edited("PATCH", "/v1/products/case-3", json={"attributes": attributes})
    assert response.status_code == 422
    assert message in response.json()["detail"]


def test_a_deleted_product_stays_deleted_until_it_is_restored(edited: Any) -> None:
    gone = edited("DELETE", "/v1/products/case-1")
    assert gone.json()["changed"] == 1
    assert "case-1" not in ids(edited.get(f"{COMPLEMENTS}?k=8"))
    assert edited("DELETE", "/v1/products/nothing").status_code == 404


def test_a_sold_out_product_shows_alternatives_first(edited: Any) -> None:
    edited("PATCH", "/v1/products/phone-1", json={"attributes": {"in_stock": False}})
    answers = edited.get(f"{COMPLEMENTS}?k=5&when_sold_out=2").json()["complements"]
    assert [one["relation"] for one in answers] == ["similar"] * 2 + ["complement"] * 3
    plain = edited.get(f"{COMPLEMENTS}?k=5").json()["complements"]
    assert {one["relation"] for one in plain} == {"complement"}


def test_a_market_shows_its_products(edited: Any) -> None:
    first = ids(edited.get(COMPLEMENTS))[0]
    edited("PATCH", f"/v1/products/{first}", json={"attributes": {"markets": ["de", "fr"]}})
    assert first in ids(edited.get(f"{COMPLEMENTS}?market=DE"))
    assert first not in ids(edited.get(f"{COMPLEMENTS}?market=us"))
    assert len(ids(edited.get(f"{COMPLEMENTS}?market=us"))) == 8


def test_a_rule_is_in_the_next_answer_and_can_be_undone(serve: Any, own_bundle: Path) -> None:
    one, other = serve(own_bundle, editors=["*"]), serve(own_bundle)
    first, second, third, *_ = ids(one.get(COMPLEMENTS))
    rules = [
        {"id": "no-first", "action": "ban", "target": {"products": [first]}},
        {
            "id": "third-up",
            "action": "pin",
            "rank": 1,
            "source": {"types": ["phone"]},
            "target": {"products": [third]},
            "owner": "me",
        },
    ]
    response = one.post("/v1/rules", json={"rules": rules}).json()
    assert (response["change"]["revision"], response["problems"]) == (1, [])
    for client in (one, other):
        body = client.get(COMPLEMENTS).json()
        shown = [answer["product_id"] for answer in body["complements"]]
        assert shown[:2] == [third, second]
        assert first not in shown
        assert set(body["rules"]) == {"no-first", "third-up"}
        assert body["complements"][0]["rules"] == ["third-up"]
        assert body["complements"][0]["pinned"] is True
    assert {rule["id"] for rule in one.get("/v1/rules").json()["rules"]} == {"no-first", "third-up"}
    one("DELETE", "/v1/rules/no-first")
    assert ids(other.get(COMPLEMENTS))[:2] == [third, first]
    one.post("/v1/rules/undo")
    assert ids(other.get(COMPLEMENTS))[:2] == [third, second]
    one.post("/v1/rules/undo")
    assert ids(other.get(COMPLEMENTS))[:3] == [first, second, third]
    history = one.get("/v1/rules/history").json()["changes"]
    assert [change["undoes"] for change in history] == [1, 2, None, None]


def test_a_preview_shows_before_and_after_and_stores_nothing(edited: Any) -> None:
    first = ids(edited.get(COMPLEMENTS))[0]
    rule = {"id": "a", "action": "ban", "target": {"products": [first, "case-99"]}}
    body = edited.post(
        "/v1/rules/preview", json={"rules": [rule], "product_ids": ["phone-1", "tripod-1"], "k": 3}
    ).json()
    assert body["products"] == 2
    (difference,) = [one for one in body["differences"] if one["product_id"] == "phone-1"]
    assert difference["left"] == [first]
    assert difference["rules"] == ["a"]
    assert "no 'case-99'" in body["problems"][0]["problem"]
    assert edited.get("/v1/rules").json()["rules"] == []
    assert ids(edited.get(COMPLEMENTS))[0] == first


def test_rules_that_cannot_be_applied_are_reported_and_never_fatal(edited: Any) -> None:
    rules = [
        {"id": "gone", "action": "ban", "target": {"products": ["case-99"]}},
        {"id": "none", "action": "ban", "target": {"where": ["price>99999"]}},
        {"id": "unknown", "action": "ban", "target": {"where": ["prize>1"]}},
        {"id": "over", "action": "ban", "target": {"types": ["case"]}, "end": "2020-01-01"},
    ]
    response = edited.post("/v1/rules", json={"rules": rules}).json()
    problems = {problem["rule"]: problem["problem"] for problem in response["problems"]}
    assert problems["none"] == "no product meets its target"
    assert "no 'case-99'" in problems["gone"]
    assert "did you mean 'price'" in problems["unknown"]
    assert problems["over"] == "it ended on 2020-01-01"
    assert len(ids(edited.get(COMPLEMENTS))) == 8
