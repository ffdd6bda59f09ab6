"""`goeswith import`: a public format in, a folder of tables out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from goeswith.data.importers.run_importer import Imported


def command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="amazon, amazon-2014, amazon-m2, complete-journey, instacart, online-retail, "
            "recbole or retailrocket.",
        ),
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
        typer.Option(min=0, max=1, help="Stop past this share of bad rows in a file [0.05]."),
    ] = None,
) -> None:
    """Turn a public data set into a folder of tables that every other command reads.

    Writes products, events and relations, those that the format has, and quarantine.parquet: every
    row set aside with its file, its number and the reason.
    """
    from goeswith.cli.output import progress_bar
    from goeswith.data.importers.run_importer import import_tables
    from goeswith.settings.project_file import load_settings

    if max_bad_share is None:
        max_bad_share = load_settings(None).data.max_bad_share
    with progress_bar() as step:

        def progress(what: str, share: float) -> None:
            step(round(1000 * share), 1000, what)

        imported = import_tables(name, sources or [], out, max_bad_share, progress)
    _show(imported)


def _show(imported: Imported) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from goeswith.cli.output import console

    quarantine = imported.quarantine
    table = Table(box=box.SIMPLE, title="What was read and what was set aside")
    for heading in ("file", "what", "example"):
        table.add_column(heading, overflow="fold")
    for heading in ("rows", "share"):
        table.add_column(heading, justify="right")
    counts = quarantine.counts()
    for file in quarantine.files:
        read, lost = quarantine.read(file), quarantine.lost(file)
        table.add_row(escape(file), "read", "", f"{read:,}", "")
        for row in counts.rows(named=True):
            if row["file"] == file:
                kind = "" if row["expected"] or row["kept"] else "[red]bad: [/red]"
                share = f"{row['share']:.2%}"
                example = escape(str(row["example"] or "")[:40])
                table.add_row("", kind + escape(row["reason"]), example, f"{row['rows']:,}", share)
        table.add_row(
            "", "[bold]used[/bold]", "", f"{read - lost:,}", f"{1 - lost / max(read, 1):.2%}"
        )
        table.add_section()
    screen = console()
    screen.print(table)
    for name, rows in imported.rows.items():
        screen.print(escape(f"{imported.folder / name}.parquet: {rows:,} rows"))
    aside = imported.folder / "quarantine.parquet"
    screen.print(escape(f"{aside}: every row set aside, with its number and the reason"))
