"""`goeswith follow`: events into a bundle as they come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goeswith.cli.options import BundlePath, Json

if TYPE_CHECKING:
    from goeswith.core.errors import GoesWithError
    from goeswith.pipeline.updates.update_bundle import UpdateSummary


def command(
    bundle: BundlePath,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            envvar="GOESWITH_STREAM",
            help="The feedback folder of the service, or a stream: redis://HOST:PORT/DATABASE or "
            "kafka://HOST:PORT.",
        ),
    ],
    topic: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The stream of Redis, or the topic of Kafka."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for the messages of a stream."),
    ] = None,
    every: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="Minimum time between two updates.")
    ] = 60,
    once: Annotated[
        bool, typer.Option("--once", help="Count the available events, and stop.")
    ] = False,
    json: Json = False,
) -> None:
    """Update a bundle with the events of a stream, or of the service, until interrupted.

        goeswith follow bundle kafka://broker:9092 --topic orders --folder orders

    Each message counts once, also after a kill. A running service reloads each new build.
    """
    from goeswith.cli.output import Output
    from goeswith.core.errors import ConfigError
    from goeswith.pipeline.updates.follow import follow

    is_stream = "://" in source
    if is_stream and (topic is None or folder is None):
        raise ConfigError("a stream needs --topic and --folder")
    if not is_stream and (topic is not None or folder is not None):
        raise ConfigError("--topic and --folder are for a stream; SOURCE is a folder")
    output = Output(json)

    outcomes = 0

    def on_update(outcome: UpdateSummary | GoesWithError) -> None:
        nonlocal outcomes
        outcomes += 1
        if isinstance(outcome, Exception):
            output.say(f"not updated, tried again in {every:g} s: {outcome}")
            return
        output.summary(
            {"bundle": str(bundle), "events": outcome.events, "notes": list(outcome.notes)},
            f"{bundle}: {outcome.events:,} events counted",
        )
        for note in outcome.notes:
            output.say(f"note: {note}")

    stream = (source, str(topic)) if is_stream else None
    place = folder if folder is not None else Path(source)
    follow(bundle, place, stream, every=every, once=once, on_update=on_update)
    if not outcomes:
        output.summary(
            {"bundle": str(bundle), "events": 0, "notes": []},
            f"{bundle}: no new events in {place}",
        )
