"""The README states no figure that a command did not print, and its example runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("page", "tables"),
    [
        ("README.md", "tables"),
        ("docs/explanation/evaluation.md", "costs"),
        ("docs/models/next_product.md", "next_products"),
    ],
)
def test_the_tables_of_a_page_are_those_of_the_results(page: str, tables: str) -> None:
    printed = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))[tables]()
    assert printed in (ROOT / page).read_text(encoding="utf-8")


def test_the_example_of_the_readme_runs_on_a_shop(
    shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "shop").symlink_to(shop_folder)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    left = runpy.run_path("example.py")
    assert left["products"].shape == (3, 10)


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
