"""Messages of a stream as lines of a feedback folder, each once.

A line carries the position of its message as `event_id`. Lines are on the disk before the positions
are, so that after a kill reading goes on after the last complete line: no message is lost, and none
is written twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from goeswith.core.atomic_files import sync_path, write_json
from goeswith.core.errors import DataError
from goeswith.data.feedback import last_line_end
from goeswith.data.jsonlines import parse_object
from goeswith.data.sources.stream import Message

_FILE_BYTES: Final = 64_000_000
"""Of a file before the next one is begun: an update reads files with new lines from the start."""
_MAX_CONTENT: Final = 64_000
"""Bytes of a message; a longer one is no event."""
_CONTEXTS: Final = ("session_id", "basket_id", "order_id")
"""Names of what joins events, the first that a message has counts."""


class StreamLog:
    """The lines of one stream in a folder.

    Attributes:
        positions: partition -> position of the last message that is in the folder.
    """

    def __init__(self, folder: Path, stream: str) -> None:
        """Find where an earlier run ended.

        Args:
            folder: of feedback; is made where it is missing.
            stream: server and topic, without user and password.

        Raises:
            DataError: the file of positions is damaged.
        """
        self._name = hashlib.sha256(stream.encode()).hexdigest()[:12]
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._state_file = folder / f"stream-{self._name}.json"
        state: dict[str, Any] = {"positions": {}, "file": "", "bytes": 0}
        if self._state_file.is_file():
            stored = parse_object(self._state_file.read_text(encoding="utf-8", errors="replace"))
            if stored is None or {name: type(value) for name, value in stored.items()} != {
                name: type(value) for name, value in state.items()
            }:
                raise self._damaged(self._state_file)
            state = stored
        self.positions: dict[str, str] = dict(state["positions"])
        for path in sorted(folder.glob(f"feedback-{self._name}-*.jsonl")):
            if path.name >= state["file"]:
                self._read_positions(path, state["bytes"] if path.name == state["file"] else 0)

    def _read_positions(self, path: Path, start: int) -> None:
        """Positions of the complete lines after `start`; an incomplete one is cut off."""
        with path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            end = last_line_end(file, size)
            if end < size:
                file.truncate(end)
                os.fsync(file.fileno())
            file.seek(start)
            for line in file.read(max(end - start, 0)).splitlines():
                event = parse_object(line.decode("utf-8", "replace")) or {}
                name, _, position = str(event.get("event_id")).partition(":")
                if name != self._name or ":" not in position:
                    raise self._damaged(path)
                part, position = position.rsplit(":", 1)
                self.positions[part] = position

    def _damaged(self, path: Path) -> DataError:
        return DataError(
            f"{path} is damaged; remove {self._state_file.name} with the files "
            f"feedback-{self._name}-*.jsonl, and fit again"
        )

    def append(self, messages: Sequence[Message]) -> None:
        """Write messages; returns when they are on the disk."""
        if not messages:
            return
        path = self._current_file()
        created = not path.exists()
        with path.open("ab") as file:
            file.write(b"".join(map(self._line, messages)))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        if created:
            sync_path(self._folder)
        self.positions |= {message.part: message.position for message in messages}
        state = {"positions": self.positions, "file": path.name, "bytes": size}
        write_json(state, self._state_file)

    def _current_file(self) -> Path:
        paths = sorted(self._folder.glob(f"feedback-{self._name}-*.jsonl"))
        if paths and paths[-1].stat().st_size < _FILE_BYTES:
            return paths[-1]
        # after the last one, as older ones may be gone
        number = int(paths[-1].stem.rpartition("-")[2]) + 1 if paths else 0
        return self._folder / f"feedback-{self._name}-{number:06d}.jsonl"

    def _line(self, message: Message) -> bytes:
        event_id = f"{self._name}:{message.part}:{message.position}"
        record = None
        if len(message.content) <= _MAX_CONTENT:
            record = parse_object(message.content.decode("utf-8", "replace"))
        event = {"event": "unreadable"} if record is None else _event(record, message.time)
        return json.dumps({**event, "event_id": event_id}).encode() + b"\n"


def _event(record: dict[str, Any], time: str) -> dict[str, Any]:
    """The fields of an event that feedback has."""
    context = next((record[name] for name in _CONTEXTS if record.get(name) is not None), None)
    return {
        "event": record.get("event"),
        "product_id": _text(record.get("product_id")),
        "session_id": _text(context),
        "user_id": _text(record.get("user_id")),
        "timestamp": _text(record.get("timestamp")) or time or _now(),
    }


def _text(value: Any) -> str | None:
    """An id as text; numbers are ids, too."""
    is_id = isinstance(value, (str, int)) and not isinstance(value, bool)
    return str(value) if is_id else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
