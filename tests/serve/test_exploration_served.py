"""Exploration while serving: bounded, and with the propensity of every choice in the log."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goeswith.core.errors import ConfigError
from goeswith.query.bundle import Bundle
from goeswith.results.exploration.click_counts import ClickCounts
from goeswith.results.exploration.click_prior import ClickPrior
from goeswith.results.exploration.learners import ClickLearner, ClusterLearner
from goeswith.results.exploration.source_clusters import ClusterCounts, SourceClusters

LIST = "/v1/products/phone-1/complements"


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(x) for f in folder.glob("*.jsonl") for x in f.read_text().splitlines()]


@pytest.mark.parametrize("learner", ["epsilon", "thompson", "thompson_types"])
def test_one_rank_changes_for_a_share_with_its_propensity(
    serve: Any, tmp_path: Path, learner: str
) -> None:
    bounds = {"explore_rank": 2, "explore_share": 0.5, "explore_floor": 0.0}
    client = serve(feedback=str(tmp_path), exposures="sent", explore=learner, **bounds)
    client.app.state.explorer._read_at = float("inf")  # the log is not read meanwhile
    usual = [one["product_id"] for one in client.get(LIST, params={"k": 3}).json()["complements"]]
    lists = []
    for start in (0, 25, 50):
        users = [{"k": 3, "user_id": f"u{i}"} for i in range(start, start + 25)]
        answers = client.many([("GET", LIST, {"params": params}) for params in users])
        lists += [[one["product_id"] for one in answer.json()["complements"]] for answer in answers]
    assert all(found[0] == usual[0] and found[2] == usual[2] for found in lists)
    stored = records(tmp_path)
    explored = [record for record in stored if "propensities" in record]
    assert 0.3 < len(explored) / 75 < 0.7
    assert {r["products"][1] for r in stored if "propensities" not in r} == {usual[1]}
    shown = Counter(record["products"][1] for record in explored)
    assert len(shown) > 1
    for record in explored:
        first, second, third = record["propensities"]
        assert first == third == 1
        assert shown[record["products"][1]] / len(explored) == pytest.approx(second, abs=0.3)
    # the same shopper sees the same list
    again = client.get(LIST, params={"k": 3, "user_id": "u0"}).json()["complements"]
    assert [one["product_id"] for one in again] == lists[0]


def test_clicks_decide_what_is_shown(serve: Any, tmp_path: Path) -> None:
    bounds = {"explore_rank": 2, "explore_share": 1.0, "explore_floor": 0.0}
    client = serve(feedback=str(tmp_path), exposures="sent", explore="thompson", **bounds)
    longer = client.get(LIST, params={"k": 5}).json()["complements"]
    usual, other = longer[1]["product_id"], longer[4]["product_id"]
    assert longer[1]["model"] == longer[4]["model"]
    counts = {("phone", other): (300.0, 1000.0), ("phone", usual): (10.0, 1000.0)}
    client.app.state.explorer._read_at = float("inf")  # the log is not read again
    client.app.state.explorer.learner = ClickLearner(
        "thompson", ClickCounts(counts, np.ones(1), 0.02)
    )
    requests = [("GET", LIST, {"params": {"k": 2, "user_id": f"u{i}"}}) for i in range(20)]
    found = {a.json()["complements"][1]["product_id"] for a in client.many(requests)}
    assert found == {other}


def test_without_a_shopper_or_the_setting_nothing_is_explored(serve: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"serve\.exposures"):
        serve(explore="thompson")
    client = serve(feedback=str(tmp_path), exposures="sent", explore="epsilon", explore_share=1.0)
    assert len({client.get(LIST, params={"k": 4}).text for _ in range(3)}) == 1
    plain = serve(feedback=str(tmp_path / "plain"), exposures="sent")
    plain.get(LIST, params={"k": 3, "user_id": "u1"})
    assert "propensities" not in records(tmp_path / "plain")[0]


def test_what_is_surely_better_is_shown_to_everyone(serve: Any, tmp_path: Path) -> None:
    bounds = {"explore_rank": 2, "explore_share": 0.0001, "explore_floor": 0.0}
    client = serve(feedback=str(tmp_path), exposures="sent", explore="thompson", **bounds)
    longer = client.get(LIST, params={"k": 5}).json()["complements"]
    usual, other = longer[1]["product_id"], longer[4]["product_id"]
    explorer = client.app.state.explorer
    explorer._read_at = float("inf")  # the log is not read again
    shown = {}
    for clicks in (12.0, 300.0):  # 12 of 1,000 are too few to be sure of
        counts = {("phone", other): (clicks, 1000.0), ("phone", usual): (10.0, 1000.0)}
        explorer.learner = ClickLearner("thompson", ClickCounts(counts, np.ones(1), 0.02))
        answer = client.get(LIST, params={"k": 2, "user_id": f"u{clicks}"}).json()
        shown[clicks] = answer["complements"][1]["product_id"]
    assert shown == {12.0: usual, 300.0: other}
    assert [record.get("learned") for record in records(tmp_path)] == [None, True]
    assert not any("propensities" in record for record in records(tmp_path))


@pytest.mark.parametrize("name", ["thompson", "linucb"])
def test_the_longest_list_is_not_computed_where_nothing_can_be_sure(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bounds = {"explore_rank": 2, "explore_share": 0.0001, "explore_floor": 0.0}
    client = serve(feedback=str(tmp_path), exposures="sent", explore=name, **bounds)
    bundle, explorer = client.app.state.snapshot_holder().bundle, client.app.state.explorer
    explorer._read_at = float("inf")  # the log is not read
    other, lengths, plain = "case-9", [], bundle.complements
    assert bundle.products.find(other) is not None
    monkeypatch.setattr(
        bundle, "complements", lambda *given: lengths.append(given[1]) or plain(*given)
    )
    clusters = SourceClusters(
        np.zeros((len(bundle), 1), np.int32), np.ones((len(bundle), 1), np.float32)
    )
    for clicks, examined in ((1.0, 20.0), (2500.0, 5000.0)):
        explorer.learner = (
            ClickLearner("thompson", ClickCounts({("phone", other): (clicks, examined)},
                                                 np.ones(1), 0.02))
            if name == "thompson"
            else ClusterLearner(ClusterCounts({(0, other): (examined, clicks)}, ClickPrior(0.02)),
                                clusters, bundle.id)
        )  # fmt: skip
        client.get(LIST, params={"k": 2, "user_id": "u"})
    assert lengths == [2, 2, bundle.k]


def test_clusters_of_sources_decide(serve: Any, tmp_path: Path) -> None:
    bounds = {"explore_rank": 2, "explore_share": 1.0, "explore_floor": 0.0}
    client = serve(feedback=str(tmp_path), exposures="sent", explore="linucb", **bounds)
    longer = client.get(LIST, params={"k": 5}).json()["complements"]
    other, bundle = longer[4]["product_id"], client.app.state.snapshot_holder().bundle
    explorer = client.app.state.explorer
    first = client.get(LIST, params={"k": 2, "user_id": "u"})  # its thread reads the log
    assert first.status_code == 200
    with explorer._lock:
        assert isinstance(explorer.learner, ClusterLearner)
    clusters = SourceClusters(
        np.zeros((len(bundle), 1), np.int32), np.ones((len(bundle), 1), np.float32)
    )
    counts = ClusterCounts({(0, other): (1000.0, 300.0)}, ClickPrior(0.02))
    explorer.learner = ClusterLearner(counts, clusters, bundle.id)
    requests = [("GET", LIST, {"params": {"k": 2, "user_id": f"u{i}"}}) for i in range(20)]
    found = {a.json()["complements"][1]["product_id"] for a in client.many(requests)}
    assert found == {other}
    assert records(tmp_path)[-1]["propensities"] == [1.0, 1.0]


def test_linucb_refuses_a_bundle_without_similars(
    serve: Any, tmp_path: Path, shop_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.open(shop_bundle)
    monkeypatch.setattr(bundle, "similar_arrays", {})
    settings = {"feedback": str(tmp_path), "exposures": "sent"}
    with pytest.raises(ConfigError, match=r"'linucb'.*fit it again.*serve\.explore = 'thompson'"):
        serve(bundle, explore="linucb", **settings)
    serve(bundle, explore="thompson", **settings)
