"""The stream at an address."""

from __future__ import annotations

from typing import Final

from goeswith.core.errors import ConfigError
from goeswith.data.sources.kafka_stream import KafkaStream
from goeswith.data.sources.redis_stream import RedisStream
from goeswith.data.sources.stream import Stream

FORM: Final = "redis://HOST:PORT/DATABASE or kafka://HOST:PORT"


def open_stream(url: str, topic: str) -> Stream:
    """A topic of Kafka or a stream of Redis.

    Raises:
        ConfigError: the address is none, a package is missing, or the server refuses.
    """
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        return RedisStream(url, topic)
    if scheme == "kafka":
        return KafkaStream(url, topic)
    raise ConfigError(f"the address of a stream is {FORM}")
