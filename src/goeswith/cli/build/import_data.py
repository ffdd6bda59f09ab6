"""`goeswith import`: a public format in, a folder of tables out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from goeswith.cli.options import Json
from goeswith.data.importers import FORMATS

if TYPE_CHECKING:
    from goeswith.data.quarantine import Quarantine


_OUTCOMES: Final = {(True, False): "expected", (False, True): "value dropped"}
"""Of rows set aside: (expected in the format, stays without one value) -> word for it."""


def command(
    name: Annotated[
        str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(sorted(FORMATS))}.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="The folder to write.")
    ],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SOURCE...", help="Files or folders of that format."),
    ] = None,
    max_bad_share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Stop when more than this share of a file's rows is unusable [0.05].",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Turn exports of a shop or a public data set into tables that every other command reads.

        goeswith import shopify orders_export.csv products_export.csv -o shop

    Writes products, events and relations, those that the format has, and quarantine.parquet: every
    row set aside with its file, its number and the reason.
    """
    from goeswith.cli.output import Output, progress_bar
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.data.importers.run_importer import import_tables
    from goeswith.settings.project_file import load_settings

    config = load_settings(None).data
    if max_bad_share is None:
        max_bad_share = config.max_bad_share
    with progress_bar() as step:

        def progress(what: str, share: float) -> None:
            step(round(1000 * share), 1000, what)

        imported = import_tables(name, sources or [], out, max_bad_share, progress, config.ignore)
    records = _read_records(imported.quarantine)
    columns = [
        Column("file"),
        Column("outcome", min_width=8),
        Column("reason", min_width=20),
        Column("example", lambda record: str(record["example"] or "")[:40], drop=1),
        Column("rows"),
        Column("share", lambda r: f"{r['share']:.2%}", is_figure=True),
    ]
    output = Output(json)
    output.result(
        Table("Rows read and rows set aside", records, columns),
        {
            "folder": str(imported.folder),
            "tables": imported.rows,
            "rows": records,
            "notes": imported.quarantine.notes,
        },
    )
    for note in imported.quarantine.notes:
        output.say(f"note: {note}")
    for table, rows in imported.rows.items():
        output.say(f"{imported.folder / table}.parquet: {rows:,} rows")
    aside = imported.folder / "quarantine.parquet"
    output.say(f"{aside}: every row set aside, with its number and the reason")


def _read_records(quarantine: Quarantine) -> list[dict[str, Any]]:
    """Of every file: rows read, rows set aside by reason, rows used."""
    records: list[dict[str, Any]] = []
    counts = quarantine.counts().to_dicts()
    for file in quarantine.files:
        read, lost = quarantine.rows_read(file), quarantine.rows_removed(file)
        blank = {"file": file, "reason": None, "example": None}
        records.append({**blank, "outcome": "read", "rows": read, "share": 1.0})
        for row in counts:
            if row["file"] == file:
                outcome = _OUTCOMES.get((row["expected"], row["kept"]), "bad")
                shown = {key: row[key] for key in ("file", "reason", "example", "rows", "share")}
                records.append({**shown, "outcome": outcome})
        used = {"rows": read - lost, "share": 1 - lost / max(read, 1)}
        records.append({**blank, "outcome": "used", **used})
    order = ("file", "outcome", "reason", "example", "rows", "share")
    return [{key: record[key] for key in order} for record in records]
