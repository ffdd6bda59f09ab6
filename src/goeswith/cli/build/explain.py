"""`goeswith explain`: a sentence for shoppers with the first recommendations of every product."""

from typing import Annotated

import typer

from goeswith.cli.options import BundlePath, Json


def command(
    bundle: BundlePath,
    by: Annotated[
        str,
        typer.Option(
            metavar="WRITER",
            help="Writer: template; the folder or hub id of a language model; or the address of "
            "an OpenAI-compatible service, such as http://localhost:8080/v1.",
        ),
    ] = "template",
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the model at that service."),
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, metavar="N", help="Recommendations per product to explain.")
    ] = 3,
    tries: Annotated[
        int,
        typer.Option(min=1, max=10, metavar="N", help="Maximum number of attempts of a model."),
    ] = 3,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of sentences that a local model samples.")
    ] = 0,
    json: Json = False,
) -> None:
    """Write explanations of the first recommendations of each product into the bundle.

        goeswith explain bundle --top 3

    Each sentence of a model is checked against catalogue and evidence; an unsupported sentence is
    generated again, and finally replaced by a template. An interrupted run can be resumed, and the
    bundle does not change until all sentences are written.
    """
    from goeswith.cli.output import Output, progress_bar
    from goeswith.pipeline.explanation_writer import explain_bundle
    from goeswith.text.explainers import make_explainer

    explainer = make_explainer(by, model, tries=tries, seed=seed)
    with progress_bar() as progress:
        done = explain_bundle(bundle, explainer, top, progress)
    written = ", ".join(f"{count:,} by {name}" for name, count in sorted(done.by.items()))
    resumed = f"; {done.resumed:,} products from the run before" if done.resumed else ""
    output = Output(json)
    output.summary(
        {
            "bundle": str(bundle),
            "pairs": done.pairs,
            "by": dict(done.by),
            "refused": dict(done.refused),
            "resumed_products": done.resumed,
        },
        f"{bundle}: {done.pairs:,} recommendations explained: {written or 'none'}{resumed}",
    )
    if done.refused:
        kinds = ", ".join(f"{count:,} for {kind}" for kind, count in sorted(done.refused.items()))
        output.say(f"pairs with a refused sentence: {kinds}")
