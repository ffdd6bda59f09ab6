"""Answers that are stored among the feedback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.data.feedback import read_feedback_events
from goeswith.serve.feedback_log import QuotaReached

LIST = "/v1/products/phone-1/complements"


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in folder.glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]


def test_an_answer_to_a_shopper_is_on_the_disk_with_its_id(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path), exposures="sent")
    answer = client.get(LIST, params={"k": 3, "session_id": "s1", "user_id": "u1"}).json()
    (record,) = lines(tmp_path)
    assert record["recommendation_id"] == answer["recommendation_id"]
    assert record["products"] == [one["product_id"] for one in answer["complements"]]
    assert record["models"] == [one["model"] for one in answer["complements"]]
    assert record["fallbacks"] == [one["fallback"] for one in answer["complements"]]
    expected = {"event": "answer", "counted": "sent", "source_id": "phone-1", "session_id": "s1"}
    assert {name: record[name] for name in expected} == expected
    assert record["source_type"] == "phone"


@pytest.mark.parametrize("path", [LIST, "/v1/basket?product=phone-1&product=case-1"])
def test_a_request_without_a_shopper_is_not_stored(serve: Any, tmp_path: Path, path: str) -> None:
    client = serve(feedback=str(tmp_path), exposures="seen")
    assert "recommendation_id" not in client.get(path).json()
    assert lines(tmp_path) == []
    known = client.get(path, params={"session_id": "s1"} if "?" not in path else None)
    if "?" not in path:
        assert "recommendation_id" in known.json()


def test_a_basket_is_stored_with_its_products(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path), exposures="sent")
    params = {"product": ["phone-1", "case-1"], "session_id": "s1", "market": "de"}
    client.get("/v1/basket", params=params)
    (record,) = lines(tmp_path)
    assert record["sources"] == ["phone-1", "case-1"]
    assert record["market"] == "de"
    assert "source_id" not in record


def test_without_the_setting_nothing_is_stored(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path))
    assert "recommendation_id" not in client.get(LIST, params={"session_id": "s1"}).json()
    assert lines(tmp_path) == []


def test_a_full_folder_costs_the_id_and_not_the_answer(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(feedback=str(tmp_path), exposures="sent")

    async def full(events: object) -> None:
        raise QuotaReached

    monkeypatch.setattr(client.app.state.feedback, "append", full)
    answer = client.get(LIST, params={"session_id": "s1"})
    assert answer.status_code == 200
    assert "recommendation_id" not in answer.json()
    assert "goeswith_exposures_lost_total 1.0" in client.get("/metrics").text


def test_exposures_need_a_folder(serve: Any) -> None:
    with pytest.raises(ConfigError, match=r"serve\.feedback"):
        serve(exposures="sent")


def test_answers_and_carts_do_not_count_as_events(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path), exposures="sent")
    client.get(LIST, params={"session_id": "s1"})
    event = {"product_id": "case-1", "session_id": "s1", "price": 9.5, "currency": "EUR"}
    late = {"occurred_at": "2024-01-31T12:00:00+01:00", "quantity": 2, "order_id": "o1"}
    events = [{**event, "event": "cart"}, {**event, **late, "event": "purchase"}]
    assert client.post("/v1/feedback", json={"events": events}).status_code == 202
    catalog = Catalog.from_records([{"product_id": "case-1"}])
    found = read_feedback_events(tmp_path, [], catalog)
    assert found.skip_counts == {"answers": 1, "products put into a cart": 1}
    assert found.events["product_id"].to_list() == ["case-1"]


def held_out(records: list[dict[str, Any]]) -> str:
    return next(record["user_id"] for record in records if record["variant"] == "holdout")


def test_an_experiment_splits_shoppers_and_holds_some_out(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text('name = "x"\nholdout = 0.3\n[variants.a]\n[variants.b]\nmodel = "popularity"\n')
    folder = tmp_path / "feedback"
    client = serve(feedback=str(folder), exposures="sent", experiment=str(file))
    requests = [("GET", LIST, {"params": {"k": 3, "user_id": f"u{i}"}}) for i in range(30)]
    answers = {
        response.json()["recommendation_id"]: response.json() for response in client.many(requests)
    }
    records = lines(folder)
    assert {record["variant"] for record in records} == {"holdout", "a", "b"}
    for record in records:
        shown = answers[record["recommendation_id"]]["complements"]
        assert record["products"] == [one["product_id"] for one in shown]
        assert (shown == []) == (record["variant"] == "holdout")
        if record["variant"] == "b":
            assert {one["model"] for one in shown} == {"popularity"}
    assert "recommendation_id" not in client.get(LIST).json()
    basket = {"product": "phone-1", "user_id": held_out(records)}
    assert client.get("/v1/basket", params=basket).json()["complements"] == []
    missing = client.get("/v1/products/nothing/complements", params={"user_id": "u1"})
    assert missing.status_code == 404


def test_an_experiment_that_cannot_run_stops_the_start(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text('name = "x"\n[variants.a]\nmodel = "best"\n')
    with pytest.raises(ConfigError, match=r"serve\.exposures"):
        serve(feedback=str(tmp_path), experiment=str(file))
    with pytest.raises(ConfigError, match="the bundle does not have"):
        serve(feedback=str(tmp_path), exposures="sent", experiment=str(file))


def test_an_interleaved_variant_stores_who_picked_each_product(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(
        'name = "x"\n[variants.a]\nweight = 0\n[variants.b]\nmodel = "popularity"\nweight = 0\n'
        '[variants.both]\ninterleave = ["a", "b"]\n'
    )
    folder = tmp_path / "feedback"
    client = serve(feedback=str(folder), exposures="sent", experiment=str(file))
    lists = {
        "a": client.get(LIST, params={"k": 4}).json()["complements"],
        "b": client.get(LIST, params={"k": 4, "model": "popularity"}).json()["complements"],
    }
    ranks = {
        name: {one["product_id"]: rank for rank, one in enumerate(found)}
        for name, found in lists.items()
    }
    seen = set()
    for i in range(12):
        params = {"k": 4, "user_id": f"u{i}"}
        shown = [one["product_id"] for one in client.get(LIST, params=params).json()["complements"]]
        assert client.get(LIST, params=params).json()["complements"][0]["product_id"] == shown[0]
        record = lines(folder)[-1]
        assert (record["experiment"], record["variant"]) == ("x", "both")
        assert record["products"] == shown
        assert len(set(shown)) == 4
        for team in ("a", "b"):
            # each ranking picks from its top, in its order
            of_team = [
                ranks[team][p] for p, t in zip(shown, record["teams"], strict=True) if t == team
            ]
            assert of_team == sorted(of_team)
        seen.add(tuple(record["teams"]))
    assert len(seen) > 1
