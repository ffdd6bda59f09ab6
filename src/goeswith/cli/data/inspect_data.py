"""`goeswith data inspect`: how tables are read, with a proposal for the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from goeswith.cli.options import Config, Data, Json

if TYPE_CHECKING:
    from goeswith.data.mapping.proposal import Proposal


def inspect_data(data: Data, config: Config = None, json: Json = False) -> None:
    """Show how the tables of a folder are read, and propose settings for them.

        goeswith data inspect shop

    Prints each column with its meaning, the events, times, baskets and users, rows that are set
    aside, a sample of the events as they are read, a proposal for the section [data] of
    goeswith.toml, and why a load stops, if it does: then the exit code is 2. Changes nothing.
    """
    from goeswith.cli.output import Output, progress_bar
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.data.mapping.proposal import propose_settings
    from goeswith.settings.project_file import load_settings

    settings = load_settings(config)
    with progress_bar() as progress:
        progress(0, 1, f"reading {data}")
        proposal = propose_settings(data, settings.data)
    output = Output(json)
    columns = _columns(proposal)
    sample = proposal.sample()
    loaded = proposal.data
    document: dict[str, Any] = {
        "columns": columns,
        "load": None if loaded is None else loaded.report.to_dict(),
        "set_aside": [] if loaded is None else loaded.quarantine.counts().to_dicts(),
        "sample": sample,
        "problems": proposal.problems,
        "settings": proposal.settings,
    }
    headings = [Column("table"), Column("file", drop=1), Column("column")]
    read_as = Column("read as", lambda record: record["read_as"])
    table = Table(f"Columns of {data}", columns, [*headings, read_as])
    output.result(table, document)
    if not json:
        if loaded is not None:
            output.load(loaded)
        output.aside(Table("Events as they are read", sample))
        output.say("Proposal for goeswith.toml:\n")
        output.say(proposal.settings)
        for problem in proposal.problems:
            output.say(f"a load stops here: {problem}")
    if proposal.problems:
        raise typer.Exit(2)


def _columns(proposal: Proposal) -> list[dict[str, str]]:
    """Every column of every file with what it is read as."""
    records = []
    for table, mappings in proposal.columns.items():
        for mapping in mappings:
            doubts = {name: ours for ours, names in mapping.lookalikes.items() for name in names}
            entries = [(theirs, ours) for ours, theirs in mapping.columns.items()]
            rest = "an attribute" if table == "products" else "not read"
            entries += [
                (name, f"not clear: {doubts[name]}?" if name in doubts else rest)
                for name in mapping.unused
            ]
            records += [
                {"table": table, "file": mapping.file, "column": theirs, "read_as": ours}
                for theirs, ours in entries
            ]
    return records
