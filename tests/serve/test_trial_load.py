"""A build that would crash or hang its loader is refused, and the service goes on."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import BundleError
from goeswith.query.bundle import Bundle
from goeswith.serve.process import trial_load
from goeswith.serve.process.reloader import BuildVerifier, Reloader
from goeswith.serve.process.trial_load import TrialLoad, limit_memory
from goeswith.store.manifest import file_sha256, manifest_sha256, read_manifest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "swaps.py"


@pytest.fixture(scope="module")
def swaps() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("swaps", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["swaps"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["swaps"]


@pytest.fixture(scope="module")
def fitted(swaps: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("first") / "bundle"
    swaps.fit_number(path, 1)
    return path


@pytest.fixture
def path(fitted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted, tmp_path / "bundle"))


def try_now(path: Path) -> str | None:
    return TrialLoad(path, live=True)(read_manifest(path))


def sign(path: Path, file: Path) -> None:
    """Have the manifest list a file as it is."""
    manifest = json.loads((path / "manifest.json").read_text())
    name = file.relative_to(path / manifest["build"]).as_posix()
    manifest["files"][name] = {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    manifest["sha256"] = manifest_sha256(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_a_good_build_passes_and_a_damaged_model_is_refused_with_its_file(path: Path) -> None:
    assert try_now(path) is None
    model = read_manifest(path).folder / "model" / "model.safetensors"
    arrays = load_arrays(model)
    name = next(name for name, value in arrays.items() if hasattr(value, "indices"))
    indices = arrays[name].indices.copy()
    indices[0] = 10**8
    arrays[name].indices = indices
    save_arrays(arrays, model)
    sign(path, model)
    reason = try_now(path)
    assert reason is not None
    assert "model.safetensors" in reason
    assert "is damaged" in reason


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("import os; os.abort()", "was ended by SIGABRT"),
        ("import time; time.sleep(60)", "took more than"),
        ("raise RuntimeError('odd')", "failed with code 1; it is damaged (RuntimeError: odd)"),
        ("x = [bytes(50_000_000) for _ in range(200)]", "failed with code 1"),
    ],
)
def test_whatever_ends_the_child_is_a_reason(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, expected: str
) -> None:
    (tmp_path / "goeswith_trial_fault.py").write_text(code)
    # the one that hangs is waited for in full
    monkeypatch.setattr(trial_load, "_BASE_SECONDS", 0.5 if "sleep" in code else 15.0)
    fault = (
        "import resource, sys; sys.path.insert(0, sys.argv[2]); "
        "resource.setrlimit(resource.RLIMIT_DATA, (2 * 10**9,) * 2); import goeswith_trial_fault"
    )
    real = trial_load.subprocess.Popen

    def run(command: list[str], **given: Any) -> Any:
        return real([sys.executable, "-c", fault, command[-1], str(tmp_path)], **given)

    monkeypatch.setattr(trial_load.subprocess, "Popen", run)
    reason = try_now(path)
    assert reason is not None
    assert expected in reason


def test_a_trial_does_not_keep_a_service_from_ending(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trial_load.subprocess.Popen
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(
        trial_load.subprocess, "Popen", lambda command, **given: real(sleep, **given)
    )
    verifier = BuildVerifier()
    current = Bundle.open(path)
    verifier.trial = trial = TrialLoad(path, live=False)
    verifier.end = trial.end
    manifest = read_manifest(path)
    reloader = Reloader(path, lambda: current, lambda _: None, verifier)

    def check(**_: Any) -> None:
        with suppress(BundleError):
            verifier(manifest)

    monkeypatch.setattr(reloader, "check", check)
    reloader.start(0.01)
    while trial._child is None:
        time.sleep(0.01)
    began = time.monotonic()
    reloader.stop()
    assert time.monotonic() < began + 4
    assert trial(manifest) == "the service is shutting down"


def test_the_memory_of_the_child_is_bounded() -> None:
    process = os.fork()
    if not process:
        limit_memory(500_000_000)
        try:
            content = [b"x" * 50_000_000 for _ in range(40)]
        except MemoryError:
            os._exit(7)
        os._exit(len(content))
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7


def test_a_build_that_fails_its_trial_is_refused_once_for_all_and_the_next_one_served(
    swaps: ModuleType, path: Path
) -> None:
    verifier, tried, told = BuildVerifier(), list[str](), list[Any]()
    current = [Bundle.open(path, verify=verifier)]

    def trial(manifest: Any) -> str | None:
        tried.append(manifest.content["id"])
        return "loading it was ended by SIGSEGV" if len(tried) == 1 else None

    verifier.trial = trial
    reloaders = [
        Reloader(
            path, lambda: current[-1], current.append, verifier, lambda *given: told.append(given)
        )
        for _ in range(2)
    ]
    bad = swaps.fit_number(path, 2)
    for reloader in reloaders:
        assert not reloader.check()
    assert tried == [bad]
    assert [one[0] for one in told] == ["refused", "refused"]
    assert "SIGSEGV" in told[0][2]
    good = swaps.fit_number(path, 3)
    assert reloaders[0].check()
    assert tried == [bad, good]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_build_is_let_go_of_after_a_swap(
    swaps: ModuleType, path: Path, workers: int
) -> None:
    first = read_manifest(path).folder
    with swaps.serving(path, workers) as (process, port):
        for swap in (1, 2):
            swaps.fit_number(path, swap + 1)
            due = swap * workers
            swaps.until(lambda due=due: swaps.reloads(port, "swapped") >= due, process, 120)
        deadline = time.monotonic() + 30
        number = 4
        while first.exists() and time.monotonic() < deadline:
            swaps.fit_number(path, number)  # the writer removes what nobody reads
            number += 1
        assert not first.exists()
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
