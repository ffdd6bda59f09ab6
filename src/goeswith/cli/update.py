"""`goeswith update`: new events and products into a bundle that is there."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    events: Path = typer.Argument(
        help="New events: a table as `events` of the data, or the folder of feedback that the "
        "service kept, of which what is new is counted."
    ),
    products: Path | None = typer.Option(
        None, help="New products, as `products` of the data; known ones stay as they are."
    ),
    again: bool = typer.Option(
        False, "--again", help="Count a file that is in the counts already once more."
    ),
) -> None:
    """Add the counts of new events, and answer everything anew, without a full fit.

    Until the new bundle is whole the one that was there answers, also when this run is killed.
    """
    from goeswith.cli.add import run_update

    run_update(bundle, events, products, again=again)
