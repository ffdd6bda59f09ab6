"""`goeswith data`: what is in the tables of a shop, and how they are read."""

from __future__ import annotations

import typer

from goeswith.cli.data.inspect_data import inspect_data
from goeswith.cli.data.pull_tables import pull_tables
from goeswith.cli.plain_help import PlainCommand, PlainGroup

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="The tables of a shop: how they are read, and copies from databases and stores.",
)


@app.callback()
def data() -> None:
    """The tables of a shop: how they are read, and copies from databases and stores."""


app.command("inspect", cls=PlainCommand)(inspect_data)
app.command("pull", cls=PlainCommand)(pull_tables)
