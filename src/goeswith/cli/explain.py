"""`goeswith explain`: a sentence for shoppers with the first answers of every product."""

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A bundle that `goeswith fit` left."),
    by: str = typer.Option(
        "template",
        help="Who writes: template; a language model by folder or hub id; or the address of an "
        "OpenAI-compatible service, such as http://localhost:8080/v1.",
    ),
    model: str | None = typer.Option(None, help="The service's model, by its name there."),
    top: int = typer.Option(3, min=1, help="Answers of a product that are explained."),
    tries: int = typer.Option(3, min=1, max=10, help="How often a model is asked for a sentence."),
    seed: int = typer.Option(0, help="Of the sentences that a local model draws."),
) -> None:
    """Write why the first answers go with each product, and keep it in the bundle.

    Each sentence of a model is checked against catalogue and evidence; what they do not hold is
    asked for again, and then left to a template. A run that was interrupted goes on where it was,
    and the bundle answers as before until all is written.
    """
    from goeswith.cli.output import progress_bar
    from goeswith.pipeline.explanation_writer import explain_bundle
    from goeswith.text.explainers import make_explainer

    explainer = make_explainer(by, model, tries=tries, seed=seed)
    with progress_bar() as progress:
        done = explain_bundle(bundle, explainer, top, progress)
    written = ", ".join(f"{count:,} by {name}" for name, count in sorted(done.by.items()))
    resumed = f"; {done.resumed:,} products from the run before" if done.resumed else ""
    typer.echo(f"{bundle}: {done.pairs:,} answers explained: {written or 'none'}{resumed}")
    if done.refused:
        kinds = ", ".join(f"{count:,} for {kind}" for kind, count in sorted(done.refused.items()))
        typer.echo(f"pairs of which a sentence was refused: {kinds}")
