"""The table of kinds over HTTP."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_kind_has_names_links_and_alternatives(client: Any) -> None:
    answer = client.get("/v1/kinds/teapot")
    assert answer.status_code == 200
    kind = answer.json()
    assert kind["name"] == "teapot"
    assert kind["path"] == ["tea_coffee_ware", "kitchen_dining"]
    assert "Teekanne" in kind["names"]["de"]
    best = kind["goes_with"][0]
    assert best["strength"] == 3
    assert best["id"] in {"tea_cosy", "tea_strainer", "cup_and_saucer", "loose_leaf_tea"}
    assert "bundle" in kind


def test_pairs_that_are_never_shown_together_have_a_reason(client: Any) -> None:
    never = client.get("/v1/kinds/bleach").json()["never_together"]
    assert {"limescale_remover", "drain_cleaner"} <= {one["id"] for one in never}
    assert all(one["why"] for one in never)


def test_an_unknown_kind_is_404_and_says_what_is_like_it(client: Any) -> None:
    answer = client.get("/v1/kinds/tea_pots")
    assert answer.status_code == 404
    assert "teapot" in answer.json()["detail"]


@pytest.mark.parametrize("text", ["teapot", "Teekanne", "急須", "tepaot"])
def test_kinds_are_found_by_names_in_any_language(client: Any, text: str) -> None:
    answer = client.get("/v1/kinds", params={"search": text, "k": 3})
    assert answer.json()["kinds"][0]["id"] == "teapot"
    assert len(answer.json()["kinds"]) <= 3


def test_a_search_needs_a_text(client: Any) -> None:
    assert client.get("/v1/kinds").status_code == 422
    assert client.get("/v1/kinds", params={"search": ""}).status_code == 422
    assert client.get("/v1/kinds", params={"search": "teapot", "other": "1"}).status_code == 422
