"""Files in which people label recommendations: written with titles, filled in, read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.atomic_files import write_text
from goeswith.core.errors import DataError
from goeswith.core.printable import is_formula
from goeswith.data.config import DataConfig
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import read_table
from goeswith.rules.label_store import Label, LabelName

if TYPE_CHECKING:
    import polars as pl

COLUMNS: Final = ("source", "source_title", "target", "target_title", "label")
_NEEDED: Final = ("source", "target", "label")
_MAX_HEADER: Final = 10_000
"""Bytes of a first line that are searched for the delimiter."""
LABELS: Final[tuple[LabelName, ...]] = ("complement", "substitute", "weak", "irrelevant")
_BY_TEXT: Final[dict[str, LabelName]] = {
    **{name: name for name in LABELS},
    **{name[0]: name for name in LABELS},
}
GUIDE: Final = """\
# How to label

Each row is a product (source) and a product that could be recommended on its page (target). Write
one word, or its first letter, into the column `label`. Use the titles and what you know of such
products.

- **complement**: the target does something else, and is bought because of the source or used
  together with it: an accessory, a refill, a part, an ingredient of the same dish, what completes
  an outfit.
- **substitute**: the target does the same as the source: another colour, size, design, pack or
  brand of one kind of product.
- **weak**: the same department, theme or shopping trip, without a reason to buy both; or a
  complement of which the source is the accessory.
- **irrelevant**: nothing links the two.

Advice:

- A charger is a complement of a phone. A phone is weak for a charger.
- Choose complement only if you could explain the recommendation to a shopper in one sentence.
- Judge each row alone. The order of the rows means nothing.
- Leave a row empty if you cannot say; it does not count.
- Two people who label the same file separately show how far the labels can be trusted.
"""


@dataclass(frozen=True)
class LabelPair:
    """A pair to label.

    Attributes:
        source: id of the product that the target is recommended for.
        target: id of the recommended product.
        source_title, target_title: None without one.
    """

    source: str
    source_title: str | None
    target: str
    target_title: str | None


@dataclass(frozen=True)
class LabelFile:
    """The labels of one annotator.

    Attributes:
        labels: of distinct pairs, in the order of the file.
        empty: rows without a label.
    """

    labels: list[Label]
    empty: int


def write_label_file(pairs: Iterable[LabelPair], path: Path) -> Path:
    """Write pairs with an empty column `label` as CSV, and the guide for annotators beside it.

    A text that a spreadsheet would compute as a formula gets a leading apostrophe.

    Returns:
        the path of the guide.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for pair in pairs:
        cells = (pair.source, pair.source_title or "", pair.target, pair.target_title or "")
        writer.writerow([*map(_guarded, cells), ""])
    write_text(out.getvalue(), path)
    guide = path.with_name(f"{path.stem}-guide.md")
    write_text(GUIDE, guide)
    return guide


def read_label_file(path: Path, who: str) -> LabelFile:
    """Read a file that a person filled in.

    Args:
        path: a table with the columns source, target and label; others are not read.
        who: the annotator.

    Raises:
        DataError: the file cannot be read, lacks a column, or has a row without a product, with
            another label, or with a second label for a pair.
    """
    rows = _rows(path)
    labels: dict[tuple[str, str], tuple[int, Label]] = {}
    empty = 0
    for row, source, target, text in rows.select(ROW, *_NEEDED).rows():
        if not source or not target:
            raise DataError(f"{path}: row {row} has no {'source' if not source else 'target'}")
        word = (text or "").strip().lower()
        if not word:
            empty += 1
            continue
        if word not in _BY_TEXT:
            raise DataError(
                f"{path}: row {row}: {text!r} is not a label; write {', '.join(LABELS)}, the first "
                "letter of one, or nothing"
            )
        pair = _unguarded(source), _unguarded(target)
        label = Label(*pair, _BY_TEXT[word], who)
        before = labels.setdefault(pair, (row, label))
        if before[1] != label:
            raise DataError(
                f"{path}: row {row} labels {pair[0]} and {pair[1]} {label.label}, row {before[0]} "
                f"{before[1].label}; keep one of the rows"
            )
    return LabelFile([label for _, label in labels.values()], empty)


def _rows(path: Path) -> pl.DataFrame:
    import polars as pl

    quarantine = Quarantine()
    rows = read_table(path, quarantine, DataConfig(delimiter=_delimiter(path)))
    for line in quarantine.counts().iter_rows(named=True):
        raise DataError(
            f"{path}: {line['rows']:,} rows cannot be read ({line['reason']}), such as "
            f"{str(line['example'])[:80]!r}; correct them"
        )
    missing = [name for name in _NEEDED if name not in rows.columns]
    if missing:
        raise DataError(
            f"{path} lacks the columns {', '.join(missing)}; `goeswith label sample` writes a file "
            "that has them"
        )
    return rows.with_columns(pl.col(name).cast(pl.String) for name in _NEEDED)


def _delimiter(path: Path) -> str:
    """A semicolon where the header has one and no comma, as spreadsheets of some countries do."""
    header = b""
    if path.is_file() and path.suffix.lower() == ".csv":
        with path.open("rb") as file:
            header = file.readline(_MAX_HEADER)
    return ";" if b";" in header and b"," not in header else ","


def _guarded(text: str) -> str:
    return f"'{text}" if is_formula(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and is_formula(text[1:]) else text
