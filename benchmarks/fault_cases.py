"""Inputs of shops that were read wrongly once: `python benchmarks/fault_cases.py FOLDER`.

    python benchmarks/fault_cases.py ../shared/faults [--only guests]

FOLDER holds a folder for each case, named `04-guests-share-a-user-id` or the like, with the tables
of a shop. Each input is `right` where the value is the one that `expected.txt` derives, `refused`
where an error of goeswith names the fault, and `wrong` otherwise, also after a traceback. A case
that this script does not know is run by its `run.sh`; judge it by its `expected.txt`.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fault_checks import CASES, Run
from goeswith.core.atomic_files import write_json
from goeswith.core.errors import GoesWithError

RESULT: Final = Path(__file__).parent / "results" / "fault-cases.json"
SECONDS: Final = 600


def outcome_of(check: Callable[..., tuple[bool, Any]], *given: Any) -> tuple[str, Any]:
    """The outcome of one input, and the value or message."""
    try:
        right, value = check(*given)
    except GoesWithError as error:
        return "refused", str(error)
    except Exception as error:  # a benchmark goes on; a traceback is wrong
        return "wrong", f"{type(error).__name__}: {error}"
    if right and isinstance(value, str) and value.startswith("refused: "):
        return "refused", value.removeprefix("refused: ")
    return ("right" if right else "wrong"), value


def _unknown(case: Path) -> tuple[str, Any]:
    """Run the script of a case; for a person to judge."""
    command = Path(sys.executable).parent / "goeswith"
    run = subprocess.run(
        ["bash", "run.sh"],
        cwd=case,
        env={**os.environ, "GOESWITH": str(command), "PY": sys.executable},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if "Traceback (most recent call last)" in run.stdout + run.stderr:
        return "wrong", (run.stdout + run.stderr)[-2000:]
    return "judge by expected.txt", (run.stdout + run.stderr)[-2000:]


def main() -> None:
    """Print and write the outcomes; exit code 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="part of the name of a case")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for case in sorted(path for path in given.folder.resolve().iterdir() if path.is_dir()):
        if given.only not in case.name:
            continue
        name = re.sub(r"^\d+-", "", case.name)
        with tempfile.TemporaryDirectory() as folder:
            run = Run(case, Path(folder))
            checks = CASES.get(name, {})
            results = {part: outcome_of(check, run) for part, check in checks.items()}
            if not checks and (case / "run.sh").is_file():
                results = {"run.sh": _unknown(case)}
        for part, (result, value) in results.items():
            value_text = str(value).replace(str(case), case.name)
            rows.append({"case": case.name, "input": part, "outcome": result, "value": value_text})
            print(case.name[:40], part, result, value_text[:160], sep="\t", flush=True)
    counts = Counter(row["outcome"] for row in rows)
    print(dict(counts))
    if not given.only:
        write_json(
            {
                "command": "python benchmarks/fault_cases.py ../shared/faults",
                "outcomes": dict(counts),
                "rows": rows,
                "python": platform.python_version(),
            },
            RESULT,
        )
    sys.exit(1 if counts["wrong"] else 0)


if __name__ == "__main__":
    main()
