from __future__ import annotations

import pytest
from rich.console import Console

from goeswith.cli.terminal_table import Column, Table, draw, write_tsv

RECORDS = [
    {"name": "a product with a long name", "count": 1234567, "share": 0.123456789, "note": None},
    {"name": "b\tc\nd", "count": 2, "share": 1e-9, "note": ["x", "y"]},
]
COLUMNS = [Column("name"), Column("count"), Column("share", drop=1), Column("note", drop=2)]


def drawn(width: int, columns: list[Column] = COLUMNS) -> str:
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as captured:
        draw(Table("Title", RECORDS, columns), console=console)
    return captured.get()


def test_a_pipe_gets_keys_and_full_values(capsys: pytest.CaptureFixture[str]) -> None:
    write_tsv(Table("", RECORDS))
    assert capsys.readouterr().out.splitlines() == [
        "name\tcount\tshare\tnote",
        "a product with a long name\t1234567\t0.123456789\t",
        "b c d\t2\t1e-09\tx, y",
    ]


def test_without_records_a_pipe_gets_the_header(capsys: pytest.CaptureFixture[str]) -> None:
    write_tsv(Table("", [], fields=["a", "b"]))
    assert capsys.readouterr().out == "a\tb\n"


def test_all_columns_are_shown_where_there_is_space() -> None:
    assert "Not shown" not in drawn(80)
    assert "0.1235" in drawn(80)


def test_the_least_important_columns_are_dropped_first() -> None:
    shown = drawn(40)
    assert "Not shown in 40 columns: note." in shown
    assert "1,234,567" in shown
    shown = drawn(30)
    assert "Not shown in 30 columns: share, note." in " ".join(shown.split())
    assert "1,234,567" in shown


@pytest.mark.parametrize("width", [20, 25])
def test_records_go_vertical_where_nothing_can_be_dropped(width: int) -> None:
    shown = drawn(width, [Column("name"), Column("count"), Column("share"), Column("note")])
    assert all(len(line) <= width for line in shown.splitlines())
    flat = shown.replace("\n", "").replace(" ", "")
    for text in ("1,234,567", "0.1235", "1e-09"):
        assert text in flat


@pytest.mark.parametrize("width", range(30, 81, 5))
def test_no_figure_is_cut_in_any_width(width: int) -> None:
    shown = drawn(width)
    assert "…" not in shown
    assert all(len(line) <= width for line in shown.splitlines())
    assert "1,234,567" in shown
