"""`goeswith add`: new products into a bundle that is there."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    products: Path = typer.Argument(
        help="New products: a table like `products` of the data; existing ones do not change."
    ),
) -> None:
    """Add products by their attributes: they get answers and are proposed for others.

    No model is trained. The current bundle is served until the new one is complete.
    """
    run_update(bundle, None, products, again=False)


def run_update(bundle: Path, events: Path | None, products: Path | None, *, again: bool) -> None:
    """Update a bundle, and print a summary."""
    from goeswith.cli.output import console, progress_bar, records_table
    from goeswith.pipeline.update_bundle import update_bundle
    from goeswith.query.bundle import Bundle

    with progress_bar() as progress:
        summary = update_bundle(bundle, events, products, again=again, progress=progress)
    screen = console()
    if summary.quarantine:
        screen.print(records_table("Rows set aside", summary.quarantine))
    parts = [f"{summary.events:,} events counted"] if events is not None else []
    if products is not None:
        parts.append(f"{summary.products:,} products added")
        if summary.existing:
            parts.append(f"{summary.existing:,} exist already and do not change")
        if summary.unused:
            parts.append(f"columns that the catalogue does not have: {', '.join(summary.unused)}")
    opened = Bundle.open(bundle)
    parts.append(f"{len(opened):,} products answer")
    screen.print(f"{bundle}: {'; '.join(parts)}", markup=False, soft_wrap=True)
    for note in summary.notes:
        screen.print(f"note: {note}", markup=False, soft_wrap=True)
