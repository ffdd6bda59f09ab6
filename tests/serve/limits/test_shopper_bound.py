"""A client that invents shoppers is counted for a few of them, and its backend for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from goeswith.results.exploration.click_counts import read_click_counts
from goeswith.serve.api_keys import new_key
from goeswith.serve.limits import shopper_bound
from goeswith.serve.limits.shopper_bound import MAX_SHOPPERS, ShopperBound

LIST = "/v1/products/phone-1/complements"
PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        (PUBLIC, MAX_SHOPPERS),
        ("2606:2800:220:1::1", MAX_SHOPPERS),
        ("::ffff:93.184.216.34", MAX_SHOPPERS),
        ("10.1.2.3", 100),
        ("127.0.0.1", 100),
        ("::1", 100),
        ("", 100),
    ],
)
def test_the_first_shoppers_of_a_public_address_count(address: str, counted: int) -> None:
    bound = ShopperBound()
    for _ in range(2):  # those that counted go on counting
        assert sum(bound.counts(address, f"s{i}", 0) for i in range(100)) == counted
    assert bound.counts(PUBLIC, "new", 86_400)  # the next day
    assert bound.counts("93.184.216.35", "new", 86_400)


def test_addresses_of_one_network_of_ipv6_are_one_client() -> None:
    bound = ShopperBound()
    found = [bound.counts(f"2606:2800:220:1::{i:x}", f"s{i}", 0) for i in range(1, 101)]
    assert sum(found) == MAX_SHOPPERS


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopper_bound, "MAX_CLIENTS", 3)
    bound = ShopperBound()
    for i in range(9):
        assert bound.counts(f"93.184.216.{i}", "s", 0)
    assert len(bound._shoppers) == 3


@pytest.mark.parametrize("address", [PUBLIC, "127.0.0.1"])
def test_invented_sessions_do_not_fill_the_counts(serve: Any, tmp_path: Path, address: str) -> None:
    client = serve(feedback=str(tmp_path), exposures="sent")
    attacker = type(client)(client.app, address)
    answers = attacker.many(
        [("GET", LIST, {"params": {"k": 2, "session_id": f"s{i}"}}) for i in range(60)]
    )
    events = [
        {
            "event": "click",
            "product_id": body["complements"][1]["product_id"],
            "recommendation_id": body["recommendation_id"],
            "session_id": "any",
        }
        for body in (answer.json() for answer in answers)
    ]
    assert attacker.post("/v1/feedback", json={"events": events}).status_code == 202
    counts = read_click_counts(tmp_path).counts
    clicks = max(clicked for clicked, _ in counts.values())
    counted = MAX_SHOPPERS if address == PUBLIC else 60
    assert clicks == counted
    lines = [json.loads(x) for f in tmp_path.glob("*.jsonl") for x in f.read_text().splitlines()]
    assert sum("uncounted" in line for line in lines) == 60 - counted
    assert f"goeswith_answers_uncounted_total {60 - counted:.1f}" in client.get("/metrics").text
    assert not any(address in json.dumps(line) for line in lines)  # addresses are not stored


def test_a_key_vouches_for_its_shoppers(serve: Any, tmp_path: Path) -> None:
    key, line = new_key("backend")
    (tmp_path / "keys").write_text(line + "\n", encoding="utf-8")
    folder = tmp_path / "feedback"
    client = serve(feedback=str(folder), exposures="sent", keys_file=str(tmp_path / "keys"))
    requests = [
        {"params": {"session_id": f"s{i}"}, "headers": {"X-API-Key": key}} for i in range(30)
    ]
    answers = type(client)(client.app, PUBLIC).many([("GET", LIST, one) for one in requests])
    assert all("recommendation_id" in answer.json() for answer in answers)
    assert "uncounted" not in "".join(path.read_text() for path in folder.glob("*.jsonl"))
