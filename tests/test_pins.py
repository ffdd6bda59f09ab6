"""The pinned libraries install on every Python that the project names."""

from __future__ import annotations

from importlib.metadata import distributions

from packaging.specifiers import SpecifierSet


def test_every_installed_library_accepts_the_oldest_python() -> None:
    refusing = {
        f"{found.metadata['Name']} {found.version}": found.metadata["Requires-Python"]
        for found in distributions()
        if not SpecifierSet(found.metadata["Requires-Python"] or "").contains("3.11.0")
    }
    assert not refusing  # pin a release in constraints.txt that accepts it
