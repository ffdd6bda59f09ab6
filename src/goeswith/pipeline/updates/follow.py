"""Events of a stream, or of a folder of feedback, into a bundle as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from goeswith.core.errors import ConfigError, GoesWithError
from goeswith.data.feedback import FEEDBACK_PATTERN
from goeswith.data.sources.open_stream import open_stream
from goeswith.data.sources.stream import Stream
from goeswith.pipeline.updates.stream_log import StreamLog
from goeswith.pipeline.updates.update_bundle import UpdateSummary, update_bundle
from goeswith.query.bundle import Bundle

_BATCH: Final = 5_000
"""Messages that are written at once."""
_WAIT: Final = 1.0
"""Seconds to wait for a message."""


def follow(
    bundle: Path,
    folder: Path,
    stream: tuple[str, str] | None,
    *,
    every: float,
    once: bool,
    on_update: Callable[[UpdateSummary | GoesWithError], None],
) -> None:
    """Update a bundle with what arrives, until interrupted.

    Messages are written to `folder` with one line each, and an update counts each line once. A new
    build is published as `update_bundle` does.

    Args:
        bundle: to update.
        folder: of feedback; of the service, or for the messages of `stream`.
        stream: address and topic; None for what the service writes into `folder`.
        every: seconds from the start of an update to that of the next one, at least.
        once: end when nothing is left to read, after one update.
        on_update: called with what each update did, or why it failed; a failed one is tried again.

    Raises:
        ConfigError: the stream cannot be reached, or there is no folder.
        DataError: messages were removed from the stream before they were read.
        BundleError: there is no bundle.
    """
    done = _counted_bytes(Bundle.open(bundle))
    if stream is None and not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}; use the folder of serve.feedback")
    opened = open_stream(*stream) if stream else None
    try:
        log = StreamLog(folder, _public_name(*stream)) if stream else None
        while True:
            if opened and log:
                _write_messages(opened, log)
            size = _bytes(folder)
            if size not in (done, 0):
                try:
                    on_update(update_bundle(bundle, folder))
                    done = size
                except GoesWithError as error:
                    if once:
                        raise
                    on_update(error)
            if once:
                return
            if opened and log:
                _write_messages(opened, log, every)
            else:
                time.sleep(every)
    finally:
        if opened:
            opened.close()


def _write_messages(stream: Stream, log: StreamLog, seconds: float = 0) -> None:
    """Write what comes for so many seconds; for none, what is there."""
    end = time.monotonic() + seconds
    while True:
        messages = stream.read(log.positions, _BATCH, _WAIT)
        log.append(messages)
        if time.monotonic() >= end and (seconds or not messages):
            return


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(FEEDBACK_PATTERN))


def _counted_bytes(bundle: Bundle) -> int:
    """Bytes of the files of feedback that are in the counts."""
    applied = bundle.manifest["data"].get("applied", [])
    read = {entry["file"]: entry["bytes"] for entry in applied if "bytes" in entry}
    return sum(read.values())


def _public_name(url: str, topic: str) -> str:
    """Server and topic, without user and password, which may change."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}/{topic}"
