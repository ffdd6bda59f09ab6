"""The notebooks run from top to bottom, and git holds them without outputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from goeswith.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

nbformat = pytest.importorskip("nbformat", reason="the notebooks need nbformat and ipython")
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """What a kernel runs cells with, in this process: one of its own imports for seconds."""
    pytest.importorskip("IPython", reason="the notebooks need nbformat and ipython")
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the shell has its own
    monkeypatch.chdir(tmp_path)
    protocols = dict(PROTOCOLS)
    yield InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    for added in PROTOCOLS.keys() - protocols.keys():
        del PROTOCOLS[added]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, shell: InteractiveShell) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source).raise_error()


def test_notebooks_have_no_outputs_in_git() -> None:
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path
