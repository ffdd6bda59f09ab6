"""Commands and Python of the README and the tutorials run as they are written."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.evaluation.protocols import PROTOCOLS

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """Arguments of every `goeswith` command that ends by itself."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    split = [shlex.split(line, comments=True) for line in lines if line.startswith("goeswith ")]
    return [words[1:] for words in split if words[1] != "serve"]


def run(arguments: list[str]) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, (arguments, done.output, done.exception)
    return done.output


def run_python(code: str) -> None:
    Path("example.py").write_text(code, encoding="utf-8")
    runpy.run_path("example.py")


@pytest.fixture(scope="module")
def tutorial_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the script of the engineer's tutorial was run."""
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_python(blocks(TUTORIALS / "engineer.md", "python")[0])
    return folder


def test_the_readme_runs_on_a_shop(
    shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small shop takes the place of the demo's tables."""
    readme = ROOT / "README.md"
    (tmp_path / "shop").symlink_to(shop_folder)
    monkeypatch.chdir(tmp_path)
    here = [words for words in commands(readme) if "demo/bundle" not in words]
    assert len(here) >= 7
    for words in here:
        run([word.replace("866140", "phone-1") for word in words])
    (python,) = blocks(readme, "python")
    assert len([line for line in python.splitlines() if line]) == 5
    run_python(python.replace("866140", "phone-1"))


def test_the_engineers_tutorial_runs(tutorial_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = TUTORIALS / "engineer.md"
    monkeypatch.chdir(tutorial_shop)
    log = (tutorial_shop / "shop" / "events.csv").read_text(encoding="utf-8").splitlines()
    # what sed does on the page
    late = [
        line.replace(",s", ",n", 1).replace(",b", ",n", 1).replace("2025-09", "2025-10", 1)
        for line in log[-50:]
    ]
    Path("new_events.csv").write_text("\n".join([log[0], *late]), encoding="utf-8")
    printed = {" ".join(words): run(words) for words in commands(page)}
    assert len(printed) >= 8
    assert "charger" not in printed["recommend bundle phone-3 --similars -k 3"]
    assert "case" in printed["recommend bundle phone-9 -k 3"]
    for code in blocks(page, "python")[1:]:
        run_python(code)


def test_the_scientists_tutorial_runs(
    tutorial_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = TUTORIALS / "scientist.md"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").symlink_to(tutorial_shop / "shop")
    monkeypatch.syspath_prepend(tmp_path)
    code = blocks(page, "python")
    (model,) = [block for block in code if "class Overlap" in block]
    Path("overlap_model.py").write_text(model, encoding="utf-8")
    try:
        run_python("\n".join(block for block in code if block is not model))
    finally:
        PROTOCOLS.pop("chargers", None)
    assert Path("report.html").stat().st_size > 1000
    (command,) = commands(page)
    run([*command, "--seeds", "0"])
