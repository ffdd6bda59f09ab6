"""The layout: imports go one way, without a cycle; rooms and file names stay small and unique."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
ROOMS = (
    "core",
    "data",
    "kinds",
    "relations",
    "features",
    "models",
    "ranking",
    "sequential",
    "shoppers",
    "settings",
    "evaluation",
    "store",
    "text",
    "language",
    "facts",
    "rules",
    "query",
    "offers",
    "health",
    "results",
    "pipeline",
    "serve",
    "agents",
    "export",
    "cli",
)
"""A room imports from itself and from rooms before it."""
MAX_FILES = 20


def modules() -> dict[str, Path]:
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports() -> dict[str, set[str]]:
    """Module -> what it imports of the package, for types and inside functions too."""
    files = modules()
    edges: dict[str, set[str]] = {}
    for module, path in files.items():
        edges[module] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in files else node.module for name in full]
            edges[module] |= {name for name in names if name in files} - {module}
    return edges


def room(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def test_no_module_imports_from_a_later_room() -> None:
    upward = [
        f"{module} -> {imported}"
        for module, found in imports().items()
        for imported in found
        if room(module) in ROOMS
        and room(imported)
        and (room(imported) not in ROOMS or ROOMS.index(room(imported)) > ROOMS.index(room(module)))
    ]
    assert not upward


def test_imports_have_no_cycle() -> None:
    # raises CycleError with the cycle
    assert list(TopologicalSorter(imports()).static_order())


def test_rooms_stay_small() -> None:
    folders = Counter(path.parent for path in SOURCE.rglob("*.py"))
    assert {str(folder): n for folder, n in folders.items() if n > MAX_FILES} == {}


def test_no_two_files_share_a_name() -> None:
    names = Counter(path.stem for path in SOURCE.rglob("*.py"))
    assert {n for n, count in names.items() if count > 1} <= {"__init__", "base", "config"}


def test_every_room_is_known() -> None:
    there = {path.parent.name for path in (SOURCE / "goeswith").glob("*/__init__.py")}
    assert there <= set(ROOMS)


def test_no_tracked_file_holds_merge_markers() -> None:
    try:
        done = subprocess.run(
            ["git", "grep", "-nIE", "^(<{7}|>{7}|={7}$)", "--", "."],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if done.returncode > 1:
        pytest.skip("not a git checkout")
    assert not done.stdout
