"""Streams into a bundle, from a Redis and a Kafka of the tests' own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError
from goeswith.data.sources.open_stream import open_stream
from goeswith.data.sources.stream import Message
from goeswith.pipeline.updates.follow import follow
from goeswith.pipeline.updates.stream_log import StreamLog
from goeswith.query.bundle import Bundle

Send = Callable[[list[dict[str, Any]]], None]


@pytest.fixture
def redis_stream(redis_url: str) -> tuple[str, Send]:
    import redis

    server = redis.from_url(redis_url)
    server.delete("orders")

    def send(events: list[dict[str, Any]]) -> None:
        for event in events:
            server.xadd("orders", {"event": json.dumps(event)})

    return redis_url, send


@pytest.fixture
def kafka_stream() -> tuple[str, Send]:
    """Brokers of librdkafka's own, which speak the protocol."""
    kafka = pytest.importorskip("confluent_kafka")
    producer = kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))

    def send(events: list[dict[str, Any]]) -> None:
        for event in events:
            producer.produce("orders", json.dumps(event), key=event["product_id"])
        assert producer.flush(20) == 0

    send([])
    return f"kafka://{broker.host}:{broker.port}", send


@pytest.fixture(params=["redis", "kafka"])
def stream(request: pytest.FixtureRequest) -> tuple[str, Send]:
    """The address of a server, and a function that sends events to its stream `orders`."""
    found: tuple[str, Send] = request.getfixturevalue(f"{request.param}_stream")
    return found


def order(number: int, *products: str) -> list[dict[str, Any]]:
    return [
        {"event": "purchase", "product_id": product, "basket_id": number, "user_id": f"u{number}"}
        for product in products
    ]


def test_each_message_is_counted_once(
    stream: tuple[str, Send], shop_bundle: Path, tmp_path: Path
) -> None:
    url, send = stream
    bundle = Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))
    steps: list[Any] = []
    case = Bundle.open(bundle).complements("phone-1", 1)[0].product_id

    def run() -> None:
        folder = tmp_path / "orders"
        follow(bundle, folder, (url, "orders"), every=1, once=True, on_update=steps.append)

    send([*order(1, "phone-1", case), {"event": "dance", "product_id": "phone-1"}])
    run()
    run()
    send(order(2, "phone-1", case))
    run()
    assert [outcome.events for outcome in steps] == [2, 2]
    assert "1 lines skipped: malformed" in steps[0].notes
    after, before = (Bundle.open(path).compare("phone-1", case) for path in (bundle, shop_bundle))
    counts = [one.forward.evidence.bought_together for one in (after, before)]
    assert counts[0] == counts[1] + 2


def test_a_run_that_was_killed_goes_on_after_its_last_complete_line(tmp_path: Path) -> None:
    log = StreamLog(tmp_path, "redis://host/orders")
    log.append([Message("0", "1-0", b'{"event":"purchase"}', "2024-05-01T10:00:00Z")])
    state = next(tmp_path.glob("stream-*.json"))
    earlier = state.read_text()
    log.append([Message("0", "2-0", b"[]", ""), Message("1", "7", b"x" * 100_000, "")])
    state.write_text(earlier)  # killed before the positions were written
    file = next(tmp_path.glob("feedback-*.jsonl"))
    with file.open("ab") as lines:
        lines.write(b'{"event": "purch')  # and within a line
    again = StreamLog(tmp_path, "redis://host/orders")
    assert again.positions == {"0": "2-0", "1": "7"}
    assert file.read_bytes().count(b"\n") == 3
    assert file.read_bytes().endswith(b"\n")
    for text in ("{", json.dumps({"positions": [], "file": "", "bytes": 0})):
        state.write_text(text)
        with pytest.raises(DataError, match="damaged"):
            StreamLog(tmp_path, "redis://host/orders")
    state.unlink()
    file.write_text('{"event": "purchase"}\n')
    with pytest.raises(DataError, match=r"feedback-.*jsonl is damaged"):
        StreamLog(tmp_path, "redis://host/orders")


def test_a_full_file_is_followed_by_the_next_number_where_older_ones_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goeswith.pipeline.updates.stream_log._FILE_BYTES", 1)
    log = StreamLog(tmp_path, "redis://host/orders")
    for number in range(3):
        log.append([Message("0", f"{number}-0", b"{}", "")])
        min(tmp_path.glob("feedback-*.jsonl")).unlink() if number == 1 else None
    names = [path.stem[-6:] for path in sorted(tmp_path.glob("feedback-*.jsonl"))]
    assert names == ["000001", "000002"]


def test_messages_that_were_removed_are_missed(redis_stream: tuple[str, Send]) -> None:
    import redis

    url, send = redis_stream
    send(order(1, "a", "b", "c"))
    opened = open_stream(url, "orders")
    first = opened.read({}, 1, 0.1)[0]
    redis.from_url(url).xtrim("orders", maxlen=1, approximate=False)
    with pytest.raises(DataError, match="were removed before they were read"):
        opened.read({"0": first.position}, 10, 0.1)
    opened.close()


def test_nothing_new_is_said(tmp_path: Path, shop_bundle: Path) -> None:
    done = CliRunner().invoke(app, ["follow", str(shop_bundle), str(tmp_path), "--once"])
    assert "no new events in" in " ".join(done.output.split())


def test_what_cannot_be_followed_says_why(tmp_path: Path, shop_bundle: Path) -> None:
    def run(source: str, *more: str) -> BaseException | None:
        return CliRunner().invoke(app, ["follow", str(shop_bundle), source, *more]).exception

    folder = ["--topic", "orders", "--folder", str(tmp_path), "--once"]
    assert "needs --topic and --folder" in str(run("redis://localhost"))
    assert "SOURCE is a folder" in str(run(str(tmp_path), "--topic", "orders"))
    assert "there is no folder" in str(run(str(tmp_path / "gone"), "--once"))
    assert "the address of a stream is" in str(run("amqp://localhost", *folder))
    refused = run("redis://:secret@127.0.0.1:1/0", *folder)
    assert isinstance(refused, ConfigError)
    assert "secret" not in str(refused)
