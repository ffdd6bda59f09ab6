"""Tables of the documentation are those of the results, and links lead somewhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("page", "table"),
    [
        ("README.md", "summary"),
        ("docs/benchmarks/results.md", "summary"),
        ("docs/benchmarks/results.md", "edges"),
        ("docs/benchmarks/results.md", "cold"),
        ("docs/explanation/evaluation.md", "costs"),
        ("docs/models/next_product.md", "next_products"),
    ],
)
def test_the_tables_of_a_page_are_those_of_the_results(page: str, table: str) -> None:
    printed = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))[table]()
    assert printed in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    hook = (ROOT / "docs" / "generate.py").read_text(encoding="utf-8")
    generated = {ROOT / "docs" / uri for uri in re.findall(r'"(reference/\w+\.md)":', hook)}
    assert len(generated) > 3
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve()
        assert target.exists() or target in generated, link
