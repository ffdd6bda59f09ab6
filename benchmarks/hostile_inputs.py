"""Odd and hostile inputs with the outcome of each: `python benchmarks/hostile_inputs.py`.

    python benchmarks/hostile_inputs.py [--only "times"] [--seconds 20]

The inputs are tables (`hostile_tables.py`), settings, rules, changes, labels and folders of bundles
(`hostile_files.py`), and requests to a service (`hostile_requests.py`). Each has an expected
outcome: right, with the value checked, or refused with a message that names the fault. `wrong` is
any other outcome, also a traceback; `hang` takes longer than --seconds, `crash` ends the process,
and `memory` needs more than twice the input plus 160 MB. The inputs run in a child process, which
is started anew after a hang or a crash.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

RESULT: Final = Path(__file__).parent / "results" / "hostile-inputs.json"
_BASE_BYTES: Final = 160_000_000
Outcome = tuple[str, str, int]
"""Outcome, value or message, and bytes of the input."""


def inputs(folder: Path, only: str) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    """Name and test of each input."""
    import hostile_files
    import hostile_requests
    import hostile_tables

    for table in hostile_tables.all_tables():
        yield f"table: {table.name}", lambda e=table: try_table(e, folder)  # type: ignore[misc]
    bundle = folder / "small-bundle"
    for file in hostile_files.all_files():
        yield (
            f"{file.reader}: {file.name}",
            lambda e=file: try_file(e, folder, bundle),  # type: ignore[misc]
        )
    for name in hostile_files.BUNDLES:
        yield f"bundle: {name}", lambda e=name: try_bundle(e, folder, bundle)  # type: ignore[misc]
    send = None
    for request in hostile_requests.all_requests():

        def test(entry: Any = request) -> Outcome:
            nonlocal send
            send = send or hostile_requests.client(bundle, folder)
            return try_request(entry, send)

        yield f"request: {request.name}", test


def try_table(entry: Any, folder: Path) -> Outcome:
    """Load a folder with the files."""
    from pydantic import ValidationError

    import goeswith
    from goeswith.core.errors import GoesWithError
    from goeswith.data.config import DataConfig

    size = 0
    with tempfile.TemporaryDirectory(dir=folder) as shop:
        for name, content in entry.files.items():
            path = Path(shop) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir(exist_ok=True)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                content.write_parquet(path)
            size += path.stat().st_size
        expected = entry.expected if isinstance(entry.expected, tuple) else (entry.expected,) * 2
        try:
            data = goeswith.load_data(Path(shop), settings=DataConfig(**entry.settings))
        except (GoesWithError, ValidationError) as error:
            text = str(error).replace(shop, "")
            right = isinstance(expected[1], str) and expected[1] in text
            return ("refused" if right else "wrong"), text, size
        count = data.report.events.get("purchase", 0)
        ids = data.catalog.ids.to_list()
        right = count == expected[0] and entry.products in (None, ids)
        return ("right" if right else "wrong"), f"{count} purchases of {ids[:6]}", size


def try_file(entry: Any, folder: Path, bundle: Path) -> Outcome:
    """Read a file as a command does."""
    from hostile_files import read_file

    return _refused_or_right(
        lambda: read_file(entry, folder, bundle), entry.expected, len(entry.content)
    )


def try_bundle(name: str, folder: Path, bundle: Path) -> Outcome:
    """Open a changed bundle."""
    from hostile_files import BUNDLES, open_bundle

    return _refused_or_right(lambda: open_bundle(name, folder, bundle), BUNDLES[name][1], 100_000)


def _refused_or_right(read: Callable[[], None], expected: str | None, size: int) -> Outcome:
    from goeswith.core.errors import GoesWithError

    try:
        read()
    except GoesWithError as error:
        right = expected is not None and expected in str(error)
        return ("refused" if right else "wrong"), str(error), size
    return ("right" if expected is None else "wrong"), "read", size


def try_request(entry: Any, send: Callable[[Any], Any]) -> Outcome:
    """Send a request; a status of the client's fault is a refusal."""
    size = len(entry.path) + len(entry.given.get("content", b""))
    response = send(entry)
    right = response.status_code == entry.expected and entry.part in response.text
    kind = "right" if entry.expected < 400 else "refused"
    text = f"{response.status_code} {response.text[:200]}"
    return (kind if right else "wrong"), text, size


def worker(folder: Path, start: int, only: str) -> None:
    """Test the inputs from number `start` on; a line of JSON for each, before and after."""
    warnings.simplefilter("ignore")
    for number, (name, test) in enumerate(inputs(folder, only)):
        if number < start or only not in name:
            continue
        print(json.dumps({"number": number, "name": name}), flush=True)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before, started = memory("VmRSS"), time.monotonic()
        try:
            outcome, value, size = test()
        except Exception as error:
            outcome, value, size = "wrong", f"{type(error).__name__}: {error}", 0
        took, grown = time.monotonic() - started, memory("VmHWM") - before
        if outcome in ("right", "refused") and grown > 2 * size + _BASE_BYTES:
            outcome = "memory"
        done = {"outcome": outcome, "value": value[:300], "bytes": size, "grown_mb": grown // 10**6}
        print(json.dumps({**done, "seconds": round(took, 2)}), flush=True)


def memory(field: str) -> int:
    """A field of `/proc/self/status`, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def run(folder: Path, only: str, seconds: float) -> list[dict[str, Any]]:
    """Test every input in children."""
    rows: list[dict[str, Any]] = []
    start: int | None = 0
    while start is not None:
        command = [sys.executable, __file__, "--worker", str(folder), "--start", str(start)]
        child = subprocess.Popen(
            [*command, "--only", only],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )  # fmt: skip
        start = _follow(child, rows, seconds)
    return rows


def _follow(child: subprocess.Popen[str], rows: list[dict[str, Any]], seconds: float) -> int | None:
    """Read the lines of a worker; the number to start the next one at, None if all is done."""
    assert child.stdout is not None
    current: dict[str, Any] | None = None
    try:
        while True:
            limit = seconds if current else 60
            if not select.select([child.stdout], [], [], limit)[0]:
                break
            line = child.stdout.readline()
            if not line:
                if current is None and child.wait() == 0:
                    return None
                break
            record = json.loads(line)
            if "number" in record:
                current = record
                continue
            rows.append({**(current or {}), **record})
            if record["outcome"] not in ("right", "refused"):
                print(json.dumps(rows[-1]), flush=True)
            current = None
    finally:
        ended = child.poll()
        child.kill()
        child.wait()
    if current is None:
        raise SystemExit(f"the worker ended with {ended} between two inputs")
    rows.append({**current, "outcome": "hang" if ended is None else "crash", "value": str(ended)})
    print(json.dumps(rows[-1]), flush=True)
    return int(current["number"]) + 1


def main() -> None:
    """Print the faults and write all outcomes; exit code 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the name of an input")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--start", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        worker(given.worker, given.start, given.only)
        return
    from goeswith.core.atomic_files import write_json

    with tempfile.TemporaryDirectory() as folder:
        code = (
            "import sys; from pathlib import Path; import hostile_files as h; "
            "h.small_bundle(Path(sys.argv[1]))"
        )
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
        )  # fmt: skip
        rows = run(Path(folder), given.only, given.seconds)
    for row in rows:
        row["value"] = row["value"].replace(folder, "")
    counts = Counter(row["outcome"] for row in rows)
    by_kind = {
        kind: dict(Counter(r["outcome"] for r in rows if r["name"].startswith(kind + ":")))
        for kind in dict.fromkeys(row["name"].split(":")[0] for row in rows)
    }
    result = {
        "command": "python benchmarks/hostile_inputs.py",
        "inputs": len(rows),
        "outcomes": dict(counts),
        "by_kind": by_kind,
        "most_seconds": max((row.get("seconds", 0) for row in rows), default=0),
        "most_grown_mb": max((row.get("grown_mb", 0) for row in rows), default=0),
        "rows": [{k: v for k, v in row.items() if k != "number"} for row in rows],
        "python": platform.python_version(),
    }
    print(json.dumps({key: result[key] for key in ("inputs", "outcomes", "by_kind")}))
    if not given.only:
        write_json(result, RESULT)
    sys.exit(0 if set(counts) <= {"right", "refused"} else 1)


if __name__ == "__main__":
    main()
