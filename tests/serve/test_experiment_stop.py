"""The service stops an experiment by its rule."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goeswith.results.experiments.experiment_file import read_experiment
from goeswith.results.experiments.stop_rule import stop_file
from goeswith.results.reports import cached_report
from goeswith.serve import experiment_watch
from goeswith.serve.experiment_watch import ExperimentWatch

LIST = "/v1/products/phone-1/complements"
FILE = """
name = "x"
metric = "conversion"
planned = 200
holdout = 0.33
[variants.a]
[variants.b]
model = "popularity"
[stop]
"""


def log(folder: Path, buyers: dict[str, int]) -> None:
    """A hundred shoppers a variant, a day ago; so many of them bought."""
    folder.mkdir()
    stamp = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds")
    records: list[dict[str, Any]] = []
    for variant, bought in buyers.items():
        for i in range(100):
            who = {"timestamp": stamp, "user_id": f"{variant}{i}"}
            records.append(
                {"event": "answer", "recommendation_id": f"{variant}-{i}", "counted": "sent",
                 "experiment": "x", "variant": variant, "products": ["case-1"], **who}
            )  # fmt: skip
            if i < bought:
                records.append({"event": "purchase", "product_id": "case-1", "price": 1, **who})
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "feedback-20260101T000000.000000Z-1.jsonl").write_text(text, encoding="utf-8")


def models(client: Any) -> set[str]:
    requests = [("GET", LIST, {"params": {"k": 3, "user_id": f"u{i}"}}) for i in range(12)]
    lists = [answer.json()["complements"] for answer in client.many(requests)]
    return {one["model"] for shown in lists for one in shown} | ({"none"} if [] in lists else set())


def test_everybody_sees_the_winner_and_the_report_says_so(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cached_report, "MIN_SECONDS", 0.0)
    (tmp_path / "x.toml").write_text(FILE)
    folder = tmp_path / "feedback"
    log(folder, {"a": 40, "b": 90, "holdout": 30})
    settings = {"feedback": str(folder), "exposures": "sent", "editors": ["*"]}
    client = serve(experiment=str(tmp_path / "x.toml"), **settings)
    watch = client.app.state.experiment_watch
    watch._look_at = float("inf")  # the test looks itself
    assert len(models(client)) > 2  # the holdout group sees nothing
    watch.check(datetime.now(UTC))
    assert models(client) == {"popularity"}
    assert "all see b: Decided: b is better than a" in capsys.readouterr().err
    latest = max(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    assert "variant" not in json.loads(latest.read_text().splitlines()[-1])
    found = client.get("/v1/results").json()["experiment"]
    assert found["stopped"]["shows"] == "b"
    assert found["state"] == "better"
    again = serve(experiment=str(tmp_path / "x.toml"), **settings)  # also after a restart
    assert models(again) == {"popularity"}


def test_harm_gives_everybody_the_control(serve: Any, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(FILE)
    log(tmp_path / "feedback", {"a": 90, "b": 40, "holdout": 30})
    settings = {"feedback": str(tmp_path / "feedback"), "exposures": "sent"}
    client = serve(experiment=str(tmp_path / "x.toml"), **settings)
    watch = client.app.state.experiment_watch
    assert watch.stopped() is None  # it looks in a thread
    with watch._lock:
        assert watch.stopped() is not None
    assert "popularity" not in models(client)


def test_nobody_takes_part_before_the_first_day(serve: Any, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("starts = 2999-01-01\n" + FILE)
    client = serve(feedback=str(tmp_path), exposures="sent", experiment=str(tmp_path / "x.toml"))
    assert "none" not in models(client)
    stored = [json.loads(x) for f in tmp_path.glob("*.jsonl") for x in f.read_text().splitlines()]
    assert stored
    assert not any("variant" in record for record in stored)


def test_one_process_looks_at_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.toml").write_text(FILE)
    file = read_experiment(tmp_path / "x.toml")
    watches = [ExperimentWatch(file, tmp_path, lambda _: None) for _ in range(8)]
    now = [1_800_000_000.0]
    monkeypatch.setattr(experiment_watch.time, "time", lambda: now[0])
    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(lambda watch: watch._claim(), watches)) == 1
        now[0] += experiment_watch.CHECK_SECONDS
    assert len(list(tmp_path.glob("*.checked*"))) == 1


def test_an_error_is_printed_once_until_it_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.toml").write_text(FILE)
    file = read_experiment(tmp_path / "x.toml")
    watch = ExperimentWatch(file, tmp_path, lambda _: None)
    for text in ("{}", "{}", "{}", "[", "["):
        stop_file(tmp_path, file).write_text(text)
        watch._lock.acquire()
        watch._look()
    assert capsys.readouterr().err.count("the experiment goes on: ") == 2
