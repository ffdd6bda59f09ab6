"""Bundles of strangers: files mutated, sums made anew, each loaded and queried in a child process.

    python benchmarks/bundle_mutations.py [--mutations 10000] [--start 0] [--seed 0] [--seconds 20]

A mutation is `ok` where every query is answered, `refused` where an error of goeswith names the
fault, a `traceback` where any other exception reaches the caller, a `crash` where a signal ends the
process, a `hang` where it takes longer than --seconds, and `memory` where it needs more than 2 GB.
Aim: 0 tracebacks, 0 crashes, 0 hangs. The children are forked from a process that has imported the
libraries and started no threads. With --start, the figures are added to those of the mutations
before.
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
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

RESULT: Final = Path(__file__).parent / "results" / "bundle-mutations.json"
CODES: Final = {0: "ok", 2: "refused", 3: "traceback", 4: "memory"}
FAULTS: Final = ("traceback", "crash", "hang")
MAX_BYTES: Final = 2_000_000_000
IMPORTED: Final = (
    "goeswith.query.bundle",
    "goeswith.serve.process.trial_queries",
    "goeswith.query.online_scoring",
    "goeswith.query.select",
    "goeswith.query.session",
    "goeswith.query.new_product",
    "goeswith.query.similar_products",
    "goeswith.query.reverse",
    "goeswith.query.compare",
    "goeswith.ranking.ranker",
    "goeswith.sequential.mixture",
    "lightgbm",
    "polars",
    "pyarrow.ipc",
    "scipy.sparse",
    "rapidfuzz.process",
)
EDGES: Final = (
    0,
    1,
    -1,
    2,
    127,
    255,
    2**15,
    2**31 - 1,
    -(2**31),
    2**31,
    2**32,
    2**63 - 1,
    -(2**63),
)


def fit(folder: Path) -> Path:
    """A bundle with the ranker, kinds, a session model, fallbacks and explanations."""
    import numpy as np
    import polars as pl

    from goeswith import load_data
    from goeswith.pipeline.explanation_writer import explain_bundle
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import FitSettings, Settings

    rng, shop = np.random.default_rng(3), folder / "shop"
    shop.mkdir(parents=True)
    types = ("phone", "case", "charger", "camera", "tripod")
    pl.DataFrame(
        [
            {"product_id": f"{t}-{i}", "title": f"{t} {i} of steel", "type": t, "price": 5.0 + i}
            for t in types
            for i in range(12)
        ]
    ).write_csv(shop / "products.csv")
    rows = []
    for visit in range(700):
        style, line = int(rng.integers(4)), types[:3] if visit % 3 else types[3:]
        for minute, (event, t) in enumerate(
            [("view", line[0])] * 2 + [("purchase", t) for t in line]
        ):
            product = f"{t}-{(style + 4 * int(rng.integers(3))) % 11}"
            when = f"2024-{1 + visit // 60:02d}-{1 + visit % 28:02d}T00:{minute:02d}:00Z"
            rows.append((f"u{visit % 90}", f"s{visit}", f"b{visit}", product, event, when))
    names = ["user_id", "session_id", "basket_id", "product_id", "event", "timestamp"]
    pl.DataFrame(rows, schema=names, orient="row").write_csv(shop / "events.csv")
    out = folder / "bundle"
    fit_bundle(load_data(shop), out, Settings(fit=FitSettings(model="ranker", k=8)))
    explain_bundle(out)
    return out


def sign(path: Path, build: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest with sizes and sums of the files as they are."""
    from goeswith.store.manifest import file_sha256, manifest_sha256

    for name, entry in manifest["files"].items():
        file = build / name
        if isinstance(entry, dict) and not file.is_symlink() and file.is_file():
            entry.update(bytes=file.stat().st_size, sha256=file_sha256(file))
    manifest["sha256"] = manifest_sha256(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


Change = Callable[[Path, dict[str, Any], random.Random], str]


def _file(build: Path, rng: random.Random, suffix: str = "") -> Path:
    return rng.choice(sorted(f for f in build.rglob(f"*{suffix}") if f.is_file()))


def flip_bytes(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    file = _file(build, rng)
    content = bytearray(file.read_bytes())
    for _i in range(rng.choice((1, 1, 4, 64))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    file.write_bytes(content)
    return file.name


def cut_or_extend(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    file = _file(build, rng)
    content = file.read_bytes()
    at = rng.randrange(len(content))
    file.write_bytes(rng.choice((content[:at], content + content[at:], content[at:], b"")))
    return file.name


def edge_values(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """An array of a safetensors file gets an extreme value, or is shuffled."""
    file = _file(build, rng, ".safetensors")
    content = bytearray(file.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = {k: v for k, v in json.loads(content[8:start]).items() if k != "__metadata__"}
    entry = header[name := rng.choice(sorted(header))]
    begin, end = (start + at for at in entry["data_offsets"])
    size = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2}.get(
        entry["dtype"], 1
    )
    if end > begin:
        for _i in range(rng.choice((1, 1, 10))):
            at = begin + size * rng.randrange((end - begin) // size)
            if entry["dtype"].startswith("F") and size in (4, 8):
                value = rng.choice((float("nan"), float("inf"), -1.0, 1e30, 0.0))
                content[at : at + size] = struct.pack("<f" if size == 4 else "<d", value)
            else:
                whole = rng.choice(EDGES) % 2 ** (8 * size)
                content[at : at + size] = whole.to_bytes(size, "little")
    file.write_bytes(content)
    return f"{file.name}: {name}"


def header_fields(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """The JSON header of a safetensors file is edited."""
    file = _file(build, rng, ".safetensors")
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = edit_json(json.loads(content[8:start]), rng)
    text = json.dumps(header).encode() if rng.random() < 0.95 else b"[" * 100_000
    file.write_bytes(len(text).to_bytes(8, "little") + text + content[start:])
    return file.name


def json_files(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """A JSON file of a model is edited."""
    file = _file(build, rng, ".json")
    content = edit_json(json.loads(file.read_text()), rng)
    file.write_text(json.dumps(content) if rng.random() < 0.9 else '{"a":' * 50_000)
    return file.name


def manifest_fields(_: Path, manifest: dict[str, Any], rng: random.Random) -> str:
    """A field of the manifest is edited."""
    before = {key: manifest[key] for key in ("build", "format")}
    edited = edit_json(json.loads(json.dumps(manifest)), rng)
    manifest.clear()
    manifest.update({**edited, **(before if rng.random() < 0.9 else {})})
    manifest.setdefault("files", {})
    return "manifest.json"


def edit_json(content: Any, rng: random.Random) -> Any:
    """A value somewhere in JSON is replaced, removed or duplicated."""
    places: list[tuple[Any, Any]] = []

    def collect(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                collect(node[key])

    collect(content)
    for _i in range(rng.choice((1, 1, 2))):
        if not places:
            return []
        node, key = rng.choice(places)
        nested: Any = []
        for _j in range(300):
            nested = [nested]
        values = (None, True, -1, 0, 2**40, 1.5, "", "x" * 10_000, [], {}, "ranker", nested)
        if isinstance(node, dict) and key in node and rng.random() < 0.2:
            del node[key]
        elif isinstance(node, list) or key in node:
            try:
                node[key] = rng.choice(values)
            except IndexError:
                continue
    return content


def tree_text(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """A number in the text of the trees is changed, at the same length of the file or not."""
    from goeswith.core.arrays_file import load_arrays, save_arrays

    file = build / "model" / "model.safetensors"
    arrays = load_arrays(file)
    import numpy as np

    names = [name for name in arrays if "trees" in name]
    name = rng.choice(sorted(names))
    lines = arrays[name].tobytes().decode().split("\n")
    at = rng.choice([i for i, line in enumerate(lines) if "=" in line])
    words = lines[at].partition("=")[2].split(" ")
    words[rng.randrange(len(words))] = str(rng.choice((*EDGES, "x", "", "nan", 1e308, 3, -3)))
    lines[at] = f"{lines[at].partition('=')[0]}={' '.join(words)}"
    if rng.random() < 0.1:
        del lines[at]
    text = "\n".join(lines).encode()
    save_arrays({**arrays, name: np.frombuffer(text, dtype=np.uint8)}, file)
    return f"{file.name}: {name}: {lines[min(at, len(lines) - 1)].partition('=')[0]}"


def arrow_offsets(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """A word of the Arrow table, which may be an offset, a length or metadata."""
    file = build / "products.arrow"
    content = bytearray(file.read_bytes())
    for _i in range(rng.choice((1, 1, 3))):
        at = 4 * rng.randrange(len(content) // 4)
        content[at : at + 4] = (rng.choice(EDGES) % 2**32).to_bytes(4, "little")
    file.write_bytes(content)
    return file.name


def odd_entries(build: Path, manifest: dict[str, Any], rng: random.Random) -> str:
    """A pipe, a link, a folder, a device or an unlisted file in place of a file."""
    file = _file(build, rng)
    kind = rng.choice(
        ("pipe", "link", "folder", "unlisted", "zero", "build", "manifest", "missing")
    )
    if kind == "unlisted":
        extra = build / rng.choice(("fallbacks/9-popularity", "session/x", "rare/y", "model/z"))
        extra.parent.mkdir(parents=True, exist_ok=True)
        rng.choice((lambda: os.mkfifo(extra), lambda: extra.write_text("{}")))()
    elif kind == "build":
        build.rename(build.parent / "moved")
        build.symlink_to(build.parent / "moved")
    elif kind == "manifest":
        manifest["_pipe"] = True
    else:
        file.unlink()
        if kind == "pipe":
            os.mkfifo(file)
        elif kind == "link":
            file.symlink_to("/etc/hostname")
        elif kind == "zero":
            file.symlink_to("/dev/zero")
        elif kind == "folder":
            file.mkdir()
    return f"{kind} {file.name}"


CHANGES: Final[dict[str, Change]] = {
    change.__name__: change
    for change in (
        flip_bytes,
        cut_or_extend,
        edge_values,
        header_fields,
        json_files,
        manifest_fields,
        tree_text,
        arrow_offsets,
        odd_entries,
    )
}
_WEIGHTS: Final = (15, 8, 25, 10, 8, 10, 10, 10, 4)


def mutate(source: Path, target: Path, number: int, seed: int) -> tuple[str, str]:
    """A copy of a bundle with one mutation; its kind and what it changed."""
    rng = random.Random(f"{seed} {number}")
    shutil.rmtree(target, ignore_errors=True)
    manifest = json.loads((source / "manifest.json").read_text())
    build = target / manifest["build"]
    shutil.copytree(source / manifest["build"], build)
    kind = rng.choices(list(CHANGES), _WEIGHTS)[0]
    what = CHANGES[kind](build, manifest, rng)
    pipe = manifest.pop("_pipe", False)
    sign(target, build, manifest)
    if pipe:
        (target / "manifest.json").unlink()
        os.mkfifo(target / "manifest.json")
    return kind, what


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
        code = 4
    except BaseException:  # such as a panic of polars
        traceback.print_exc()
        code = 3
    else:
        code = 0
    sys.stderr.flush()
    os._exit(code)


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
        time.sleep(0.002)


def run(source: Path, numbers: range, seed: int, seconds: float = 20) -> list[dict[str, Any]]:
    """Mutate and load; one entry for each number: kind, what was changed, outcome, last lines."""
    for name in IMPORTED:
        importlib.import_module(name)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        target, log = Path(folder) / "bundle", Path(folder) / "log"
        for number in numbers:
            kind, what = mutate(source, target, number, seed)
            result = outcome(target, log, seconds)
            lines = log.read_text(errors="replace").strip().splitlines()[-12:]
            said = "\n".join(lines) if result in ("traceback", "crash") else ""
            one = {"number": number, "kind": kind, "what": what, "outcome": result, "said": said}
            found.append(one)
            if result in FAULTS:
                print(json.dumps(one), flush=True)
    return found


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--bundle", type=Path, help="of `fit` of this script; fitted if left out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = given.bundle
        if source is None:
            child = os.fork()  # a fit starts threads
            if not child:
                fit(Path(folder))
                os._exit(0)
            os.waitpid(child, 0)
            source = Path(folder) / "bundle"
        started = time.monotonic()
        numbers = range(given.start, given.start + given.mutations)
        found = run(source, numbers, given.seed, given.seconds)
        took = time.monotonic() - started
    earlier: dict[str, Any] = json.loads(RESULT.read_text()) if given.start else {}
    if given.start and earlier["mutations"] != given.start:
        parser.error(f"{RESULT} has {earlier['mutations']} mutations; start there")
    by_kind: dict[str, Counter[str]] = {
        kind: Counter(earlier.get("by_kind", {}).get(kind)) for kind in CHANGES
    }
    for one in found:
        by_kind[one["kind"]][one["outcome"]] += 1
    counts = sum(by_kind.values(), Counter[str]())
    bad = [one for one in found if one["outcome"] in FAULTS]
    result = {
        "command": f"python benchmarks/bundle_mutations.py --mutations {numbers.stop} "
        f"--seed {given.seed}",
        "mutations": numbers.stop,
        "outcomes": {
            name: counts[name] for name in ("ok", "refused", "memory", "traceback", "crash", "hang")
        },
        "by_kind": {kind: dict(sorted(counter.items())) for kind, counter in by_kind.items()},
        "first_faults": [*earlier.get("first_faults", []), *bad][:10],
        "seconds": round(took + earlier.get("seconds", 0), 1),
        "python": platform.python_version(),
    }
    from goeswith.core.atomic_files import write_json

    write_json(result, RESULT)
    print(json.dumps(result["outcomes"]))


if __name__ == "__main__":
    main()
