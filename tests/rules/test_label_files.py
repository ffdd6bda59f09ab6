"""Files of labels: what is written is read back, and what is wrong is refused by row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.rules.label_agreement import agreement
from goeswith.rules.label_files import LABELS, LabelPair, read_label_file, write_label_file
from goeswith.rules.label_store import Label, LabelName


def write(path: Path, *rows: str, header: str = "source,target,label") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def labels_of(path: Path) -> list[tuple[str, str, str]]:
    return [(one.source, one.target, one.label) for one in read_label_file(path, "ana").labels]


def test_words_and_first_letters_are_labels_and_empty_rows_are_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "a,b,Complement", "a,c,s", "b,c, W ", "b,d,", "b,e,i")
    assert [label for _, _, label in labels_of(file)] == list(LABELS)
    assert read_label_file(file, "ana").empty == 1


def test_a_spreadsheet_may_save_with_semicolons_and_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("source;source_title;target;label\nx;Tea, black;y;c\n", encoding="utf-8-sig")
    assert labels_of(file) == [("x", "y", "complement")]


def test_hostile_titles_and_ids_survive_a_spreadsheet(tmp_path: Path) -> None:
    pair = LabelPair("=1+1", '=HYPERLINK("http://x")', "'=a", 'say "hi", you')
    guide = write_label_file([pair], tmp_path / "a.csv")
    frame = pl.read_csv(tmp_path / "a.csv", infer_schema=False)
    assert frame.row(0)[:2] == ("'=1+1", '\'=HYPERLINK("http://x")')
    frame.with_columns(label=pl.lit("weak")).write_csv(tmp_path / "b.csv")
    assert labels_of(tmp_path / "b.csv")[0][0] == "=1+1"
    assert "complement" in guide.read_text()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,b,c", "a,c,maybe"], "row 2: 'maybe' is not a label; write complement"),
        (["a,b,c", "a,b,w"], "row 2 labels a and b weak, row 1 complement"),
        (["a,,c"], "row 1 has no target"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_label_file(write(tmp_path / "a.csv", *rows), "ana")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks the columns label"):
        read_label_file(write(tmp_path / "a.csv", "a,b", header="source,target"), "ana")


def test_an_equal_row_counts_once(tmp_path: Path) -> None:
    assert len(labels_of(write(tmp_path / "a.csv", "a,b,c", "a,b,complement"))) == 1


IDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@settings(max_examples=30)
@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=5, unique=True))
def test_any_ids_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    write_label_file([LabelPair(u, None, v, None) for u, v in pairs], folder / "a.csv")
    text = (folder / "a.csv").read_text(encoding="utf-8").splitlines()
    filled = "\n".join([text[0], *(f"{line}c" for line in text[1:])])
    (folder / "a.csv").write_text(filled, encoding="utf-8")
    assert [(u, v) for u, v, _ in labels_of(folder / "a.csv")] == pairs


def labelled(who: str, *labels: LabelName) -> list[Label]:
    return [Label("a", str(i), label, who) for i, label in enumerate(labels)]


def test_kappa_is_agreement_beyond_chance() -> None:
    ours = labelled("ana", "complement", "complement", "weak", "weak")
    theirs = labelled("bo", "complement", "weak", "weak", "weak")
    (found,) = agreement([*ours, *theirs])
    # equal in 3 of 4; by chance (2 * 1 + 2 * 3) / 16
    assert (found.first, found.second, found.pairs, found.share) == ("ana", "bo", 4, 0.75)
    assert found.kappa == pytest.approx((0.75 - 0.5) / 0.5)
    assert agreement(ours) == []
    assert agreement([*labelled("ana", "weak"), *labelled("bo", "weak")])[0].kappa is None
