"""`goeswith data pull`: tables out of a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goeswith.cli.options import Json


def pull_tables(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar="GOESWITH_DATABASE",
            help="sqlite:///FILE, duckdb:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="The folder of tables to write.")
    ],
    events: Annotated[
        str | None, typer.Option(metavar="SQL", help="A table or a query of events.")
    ] = None,
    products: Annotated[
        str | None, typer.Option(metavar="SQL", help="A table or a query of products.")
    ] = None,
    watermark: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="A column of the events that grows: read only rows from its last value on.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Read tables of a database into a folder, without changing the database.

        goeswith data pull postgresql://reader@db/shop --events order_lines -o shop

    With --watermark, each call adds the new events as a part, which `goeswith update` takes.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.core.errors import ConfigError
    from goeswith.data.sources.database import pull_table

    sources = {"products": products, "events": events}
    if not any(sources.values()):
        raise ConfigError("give --events or --products: a table or a query of the database")
    records: list[dict[str, Any]] = []
    for table, source in sources.items():
        if source:
            column = watermark if table == "events" else None
            pulled = pull_table(url, source, table, out, column)
            path = str(pulled.path) if pulled.path else None
            records.append(
                {"table": table, "file": path, "rows": pulled.rows, "watermark": pulled.watermark}
            )
    columns = [Column("table"), Column("file"), Column("rows"), Column("watermark")]
    Output(json).result(Table("Rows read from the database", records, columns), {"tables": records})
