from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from goeswith.core.errors import BundleError, GoesWithError
from goeswith.query.bundle import Bundle
from goeswith.store import reader as reader_module
from goeswith.store.manifest import Manifest
from goeswith.store.publish import new_build, publish

SERVER = """
import json, os, signal, sys, traceback
from pathlib import Path
import goeswith.models.copurchase, goeswith.models.popularity
import goeswith.pipeline.fit_bundle as build, goeswith.store.publish as publish
from goeswith.settings.sections import FitSettings, Settings
from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.data.quarantine import Quarantine
from goeswith.relations.graph import RelationGraph

def strike():
    os.kill(os.getpid(), getattr(signal, signal_name))

def before(module, name, nth=1):
    real, calls = getattr(module, name), []
    def struck(*args, **kwargs):
        calls.append(1)
        if len(calls) == nth:
            strike()
        return real(*args, **kwargs)
    setattr(module, name, struck)

def after(module, name):
    real = getattr(module, name)
    def struck(*args, **kwargs):
        real(*args, **kwargs)
        strike()
    setattr(module, name, struck)

moments = {
    "fitting the first model": lambda: before(build, "make_model"),
    "fitting a fallback": lambda: before(build, "make_model", 2),
    "writing the answers": lambda: before(build, "save_arrays"),
    "writing the evidence": lambda: before(build, "save_arrays", 3),
    "writing the relations": lambda: after(build, "save_graph"),
    "flushing": lambda: before(publish, "sync_path", 4),
    "writing the manifest": lambda: before(publish, "write_json"),
    "manifest renamed": lambda: after(publish, "write_json"),
    "published": lambda: after(build, "publish"),
    "never": lambda: None,
}

def fit(out, k):
    products = [{"product_id": f"p{i}", "type": f"t{i % 3}"} for i in range(30)]
    catalog = Catalog.from_records(products)
    edges = [(i, (i * j + 1) % 30, "co_purchase") for i in range(30) for j in range(2, 6)]
    graph = RelationGraph.from_edges(30, edges)
    dataset = Dataset("shop", Path(), catalog, None, None, None, None, Quarantine(), "0")
    fit = FitSettings(model="copurchase", fallbacks=["popularity"], k=k)
    build.fit_bundle(dataset, Path(out), Settings(fit=fit), graph=graph)

for line in sys.stdin:  # one import for all: each fit is a process of its own
    out, moment, signal_name, k, log = json.loads(line)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(60)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        try:
            moments[moment]()
            fit(out, k)
            os._exit(0)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

BEFORE = [
    "fitting the first model",
    "fitting a fallback",
    "writing the answers",
    "writing the evidence",
    "writing the relations",
    "flushing",
    "writing the manifest",
]
AFTER = ["manifest renamed", "published"]


class Fits:
    """Fits bundles in processes that strike themselves at a moment."""

    def __init__(self, log: Path) -> None:
        self.log = log
        log.touch()
        self.server = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, out: Path, moment: str = "never", name: str = "SIGKILL", k: int = 6) -> int:
        """Begin a fit; its process. `wait` has to follow."""
        assert self.server.stdin is not None
        line = json.dumps([str(out), moment, name, k, str(self.log)])
        print(line, file=self.server.stdin, flush=True)
        return self._number()

    def wait(self) -> int:
        """The exit code of what was started."""
        code = self._number()
        logged = self.log.read_text()
        assert "Error" not in logged, logged
        return code

    def __call__(self, out: Path, moment: str = "never", name: str = "SIGKILL", k: int = 6) -> int:
        self.start(out, moment, name, k)
        return self.wait()

    def _number(self) -> int:
        assert self.server.stdout is not None
        return int(self.server.stdout.readline())


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fits]:
    fits = Fits(tmp_path_factory.mktemp("fits") / "stderr")
    with fits.server:  # waits, and closes the pipes
        yield fits
        assert fits.server.stdin is not None
        fits.server.stdin.close()


@pytest.fixture(scope="module")
def fitted(fit: Fits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("publish") / "bundle"
    assert fit(out, k=8) == 0
    return out


@pytest.fixture
def old(fitted: Path, tmp_path: Path) -> Path:
    """A bundle of eight answers a product, where later ones have six."""
    return Path(shutil.copytree(fitted, tmp_path / "bundle"))


@pytest.mark.parametrize(
    ("moment", "name"),
    [(moment, "SIGKILL") for moment in BEFORE]
    + [(moment, "SIGINT") for moment in ("fitting a fallback", "writing the manifest")],
)
def test_a_fit_that_is_ended_early_leaves_the_previous_bundle_answering(
    fit: Fits, old: Path, moment: str, name: str
) -> None:
    before = Bundle.open(old)
    answers = before.complements("p1", 8)
    assert fit(old, moment, name) in {-signal.SIGKILL, -signal.SIGINT}
    after = Bundle.open(old, verify=True)
    assert after.id == before.id
    assert after.complements("p1", 8) == answers


@pytest.mark.parametrize("moment", ["manifest renamed", "published"])
def test_a_fit_that_is_killed_after_the_swap_leaves_the_new_bundle_answering(
    fit: Fits, old: Path, moment: str
) -> None:
    assert fit(old, moment) == -signal.SIGKILL
    after = Bundle.open(old, verify=True)
    assert after.k == len(after.complements("p1", 6)) == 6


def test_an_interrupted_fit_leaves_nothing_behind(fit: Fits, old: Path) -> None:
    there = sorted(entry.name for entry in old.iterdir())
    fit(old, "writing the relations", "SIGINT")
    assert sorted(entry.name for entry in old.iterdir()) == there


def test_the_next_fit_removes_what_killed_ones_left(fit: Fits, old: Path) -> None:
    fit(old, "published")
    assert len(list(old.glob("build-*"))) == 2
    (old / ".manifest.json.123.part").write_text("{")
    assert fit(old) == 0
    build = Bundle.open(old, verify=True).folder.name
    assert sorted(entry.name for entry in old.iterdir()) == [".lock", build, "manifest.json"]


def test_a_killed_first_fit_leaves_no_bundle_and_says_so(fit: Fits, tmp_path: Path) -> None:
    fit(tmp_path / "b", "writing the manifest")
    with pytest.raises(BundleError, match="first fit that was interrupted leaves none"):
        Bundle.open(tmp_path / "b")


def test_a_fit_killed_at_any_time_leaves_a_whole_bundle(fit: Fits, old: Path) -> None:
    started = time.monotonic()
    fit(old)
    whole = time.monotonic() - started
    for share in (0.7, 0.85, 0.95):
        process = fit.start(old)
        time.sleep(whole * share)
        with suppress(ProcessLookupError):  # it has ended
            os.kill(process, signal.SIGKILL)
        fit.wait()
        assert len(Bundle.open(old, verify=True).complements("p1", 6)) == 6


def test_readers_see_whole_bundles_only_while_writers_replace_them(tmp_path: Path) -> None:
    """Every build says its number in two files; a reader must never see two numbers."""

    def write(number: int) -> None:
        with new_build(tmp_path / "b") as build:
            (build / "one").write_text(str(number))
            (build / "two").write_text(str(number))
            empty = {key: {} for key in ("libraries", "settings", "relations", "health")}
            empty |= {"models": ["popularity"], "data": {"name": "shop"}}
            publish(build, {"goeswith": "0", "k": number, **empty})

    class Reader(Bundle):
        def __init__(self, path: Path, manifest: Manifest) -> None:
            self.manifest = manifest.content
            self.folder = manifest.folder
            self.k = int(self.manifest["k"])
            self.numbers = [(manifest.folder / name).read_text() for name in ("one", "two")]

        def check(self, *, with_table: bool = True) -> None:
            """There are no arrays."""

    write(1)
    stop = threading.Event()
    seen: list[int] = []
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            try:
                reader = Reader.open(tmp_path / "b", verify=True)
            except GoesWithError as error:
                wrong.append(error)
            else:
                seen.append(reader.k)
                if reader.numbers != [str(reader.k)] * 2:
                    wrong.append(reader.numbers)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(2, 60):
        write(number)
    stop.set()
    for reader in readers:
        reader.join(timeout=30)
    assert not wrong
    assert len(set(seen)) > 5


def test_a_reader_between_manifest_and_files_follows_the_newer_build(
    fit: Fits, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Bundle.open(old).id
    real = reader_module.read_manifest

    def swapped_just_after(path: Path) -> Manifest:
        manifest = real(path)
        if manifest.content["id"] == before:
            assert fit(old) == 0
        return manifest

    monkeypatch.setattr(reader_module, "read_manifest", swapped_just_after)
    assert Bundle.open(old).id != before


def test_two_writers_of_one_bundle_are_not_let_in_together(tmp_path: Path) -> None:
    with new_build(tmp_path / "b") as build:
        with (
            pytest.raises(BundleError, match="another run is writing"),
            new_build(tmp_path / "b"),
        ):
            pass
        assert build.exists()
    assert not build.exists()


def test_a_bundle_that_cannot_be_read_is_replaced_by_the_next_fit(fit: Fits, old: Path) -> None:
    (old / "manifest.json").write_text("{")
    unreadable = list(old.glob("build-*"))
    fit(old, "writing the answers", "SIGINT")
    assert list(old.glob("build-*")) == unreadable
    assert fit(old) == 0
    Bundle.open(old, verify=True)
    assert len(list(old.glob("build-*"))) == 1


def test_a_bundle_in_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BundleError, match=r"file(/|\\)b cannot be made"),
        new_build(tmp_path / "file" / "b"),
    ):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
