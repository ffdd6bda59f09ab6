"""Every command: its help, and `-o` as the name of what it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from goeswith.cli.main import COMMANDS, app
from goeswith.cli.summaries import SUMMARIES

NOISE = re.compile(r"<\w+>|\b(TEXT|INTEGER|FLOAT|PATH|BOOLEAN|RANGE)\b")


def leaves(command: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that is no group, with its names."""
    if not hasattr(command, "list_commands"):
        yield names, command
        return
    for name in command.list_commands(None):
        yield from leaves(command.get_command(None, name), (*names, name))


ALL = dict(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_help_has_a_sentence_and_an_example_and_no_types(names: tuple[str, ...]) -> None:
    sentence, example, *_ = ALL[names].help.split("\n\n")
    assert re.fullmatch(r"[A-Z][^.]*\.", " ".join(sentence.split()))
    assert example.startswith(f"    goeswith {' '.join(names)}")
    run = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "100"})
    assert run.exit_code == 0
    assert example.split()[1] in run.output
    assert not NOISE.search(run.output), run.output


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_options_mean_the_same_everywhere(names: tuple[str, ...]) -> None:
    options = {option: one for one in ALL[names].params for option in one.opts}
    assert ("--out" in options) == ("-o" in options)
    if "--json" in options:
        assert options["--json"].is_flag
    assert ("--json" in options) or names in {("serve",), ("mcp",)}
    assert not {"--html", "--plot"} & options.keys()


def test_a_misspelled_command_is_answered_with_the_nearest() -> None:
    run = CliRunner().invoke(app, ["recomend"])
    assert run.exit_code == 2
    assert "Did you mean 'recommend'" in " ".join(run.output.split())


def test_the_list_of_commands_is_complete() -> None:
    run = CliRunner().invoke(app, ["--help"])
    assert all(name in run.output for name in COMMANDS)


def test_the_list_has_the_first_sentence_of_each_command() -> None:
    group: Any = typer.main.get_command(app)
    sentences = {
        name: " ".join(group.get_command(None, name).help.split("\n\n")[0].split())
        for name in COMMANDS
    }
    assert sentences == SUMMARIES, "copy the first sentence of the help to cli/summaries.py"
