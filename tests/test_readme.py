"""The README states no figure that a command did not print."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_tables_of_the_readme_are_those_of_the_results() -> None:
    tables = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))["tables"]()
    assert tables in (ROOT / "README.md").read_text(encoding="utf-8")
