"""Lists in a real Redis, all of them made current by one switch."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from goeswith.core.errors import ConfigError
from goeswith.export import redis_lists as module
from goeswith.export.recommendation_rows import RecommendationRows
from goeswith.export.redis_lists import to_redis
from goeswith.query.bundle import Bundle


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    """A connection to an empty database."""
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
        yield connection


def recipe(server: redis.Redis) -> Callable[[str], Any]:
    """The reader that docs/how-to/export.md shows, as a function: product id -> list or None."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(def goes_with.*?)```", page, flags=re.DOTALL)
    names: dict[str, Any] = {"json": json}
    exec(code, names)
    return lambda product_id: names["goes_with"](server, product_id)


def expected(bundle: Bundle, product_id: str, k: int) -> list[dict[str, object]]:
    return [
        {
            "target_id": answer.product_id,
            "score": answer.score,
            "probability": None,
            "model": answer.model,
            "fallback": answer.fallback,
            "bought_together": answer.evidence.bought_together,
        }
        for answer in bundle.complements(product_id, k)
    ]


def test_the_reader_of_the_docs_gets_the_answers_of_the_bundle(
    server: redis.Redis, redis_url: str, bundle: Bundle, odd: list[str]
) -> None:
    read = recipe(server)
    assert read("plain") is None
    assert "opensesame" not in to_redis(RecommendationRows(bundle, 5), redis_url)
    for product_id in odd:
        assert read(product_id) == expected(bundle, product_id, 5)
    assert read("no such product") is None
    assert server.get("goeswith:current").decode().startswith(bundle.id)


def test_the_next_export_is_switched_to_and_the_old_lists_expire(
    server: redis.Redis, redis_url: str, bundle: Bundle, later_bundle: Bundle, odd: list[str]
) -> None:
    server.set("goeswith:mine", "kept")
    to_redis(RecommendationRows(bundle, 5), redis_url)
    first = server.get("goeswith:current").decode()
    assert server.ttl(f"goeswith:{first}:plain") == -1
    to_redis(RecommendationRows(later_bundle, 4), redis_url, grace=100)
    second = server.get("goeswith:current").decode()
    for product_id in odd:
        assert 0 < server.ttl(f"goeswith:{first}:{product_id}") <= 100
        assert server.ttl(f"goeswith:{second}:{product_id}") == -1
        assert recipe(server)(product_id) == expected(later_bundle, product_id, 4)
    assert server.smembers("goeswith:builds") == {second.encode()}
    assert server.ttl("goeswith:mine") == -1
    assert not server.exists("goeswith:lock")


def test_exports_under_two_prefixes_do_not_touch_each_other(
    server: redis.Redis, redis_url: str, bundle: Bundle, later_bundle: Bundle
) -> None:
    to_redis(RecommendationRows(bundle, 5), redis_url)
    before = set(server.keys())
    for _ in range(2):
        to_redis(RecommendationRows(later_bundle, 4), redis_url, "goeswith:eu", grace=1)
    assert all(server.ttl(key) == -1 for key in before)
    assert recipe(server)("a/b") == expected(bundle, "a/b", 5)


def test_readers_always_find_a_whole_list_of_one_build(
    server: redis.Redis, redis_url: str, bundle: Bundle, later_bundle: Bundle
) -> None:
    to_redis(RecommendationRows(bundle, 5), redis_url)
    allowed = [expected(bundle, "a/b", 5), expected(later_bundle, "a/b", 4)]
    seen: list[Any] = []
    done = threading.Event()

    def read() -> None:
        with redis.Redis.from_url(redis_url) as connection:
            ask = recipe(connection)
            while not done.is_set():
                seen.append(ask("a/b"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(10):
            to_redis(RecommendationRows(later_bundle, 4), redis_url, grace=1)
            to_redis(RecommendationRows(bundle, 5), redis_url, grace=1)
    finally:
        done.set()
        reader.join(30)
    assert len(seen) > 50
    assert all(found in allowed for found in seen)
    assert all(answer in seen for answer in allowed)


def test_an_export_killed_midway_leaves_the_old_lists_and_the_next_cleans_up(
    server: redis.Redis, redis_url: str, bundle: Bundle, later_bundle: Bundle, odd: list[str]
) -> None:
    to_redis(RecommendationRows(bundle, 5), redis_url)
    code = f"""
import time
from goeswith.query.bundle import Bundle
from goeswith.export import redis_lists
from goeswith.export import recommendation_rows as rows
rows.BLOCK_ROWS = 8
def stop(done, *_):
    if done > 8:
        print('there', flush=True); time.sleep(60)
answers = rows.RecommendationRows(Bundle.open({str(later_bundle.path)!r}), 4, progress=stop)
redis_lists.to_redis(answers, {redis_url!r})
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"there\n"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    keys = len(odd) + len(["current", "builds"])
    assert len(server.keys()) == keys + len(["lock"]) + 10
    for product_id in odd:
        assert recipe(server)(product_id) == expected(bundle, product_id, 5)
    assert 0 < server.ttl("goeswith:lock") <= module.LOCK_SECONDS
    server.delete("goeswith:lock")  # as if a minute had passed
    to_redis(RecommendationRows(later_bundle, 4), redis_url, grace=1000)
    assert len(server.keys()) == keys + len(odd)
    assert recipe(server)("plain") == expected(later_bundle, "plain", 4)


def test_two_exports_do_not_write_at_once(
    server: redis.Redis, redis_url: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_TIMEOUT", 0.2)
    server.set("goeswith:lock", "another")
    with pytest.raises(ConfigError, match=r"another export to goeswith: .* is writing"):
        to_redis(RecommendationRows(bundle, 2), redis_url)
    assert server.keys() == [b"goeswith:lock"]


def test_an_export_that_lost_its_lock_does_not_switch(
    server: redis.Redis, redis_url: str, bundle: Bundle, later_bundle: Bundle
) -> None:
    to_redis(RecommendationRows(bundle, 5), redis_url)
    current = server.get("goeswith:current")
    rows = RecommendationRows(
        later_bundle, 4, progress=lambda *_: server.set("goeswith:lock", "another")
    )
    with pytest.raises(ConfigError, match="took too long"):
        to_redis(rows, redis_url)
    assert server.get("goeswith:current") == current
    assert server.get("goeswith:lock") == b"another"


def test_a_full_server_keeps_the_old_lists(
    server: redis.Redis, redis_url: str, bundle: Bundle, later_bundle: Bundle
) -> None:
    to_redis(RecommendationRows(bundle, 5), redis_url)
    server.config_set("maxmemory", 1)
    try:
        with pytest.raises(ConfigError, match=r"maxmemory.* the existing data are unchanged"):
            to_redis(RecommendationRows(later_bundle, 4), redis_url)
    finally:
        server.config_set("maxmemory", 0)
    assert recipe(server)("plain") == expected(bundle, "plain", 5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"opensesame": "opensesames"}, "WRONGPASS|invalid username-password"),
        ({"/0": "/99"}, "out of range"),
        ({"/0": "/0?nosuch=1"}, "cannot be used"),
        ({"/0": "/0?db=opensesame"}, "cannot be used"),
        ({"opensesame@": "x/opensesame@"}, "cannot be read"),
        ({"opensesame@": "1/opensesame@"}, "percent-encoded"),
        ({"redis:": "http:"}, "is not one of redis"),
    ],
)
def test_what_cannot_be_reached_says_why_without_the_password(
    redis_url: str, bundle: Bundle, change: dict[str, str], why: str
) -> None:
    for old, new in change.items():
        assert old in redis_url
        redis_url = redis_url.replace(old, new)
    with pytest.raises(ConfigError, match=why) as refused:
        to_redis(RecommendationRows(bundle, 2), redis_url)
    assert "sesame" not in str(refused.value) + repr(refused.value.__cause__)


def test_a_prefix_that_patterns_would_mistake_is_refused(redis_url: str, bundle: Bundle) -> None:
    for prefix in ("", "a*", "a b", "é", "x" * 101):
        with pytest.raises(ConfigError, match="cannot begin a key"):
            to_redis(RecommendationRows(bundle, 2), redis_url, prefix)
