"""`goeswith forget`: remove a shopper, or old lines, from the feedback log."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.options import Json


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="The folder serve.feedback, or a bundle with histories."
        ),
    ],
    user: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Remove the lines of this user_id or session_id, or the history of this user_id.",
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Remove lines that arrived before this day: 2026-01-31."),
    ] = None,
    json: Json = False,
) -> None:
    """Remove a shopper or old lines from the feedback log, or a shopper from a bundle.

        goeswith forget feedback --user u1

        goeswith forget bundle --user u1

    Files that a running service writes to stay unchanged: restart the service, and run the command
    again. Count the feedback with `goeswith update` first, since it refuses changed files.
    """
    from goeswith.cli.output import Output
    from goeswith.core.errors import ConfigError, DataError
    from goeswith.results.reports.forget import forget
    from goeswith.store.manifest import MANIFEST

    if (user is None) == (before is None):
        raise ConfigError("give --user ID or --before DAY")
    if user == "":
        raise ConfigError("--user is empty; give the id of a shopper")
    if (folder / MANIFEST).exists():
        _forget_in_bundle(folder, user, json=json)
        return
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


def _forget_in_bundle(path: Path, user: str | None, *, json: bool) -> None:
    """Remove the history of a shopper from a bundle, by a new build."""
    from goeswith.cli.output import Output
    from goeswith.core.errors import BundleError, ConfigError
    from goeswith.pipeline.shopper_model import forget_shopper
    from goeswith.store.publish import replaced_builds

    if user is None:
        raise ConfigError(f"{path} is a bundle: give --user ID; --before is for feedback")
    removed = forget_shopper(path, user)
    text = "1 history removed" if removed else "no history of this shopper, nothing removed"
    Output(json).summary({"removed": int(removed)}, f"{path}: {text}")
    if replaced := replaced_builds(path):
        raise BundleError(
            f"{path}/{replaced[0]} may hold the history still: a process reads this earlier build. "
            "A running service releases it when it has reloaded; run the command again to remove it"
        )
