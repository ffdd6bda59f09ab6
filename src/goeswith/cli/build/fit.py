"""`goeswith fit`: from tables to a bundle."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import Config, Data, Json, Replace


class Budget(StrEnum):
    """Budgets of the ranker, as in the project file."""

    fast = "fast"
    balanced = "balanced"
    best = "best"


def command(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="BUNDLE",
            help="The bundle's folder; an earlier bundle there is replaced.",
        ),
    ],
    config: Config = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The first model, `name` or `name:key=value`; auto chooses. `goeswith models "
            "--json` prints the settings of each.",
        ),
    ] = None,
    budget: Annotated[
        Budget | None,
        typer.Option(
            metavar="fast|balanced|best",
            help="Cost of the default model: balanced and best train with torch.",
        ),
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(
            metavar="PART,...",
            help="Parts that are left out, so that the fit takes less time: session, reverse, "
            "similars, search.",
        ),
    ] = None,
    replace: Replace = False,
    json: Json = False,
) -> None:
    """Train models of complements, and write a bundle that can be queried and served.

        goeswith fit shop -o bundle

    The current bundle is served until the new one is complete, even if this run is killed. It stays
    if the new one has no recommendations, or much fewer events or recommendations.
    """
    from goeswith.cli.output import Output, progress_bar
    from goeswith.data.folder import load_data
    from goeswith.models import MODELS, make_model
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.query.bundle import Bundle
    from goeswith.settings.project_file import load_settings
    from goeswith.settings.sections import AUTO, bundle_parts
    from goeswith.store.publish_check import BuildStatistics

    settings = load_settings(config)
    if model is not None and model != AUTO:
        MODELS.trust(model)
        make_model(model, settings.models)  # an invalid name fails before the data are read
    parts = None if without is None else bundle_parts(without)
    overrides = {"model": model, "budget": budget and budget.value, "without": parts}
    fit = settings.fit.model_copy(update={k: v for k, v in overrides.items() if v is not None})
    settings = settings.model_copy(update={"fit": fit})
    with progress_bar() as progress:
        progress(0, 1, f"reading {data}")
        dataset = load_data(data, settings=settings.data)
        fit_bundle(dataset, out, settings, progress=progress, replace=replace)
    output = Output(json)
    output.load(dataset)
    bundle = Bundle.open(out)
    manifest, health = bundle.manifest, bundle.manifest["health"]
    for note in manifest["mining_notes"]:
        output.say(note)
    for spec, reason in health["left_out"].items():
        output.say(f"fallback {spec} left out: {reason}")
    first = health["products_first_answered"]
    counts = ", ".join(f"{count:,} by {name}" for name, count in first.items())
    found = BuildStatistics.from_manifest(manifest)
    answered, recommendations = found.answered or 0, found.recommendations or 0
    output.summary(
        {
            "bundle": str(out),
            "id": bundle.id,
            "products": len(bundle),
            "k": bundle.k,
            "products_with_recommendations": answered,
            "recommendations": recommendations,
            "first_answered": first,
            "left_out": health["left_out"],
            "session_model": bundle.session_model,
            "notes": manifest["mining_notes"],
            **({"load": dataset.report.to_dict()} if json else {}),
        },
        f"{out}: {len(bundle):,} products, {answered:,} with recommendations, on average "
        f"{recommendations / max(answered, 1):.1f} of at most {bundle.k}; first model: {counts}",
    )
    if bundle.session_model is not None:
        output.say(f"next-product model: {bundle.session_model}")
    else:
        output.say(f"next-product model: none: {manifest['session']['why_not']}")
    shoppers = manifest["shoppers"]
    if shoppers["model"] is not None:
        kept = "the bundle" if shoppers["key"] == "bundle" else shoppers["key"]
        output.say(
            f"next-basket model: {shoppers['model']}, with the histories of "
            f"{shoppers['shoppers']:,} shoppers; their ids are hashed with the key in {kept}"
        )
    ids = bundle.products.ids
    named = (ids[row] for row in range(len(ids)))
    example = next((name for name in named if bundle.lookup(name, 1)), ids[0])
    output.say(f"try: goeswith recommend {out} {example!r}")
