from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from goeswith.serve.process.supervisor import EXIT_USER_ERROR, Supervisor
from goeswith.settings.serve_settings import ServeSettings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="one process only")


@pytest.mark.parametrize("is_first", [True, False])
def test_only_a_first_worker_ends_the_service(
    is_first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """One in place of a killed one may find a full disk, which will have room again."""
    supervisor = Supervisor({}, ServeSettings(workers=2), lambda: None)
    with socket.socket() as supervisor._listener:
        worker = subprocess.Popen(
            [sys.executable, "-S", "-c", f"raise SystemExit({EXIT_USER_ERROR})"]
        )
        supervisor._started_at = {worker.pid: time.monotonic()}
        supervisor._first = {worker.pid} if is_first else set()
        while supervisor._started_at:
            time.sleep(0.01)
            supervisor._reap(time.monotonic())
        worker.returncode = EXIT_USER_ERROR  # the supervisor has waited for it
    assert supervisor._code == (EXIT_USER_ERROR if is_first else 0)
    assert len(supervisor._due) == (0 if is_first else 1)
    assert ("takes its place" in capsys.readouterr().err) is not is_first
