"""What a learner counts of one shopper's impressions and clicks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from goeswith.data.catalog import Catalog
from goeswith.results.exploration.choice_probabilities import MIN_CLICKS
from goeswith.results.exploration.click_counts import read_click_counts
from goeswith.results.reports import impression_tables
from goeswith.results.reports.pair_feedback import read_pair_clicks

CATALOG = Catalog.from_records(
    [{"product_id": name, "type": kind} for name, kind in (("p", "phone"), ("a", "case"))]
)


def visits(user: str | None, day: int, count: int, source: str = "p") -> list[dict[str, Any]]:
    """Answers of the product a, each clicked and bought."""
    events = []
    for i in range(count):
        stamp = f"2026-01-{day:02d}T10:{i % 60:02d}:00+00:00"
        who = {"timestamp": stamp} | ({} if user is None else {"user_id": user})
        name = f"{user}-{day}-{source}-{i}"
        events += [
            {"event": "answer", "recommendation_id": name, "counted": "sent", "products": ["a"],
             "types": ["case"], "source_id": source, "source_type": "phone", **who},
            {"event": "click", "recommendation_id": name, "product_id": "a", **who},
            {"event": "purchase", "order_id": name, "product_id": "a", "price": 1, **who},
        ]  # fmt: skip
    return events


def store(folder: Path, events: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "feedback-a-1.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("user", ["u", None])
def test_a_pair_counts_once_a_day_for_a_shopper(tmp_path: Path, user: str | None) -> None:
    folder = store(tmp_path, visits(user, 1, 50) + visits("other", 1, 1))
    for by in ("product", "type", "source"):
        (found,) = read_click_counts(folder, by).counts.values()  # type: ignore[arg-type]
        assert found == (2, 2)
    pairs = read_pair_clicks(folder, CATALOG)
    assert pairs.clicks.tolist() == [2]
    assert pairs.attached.tolist() == [1 if user is None else 2]  # a purchase needs its shopper


def test_one_shopper_alone_makes_no_label(tmp_path: Path) -> None:
    events = [event for day in range(1, 20) for event in visits("u", day, 1)]
    folder = store(tmp_path, events + visits("u", 20, 1, source="q"))
    assert read_pair_clicks(folder, CATALOG).clicks.sum() <= impression_tables.MAX_OF_ARM
    clicks, _ = read_click_counts(folder).counts["phone", "a"]
    assert clicks <= 1 < MIN_CLICKS
    assert not read_pair_clicks(folder, CATALOG).labels().nnz


def test_a_shopper_counts_a_bounded_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impression_tables, "MAX_OF_SHOPPER", 3)
    answer = visits("u", 1, 1)[0] | {"products": [f"a{i}" for i in range(9)], "types": ["case"] * 9}
    folder = store(tmp_path, [answer])
    assert len(read_click_counts(folder).counts) == 3
