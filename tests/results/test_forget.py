"""Removal of shoppers and old lines from the feedback log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError
from goeswith.results.reports.forget import forget
from goeswith.serve.feedback_log import FeedbackLog

LINES = [
    {"timestamp": "2026-01-01T10:00:00.000+00:00", "user_id": "u1", "event": "answer"},
    {"timestamp": "2026-01-02T10:00:00.000+00:00", "user_id": "u2", "event": "click"},
    {"timestamp": "2026-01-03T10:00:00.000+00:00", "session_id": "u1", "event": "click"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    (tmp_path / "feedback-a-1.jsonl").write_text(text)
    (tmp_path / "feedback-b-2.jsonl").write_text(json.dumps(LINES[0]) + "\n")
    (tmp_path / ".results").mkdir()
    (tmp_path / ".results" / "feedback-a-1-99.parquet").write_text("parsed")
    return tmp_path


def left(folder: Path) -> list[str]:
    return [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().split()]


def test_a_shopper_leaves_every_file_and_what_was_parsed(folder: Path) -> None:
    run = CliRunner().invoke(app, ["forget", str(folder), "--user", "u1", "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["removed"] == 3
    assert "u1" not in "".join(left(folder))
    assert "u2" in "".join(left(folder))
    assert not (folder / ".results").exists()
    assert len(list(folder.glob("*.jsonl"))) == 1


def test_old_lines_leave_by_the_day_they_arrived(folder: Path) -> None:
    result = CliRunner().invoke(app, ["forget", str(folder), "--before", "2026-01-02"])
    assert result.exit_code == 0
    assert "2026-01-01" not in "".join(left(folder))
    assert "2026-01-02" in "".join(left(folder))


def test_the_file_of_a_running_service_is_unchanged_and_named(folder: Path) -> None:
    async def run() -> None:
        log = FeedbackLog(folder, 10**9)
        await log.append([{"user_id": "u1"}])
        result = forget(folder, user="u1")
        assert (result.removed, result.in_use) == (3, [log.path.name])
        assert "u1" in log.path.read_text()
        await log.close()

    asyncio.run(run())


def test_wrong_input_is_refused(folder: Path, tmp_path: Path) -> None:
    for arguments in ([], ["--user", "a", "--before", "2026-01-02"], ["--before", "yesterday"]):
        run = CliRunner().invoke(app, ["forget", str(folder), *arguments])
        assert isinstance(run.exception, ConfigError)
    with pytest.raises(DataError, match=r"serve\.feedback"):
        forget(tmp_path / ".results", user="a")
