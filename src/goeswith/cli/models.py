"""`goeswith models`: the models there are, and what each needs."""

import typer


def command(
    json: bool = typer.Option(False, "--json", help="Print JSON, with the settings of each."),
) -> None:
    """List the models: of complements, and of the next product in a session.

    A model of your own is written `module:Class`; see docs/how-to/own-model.md.
    """
    from goeswith.cli.output import console, records_table
    from goeswith.models.listing import list_models
    from goeswith.sequential import SESSION_MODELS, TRAINED

    records = [*list_models(), *list_models(SESSION_MODELS, TRAINED)]
    if json:
        from json import dumps

        typer.echo(dumps({"models": records}, indent=2))
        return
    shown = [
        {key: record[key] for key in ("name", "recommends", "needs", "summary")}
        for record in records
    ]
    console().print(records_table("Models", shown))
