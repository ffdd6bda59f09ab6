"""`goeswith update`: new events and products into a bundle that is there."""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import BundlePath, Json, Replace


def command(
    bundle: BundlePath,
    events: Annotated[
        Path,
        typer.Argument(
            metavar="EVENTS",
            help="New events: a table like `events` of the data, or the feedback folder of the "
            "service, of which new lines are counted.",
        ),
    ],
    products: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="New products: a table like `products` of the data; existing ones do not change.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also count events that are already counted.")
    ] = False,
    replace: Replace = False,
    json: Json = False,
) -> None:
    """Add the counts of new events and compute new recommendations, without a full fit.

        goeswith update bundle new_events.csv

    The current bundle is served until the new one is complete, even if this run is killed.
    """
    from goeswith.cli.build.add import run_update

    run_update(bundle, events, products, again=again, replace=replace, json=json)
