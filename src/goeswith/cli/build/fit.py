"""`goeswith fit`: from tables to a bundle."""

from enum import StrEnum
from pathlib import Path

import typer


class Budget(StrEnum):
    """Budgets of the ranker, as in the project file."""

    fast = "fast"
    balanced = "balanced"
    best = "best"


def command(
    data: Path = typer.Argument(help="Folder of tables: products and events or relations."),
    out: Path = typer.Option(help="The bundle's folder; an earlier bundle there is replaced."),
    config: Path | None = typer.Option(
        None, help="Project file; without it, goeswith.toml of the working folder, or defaults."
    ),
    model: str | None = typer.Option(
        None, help="The model that answers first, `name` or `name:key=value`; auto chooses."
    ),
    budget: Budget | None = typer.Option(
        None, help="What the default model may cost: balanced and best train with torch."
    ),
) -> None:
    """Learn what goes with what and leave a bundle that answers.

    The current bundle is served until the new one is complete, even if this run is killed.
    """
    from goeswith.cli.output import console, progress_bar, records_table
    from goeswith.data.folder import load_data
    from goeswith.models import MODELS, make_model
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.query.bundle import Bundle
    from goeswith.settings.project_file import load_settings
    from goeswith.settings.sections import AUTO

    settings = load_settings(config)
    if model is not None and model != AUTO:
        MODELS.trust(model)
        make_model(model, settings.models)  # an invalid name fails before the data are read
    overrides = {"model": model, "budget": budget and budget.value}
    fit = settings.fit.model_copy(update={k: v for k, v in overrides.items() if v is not None})
    settings = settings.model_copy(update={"fit": fit})
    with progress_bar() as progress:
        progress(0, 1, f"reading {data}")
        dataset = load_data(data, settings.data.max_bad_share)
        fit_bundle(dataset, out, settings, progress=progress)
    screen = console()
    aside = dataset.quarantine.counts().to_dicts()
    if aside:
        screen.print(records_table("Rows set aside", aside))
    bundle = Bundle.open(out)
    for note in bundle.manifest["mining_notes"]:
        screen.print(note, markup=False, soft_wrap=True)
    health = bundle.manifest["health"]
    for spec, reason in health["left_out"].items():
        screen.print(f"fallback {spec} left out: {reason}", markup=False)
    firsts = ", ".join(
        f"{count:,} by {name}" for name, count in health["products_first_answered"].items()
    )
    screen.print(
        f"{out}: {len(bundle):,} products, {bundle.k} answers each; answered first: {firsts}",
        markup=False,
    )
    if bundle.session_model is not None:
        screen.print(f"next in a session: {bundle.session_model}", markup=False)
    else:
        why_not = bundle.manifest["session"]["why_not"]
        screen.print(f"next-product model: none: {why_not}", markup=False)
    screen.print(
        f"try: goeswith recommend {out} {bundle.products.ids[0]!r}", markup=False, soft_wrap=True
    )
