"""A build that would crash or hang its loader is refused, and the service goes on."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sys
import threading
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
from goeswith.serve.process import build_verifier, trial_load
from goeswith.serve.process.build_verifier import MAX_TRIALS, BuildVerifier
from goeswith.serve.process.reloader import Reloader
from goeswith.serve.process.trial_load import TrialFault, TrialLoad, limit_memory
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


def try_now(path: Path) -> TrialFault | None:
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
    fault = try_now(path)
    assert fault is not None
    assert fault.is_certain
    assert "model.safetensors" in fault.reason
    assert "is damaged" in fault.reason


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("import os; os.abort()", "was ended by SIGABRT"),
        ("import time; time.sleep(60)", "took more than"),
        ("raise RuntimeError('odd')", "failed with code 1 (RuntimeError: odd)"),
        ("x = [bytes(50_000_000) for _ in range(200)]", "failed with code 1"),
    ],
)
def test_an_end_without_a_result_is_a_reason_to_try_again(
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
    found = try_now(path)
    assert found is not None
    assert not found.is_certain
    assert expected in found.reason


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
    with pytest.raises(BundleError, match="the service is shutting down"):
        trial(manifest)
    assert verifier._read() is None  # the other workers try it themselves


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
    verifier, tried, outcomes = BuildVerifier(), list[str](), list[Any]()
    current = [Bundle.open(path, verify=verifier)]

    def trial(manifest: Any) -> TrialFault | None:
        tried.append(manifest.content["id"])
        return TrialFault("a tree is damaged", is_certain=True) if len(tried) == 1 else None

    verifier.trial = trial
    reloaders = [
        Reloader(
            path,
            lambda: current[-1],
            current.append,
            verifier,
            lambda *given: outcomes.append(given),
        )
        for _ in range(2)
    ]
    bad = swaps.fit_number(path, 2)
    for reloader in reloaders:
        assert not reloader.check()
    assert tried == [bad]
    assert [one[0] for one in outcomes] == ["refused", "refused"]
    assert "a tree is damaged" in outcomes[0][2]
    good = swaps.fit_number(path, 3)
    assert reloaders[0].check()
    assert tried == [bad, good]


ENDED = TrialFault("loading it was ended by SIGKILL", is_certain=False)


@pytest.fixture
def offered(swaps: ModuleType, path: Path) -> tuple[BuildVerifier, list[Any], Reloader, list[Any]]:
    """A verifier, the faults of its trials, a reloader with a new build, and what it reports."""
    verifier, faults, outcomes = BuildVerifier(), list[Any](), list[Any]()
    current = [Bundle.open(path)]
    verifier.trial = lambda _: faults.pop(0)
    swaps.fit_number(path, 2)
    reloader = Reloader(
        path, lambda: current[-1], current.append, verifier, lambda *given: outcomes.append(given)
    )
    return verifier, faults, reloader, outcomes


def test_a_build_whose_trial_was_killed_from_outside_is_tried_again(
    offered: tuple[BuildVerifier, list[Any], Reloader, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, faults, reloader, outcomes = offered
    faults += [ENDED, None]
    assert not reloader.check()
    assert not reloader.check()  # it is not time yet
    assert [one[0] for one in outcomes] == ["postponed"]
    assert outcomes[0][2].endswith("ended by SIGKILL; tried again in 10 s (trial 1 of 4)")
    monkeypatch.setattr(build_verifier, "_RETRY_SECONDS", (0.0, 0.0, 0.0))
    reloader._retry_at = 0.0
    assert reloader.check()
    assert not faults


def test_a_build_that_ends_every_trial_is_refused_until_the_service_is_woken(
    offered: tuple[BuildVerifier, list[Any], Reloader, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, faults, reloader, outcomes = offered
    monkeypatch.setattr(build_verifier, "_RETRY_SECONDS", (0.0, 0.0, 0.0))
    faults += [ENDED] * MAX_TRIALS
    for _ in range(MAX_TRIALS + 2):
        assert not reloader.check()
    assert [one[0] for one in outcomes] == ["postponed"] * (MAX_TRIALS - 1) + ["refused"]
    assert "in the last of 4 trials" in outcomes[-1][2]
    assert not faults
    faults += [None]
    assert reloader.check(force=True)


def test_a_supervisor_takes_up_what_a_worker_has_accepted_and_tries_nothing(
    path: Path, offered: tuple[BuildVerifier, list[Any], Reloader, list[Any]]
) -> None:
    verifier, faults, reloader, _ = offered
    swapped = [reloader._current_bundle()]
    follower = Reloader(path, lambda: swapped[-1], swapped.append, verifier, follows=True)
    assert not follower.check()
    faults += [ENDED, None]
    assert not reloader.check()
    assert not follower.check()
    assert reloader.check(force=True)
    assert follower.check()


def test_a_trial_that_an_operator_kills_is_repeated_in_a_new_child(
    swaps: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, commands = trial_load.subprocess.Popen, list[Any]()
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]

    def start(command: list[str], **given: Any) -> Any:
        commands.append(command)
        return real(sleep if len(commands) == 1 else command, **given)

    monkeypatch.setattr(trial_load.subprocess, "Popen", start)
    verifier, current = BuildVerifier(), [Bundle.open(path)]
    verifier.trial = trial = TrialLoad(path, live=False)
    swaps.fit_number(path, 2)
    reloader = Reloader(path, lambda: current[-1], current.append, verifier)
    looks = threading.Thread(target=reloader.check)
    looks.start()
    while trial._child is None:
        time.sleep(0.01)
    trial._child.kill()
    looks.join()
    assert len(current) == len(commands) == 1
    assert reloader.check(force=True)
    assert len(commands) == 2


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
