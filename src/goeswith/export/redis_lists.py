"""Answers into Redis, a key a product, all of them made current by one switch."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from goeswith.core.errors import ConfigError
from goeswith.core.server_address import ServerAddress
from goeswith.export.recommendation_rows import RecommendationRows

if TYPE_CHECKING:
    from redis import Redis

PREFIX: Final = "goeswith"
GRACE: Final = 3600
LOCK_SECONDS: Final = 60
"""Time after which the lock of a killed export expires."""
_LOCK_TIMEOUT: Final = LOCK_SECONDS + 10
_PIPELINE: Final = 1000


def to_redis(rows: RecommendationRows, url: str, prefix: str = PREFIX, grace: int = GRACE) -> str:
    """Write every list under a name of its own, then point to them.

    `PREFIX:BUILD:PRODUCT` holds the list of a product as JSON, `PREFIX:current` the BUILD that is
    to be read. An export that ends early leaves the old build current; the next one removes what
    it left.

    Args:
        rows: what to export.
        url: `redis://USER:PASSWORD@HOST:PORT/DATABASE` or `rediss://`.
        prefix: what every key begins with: letters, digits, `.`, `_`, `-` and `:`.
        grace: seconds for which the lists that were current stay, for readers that saw the pointer.

    Returns:
        Where the answers are now, for people.

    Raises:
        ConfigError: redis is not installed; the address or the prefix is invalid; the server cannot
            be reached or refuses; another export is running.
    """
    try:
        import redis
    except ModuleNotFoundError as error:
        raise ConfigError(
            "an export to Redis needs redis, which is not installed: pip install 'goeswith[export]'"
        ) from error
    if not re.fullmatch(r"[\w.:-]{1,100}", prefix, re.ASCII):
        raise ConfigError(f"{prefix!r} cannot begin a key: letters, digits and . _ - : only")
    address = ServerAddress(url, ("redis", "rediss"))
    with _readable_errors(address), _connected(address) as server:
        lock = server.lock(f"{prefix}:lock", timeout=LOCK_SECONDS, blocking_timeout=_LOCK_TIMEOUT)
        if not lock.acquire():
            raise ConfigError(f"another export to {prefix}: at {address} is writing; wait for it")
        build = f"{rows.bundle.id}-{secrets.token_hex(4)}"
        try:
            _remove_leftovers(server, prefix)
            server.sadd(f"{prefix}:builds", build)
            for batch in rows:
                lock.extend(LOCK_SECONDS, replace_ttl=True)
                _write(server, f"{prefix}:{build}:", batch)
            lock.extend(LOCK_SECONDS, replace_ttl=True)
            before = server.set(f"{prefix}:current", build, get=True)
            with suppress(redis.RedisError):  # the next export removes what stays
                _retire(server, prefix, before, grace)
        except redis.exceptions.LockError:
            raise ConfigError(
                f"the export took too long between two blocks, and another to {prefix}: at "
                f"{address} may have begun; the existing data are unchanged"
            ) from None
        finally:
            if lock.owned():
                lock.release()
    return f"{prefix}:{build}:* at {address}"


def _connected(address: ServerAddress) -> Redis:
    import redis

    try:
        server = redis.Redis.from_url(
            address.url, socket_connect_timeout=10, socket_timeout=60, health_check_interval=30
        )
        server.ping()
    except (ValueError, TypeError) as error:  # options after a ? that redis does not support
        raise ConfigError(f"the URL cannot be used: {address.hide(str(error))}") from None
    return server


@contextmanager
def _readable_errors(address: ServerAddress) -> Iterator[None]:
    """What Redis refuses becomes a message that holds no password."""
    import redis

    try:
        yield
    except redis.RedisError as error:
        raise ConfigError(
            f"Redis at {address}: {address.hide(str(error))}; the existing data are unchanged"
        ) from None


def _write(server: Redis, start: str, batch: pa.RecordBatch) -> None:
    """The lists of one block; the rows of a product are never in two."""
    hidden = ("source_id", "rank", "bundle")
    pipeline = server.pipeline(transaction=False)
    for source_id, answers in groupby(batch.to_pylist(), key=lambda row: row["source_id"]):
        listed = [{k: v for k, v in row.items() if k not in hidden} for row in answers]
        pipeline.set(start + source_id, json.dumps(listed, ensure_ascii=False))
        if len(pipeline) >= _PIPELINE:
            pipeline.execute()
    pipeline.execute()


def _keys(server: Redis, prefix: str, build: str) -> Iterator[list[Any]]:
    """The keys of one build, some at a time."""
    keys = []
    # neither a prefix nor the id of a build holds what a pattern gives a meaning to
    for key in server.scan_iter(match=f"{prefix}:{build}:*", count=_PIPELINE):
        keys.append(key)
        if len(keys) >= _PIPELINE:
            yield keys
            keys = []
    if keys:
        yield keys


def _remove_leftovers(server: Redis, prefix: str) -> None:
    """Remove the lists of exports that ended early."""
    current = server.get(f"{prefix}:current")
    builds: set[bytes] = set(server.smembers(f"{prefix}:builds"))  # type: ignore[arg-type]
    for build in builds - {current}:
        for keys in _keys(server, prefix, build.decode()):
            server.unlink(*keys)
        server.srem(f"{prefix}:builds", build)


def _retire(server: Redis, prefix: str, build: bytes | None, grace: int) -> None:
    """Let the lists that were current expire."""
    if build is None:
        return
    for keys in _keys(server, prefix, build.decode()):
        pipeline = server.pipeline(transaction=False)
        for key in keys:
            pipeline.expire(key, grace)
        pipeline.execute()
    server.srem(f"{prefix}:builds", build)
