"""`goeswith models`: the models there are, and what each needs."""

from goeswith.cli.options import Json


def command(json: Json = False) -> None:
    """List the models of complements, of the next product in a session, of the next basket.

        goeswith models

    `--json` adds the settings of each model. A model of your own is written `module:Class`; see
    docs/how-to/own-model.md.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.models.listing import list_models
    from goeswith.sequential import SESSION_MODELS, TRAINED
    from goeswith.shoppers import SHOPPER_MODELS

    models = [*list_models(), *list_models(SESSION_MODELS, TRAINED), *list_models(SHOPPER_MODELS)]
    columns = [
        Column("name", is_figure=False, min_width=20),
        Column("recommends", drop=2, min_width=13),
        Column("needs", lambda record: record["needs"] or "", drop=1, min_width=8),
        Column("summary", min_width=30),
    ]
    fields = [column.heading for column in columns]
    Output(json).result(Table("Models", models, columns, fields), {"models": models})
