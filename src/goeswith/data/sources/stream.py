"""Streams of events: messages in order, each with a position from which reading goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from goeswith.core.errors import DataError


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        part: the partition of the stream.
        position: in that partition; text without `:`.
        content: the JSON of an event.
        time: when the stream received it, in ISO 8601.
    """

    part: str
    position: str
    content: bytes
    time: str


class Stream(Protocol):
    """An open stream. It is only read; positions that the server keeps do not matter."""

    def read(self, after: Mapping[str, str], limit: int, wait: float) -> list[Message]:
        """Messages after the positions, from the first one where a partition has none.

        Args:
            after: partition -> position of the last message that was read.
            limit: of messages.
            wait: seconds to wait for the first message.

        Raises:
            ConfigError: the server cannot be reached or refuses.
            DataError: messages after a position were removed before they were read.
        """

    def close(self) -> None:
        """End the connection."""


def removed(topic: str, part: str, position: str) -> DataError:
    """The error for messages that were removed before they were read."""
    return DataError(
        f"{topic}: messages after {position} of the partition {part} were removed before they were "
        "read. Fit again on the complete log, and give another --folder"
    )
