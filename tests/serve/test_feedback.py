from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from goeswith.core.errors import ConfigError, DataError
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.serve import feedback_log as feedback
from goeswith.serve.feedback_log import FeedbackLog, repair

CLICK = {"event": "click", "product_id": "case-1", "source_id": "phone-1", "session_id": "s1"}


def kept(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def test_events_are_on_the_disk_when_they_are_acknowledged(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path / "kept"))
    hostile = {"event": "purchase", "product_id": "a\nb\0\u202e</script>", "position": 3}
    response = client.post("/v1/feedback", json={"events": [CLICK, hostile]})
    assert response.status_code == 202
    assert response.json() == {
        "bundle": client.app.state.snapshot_holder().bundle.id,
        "accepted": 2,
    }
    events = kept(tmp_path / "kept")
    assert [{k: v for k, v in event.items() if k != "timestamp"} for event in events] == [
        CLICK,
        hostile,
    ]
    assert "goeswith_feedback_events_total 2.0" in client.get("/metrics").text


def test_many_at_once_share_few_writes_and_none_is_lost(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    real = getattr(os.fsync, "__wrapped__", os.fsync)  # many gather while one waits for the disk
    client = serve(feedback=str(tmp_path))
    monkeypatch.setattr(feedback.os, "fsync", lambda handle: (synced.append(1), real(handle)))
    requests = [
        ("POST", "/v1/feedback", {"json": {"events": [{**CLICK, "event_id": str(i)}] * 3}})
        for i in range(100)
    ]
    assert {response.status_code for response in client.many(requests)} == {202}
    assert len(kept(tmp_path)) == 300
    assert {event["event_id"] for event in kept(tmp_path)} == {str(i) for i in range(100)}
    assert len(synced) < 50


@pytest.mark.parametrize(
    "body",
    [
        {"events": []},
        {"events": [{}]},
        {"events": [{"event": "look", "product_id": "a"}]},
        {"events": [{"event": "click", "product_id": ""}]},
        {"events": [{"event": "click", "product_id": "x" * 501}]},
        {"events": [{**CLICK, "position": -1}]},
        {"events": [{**CLICK, "prize": 1}]},
        {"events": [CLICK] * 1001},
        {"events": [{**CLICK, "price": -1}]},
        {"events": [{**CLICK, "currency": "eur"}]},
        {"events": [{**CLICK, "occurred_at": "2024-01-31T12:00:00"}]},
    ],
)
def test_events_that_cannot_be_read_are_refused_whole(
    serve: Any, tmp_path: Path, body: dict[str, Any]
) -> None:
    client = serve(feedback=str(tmp_path))
    assert client.post("/v1/feedback", json=body).status_code == 422
    assert kept(tmp_path) == []


def test_half_of_a_surrogate_is_refused(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path))
    body = b'{"events": [{"event": "click", "product_id": "\\ud800"}]}'
    headers = {"content-type": "application/json"}
    assert client.post("/v1/feedback", content=body, headers=headers).status_code == 422


def test_without_a_folder_the_answer_says_how_to_name_one(client: Any) -> None:
    response = client.post("/v1/feedback", json={"events": [CLICK]})
    assert response.status_code == 404
    assert "serve.feedback" in response.json()["detail"]


def test_a_disk_that_takes_nothing_is_reported_and_leaves_no_half_line(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(feedback=str(tmp_path))
    client.post("/v1/feedback", json={"events": [CLICK]})

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(feedback.os, "fsync", full)
        response = client.post("/v1/feedback", json={"events": [CLICK] * 5})
    assert response.status_code == 503
    assert "No space" not in response.text
    assert client.post("/v1/feedback", json={"events": [CLICK]}).status_code == 202
    assert len(kept(tmp_path)) == 2


def test_a_disk_that_takes_a_part_of_a_write_is_given_the_rest(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path))
    log = client.app.state.feedback

    class Slow:
        def __init__(self, file: Any) -> None:
            self.file, self.full = file, False

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def write(self, content: memoryview) -> int:
            if self.full:
                self.file.write(content[:10])
                raise OSError(28, "No space left on device")
            return int(self.file.write(content[:7]))

    slow = log._file = Slow(log._file)
    for full, status in ((False, 202), (True, 503), (False, 202)):
        slow.full = full
        assert client.post("/v1/feedback", json={"events": [CLICK] * 2}).status_code == status
    assert len(kept(tmp_path)) == 4


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no reservation of space")
def test_a_line_that_a_full_disk_refuses_is_never_visible(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an update would count it, and find the file changed once it is cut off."""
    client = serve(feedback=str(tmp_path))
    log = client.app.state.feedback
    assert client.post("/v1/feedback", json={"events": [CLICK]}).status_code == 202
    trim, lines = log._trim, []
    monkeypatch.setattr(log, "_trim", lambda: (lines.append(len(kept(tmp_path))), trim()))

    def refuse(number: int) -> Any:
        def reserve(*_: int) -> None:
            raise OSError(number, os.strerror(number))

        return reserve

    monkeypatch.setattr(feedback.os, "posix_fallocate", refuse(errno.ENOSPC))
    assert client.post("/v1/feedback", json={"events": [CLICK] * 50}).status_code == 503
    assert lines == [1]
    monkeypatch.setattr(feedback.os, "posix_fallocate", refuse(errno.EOPNOTSUPP))
    assert client.post("/v1/feedback", json={"events": [CLICK]}).status_code == 202
    assert len(kept(tmp_path)) == 2


def test_what_nobody_foresaw_leaves_nobody_waiting(serve: Any, tmp_path: Path) -> None:
    client = serve(feedback=str(tmp_path))
    client.app.state.feedback._file.close()
    for _ in range(2):
        assert client.post("/v1/feedback", json={"events": [CLICK]}).status_code == 500


def test_more_than_memory_should_hold_is_refused(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "_MAX_WAITING_BYTES", 100)
    client = serve(feedback=str(tmp_path))
    response = client.post("/v1/feedback", json={"events": [CLICK] * 5})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"


def test_a_folder_that_cannot_be_written_stops_the_start(serve: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"serve\.feedback"):
        serve(feedback=str(tmp_path / "file"))


def test_a_torn_line_is_cut_off_at_the_next_start(tmp_path: Path) -> None:
    for name, text in {
        "feedback-a-1.jsonl": '{"a": 1}\n{"b"',
        "feedback-b-2.jsonl": "x" * 200_000,
        "feedback-c-3.jsonl": '{"a": 1}\n',
        "feedback-d-4.jsonl": "",
        "other.jsonl": "{",
    }.items():
        (tmp_path / name).write_text(text)
    assert repair(tmp_path) == 2
    found = [path.read_text() for path in sorted(tmp_path.iterdir())]
    assert found == ['{"a": 1}\n', "", '{"a": 1}\n', "", "{"]


def test_the_file_of_a_running_process_is_left_alone(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path, 10**9)
    log._file.write(b'{"half"')
    assert repair(tmp_path) == 0
    assert log.path.read_bytes() == b'{"half"'
    asyncio.run(log.close())


def test_a_file_without_events_is_removed_at_the_end(tmp_path: Path) -> None:
    asyncio.run(FeedbackLog(tmp_path, 10**9).close())
    assert list(tmp_path.iterdir()) == []


def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start(bundle: Path, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "goeswith.cli.main", "serve", bundle, "--port", str(port)],
        env={**os.environ, "GOESWITH_SERVE_FEEDBACK": str(folder), "GOESWITH_SERVE_LIVE": "false"},
        stdout=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"{address}/v1/health/ready").status_code == 200:
                return process, address
        except httpx.TransportError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)


def post_until_it_ends(address: str, name: str, acknowledged: list[str]) -> None:
    with httpx.Client() as client:
        for i in range(100_000):
            ids = [f"{name}-{i}-{j}" for j in range(20)]
            events = [{**CLICK, "event_id": event} for event in ids]
            try:
                response = client.post(f"{address}/v1/feedback", json={"events": events})
            except httpx.TransportError:
                return
            assert response.status_code == 202
            acknowledged.extend(ids)


def test_whatever_was_acknowledged_outlives_sigkill(shop_bundle: Path, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for life in range(2):
        process, address = start(shop_bundle, tmp_path)
        writers = [
            threading.Thread(
                target=post_until_it_ends, args=(address, f"{life}-{name}", acknowledged)
            )
            for name in range(4)
        ]
        for writer in writers:
            writer.start()
        enough = len(acknowledged) + 400
        deadline = time.monotonic() + 60
        while len(acknowledged) < enough and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for writer in writers:
            writer.join()
    process, _ = start(shop_bundle, tmp_path)
    process.terminate()
    assert process.wait(timeout=60) == 0
    assert len(acknowledged) >= 800
    events = kept(tmp_path)  # every line is whole
    assert set(acknowledged) <= {event["event_id"] for event in events}
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_an_update_counts_clicks_and_purchases_of_new_lines_once(
    serve: Any, shop_bundle: Path, tmp_path: Path
) -> None:
    bundle, folder = Path(shutil.copytree(shop_bundle, tmp_path / "bundle")), tmp_path / "kept"
    client = serve(feedback=str(folder))

    def sends(first: int) -> None:
        events = [
            {"event": event, "product_id": product, "session_id": f"n{i}", "event_id": f"{i}-{n}"}
            for i in range(first, first + 6)
            for n, (event, product) in enumerate(
                [
                    ("impression", "phone-9"),
                    ("click", "phone-9"),
                    ("click", "phone-8"),
                    ("purchase", "phone-9"),
                    ("purchase", "tripod-9"),
                ]
            )
        ]
        odd = [
            {"event": "click", "product_id": "nothing", "session_id": "n1"},
            {"event": "click", "product_id": "case-1"},
        ]
        assert client.post("/v1/feedback", json={"events": events + events + odd}).is_success

    sends(0)
    done = update_bundle(bundle, folder)
    assert done.events == 6 * 4
    assert "12 lines skipped: impressions" in done.notes
    assert "24 lines skipped: sent twice" in done.notes
    assert "1 lines skipped: without a session_id" in done.notes
    assert "1 lines skipped: of products that are not in the catalogue" in done.notes
    first = Bundle.open(bundle).complements("phone-9", 1)[0]
    assert (first.product_id, first.evidence.bought_together) == ("tripod-9", 6)
    assert Bundle.open(bundle).similars("phone-9", 1)[0].product_id == "phone-8"

    with pytest.raises(DataError, match="already counted"):
        update_bundle(bundle, folder)
    sends(6)
    assert update_bundle(bundle, folder).events == 6 * 4
    again = Bundle.open(bundle).complements("phone-9", 1)[0]
    assert again.evidence.bought_together == 12
    changed = next(folder.glob("*.jsonl"))
    changed.write_text(changed.read_text()[10:])
    with pytest.raises(DataError, match="has changed since it was counted"):
        update_bundle(bundle, folder)
    with pytest.raises(DataError, match="has no feedback"):
        update_bundle(bundle, tmp_path)
