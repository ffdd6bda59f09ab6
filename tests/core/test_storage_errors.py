"""Full disks and read-only folders end in an error with a remedy, and what was there stays."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from safetensors import SafetensorError

from goeswith.core.errors import DataError, StorageError
from goeswith.core.storage_errors import explain_storage_errors
from goeswith.query.bundle import Bundle

Run = Callable[..., tuple[int, str, str]]


@contextlib.contextmanager
def limit_of_file_sizes(limit: int) -> Iterator[None]:
    """A write above the limit is an error, as it is on a full disk."""
    import resource

    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN  # Python's own choice
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # half a module would stay
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sys.dont_write_bytecode = written


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "free space there"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "within the quota"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "b/x"), "may write to"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "b/x"), "may write to"),
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG)), "ulimit -f"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "free space there"),
        (pl.exceptions.ComputeError("No space left on device (os error 28)"), "free space there"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), "TMPDIR"),
    ],
)
def test_errors_of_the_disk_have_a_remedy(error: Exception, remedy: str, tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match=f"the bundle is unchanged.*{remedy}"),
        explain_storage_errors(tmp_path / "b", "the bundle is unchanged"),
    ):
        raise error


@pytest.mark.parametrize("error", [ValueError("x"), FileNotFoundError(2, "x"), DataError("x")])
def test_other_errors_pass(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error), match="x"), explain_storage_errors(tmp_path):
        raise error


@pytest.fixture
def bundle(shop_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


@pytest.fixture
def events(tmp_path: Path) -> Path:
    rows = [
        {"session_id": f"n{i}", "basket_id": f"n{i}", "product_id": product}
        for i in range(3)
        for product in ("phone-0", "tripod-0")
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    return tmp_path / "events.csv"


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize(
    "case",
    [
        ("fit", 200),
        ("fit", 20_000),
        ("update", 5_000),
        ("update", 20_000),
        ("export csv", 200),
        ("export jsonl", 5_000),
    ],
    ids=str,
)
def test_a_full_disk_leaves_what_was_there(
    case: tuple[str, int],
    bundle: Path,
    events: Path,
    shop_folder: Path,
    tmp_path: Path,
    *,
    run_command: Run,
) -> None:
    """A limit of file sizes fails as a full disk does, wherever a file reaches it."""
    command, limit = case
    export = tmp_path / "export.csv"
    export.write_text("before")
    commands: dict[str, list[object]] = {
        "fit": ["fit", shop_folder, "--out", bundle, "--model", "copurchase", "--replace"],
        "update": ["update", bundle, events],
        "export csv": ["export", bundle, "--to", "csv", "-o", export],
        "export jsonl": ["export", bundle, "--to", "jsonl", "-o", export],
    }
    before = Bundle.open(bundle).id
    with limit_of_file_sizes(limit):
        code, _, stderr = run_command(*commands[command])
    assert code == 2, stderr
    assert "Traceback" not in stderr
    assert "File too large" in stderr
    assert "unchanged. To mend this, raise the limit of file sizes" in stderr
    assert Bundle.open(bundle, verify=True).id == before
    assert len(list(bundle.glob("build-*"))) == 1
    assert export.read_text() == "before"
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system")
def test_a_read_only_or_full_file_system_is_an_error_with_a_remedy(
    shop_bundle: Path, events: Path, tmp_path: Path, run_command: Run
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")

    def refused(*arguments: object) -> str:
        code, _, stderr = run_command(*arguments)
        assert code == 2, stderr
        assert "Traceback" not in stderr
        return stderr

    try:
        bundle = Path(shutil.copytree(shop_bundle, disk / "bundle"))
        before = Bundle.open(bundle).id
        with (disk / "filler").open("wb") as filler:
            filler.write(bytes(max(0, shutil.disk_usage(disk).free - 8192)))
        assert "No space left on device" in refused("update", bundle, events)
        assert "No space left" in refused("export", bundle, "--to", "csv", "-o", disk / "x.csv")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert "Read-only file system" in refused("update", bundle, events)
        assert "Read-only" in refused("export", bundle, "--to", "csv", "-o", disk / "x.csv")
        assert "may write to" in refused("add", bundle, events)
        assert Bundle.open(bundle, verify=True).id == before
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
