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
from contextlib import suppress
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
SIGNALS = {
    "kill": [signal.SIGKILL],
    "interrupt": [signal.SIGINT],
    "pause": [signal.SIGSTOP, signal.SIGCONT],
}
EXPECTED = {
    "kill": {0, 2, -signal.SIGKILL},
    "interrupt": {0, 2, 130, -signal.SIGINT},
    "pause": {0, 2},
    "full disk": {0, 2},
    "none": {0, 2},
}
"""Way to disturb -> exit status of the update."""
WAYS = tuple(EXPECTED)
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
SERVER = """
import os, resource, signal, sys
from pathlib import Path
from goeswith.core.errors import GoesWithError
from goeswith.pipeline.updates.update_bundle import update_bundle
import goeswith.models.copurchase, goeswith.models.popularity, goeswith.relations.mine

def update(bundle, file, limit):
    if limit:
        sys.dont_write_bytecode = True  # half a module would stay
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        update_bundle(Path(bundle), Path(file))
    except GoesWithError as error:
        known = "already" in str(error) or "cannot be written" in str(error)
        return 2 if known else 3
    except KeyboardInterrupt:
        return 130
    except BaseException:
        return 1
    return 0

for line in sys.stdin:  # one import for all: each update is a process of its own
    bundle, file, limit = line.split("\\t")
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os._exit(update(bundle, file, int(limit)))
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
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


class Updater:
    """Runs updates, each in a process of its own, and disturbs them."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.usual = rng, 2.0
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, bundle: Path, file: Path, way: str) -> int:
        """One update, disturbed at a random moment; its exit status."""
        server, rng = self.server, self.rng
        assert server.stdin is not None
        assert server.stdout is not None
        limit = rng.choice([300, 1_000, 3_000, 10_000]) if way == "full disk" else 0
        begun = time.monotonic()
        print(bundle, file, limit, sep="\t", file=server.stdin, flush=True)
        process = int(server.stdout.readline())
        if way in SIGNALS:
            time.sleep(rng.uniform(0, 1.1 * self.usual))
            for number in SIGNALS[way]:
                with suppress(ProcessLookupError):  # it has ended
                    os.kill(process, number)
                if number == signal.SIGSTOP:
                    time.sleep(0.2)
        status = int(server.stdout.readline())
        if way == "none" and not status:
            self.usual = time.monotonic() - begun
        assert status in EXPECTED[way], (way, status)
        return status

    def close(self) -> None:
        """End the server."""
        with self.server as server:  # waits, and closes the pipes
            assert server.stdin is not None
            server.stdin.close()


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
    updater = Updater(rng)
    try:
        return _days(folder, updater, seconds, most)
    finally:
        updater.close()


def _days(folder: Path, updater: Updater, seconds: float, most: int) -> dict[str, Any]:
    bundle = folder / "bundle"
    outcomes: Counter[str] = Counter()
    started, end, number = time.monotonic(), FIRST, 0
    assert counted(bundle) == end
    while time.monotonic() - started < seconds and number < most:
        file = folder / f"day-{end}.csv"
        baskets(end - OVERLAP, end - OVERLAP + DAY).write_csv(file)
        published = False
        while not published:
            way = WAYS[number % len(WAYS)]
            updater.run(bundle, file, way)
            now = counted(bundle)
            assert now in {end, end + DAY - OVERLAP}, (now, end)
            published = now > end
            outcomes[f"{way}: {'published' if published else 'not published'}"] += 1
            number += 1
        # sent once more, as by a job that does not know how the first ended
        assert updater.run(bundle, file, "none") == 2
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
