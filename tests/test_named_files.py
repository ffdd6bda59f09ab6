"""Source files that the architecture and the pages of models name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "page", [ROOT / "ARCHITECTURE.md", *sorted(ROOT.glob("docs/models/*.md"))], ids=lambda p: p.name
)
def test_source_files_that_a_page_names_exist(page: Path) -> None:
    """`room/file.py` or `file.py`, and in `file.py`: `Name` also the name."""
    sources = list((ROOT / "src").rglob("*.py")) + list((ROOT / "benchmarks").glob("*.py"))
    sources += (ROOT / "tests").rglob("*.py")
    named = re.findall(r"`([\w/]+\.py)`(?:: `(\w+)`)?", page.read_text(encoding="utf-8"))
    for file, name in named:
        paths = [path for path in sources if f"/{path.as_posix()}".endswith(f"/{file}")]
        assert paths, file
        assert any(name in path.read_text(encoding="utf-8") for path in paths), f"{file}: {name}"
