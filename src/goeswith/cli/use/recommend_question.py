"""The question that narrows the complements of a product down: `goeswith recommend --question`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints


def print_question(
    path: Path, ids: list[str], constraints: Constraints | None, *, is_alone: bool, json: bool
) -> None:
    """Print the question about a product, and the filters of each answer.

    Raises:
        ConfigError: there is not one product, or another list is wanted too.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.core.errors import ConfigError
    from goeswith.query.bundle import Bundle

    if len(ids) != 1 or not is_alone:
        raise ConfigError(
            "--question is about the complements of one product; give one product, without "
            "--similars, --reverse, --user or --history"
        )
    bundle = Bundle.open(path)
    clarification = bundle.question(ids[0], constraints)
    found = clarification.question
    output = Output(json)
    records: list[dict[str, Any]] = [asdict(choice) for choice in found.choices] if found else []
    columns = [
        Column("answer", min_width=12),
        Column("products"),
        Column("share", lambda record: f"{record['share']:.0%}", is_figure=True),
        Column(
            "options",
            lambda record: " ".join(f"--where {shlex.quote(text)}" for text in record["where"]),
            min_width=20,
        ),
    ]
    rows = [{**record, "where": " ; ".join(record["where"])} for record in records]
    output.result(
        Table("", rows, fields=("answer", "products", "share", "where")),
        {
            "bundle": bundle.id,
            "product_id": ids[0],
            "question": None if found is None else asdict(found),
            "skipped": [asdict(one) for one in clarification.skipped],
        },
        [Table(found.text, records, columns)] if found else [],
    )
    for one in clarification.skipped:
        output.say(f"skipped {one.what} {one.value}: {one.reason}")
    if found is None:
        output.say("no attribute divides the complements by half a bit or more")
