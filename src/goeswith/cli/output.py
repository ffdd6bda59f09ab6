"""What a command prints: a result on stdout, words beside it, progress on stderr.

A terminal gets tables and sentences. Where stdout is a pipe or a file, it gets the result alone,
as one table of tab-separated values, and everything else goes to stderr. `--json` prints the result
as one JSON document, wherever stdout goes.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from goeswith.cli.terminal_table import Column, Record, Table, draw, write_tsv
from goeswith.core.printable import json_printable, printable
from goeswith.core.progress import StageLines, StepProgress

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.data.quarantine import Quarantine


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    >>> plural(1, "rule"), plural(2000, "rule")
    ('1 rule', '2,000 rules')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class Output:
    """Where one command prints.

    Args:
        json: whether the result is printed as JSON.
    """

    def __init__(self, json: bool = False) -> None:
        self.json = json
        self.is_plain = json or not is_terminal()

    def say(self, text: str) -> None:
        """Print a sentence beside the result."""
        typer.echo(printable(text), err=self.is_plain)

    def aside(self, table: Table) -> None:
        """Print a table beside the result."""
        if table.records:
            draw(table, err=self.is_plain)

    def quarantine(self, quarantine: Quarantine) -> None:
        """Print why rows were set aside, if any were."""
        self.rows_set_aside(quarantine.counts().to_dicts())

    def load(self, dataset: Dataset) -> None:
        """Print what a load understood, and why rows were set aside."""
        for line in dataset.report.lines():
            self.say(line)
        self.quarantine(dataset.quarantine)

    def rows_set_aside(self, counts: Sequence[Record]) -> None:
        """Print rows set aside by file and reason, as `Quarantine.counts` has them."""
        columns = [
            Column("file"),
            Column("reason", min_width=24),
            Column("rows"),
            Column("share", lambda record: f"{record['share']:.2%}", is_figure=True),
            Column("example", lambda record: str(record["example"] or "")[:40], drop=1),
        ]
        self.aside(Table("Rows set aside", counts, columns))

    def result(
        self,
        table: Table,
        document: Mapping[str, Any],
        shown: Sequence[Table | str] | None = None,
    ) -> None:
        """Print the result of the command.

        Args:
            table: in a pipe.
            document: with `--json`.
            shown: tables and sentences on a terminal; None is `table`.
        """
        if self.json:
            print_json(document)
        elif self.is_plain:
            write_tsv(table)
        else:
            for part in [table] if shown is None else shown:
                if isinstance(part, str):
                    typer.echo(printable(part))
                else:
                    draw(part)

    def summary(self, record: Record, text: str) -> None:
        """Print a result of one record: on a terminal as a sentence."""
        self.result(Table("", [record]), record, [text])
        if self.is_plain:
            self.say(text)


def print_json(document: Mapping[str, Any]) -> None:
    """Print a document as JSON; paths and other values as text."""
    from json import dumps

    typer.echo(json_printable(dumps(document, indent=2, ensure_ascii=False, default=str)))


def command_name() -> str:
    """How a user of this process runs `goeswith`: by name, or by path if it is not on the PATH."""
    script = Path(sys.argv[0])
    if not script.stem.startswith("goeswith") or not script.exists():
        return "goeswith"
    on_path = shutil.which("goeswith")
    if on_path is not None and Path(on_path).resolve() == script.resolve():
        return "goeswith"
    return os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)


@contextmanager
def progress_bar() -> Iterator[StepProgress]:
    """A bar on stderr where that is a terminal, else a line a stage.

    What is yielded is called with (steps done, all steps, what comes next).
    """
    if not sys.stderr.isatty():
        stream = sys.stderr

        def write(line: str) -> None:
            print(line, file=stream, flush=True)

        with StageLines(write) as lines:
            yield lines.step
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def step(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield step
