"""Sums that are brought up to date, against the same sums of the complete log."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goeswith.results.reports import daily_sums
from goeswith.results.reports.feedback_tables import CACHE
from goeswith.results.reports.results_report import report_results

NAMES = st.sampled_from("abc")
HOURS = st.integers(0, 80)


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    """A line of few shoppers, products and answers, so that they meet; in any order of time."""
    hour = draw(HOURS)
    line: dict[str, Any] = {
        "timestamp": f"2026-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00.000+00:00",
        "event": draw(st.sampled_from(["answer", "impression", "click", "cart", "purchase"])),
        "user_id": draw(st.sampled_from(["u1", "u2", None])),
        "session_id": draw(st.sampled_from(["s1", "s2"])),
    }
    answer = draw(st.sampled_from([f"r{i}" for i in range(6)]))
    if line["event"] == "answer":
        products = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
        return line | {
            "recommendation_id": answer, "counted": "?", "source_id": draw(NAMES),
            "source_type": draw(st.sampled_from(["phone", None])), "products": products,
            "types": ["case"] * len(products), "models": ["ranker"] * len(products),
            "fallbacks": [False] * len(products), "rules": draw(st.sampled_from([None, ["x"]])),
            "variant": draw(st.sampled_from(["v", "holdout"])),
        }  # fmt: skip
    line["product_id"] = draw(NAMES)
    line["event_id"] = draw(st.sampled_from(["1", "2", "3", None]))
    if line["event"] in ("impression", "click"):
        return line | {"recommendation_id": answer}
    currency = draw(st.sampled_from(["EUR", "EUR", "USD"]))
    return line | {"price": 2.5, "quantity": draw(st.integers(1, 3)), "currency": currency}


ANSWER = {
    "timestamp": "2026-01-01T00:00:00.000+00:00", "event": "answer", "recommendation_id": "r0",
    "user_id": "u1", "source_id": "a", "source_type": "phone", "products": ["a", "b"],
    "types": ["case", "case"], "models": ["ranker", "ranker"], "fallbacks": [False, False],
}  # fmt: skip


def add(folder: Path, number: int, events: list[dict[str, Any]], counted: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"feedback-{number % 2}-1.jsonl").open("a") as file:
        for event in events:
            more = {"counted": counted} if event["event"] == "answer" else {}
            file.write(json.dumps(event | more) + "\n")


def figures(folder: Path) -> dict[str, Any]:
    report = asdict(report_results(folder))
    rows = {(by, row.pop("value")): row for by, all_ in report.pop("rows").items() for row in all_}
    return {str(key): row for key, row in rows.items()} | report


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(lines(), max_size=15), min_size=2, max_size=3), st.booleans())
def test_the_sums_are_those_of_the_complete_log(
    tmp_path: Path, batches: list[list[dict[str, Any]]], is_seen: bool
) -> None:
    folder, counted = tmp_path / "log", "seen" if is_seen else "sent"
    shutil.rmtree(folder, ignore_errors=True)
    add(folder, 0, [ANSWER], counted)
    figures(folder)
    for number, batch in enumerate(batches):
        add(folder, number, batch, counted)
        brought_up_to_date = figures(folder)
    shutil.rmtree(folder / CACHE)
    assert figures(folder) == brought_up_to_date


def test_only_days_with_something_new_are_summed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = []
    restrict = daily_sums._restrict_to_changed_days

    def record(db: Any, *given: Any) -> None:
        restrict(db, *given)
        days.append([str(day) for (day,) in db.execute("FROM days ORDER BY day").fetchall()])

    monkeypatch.setattr(daily_sums, "_restrict_to_changed_days", record)
    other = ANSWER | {"recommendation_id": "r1", "timestamp": "2026-01-05T00:00:00.000+00:00"}
    click = {
        "event": "click", "recommendation_id": "r0", "product_id": "a", "user_id": "u1",
        "timestamp": "2026-01-05T01:00:00.000+00:00",
    }  # fmt: skip
    buy = click | {"event": "purchase", "recommendation_id": None, "price": 1.0}
    for event in (ANSWER, other, click, buy):
        add(tmp_path, 0, [event], "sent")
        report = report_results(tmp_path)
    report_results(tmp_path)  # nothing is new
    # the new answer, the click of an older answer, the purchase after it
    assert days == [["2026-01-05"], ["2026-01-01"], ["2026-01-01"], []]
    assert [row["units"] for row in report.rows["day"]] == [1, 0]


def test_sums_of_other_settings_or_of_lines_that_are_gone_are_not_used(tmp_path: Path) -> None:
    add(tmp_path, 0, [ANSWER], "sent")
    add(tmp_path, 1, [ANSWER | {"recommendation_id": "r1"}], "sent")
    click = {"event": "click", "recommendation_id": "r1", "product_id": "a", "user_id": "u1",
             "timestamp": "2026-01-01T01:00:00.000+00:00"}  # fmt: skip
    buy = click | {"event": "purchase", "recommendation_id": None, "price": 1.0,
                   "timestamp": "2026-01-02T00:00:00.000+00:00"}  # fmt: skip
    add(tmp_path, 1, [click, buy], "sent")
    assert [report_results(tmp_path, window_hours=h).rows["all"][0]["units"] for h in (24, 2)] == [
        1,
        0,
    ]
    (tmp_path / "feedback-1-1.jsonl").unlink()
    assert report_results(tmp_path).rows["all"][0]["impressions"] == 2
