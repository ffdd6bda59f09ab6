"""A stream of Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from goeswith.core.errors import ConfigError
from goeswith.core.server_address import ServerAddress
from goeswith.data.sources.stream import Message, removed

_PART: Final = "0"
_START: Final = "0-0"


class RedisStream:
    """A stream of Redis. An entry holds the fields of an event, or one field with its JSON."""

    def __init__(self, url: str, topic: str) -> None:
        """Connect.

        Raises:
            ConfigError: redis is not installed, or the address is none.
        """
        try:
            import redis
        except ModuleNotFoundError as error:
            raise ConfigError("redis:// needs: pip install 'goeswith[export]'") from error
        self._errors = redis.RedisError
        self._address = ServerAddress(url, ("redis", "rediss"))
        self._topic = topic
        self._server: Any = redis.from_url(url, socket_connect_timeout=10)

    def read(self, after: Mapping[str, str], limit: int, wait: float) -> list[Message]:
        """As `Stream.read`."""
        with self._readable_errors():
            gone = self._removed()
            last, _, count = after.get(_PART, f"{_START}#{gone}").partition("#")
            if gone > int(count):
                raise removed(self._topic, _PART, last)
            entries = self._server.xread(
                {self._topic: last}, count=limit, block=max(int(wait * 1000), 1)
            )
        found = [entry for _, entries_of in entries for entry in entries_of]
        return [
            _message(entry, fields, number)
            for number, (entry, fields) in enumerate(found, start=int(count) + 1)
        ]

    def _removed(self) -> int:
        """How many entries are gone from the stream; 0 where Redis (before 7) does not count."""
        if not self._server.exists(self._topic):
            return 0
        info = self._server.xinfo_stream(self._topic)
        return max(int(info.get("entries-added", info["length"])) - int(info["length"]), 0)

    def close(self) -> None:
        """End the connection."""
        self._server.close()

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            text = self._address.hide(str(error))
            raise ConfigError(f"Redis at {self._address}: {text}") from None


def _message(entry: bytes, fields: dict[bytes, bytes], number: int) -> Message:
    """A message; its position has the number of entries so far, to notice removed ones."""
    entry_id = _text(entry)
    values = list(fields.values())
    if len(values) == 1:
        content = values[0]
    else:
        record = {_text(name): _text(value) for name, value in fields.items()}
        content = json.dumps(record).encode()
    seconds = int(entry_id.partition("-")[0]) / 1000
    try:
        time = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):  # positions may be chosen by the sender
        time = ""
    return Message(_PART, f"{entry_id}#{number}", content, time)


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
