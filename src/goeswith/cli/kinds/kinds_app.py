"""`goeswith kinds`: the table of product kinds, and what a shop makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import typer

from goeswith.cli.kinds import kind_tables, shop_kinds
from goeswith.cli.plain_help import PlainCommand, PlainGroup

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Product kinds: which kinds go together by the open table, and the kind of a title.",
)

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "list": kind_tables.list_kinds,
    "show": kind_tables.show,
    "search": kind_tables.search,
    "explain": kind_tables.explain,
    "map": shop_kinds.map_types,
    "learn": shop_kinds.learn,
    "check": kind_tables.check,
}
for name, function in _COMMANDS.items():
    app.command(name, cls=PlainCommand)(function)
