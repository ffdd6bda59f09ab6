"""`goeswith experiment`: what an experiment says today, and how large it has to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import typer

from goeswith.cli.measure import experiment_commands
from goeswith.cli.plain_help import PlainCommand, PlainGroup

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Experiments: compare variants on any day, and compute the number of shoppers needed.",
)

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "results": experiment_commands.results,
    "power": experiment_commands.power,
}
for name, function in _COMMANDS.items():
    app.command(name, cls=PlainCommand)(function)
