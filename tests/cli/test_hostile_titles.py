"""Titles of a catalogue reach no terminal, and no spreadsheet as a formula."""

from __future__ import annotations

import errno
import shutil
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app, main
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle

TITLE = "=cmd|' /C calc'!A0 \x1b]0;owned\x07\x1b[31m\x9b31m\u202e case"


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    out = Path(shutil.copytree(shop_bundle, folder / "bundle"))
    new = {"product_id": ["evil"], "title": [TITLE], "type": ["case"], "brand": ["brand 0"]}
    pl.DataFrame(new).write_csv(folder / "products.csv")
    update_bundle(out, products=folder / "products.csv")
    return out


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize("command", [["search", "BUNDLE", "cmd"], ["recommend", "BUNDLE", "evil"]])
def test_no_control_character_reaches_the_output(
    bundle: Path, command: list[str], more: list[str]
) -> None:
    words = [str(bundle) if word == "BUNDLE" else word for word in command]
    said = CliRunner().invoke(app, [*words, *more], catch_exceptions=False)
    assert said.exit_code == 0
    assert not set(said.output) & set("\x1b\x07\x9b\u202e")
    assert "cmd" in said.output


def test_a_drawn_table_shows_escapes() -> None:
    from io import StringIO

    from rich.console import Console

    from goeswith.cli.terminal_table import Table, draw

    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    draw(Table("", [{"title": TITLE}]), console=console)
    assert "\\x1b]0;owned" in stream.getvalue()
    assert not set(stream.getvalue()) & set("\x07\x9b\u202e")


def test_a_csv_export_holds_no_formula(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "complements.csv"
    words = ["export", str(bundle), "--to", "csv", "-o", str(out), "--why"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    frame = pl.read_csv(out, infer_schema=False)
    assert frame.height
    for name in frame.columns:
        assert not any((value or "")[:1] in "=@" for value in frame[name] if value)


def test_formulas_get_an_apostrophe_and_ids_stay() -> None:
    from goeswith.export.recommendation_files import _formulas

    texts = pl.Series(["=1+1", "-5", None, "case-1", "+1+1"])
    assert _formulas(texts).to_list() == [True, False, False, False, True]


def test_a_full_disk_ends_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "bundle/x")

    monkeypatch.setattr("goeswith.cli.main.app", full)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "bundle/x: No space left on device; free space" in said
    assert "Traceback" not in said


def test_a_new_product_with_a_long_title_has_a_short_answer(shop_bundle: Path) -> None:
    from dataclasses import asdict

    import orjson

    found: list[Any] = Bundle.open(shop_bundle).complements_of_new(
        {"title": "x" * 49_000, "type": "phone"}, 8
    )
    assert found
    assert len(orjson.dumps([asdict(one) for one in found])) < 20_000
    assert sys.getsizeof(found[0].why) < 1500
