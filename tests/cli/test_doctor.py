from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as real_version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli import doctor
from goeswith.cli.main import app
from goeswith.pipeline import fit_bundle as build


def run_doctor(*arguments: str) -> tuple[int, str]:
    run = CliRunner().invoke(app, ["doctor", *arguments])
    return run.exit_code, " ".join(run.stdout.replace("│", " ").split())


def test_the_doctor_finds_a_working_installation_fine(shop_bundle: Path) -> None:
    code, text = run_doctor(str(shop_bundle))
    assert code == 0, text
    assert "broken" not in text
    for part in ("python", "cores", "memory", "numpy", "duckdb", "from tables to a recommendation"):
        assert f"ok {part}" in text
    assert "In 3 baskets with bread" in text
    assert "complete; 50 products" in text


def test_a_damaged_bundle_ends_with_code_2(tmp_path: Path) -> None:
    code, text = run_doctor(str(tmp_path))
    assert code == 2
    assert "is not a bundle" in text


def test_missing_and_old_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in {"polars", "uvicorn"}:
            raise PackageNotFoundError(name)
        return "0.1" if name == "numpy" else real_version(name)

    monkeypatch.setattr(doctor, "version", version)
    code, text = run_doctor()
    assert code == 2
    assert "broken numpy 0.1 (needs >=1.26)" in text
    assert "broken polars not installed" in text
    assert "- extra serve not installed (uvicorn): pip install 'goeswith[serve]'" in text


def test_a_way_that_ends_in_an_error_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ImportError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(build, "evidence_arrays", fail)
    code, text = run_doctor()
    assert code == 2
    assert "broken from tables to a recommendation ImportError: libgomp.so.1" in text
