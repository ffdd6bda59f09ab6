"""A topic of Kafka."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from goeswith.core.errors import ConfigError
from goeswith.core.server_address import ServerAddress
from goeswith.data.sources.stream import Message, removed

_SECONDS: Final = 10
"""To wait for an answer of the server."""


class KafkaStream:
    """A topic of Kafka. The value of a message is the JSON of an event.

    Attributes of the address after `?` are settings of the client, as librdkafka names them:
    `kafka://HOST:9093?security.protocol=ssl`.
    """

    def __init__(self, url: str, topic: str) -> None:
        """Connect, and read the partitions of the topic.

        Raises:
            ConfigError: confluent-kafka is not installed, the address is none, the server cannot be
                reached, or it has no such topic.
        """
        try:
            import confluent_kafka
        except ModuleNotFoundError as error:
            raise ConfigError("kafka:// needs: pip install 'goeswith[kafka]'") from error
        self._kafka: Any = confluent_kafka
        self._address = ServerAddress(url, ("kafka",))
        self._topic = topic
        place, _, query = url.removeprefix("kafka://").partition("?")
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        settings = {name: value for name, _, value in pairs}
        try:
            self._consumer = confluent_kafka.Consumer(
                {
                    "log_level": 0,  # errors are raised
                    **settings,
                    "bootstrap.servers": place.strip("/"),
                    "group.id": "goeswith",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "error",
                }
            )
            found = self._consumer.list_topics(topic, timeout=_SECONDS).topics[topic]
        except confluent_kafka.KafkaException as error:
            raise self._refused(error.args[0].str()) from None
        if found.error is not None or not found.partitions:
            raise self._refused(f"there is no topic {topic}")
        self._partitions = sorted(found.partitions)
        self._assigned: dict[str, str] | None = None

    def read(self, after: Mapping[str, str], limit: int, wait: float) -> list[Message]:
        """As `Stream.read`."""
        if self._assigned != dict(after):
            self._assign(after)
        messages: list[Message] = []
        end = time.monotonic() + wait
        while len(messages) < limit:
            left = max(end - time.monotonic(), 0)
            found = self._consumer.consume(limit - len(messages), left if not messages else 0)
            if not found:
                break
            messages += [self._message(one, after) for one in found]
        self._assigned = dict(after) | {one.part: one.position for one in messages}
        return messages

    def _assign(self, after: Mapping[str, str]) -> None:
        first = self._kafka.OFFSET_BEGINNING
        self._consumer.assign(
            [
                self._kafka.TopicPartition(
                    self._topic, part, int(after[str(part)]) + 1 if str(part) in after else first
                )
                for part in self._partitions
            ]
        )

    def _message(self, found: Any, after: Mapping[str, str]) -> Message:
        error = found.error()
        if error is not None:
            if error.code() in (
                self._kafka.KafkaError._AUTO_OFFSET_RESET,
                self._kafka.KafkaError.OFFSET_OUT_OF_RANGE,
            ):
                part = str(found.partition())
                raise removed(self._topic, part, after.get(part, "the start"))
            raise self._refused(error.str())
        kind, milliseconds = found.timestamp()
        stamp = ""
        if kind != self._kafka.TIMESTAMP_NOT_AVAILABLE:
            received = datetime.fromtimestamp(milliseconds / 1000, UTC)
            stamp = received.isoformat(timespec="milliseconds")
        return Message(str(found.partition()), str(found.offset()), found.value() or b"", stamp)

    def _refused(self, text: str) -> ConfigError:
        return ConfigError(f"Kafka at {self._address}: {self._address.hide(text)}")

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()
