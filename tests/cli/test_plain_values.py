"""Values of commands: the same ones, and the same errors, as typer reads them itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from goeswith.cli.plain_help import PlainCommand

CASES = [
    ["a"],
    ["a", "b c", "-k", "007", "--name", " x ", "--file", "./f"],
    ["a", "-k", "0"],
    ["a", "-k", "10"],
    ["a", "-k", "-3"],
    ["a", "-k", "five"],
    ["a", "-k", " 5"],
    ["a", "-k", "5.0"],
    ["a", "-k", "9" * 30],
    ["a", "-k", "٥"],
    ["a", "--free", "-12"],
    ["a", "--free", "12"],
    ["a", "--share", "0.5", "--yes"],
    ["a", "--share", "much"],
    ["a", "--each", "x", "--each", ""],
    ["--name", ""],
    [],
]


def run(command_class: Any, arguments: list[str]) -> tuple[int, str]:
    app = typer.Typer(rich_markup_mode=None)

    @app.command(cls=command_class)
    def command(  # noqa: PLR0917
        first: Annotated[str, typer.Argument()],
        rest: Annotated[list[str] | None, typer.Argument()] = None,
        k: Annotated[int | None, typer.Option("-k", min=1, max=9)] = None,
        free: Annotated[int, typer.Option()] = 3,
        share: Annotated[float, typer.Option(min=0, max=1)] = 0.25,
        name: Annotated[str, typer.Option()] = "auto",
        each: Annotated[list[str] | None, typer.Option()] = None,
        file: Annotated[Path | None, typer.Option()] = None,
        folder: Annotated[Path, typer.Option()] = Path("somewhere"),
        yes: Annotated[bool, typer.Option("--yes")] = False,
    ) -> None:
        typer.echo(repr((first, rest, k, free, share, name, each, file, folder, yes)))

    found = CliRunner().invoke(app, arguments)
    return found.exit_code, found.output


@pytest.mark.parametrize("arguments", CASES, ids=" ".join)
def test_values_and_errors_are_those_of_typer(arguments: list[str]) -> None:
    expected = run(typer.core.TyperCommand, arguments)
    code, output = run(PlainCommand, arguments)
    assert code == expected[0]
    if code:  # usage lines differ: they show no types
        assert output.splitlines()[-1] == expected[1].splitlines()[-1]
    else:
        assert output == expected[1]


def test_texts_and_whole_numbers_need_no_pydantic() -> None:
    code = (
        "import sys, typer\nfrom goeswith.cli.plain_help import PlainCommand\napp = typer.Typer()\n"
        "@app.command(cls=PlainCommand)\n"
        "def command(a: str, k: int = typer.Option(1, min=1)) -> None:\n    print(a, k)\n"
        "sys.argv = ['x', 'b', '--k', '4']\n"
        "try:\n    app()\nfinally:\n    print('pydantic' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.split() == ["b", "4", "False"]
