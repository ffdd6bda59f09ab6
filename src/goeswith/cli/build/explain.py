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
    top: int = typer.Option(3, min=1, help="Recommendations per product to explain."),
    tries: int = typer.Option(3, min=1, max=10, help="Maximum number of attempts of a model."),
    seed: int = typer.Option(0, help="Seed of sentences that a local model samples."),
) -> None:
    """Write explanations of the first recommendations of each product into the bundle.

    Each sentence of a model is checked against catalogue and evidence; an unsupported sentence is
    generated again, and finally replaced by a template. An interrupted run can be resumed, and the
    bundle does not change until all sentences are written.
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
