"""Updates that are killed, paused and cut off at random: every basket counts exactly once.

    python benchmarks/update_kills.py [--seconds 180] [--seed 0]

A shop sends a file of baskets a day, which overlaps that of the day before. Each `update` is
disturbed at a random moment: killed (SIGKILL), interrupted (SIGINT), paused (SIGSTOP, then
SIGCONT), or out of disk (a limit of file sizes, which fails as a full disk does). After each, the
bundle has to open with every checksum right, answer, and hold the baskets of the files that were
published, each once; then the file is sent again until it is in.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph_files import load_graph
from goeswith.settings.sections import FitSettings, KindSettings, Settings

RESULT = Path(__file__).parent / "results" / "update-kills.json"
WAYS = ("kill", "interrupt", "pause", "full disk", "none")
DAY, OVERLAP, FIRST = 20, 10, 60
"""Baskets of a day, of them those of the day before, and baskets of the fit."""
SETTINGS = Settings(
    fit=FitSettings(
        model="copurchase",
        fallbacks=["popularity"],
        k=8,
        session_model="none",
        keep_below_support=True,
    ),
    kinds=KindSettings(use="none"),
    relations=MiningConfig(per_user_cap=10**6, min_co_purchase=2),
)
UPDATE = """
import resource, signal, sys
from pathlib import Path
from goeswith.core.errors import GoesWithError
from goeswith.pipeline.update_bundle import update_bundle
import goeswith.relations.mine
print("ready", flush=True)
limit = int(sys.argv[3])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    update_bundle(Path(sys.argv[1]), Path(sys.argv[2]))
except GoesWithError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


def baskets(first: int, end: int) -> pl.DataFrame:
    """The events of baskets by number: three products each, a basket a minute."""
    return pl.DataFrame(
        [
            {
                "basket_id": f"o{number}",
                "product_id": f"p{(7 * number + 3 * place * (number % 4 + 1)) % 40}",
                "timestamp": 1_700_000_000 + 60 * number,
            }
            for number in range(first, end)
            for place in range(3)
        ]
    )


def disturb(process: subprocess.Popen[str], way: str, delay: float) -> None:
    """Let a process run for a while, then do to it what `way` names."""
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        if way == "kill":
            process.kill()
        elif way == "interrupt":
            process.send_signal(signal.SIGINT)
        elif way == "pause":
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.2)
            process.send_signal(signal.SIGCONT)


def run_update(
    bundle: Path, file: Path, way: str, rng: random.Random, usual: float
) -> tuple[int, float]:
    """One update of a file, disturbed; its exit status, and seconds without the imports."""
    limit = rng.choice([300, 3_000, 10_000, 30_000]) if way == "full disk" else 0
    process = subprocess.Popen(
        [sys.executable, "-c", UPDATE, str(bundle), str(file), str(limit)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    begun = time.monotonic()
    disturb(process, way, rng.uniform(0, 1.1 * usual))
    _, errors = process.communicate()
    if process.returncode == 2:
        assert "Traceback" not in errors, errors
        assert "already" in errors or "cannot be written" in errors, errors
    elif process.returncode > 0:
        assert way == "interrupt", errors
    return process.returncode, time.monotonic() - begun


def counted(path: Path) -> int:
    """Baskets in a bundle, which is checked on the way."""
    bundle = Bundle.open(path, verify=True)
    relation = load_graph(bundle.folder / "relations", len(bundle))["co_purchase"]
    assert bundle.complements("p0", 3)
    return int(relation.contexts or 0)


def run(folder: Path, seconds: float, seed: int, most: int = 10**6) -> dict[str, Any]:
    """Days of updates, disturbed, for some seconds or until `most` disturbances."""
    rng = random.Random(seed)
    data, bundle = folder / "data", folder / "bundle"
    data.mkdir()
    baskets(0, FIRST).write_csv(data / "events.csv")
    ids = pl.DataFrame({"product_id": [f"p{i}" for i in range(40)]})
    ids.write_csv(data / "products.csv")
    fit_bundle(load_data(data), bundle, SETTINGS)
    outcomes: Counter[str] = Counter()
    started, usual, end, number = time.monotonic(), 2.0, FIRST, 0
    assert counted(bundle) == end
    while time.monotonic() - started < seconds and number < most:
        file = folder / f"day-{end}.csv"
        baskets(end - OVERLAP, end - OVERLAP + DAY).write_csv(file)
        published = False
        while not published:
            way = WAYS[number % len(WAYS)]
            _, taken = run_update(bundle, file, way, rng, usual)
            if way == "none":
                usual = taken
            now = counted(bundle)
            assert now in {end, end + DAY - OVERLAP}, (now, end)
            published = now > end
            outcomes[f"{way}: {'published' if published else 'not published'}"] += 1
            number += 1
        # sent once more, as by a job that does not know how the first ended
        status, _ = run_update(bundle, file, "none", rng, usual)
        assert status == 2
        end += DAY - OVERLAP
        assert counted(bundle) == end
    return {
        "disturbed_updates": number,
        "outcomes": dict(sorted(outcomes.items())),
        "baskets_sent_at_least_once": end,
        "baskets_counted": counted(bundle),
        "builds_left": len([entry for entry in bundle.iterdir() if entry.is_dir()]),
        "seconds": round(time.monotonic() - started, 1),
        "cores": len(os.sched_getaffinity(0)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), given.seconds, given.seed)
    text = json.dumps(result, indent=2)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
