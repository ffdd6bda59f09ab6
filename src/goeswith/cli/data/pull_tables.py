"""`goeswith data pull`: tables out of a database, a warehouse or an object store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goeswith.cli.options import Json

if TYPE_CHECKING:
    from goeswith.cli.output import Output


def pull_tables(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar="GOESWITH_DATABASE",
            help="A database (sqlite:///FILE, duckdb:///FILE, postgresql://..., mysql://..., "
            "bigquery://..., snowflake://...) or files (s3://, gs://, az://, https://).",
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
    """Read tables of a database, or files of a store, into a folder; the source does not change.

        goeswith data pull postgresql://reader@db/shop --events order_lines -o shop

    With --watermark, each call adds the new events as a part, which `goeswith update` takes. Of
    files, each call copies those that are new or changed.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.core.errors import ConfigError
    from goeswith.data.sources.database import check_address, pull_table
    from goeswith.data.sources.remote_files import is_remote

    sources = {"products": products, "events": events}
    if is_remote(url):
        if any(sources.values()) or watermark:
            raise ConfigError("--events, --products and --watermark are for databases")
        _copy_files(url, out, Output(json))
        return
    check_address(url)
    if not any(sources.values()):
        raise ConfigError("give --events or --products: a table or a query of the database")
    if watermark and not events:
        raise ConfigError("--watermark is for --events; give --events, or leave it out")
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
    output = Output(json)
    output.result(Table("Rows read from the database", records, columns), {"tables": records})
    for record in records:
        if not record["file"]:
            which = "new rows" if record["watermark"] is not None else "rows"
            output.say(f"note: there are no {which} of {record['table']}, so no file was written")


def _copy_files(url: str, out: Path, output: Output) -> None:
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.data.sources.remote_files import copy_remote

    records = [
        {"file": str(file.path), "bytes": file.size, "copied": file.copied}
        for file in copy_remote(url, out)
    ]
    columns = [Column("file"), Column("bytes"), Column("copied")]
    output.result(Table("Files of the store", records, columns), {"files": records})
