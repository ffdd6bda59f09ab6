"""Bundles of strangers: files mutated, sums made anew, each loaded and queried in a child process.

    python benchmarks/bundle_mutations.py [--mutations 5000] [--start 0] [--seed 0] [--seconds 20]

A mutation is `ok` where every query is answered, `refused` where an error of goeswith names the
fault, a `traceback` where any other exception reaches the caller, a `crash` where a signal ends the
process, a `hang` where it takes longer than --seconds, and `memory` where it needs more than 2 GB.
Aim: 0 tracebacks, 0 crashes, 0 hangs. The bundles are small ones of `bundle_sources.py`. The
children are forked from a process that has imported the libraries and started no threads. With
--start, the figures are added to those of the mutations before.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from bundle_changes import CHANGES, WEIGHTS
from bundle_sources import SOURCES

RESULT: Final = Path(__file__).parent / "results" / "bundle-mutations.json"
CODES: Final = {0: "ok", 2: "refused", 3: "traceback", 4: "memory"}
FAULTS: Final = ("traceback", "crash", "hang")
_SHOWN: Final = (*FAULTS, "memory")
MAX_BYTES: Final = 2_000_000_000
Stamp = tuple[int, int, int]


class Copy:
    """A copy of a bundle that is changed and restored.

    Attributes:
        path: of the copy.
        build: its folder of files.
        manifest: as the bundle has it.
    """

    def __init__(self, source: Path, path: Path) -> None:
        self.path = path
        self.manifest = json.loads((source / "manifest.json").read_text())
        self.build = path / self.manifest["build"]
        before = source / self.manifest["build"]
        names = [*self.manifest["files"]]
        self._content = {name: (before / name).read_bytes() for name in names}
        self._stamps: dict[str, Stamp] = {}
        self._write_all()

    def _write_all(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        for name in self._content:
            self._write(name)

    def _write(self, name: str) -> None:
        file = self.build / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self._content[name])
        self._stamps[name] = _stamp(file)

    def changed(self) -> list[str]:
        """Files that differ from the bundle."""
        return [name for name, stamp in self._stamps.items() if _stamp(self.build / name) != stamp]

    def sign(self, manifest: dict[str, Any]) -> None:
        """Write a manifest with sizes and sums of the files as they are."""
        from goeswith.store.manifest import file_sha256, manifest_sha256

        for name in self.changed():
            file, entry = self.build / name, manifest["files"].get(name)
            if isinstance(entry, dict) and not file.is_symlink() and file.is_file():
                entry.update(bytes=file.stat().st_size, sha256=file_sha256(file))
        manifest["sha256"] = manifest_sha256(manifest)
        (self.path / "manifest.json").write_text(json.dumps(manifest))

    def mutate(self, rng: random.Random) -> tuple[str, str]:
        """Make one change; its kind and what it changed."""
        manifest = json.loads(json.dumps(self.manifest))
        kind = rng.choices(list(CHANGES), WEIGHTS)[0]
        what = CHANGES[kind](self.build, manifest, rng)
        pipe = manifest.pop("_pipe", False)
        self.sign(manifest)
        if pipe:
            (self.path / "manifest.json").unlink()
            os.mkfifo(self.path / "manifest.json")
        return kind, what

    def restore(self, kind: str) -> None:
        """Undo a change of that kind."""
        if kind == "odd_entries" or any(not (self.build / name).is_file() for name in self._stamps):
            self._write_all()
            return
        for name in self.changed():
            self._write(name)


def _stamp(file: Path) -> Stamp:
    try:
        stat = file.lstat()
    except OSError:
        return (0, 0, 0)
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns)


def load_and_query(path: Path) -> None:
    """What the child does; ends the process with a code of `CODES`."""
    import warnings

    from goeswith.core.errors import GoesWithError
    from goeswith.query.bundle import Bundle
    from goeswith.serve.process.trial_queries import try_queries

    warnings.simplefilter("ignore")
    try:
        try_queries(Bundle.open(path, verify=True), live=True)
    except GoesWithError:
        code = 2
    except MemoryError:
        traceback.print_exc()
        code = 4
    except BaseException:  # such as a panic of polars
        traceback.print_exc()
        code = 3
    else:
        code = 0
    sys.stderr.flush()
    os._exit(code)


def in_child(function: Callable[[], object]) -> None:
    """Run a function in a child, such as one that starts threads."""
    child = os.fork()
    if not child:
        try:
            function()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("a child failed; see above")


def warm_up(sources: Mapping[str, Path]) -> None:
    """Import whatever the queries of the bundles need, and load what they have in common."""

    def names(path: Path, out: Path) -> None:
        from goeswith.query.bundle import Bundle
        from goeswith.serve.process.trial_queries import try_queries

        try_queries(Bundle.open(path, verify=True), live=True)
        out.write_text("\n".join(sys.modules))

    with tempfile.TemporaryDirectory() as folder:
        for path in sources.values():
            in_child(partial(names, path, Path(folder) / "names"))
            for name in (Path(folder) / "names").read_text().splitlines():
                # some modules of libraries cannot be imported by themselves
                with suppress(Exception):
                    importlib.import_module(name)
    from goeswith.kinds.catalog_kinds import shared_tagger
    from goeswith.models import MODELS
    from goeswith.sequential import SESSION_MODELS
    from goeswith.shoppers import SHOPPER_MODELS

    shared_tagger()
    for registry in (MODELS, SESSION_MODELS, SHOPPER_MODELS):
        assert registry.names


def outcome(path: Path, log: Path, seconds: float) -> str:
    """Load and query a bundle in a child; what became of it."""
    process = os.fork()
    if not process:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        load_and_query(path)
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return CODES.get(code, "traceback") if code >= 0 else "crash"
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return "hang"
        time.sleep(0.001)


def run(
    sources: Mapping[str, Path],
    numbers: range,
    seed: int,
    seconds: float = 20,
    minutes: float = 60,
) -> list[dict[str, Any]]:
    """Mutate and load, for at most `minutes`; for each: kind, what was changed, outcome, lines."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    warm_up(sources)
    found, end = [], time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        copies = {name: Copy(path, Path(folder) / name) for name, path in sources.items()}
        log = Path(folder) / "log"
        for number in numbers:
            if time.monotonic() > end:
                break
            rng = random.Random(f"{seed} {number}")
            bundle = rng.choice(sorted(copies))
            kind, what = copies[bundle].mutate(rng)
            result = outcome(copies[bundle].path, log, seconds)
            copies[bundle].restore(kind)
            lines = log.read_text(errors="replace").strip().splitlines()[-12:]
            one = {
                "number": number, "bundle": bundle, "kind": kind, "what": what, "outcome": result,
                "said": "\n".join(lines) if result in _SHOWN else "",
            }  # fmt: skip
            found.append(one)
            if result in _SHOWN:
                print(json.dumps(one), flush=True)
    return found


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=5000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after that many")
    parser.add_argument("--bundles", type=Path, help="folder to fit them in, or that has them")
    given = parser.parse_args()
    earlier: dict[str, Any] = json.loads(RESULT.read_text()) if given.start else {}
    if given.start and earlier["mutations"] != given.start:
        parser.error(f"{RESULT} has {earlier['mutations']} mutations; start there")
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.bundles or Path(temporary)
        for name, fit in SOURCES.items():
            if not (folder / name / "bundle").is_dir():
                in_child(partial(fit, folder / name))
        sources = {name: folder / name / "bundle" for name in SOURCES}
        started = time.monotonic()
        numbers = range(given.start, given.start + given.mutations)
        found = run(sources, numbers, given.seed, given.seconds, given.minutes)
        took = time.monotonic() - started
    tables: dict[str, dict[str, Counter[str]]] = {}
    for key, names in (("kind", CHANGES), ("bundle", SOURCES)):
        before = earlier.get(f"by_{key}", {})
        tables[key] = {name: Counter(before.get(name)) for name in names}
        for one in found:
            tables[key][one[key]][one["outcome"]] += 1
    counts = sum(tables["kind"].values(), Counter[str]())
    bad = [one for one in found if one["outcome"] in FAULTS]
    result = {
        "command": f"python benchmarks/bundle_mutations.py --mutations {counts.total()} "
        f"--seed {given.seed}",
        "mutations": counts.total(),
        "outcomes": {
            name: counts[name] for name in ("ok", "refused", "memory", "traceback", "crash", "hang")
        },
        **{
            f"by_{key}": {name: dict(sorted(counter.items())) for name, counter in table.items()}
            for key, table in tables.items()
        },
        "first_faults": [*earlier.get("first_faults", []), *bad][:10],
        "seconds": round(took + earlier.get("seconds", 0), 1),
        "python": platform.python_version(),
    }
    from goeswith.core.atomic_files import write_json

    write_json(result, RESULT)
    print(json.dumps(result["outcomes"]))


if __name__ == "__main__":
    main()
