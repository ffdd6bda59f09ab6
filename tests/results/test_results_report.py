"""The report of a small log, against figures counted by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import DataError
from goeswith.results.reports import feedback_tables
from goeswith.results.reports.feedback_tables import CACHE
from goeswith.results.reports.results_page import results_html
from goeswith.results.reports.results_report import report_results, wilson


def answer(
    name: str, unit: str, products: list[str], at: str = "2026-01-01T10:00:00", **more: Any
) -> dict[str, Any]:
    return {
        "event": "answer",
        "timestamp": f"{at}.000+00:00",
        "recommendation_id": name,
        "counted": "sent",
        "source_id": "phone",
        "source_type": "phone",
        "user_id": unit,
        "products": products,
        "types": ["case"] * len(products),
        "models": ["ranker", "popularity"][: len(products)],
        "fallbacks": [False, True][: len(products)],
        **more,
    }


def event(kind: str, product: str, unit: str, at: str, **more: Any) -> dict[str, Any]:
    stamp = f"2026-01-{at}:00.000+00:00"
    return {"event": kind, "product_id": product, "user_id": unit, "timestamp": stamp, **more}


BUY = {"price": 5.0, "currency": "EUR"}
LOG = [
    answer("r1", "u1", ["a", "b"], market="de", rules=["summer"]),
    answer("r2", "u2", ["a", "b"]),
    answer("r3", "u1", ["a", "c"], "2026-01-02T10:00:00"),
    event("click", "a", "u1", "01T10:05", recommendation_id="r1", event_id="1"),
    event("click", "a", "u1", "01T10:06", recommendation_id="r1", event_id="1"),  # sent twice
    event("click", "a", "u1", "01T10:07", recommendation_id="r1", event_id="2"),  # a second click
    event("click", "b", "u2", "01T10:05", recommendation_id="r2", event_id="3"),
    event("click", "c", "u9", "01T10:05", event_id="4"),  # without an answer
    event("cart", "a", "u1", "01T11:00", event_id="5"),
    event("purchase", "a", "u1", "01T12:00", quantity=2, order_id="o1", event_id="6", **BUY),
    event("purchase", "phone", "u1", "01T12:00", order_id="o1", event_id="7", **BUY),
    event("purchase", "b", "u2", "03T12:00", event_id="8", **BUY),  # after the window
    event("purchase", "a", "u2", "01T12:00", event_id="9", **BUY),  # not clicked
    event("purchase", "phone", "u2", "01T12:00", order_id="o2", event_id="10", **BUY),
    # sent late: it happened within the window
    event("purchase", "b", "u2", "09T12:00", event_id="11", price=7.0, currency="USD",
          occurred_at="2026-01-01T13:00:00Z"),
]  # fmt: skip


def write(folder: Path, lines: list[dict[str, Any]], name: str = "feedback-a-1.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_figures_are_those_counted_by_hand(tmp_path: Path) -> None:
    report = report_results(write(tmp_path, LOG))
    (total,) = report.rows["all"]
    assert {name: total[name] for name in ("impressions", "clicks", "carts", "units")} == {
        "impressions": 6,
        "clicks": 2,
        "carts": 1,
        "units": 3,
    }
    assert total["revenue"] == 10  # the euros alone
    assert report.currency == "EUR"
    assert [(row["value"], row["impressions"]) for row in report.rows["day"]] == [
        ("2026-01-01", 4),
        ("2026-01-02", 2),
    ]
    by_rank = {row["value"]: row["clicks"] for row in report.rows["rank"]}
    assert by_rank == {"1": 1, "2": 1}
    assert {row["value"]: row["impressions"] for row in report.rows["rule"]} == {"summer": 2}
    assert {row["value"]: row["impressions"] for row in report.rows["market"]} == {"": 4, "de": 2}
    assert [row["value"] for row in report.rows["model"]] == ["popularity", "ranker"]
    # both orders hold the phone; the first one also a case that was shown with it
    assert (report.attach["orders"], report.attach["attached"]) == (2, 1)
    assert report.notes == [
        "1 clicks without a recommendation_id are left out",
        "1 purchases in USD count as units, not as revenue",
    ]


def test_the_last_view_gets_what_was_not_clicked(tmp_path: Path) -> None:
    report = report_results(write(tmp_path, LOG), touch="view")
    assert report.rows["all"][0]["units"] == 4
    assert report_results(tmp_path, touch="view", window_hours=72).rows["all"][0]["units"] == 5


def test_seen_counts_what_the_shop_says_was_seen(tmp_path: Path) -> None:
    log = [{**line, "counted": "seen"} if line["event"] == "answer" else line for line in LOG]
    seen = event("impression", "b", "u1", "01T10:01", recommendation_id="r1", event_id="12")
    report = report_results(write(tmp_path, [*log, seen, {**seen, "event_id": "13"}]))
    assert report.rows["all"][0]["impressions"] == 3  # and two that were clicked


def test_later_lines_and_files_are_added_and_each_line_is_parsed_once(tmp_path: Path) -> None:
    write(tmp_path, LOG[:5])
    report_results(tmp_path)
    parsed = {path.name: path.stat().st_mtime_ns for path in (tmp_path / CACHE).iterdir()}
    write(tmp_path, LOG[5:], "feedback-b-2.jsonl")
    report = report_results(tmp_path)
    assert report.rows["all"][0]["units"] == 3
    left = {path.name: path.stat().st_mtime_ns for path in (tmp_path / CACHE).iterdir()}
    assert parsed.items() <= left.items()
    with (tmp_path / "feedback-b-2.jsonl").open("a") as file:
        file.write(json.dumps(answer("r4", "u4", ["a"])) + '\n{"half')
    report = report_results(tmp_path)
    assert report.rows["all"][0]["impressions"] == 7
    assert "1 files end in a line that is being written; the next report reads it" in report.notes
    again = {path.name: path.stat().st_mtime_ns for path in (tmp_path / CACHE).iterdir()}
    assert left.items() < again.items()
    with (tmp_path / "feedback-b-2.jsonl").open("a") as file:
        file.write('"\n')
    report = report_results(tmp_path)
    assert report.notes[0] == "1 lines that are not JSON are left out"


def test_a_line_that_is_added_while_a_file_is_parsed_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, LOG)
    before = report_results(tmp_path).rows["all"][0]["impressions"]
    rmtree(tmp_path / CACHE)
    digest = feedback_tables._digest

    def add_line(file: Any, end: int) -> str:
        with (tmp_path / "feedback-a-1.jsonl").open("a") as log:
            log.write(json.dumps(answer("added", "u9", ["a"])) + "\n")
        return digest(file, end)

    with monkeypatch.context() as patched:
        patched.setattr(feedback_tables, "_digest", add_line)
        assert report_results(tmp_path).rows["all"][0]["impressions"] == before
    assert report_results(tmp_path).rows["all"][0]["impressions"] == before + 1


def test_many_parts_of_a_file_become_one(tmp_path: Path) -> None:
    write(tmp_path, LOG[:1])
    for i in range(20):
        with (tmp_path / "feedback-a-1.jsonl").open("a") as file:
            file.write(json.dumps(answer(f"later{i}", "u", ["a"])) + "\n")
        assert report_results(tmp_path).rows["all"][0]["impressions"] == 3 + i
    for path in (tmp_path / CACHE).iterdir():
        os.utime(path, (0, 0))  # no report reads the parts any more
    write(tmp_path, LOG[1:], "feedback-b-2.jsonl")
    with (tmp_path / "feedback-a-1.jsonl").open("a") as file:
        file.write(json.dumps(answer("last", "u", ["a"])) + "\n")
    report = report_results(tmp_path)
    assert report.rows["all"][0]["impressions"] == 2 + 20 + 4 + 1
    assert len(list((tmp_path / CACHE).iterdir())) <= 3 * (16 + 1)


def test_the_holdout_group_says_how_much_is_added(tmp_path: Path) -> None:
    log = []
    for i in range(200):
        unit = f"u{i}"
        variant = "holdout" if i % 4 == 0 else "a"
        log.append(answer(f"r{i}", unit, ["a"], variant=variant))
        spent = 2.0 + i % 3 + (0 if variant == "holdout" else 1.5)
        buy = {"price": spent, "currency": "EUR", "event_id": str(i)}
        log.append(event("purchase", "z", unit, "01T12:00", **buy))
    found = report_results(write(tmp_path, log)).incremental
    assert found is not None
    assert (found["shoppers"], found["holdout_shoppers"]) == (150, 50)
    assert found["low"] < 1.5 < found["high"]
    assert found["incremental_per_shopper"] == pytest.approx(1.5, abs=0.1)


def test_a_log_without_answers_or_of_two_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"serve\.feedback"):
        report_results(tmp_path)
    with pytest.raises(DataError, match=r"serve\.exposures"):
        report_results(write(tmp_path, LOG[3:]))
    with pytest.raises(DataError, match="as sent and answers that count as seen"):
        report_results(write(tmp_path, [*LOG, answer("r9", "u9", ["a"], counted="seen")]))


def test_the_page_escapes_what_shoppers_and_catalogues_say(tmp_path: Path) -> None:
    hostile = answer("r1", "u1", ["a"], source_type="<script>alert(1)</script>")
    page = results_html(report_results(write(tmp_path, [hostile, *LOG[1:]])))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "</b> attach rate" in page


def test_the_command_prints_a_line_a_model_and_writes_the_page(tmp_path: Path) -> None:
    write(tmp_path, LOG)
    page = tmp_path / "page.html"
    run = CliRunner().invoke(app, ["results", str(tmp_path), "--by", "model", "-o", str(page)])
    assert run.exit_code == 0, run.output
    lines = run.stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["value", "popularity", "ranker"]
    assert "Attach rate: 50.0%" in run.stderr
    assert page.read_text().startswith("<!doctype html>")
    document = json.loads(CliRunner().invoke(app, ["results", str(tmp_path), "--json"]).stdout)
    assert document["rows"]["all"][0]["impressions"] == 6
    assert CliRunner().invoke(app, ["results", str(tmp_path), "--by", "colour"]).exit_code


def test_wilson_is_that_of_the_textbook() -> None:
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0, 1)
