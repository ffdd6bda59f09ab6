"""`goeswith rules`: what a shop decides about its recommendations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import typer

from goeswith.cli.plain_help import PlainCommand, PlainGroup
from goeswith.cli.shop import rule_commands

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Rules of a shop: ban, pin, boost, bury and limit recommendations, with history and undo.",
)

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "list": rule_commands.list_rules,
    "add": rule_commands.add,
    "set": rule_commands.set_rules,
    "remove": rule_commands.remove,
    "check": rule_commands.check,
    "preview": rule_commands.preview,
    "history": rule_commands.history,
    "undo": rule_commands.undo,
}
for name, function in _COMMANDS.items():
    app.command(name, cls=PlainCommand)(function)
