"""`goeswith add`: new products into a bundle that is there."""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import BundlePath, Json


def command(
    bundle: BundlePath,
    products: Annotated[
        Path,
        typer.Argument(
            metavar="PRODUCTS",
            help="New products: a table like `products` of the data; existing ones do not change.",
        ),
    ],
    json: Json = False,
) -> None:
    """Add products by their attributes: they get recommendations and are recommended for others.

        goeswith add bundle new_products.csv

    No model is trained. The current bundle is served until the new one is complete.
    """
    run_update(bundle, None, products, json=json)


def run_update(
    bundle: Path,
    events: Path | None,
    products: Path | None,
    *,
    again: bool = False,
    replace: bool = False,
    json: bool,
) -> None:
    """Update a bundle, and print a summary."""
    from goeswith.cli.output import Output, progress_bar
    from goeswith.pipeline.updates.update_bundle import update_bundle
    from goeswith.query.bundle import Bundle

    with progress_bar() as progress:
        summary = update_bundle(
            bundle, events, products, again=again, replace=replace, progress=progress
        )
    output = Output(json)
    output.rows_set_aside(summary.quarantine)
    parts = [f"{summary.events:,} events counted"] if events is not None else []
    if summary.skipped:
        parts.append(f"{summary.skipped:,} skipped that are already counted")
    if products is not None:
        parts.append(f"{summary.products:,} products added")
        if summary.existing:
            parts.append(f"{summary.existing:,} exist already and do not change")
        if summary.unused:
            parts.append(f"columns that the catalogue does not have: {', '.join(summary.unused)}")
    opened = Bundle.open(bundle)
    parts.append(f"{len(opened):,} products in the bundle")
    output.summary(
        {
            "bundle": str(bundle),
            "id": opened.id,
            "events": summary.events,
            "events_skipped": summary.skipped,
            "products_added": summary.products,
            "products_existing": summary.existing,
            "columns_unused": list(summary.unused),
            "products": len(opened),
            "notes": list(summary.notes),
        },
        f"{bundle}: {'; '.join(parts)}",
    )
    for note in summary.notes:
        output.say(f"note: {note}")
