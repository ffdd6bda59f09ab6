"""`goeswith update`: new events and products into a bundle that is there."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    events: Path = typer.Argument(
        help="New events: a table like `events` of the data, or the feedback folder of the "
        "service, of which new lines are counted."
    ),
    products: Path | None = typer.Option(
        None, help="New products: a table like `products` of the data; existing ones do not change."
    ),
    again: bool = typer.Option(
        False, "--again", help="Count a file that is in the counts already once more."
    ),
) -> None:
    """Add the counts of new events, and answer everything anew, without a full fit.

    The current bundle is served until the new one is complete, even if this run is killed.
    """
    from goeswith.cli.add import run_update

    run_update(bundle, events, products, again=again)
