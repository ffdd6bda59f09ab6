"""`goeswith forget`: remove a shopper, or old lines, from the feedback log."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import Json


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder serve.feedback.")],
    user: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Remove the lines of this user_id or session_id."),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Remove the lines that arrived before, as 2026-01-31."),
    ] = None,
    json: Json = False,
) -> None:
    """Remove a shopper or old lines from the feedback log.

        goeswith forget feedback --user u1

    Files that a running service writes to stay unchanged: restart the service, and run the command
    again. Count the feedback with `goeswith update` first, since it refuses changed files.
    """
    from goeswith.cli.output import Output
    from goeswith.core.errors import ConfigError, DataError
    from goeswith.results.reports.forget import forget

    if (user is None) == (before is None):
        raise ConfigError("give --user ID or --before DAY")
    try:
        day = None if before is None else date.fromisoformat(before)
    except ValueError:
        raise ConfigError(f"--before is {before!r}; write a day as 2026-01-31") from None
    result = forget(folder, user=user, before=day)
    Output(json).summary(
        vars(result),
        f"{result.removed:,} lines removed from {len(result.changed):,} files of {folder}",
    )
    if result.in_use:
        raise DataError(
            f"a running service writes to {', '.join(result.in_use)}, which are unchanged; restart "
            "the service, and run the command again"
        )
