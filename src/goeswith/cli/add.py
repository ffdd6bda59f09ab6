"""`goeswith add`: new products into a bundle that is there."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    products: Path = typer.Argument(
        help="New products, as `products` of the data; known ones stay as they are."
    ),
) -> None:
    """Add products by their attributes: they get answers and are proposed for others.

    No model is trained. Until the new bundle is whole the one that was there answers.
    """
    update_and_tell(bundle, None, products, again=False)


def update_and_tell(
    bundle: Path, events: Path | None, products: Path | None, *, again: bool
) -> None:
    """Update a bundle, and say what was done."""
    from goeswith.cli.output import console, progress_bar, records_table
    from goeswith.pipeline.update_bundle import update_bundle
    from goeswith.query.bundle import Bundle

    with progress_bar() as progress:
        done = update_bundle(bundle, events, products, again=again, progress=progress)
    screen = console()
    if done.quarantine:
        screen.print(records_table("Rows set aside", done.quarantine))
    told = [f"{done.events:,} events counted"] if events is not None else []
    if products is not None:
        told.append(f"{done.products:,} products added")
        if done.known:
            told.append(f"{done.known:,} were known and stay as they are")
        if done.unused:
            told.append(f"columns that the catalogue does not have: {', '.join(done.unused)}")
    opened = Bundle.open(bundle)
    told.append(f"{len(opened):,} products answer")
    screen.print(f"{bundle}: {'; '.join(told)}", markup=False, soft_wrap=True)
    for note in done.notes:
        screen.print(f"note: {note}", markup=False, soft_wrap=True)
