"""Where results and words go: a terminal, a pipe, JSON."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli import output
from goeswith.cli.main import app
from goeswith.core.progress import StageLines

BUNDLE_COMMANDS = [
    ("recommend", "phone-1"),
    ("search", "phone"),
    ("inspect",),
    ("doctor",),
]


def in_terminal(*arguments: object, columns: int) -> str:
    """What a process prints on a terminal, without styles."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "goeswith.cli.main", *map(str, arguments)],
        stdin=end,
        stdout=end,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"COLUMNS": str(columns), "TERM": "xterm"},
    )
    os.close(end)
    printed = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while part := os.read(terminal, 65536):
            printed += part
    assert process.wait() == 0
    return re.sub(r"\x1b\[[\d;]*m", "", printed.decode()).replace("\r\n", "\n")


def test_a_terminal_gets_a_table_of_its_width(shop_bundle: Path) -> None:
    shown = in_terminal("recommend", shop_bundle, "phone-1", columns=80)
    assert "Recommended with phone-1 (Phone 1)" in shown
    assert "\t" not in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize("command", BUNDLE_COMMANDS, ids=lambda words: words[0])
def test_a_pipe_gets_one_table(shop_bundle: Path, command: tuple[str, ...]) -> None:
    name, *rest = command
    run = CliRunner().invoke(app, [name, str(shop_bundle), *rest])
    assert run.exit_code == 0, run.output
    header, *lines = run.stdout.splitlines()
    assert lines
    assert {line.count("\t") for line in lines} == {header.count("\t")}
    assert header.count("\t") >= 2


@pytest.mark.parametrize("command", BUNDLE_COMMANDS, ids=lambda words: words[0])
def test_json_is_all_of_stdout(shop_bundle: Path, command: tuple[str, ...]) -> None:
    name, *rest = command
    run = CliRunner().invoke(app, [name, str(shop_bundle), *rest, "--json"])
    assert run.exit_code == 0, run.output
    assert isinstance(json.loads(run.stdout), dict)


def test_models_and_settings_are_listed_in_a_pipe_and_as_json() -> None:
    run = CliRunner().invoke(app, ["models"])
    assert run.stdout.splitlines()[0] == "name\trecommends\tneeds\tsummary"
    document = json.loads(CliRunner().invoke(app, ["models", "--json"]).stdout)
    assert all(model["settings"] or model["name"] for model in document["models"])
    run = CliRunner().invoke(app, ["relevance", "settings"])
    assert "epochs\t" in run.stdout
    settings = json.loads(CliRunner().invoke(app, ["config", "--all", "--json"]).stdout)
    assert settings["serve"]["port"]["default"] == 8000
    assert "models.ease" in settings


def test_stages_are_lines_and_few() -> None:
    lines: list[str] = []
    with StageLines(lines.append, seconds=60) as stages:
        for done in range(100):
            stages.step(done, 100, f"stage {done // 10}")
    assert len(lines) == 2
    assert re.fullmatch(r"stage 0, 0/100, 0\.\d s", lines[0])
    assert re.fullmatch(r"finished, \d+\.\d s", lines[1])


def test_a_stage_that_makes_no_calls_is_written_all_the_same() -> None:
    from threading import Event

    written = Event()
    lines: list[str] = []

    def write(line: str) -> None:
        lines.append(line)
        if "second" in line:
            written.set()

    with StageLines(write, seconds=0.05) as stages:
        stages.step(0, 1, "first")
        stages.step(0, 1, "second")
        assert written.wait(10)
    assert lines[0].startswith("first, ")  # of one step, no count
    assert lines[1].startswith("second, ")


def test_the_command_is_named_as_it_was_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / ".venv" / "bin" / "goeswith"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", "/usr/bin")
    assert output.command_name() == ".venv/bin/goeswith"
    monkeypatch.setenv("PATH", str(script.parent))
    assert output.command_name() == "goeswith"
