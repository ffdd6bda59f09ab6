"""Events that were counted before, recognised by their `event_id` or by a digest of all of them.

The ids of counted events are stored as hashes of 64 bits, sorted: 8 bytes an event. Of 100 million
events, the chance that any two share a hash is 0.03 %.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

Hashes = npt.NDArray[np.uint64]

EVENT_ID: Final = "event_id"
_SESSION: Final = "session_id"
_DIGESTED: Final = ("product", "event", "user_id", _SESSION, "basket_id", "timestamp")


def no_hashes() -> Hashes:
    """The hashes of no events."""
    return np.zeros(0, dtype=np.uint64)


def merge_hashes(first: Hashes, second: Hashes) -> Hashes:
    """The hashes of both, sorted, each once."""
    return np.union1d(first, second).astype(np.uint64)


def drop_repeats(frame: pl.DataFrame, counted: Hashes) -> tuple[pl.DataFrame, Hashes]:
    """A table of events without those that were counted, or are in it twice.

    Args:
        frame: events; those with an `event_id` are compared, within their session if they have
            one.
        counted: hashes of the events that were counted, sorted.

    Returns:
        The other rows, and the hashes of those of them with an id, sorted.
    """
    if EVENT_ID not in frame.columns or not frame.height:
        return frame, no_hashes()
    names = [name for name in (_SESSION, EVENT_ID) if name in frame.columns]
    texts = frame.select(pl.col(names).cast(pl.String))
    sessions = texts[_SESSION] if _SESSION in names else [None] * frame.height
    hashes = np.array(
        [
            0 if event is None else _hash(session, event)
            for session, event in zip(sessions, texts[EVENT_ID], strict=True)
        ],
        dtype=np.uint64,
    )
    has_id = texts[EVENT_ID].is_not_null().to_numpy()
    first = np.zeros(len(hashes), dtype=bool)
    first[np.unique(hashes, return_index=True)[1]] = True
    is_new = ~has_id | (first & ~np.isin(hashes, counted))
    return frame.filter(pl.Series(is_new)), np.unique(hashes[is_new & has_id])


def events_digest(events: pl.DataFrame) -> str:
    """SHA-256 of cleaned events, whatever the format or the order of the table they came from."""
    names = [name for name in _DIGESTED if name in events.columns]
    lines = events.select(names).sort(names).write_csv(datetime_format="%Y%m%dT%H%M%S%.6f")
    return hashlib.sha256(lines.encode()).hexdigest()


def _hash(session: str | None, event: str) -> int:
    text = f"{session or ''}\0{event}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
