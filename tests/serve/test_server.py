from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx


def test_a_signal_lets_running_requests_finish_and_says_not_ready(
    shop_bundle: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"PORT": str(port), "DRAIN": "1.5", "LIVE": "false", "FEEDBACK": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "goeswith.cli.main", "serve", shop_bundle],
        env={**os.environ, **{f"GOESWITH_SERVE_{name}": value for name, value in settings.items()}},
        stdout=subprocess.PIPE,
    )
    ready = f"http://127.0.0.1:{port}/v1/health/ready"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(ready).status_code == 200
                break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        body = json.dumps({"events": [{"event": "click", "product_id": "case-1"}]}).encode()
        with socket.create_connection(("127.0.0.1", port)) as running:
            head = (
                f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            )
            running.sendall(f"POST /v1/feedback HTTP/1.1\r\n{head}\r\n\r\n".encode() + body[:10])
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            while (response := httpx.get(ready)).status_code == 200:
                time.sleep(0.02)
            assert response.status_code == 503
            assert "shutting down" in response.json()["detail"]
            time.sleep(2)
            running.sendall(body[10:])
            assert running.recv(100).startswith(b"HTTP/1.1 202")
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert [path.read_text().count("\n") for path in tmp_path.iterdir()] == [1]
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["status"] for line in lines if line["method"] == "POST"] == [202]
