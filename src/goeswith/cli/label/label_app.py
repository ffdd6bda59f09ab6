"""`goeswith label`: people label recommendations, for the protocol `judged`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import typer

from goeswith.cli.label import label_commands
from goeswith.cli.plain_help import PlainCommand, PlainGroup

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Label recommendations: a sample for people to fill in, and the table for "
    "`goeswith benchmark --protocol judged`.",
)

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "sample": label_commands.sample,
    "read": label_commands.read,
}
for name, function in _COMMANDS.items():
    app.command(name, cls=PlainCommand)(function)
