"""Tables of records: drawn so that no figure is cut on a terminal, tab-separated in a pipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from goeswith.core.printable import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Drawing

Record: TypeAlias = Mapping[str, Any]

MIN_TEXT: Final = 16
"""Narrowest column of text in characters; figures are as wide as they are."""


@dataclass(frozen=True)
class Column:
    """A column on a terminal.

    Attributes:
        heading: above it.
        value: of a record; None takes the key `heading`.
        drop: 0 is always shown; of the others, the highest is dropped first where space is short.
        min_width: narrowest width of text.
        is_figure: whether it is written in one line; None is so for anything but text.
        style: of a record's value, such as `bold`.
    """

    heading: str
    value: Callable[[Record], Any] | None = None
    drop: int = 0
    min_width: int = MIN_TEXT
    is_figure: bool | None = None
    style: Callable[[Record], str] | None = None

    def of(self, record: Record) -> Any:
        """The value of a record."""
        return record.get(self.heading) if self.value is None else self.value(record)


@dataclass(frozen=True)
class Table:
    """Records with a title.

    Attributes:
        title: on a terminal.
        records: one a line, in full: what a pipe gets.
        columns: on a terminal; none are one for each key.
        fields: keys in a pipe, which has them even without records; none are those of the records.
        has_heading: whether a terminal shows the headings.
    """

    title: str
    records: Sequence[Record]
    columns: Sequence[Column] = ()
    fields: Sequence[str] = field(default=())
    has_heading: bool = True

    @property
    def keys(self) -> list[str]:
        """The keys of all records, or `fields`."""
        return list(self.fields or dict.fromkeys(key for record in self.records for key in record))


def pairs_table(title: str, facts: Record) -> Table:
    """Names and values, a line each."""
    records = [{"name": name, "value": value} for name, value in facts.items()]
    return Table(title, records, [Column("name"), Column("value")], has_heading=False)


def write_tsv(table: Table) -> None:
    """Write a line of keys and one of each record to stdout, values in full precision."""
    keys = table.keys
    lines: list[list[Any]] = [[record.get(key) for key in keys] for record in table.records]
    for line in [list[Any](keys), *lines]:
        sys.stdout.write("\t".join(map(_plain_value, line)) + "\n")


def _plain_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_plain_value(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain_value, value))
    return printable(" ".join(str(value).split()))


def draw(table: Table, *, err: bool = False, console: Console | None = None) -> None:
    """Draw a table: columns that do not fit are dropped and named, else a block for each record.

    Args:
        table: what to draw.
        err: to stderr.
        console: where to; None is stdout or stderr.
    """
    from rich.console import Console
    from rich.text import Text

    console = console or Console(stderr=err, highlight=False)
    columns = list(table.columns) or [Column(key) for key in table.keys]
    # a file has no width
    width = console.width if console.is_terminal else 10_000
    dropped: list[Column] = []
    while (drawing := _drawing(table, columns)) and _width(drawing) > width:
        if not any(column.drop for column in columns):
            _draw_blocks(table, [*columns, *dropped], console)
            return
        dropped.append(max(reversed(columns), key=lambda column: column.drop))
        columns.remove(dropped[-1])
    if not console.is_terminal:
        console = Console(stderr=err, highlight=False, width=max(_width(drawing), 140))
    console.print(drawing)
    if dropped:
        names = ", ".join(" ".join(column.heading.split()) for column in reversed(dropped))
        line = f"Not shown in {width} columns: {names}. A wider terminal, --json or a pipe does."
        console.print(Text(line, style="dim"))


def _drawing(table: Table, columns: Sequence[Column]) -> Drawing:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Drawing
    from rich.text import Text

    drawing = Drawing(
        title=Text(table.title, style="bold") if table.title else None,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_header=table.has_heading,
        pad_edge=False,
        collapse_padding=True,
    )
    cells = []
    for column in columns:
        values = [column.of(record) for record in table.records]
        texts = [number(value) for value in values]
        longest = max((len(line) for text in texts for line in text.split("\n")), default=0)
        is_text = any(isinstance(value, str) for value in values)
        if column.is_figure is not None:
            is_text = not column.is_figure
        heading = column.heading if is_text else _narrow(column.heading, longest)
        widest = max(len(line) for line in heading.split("\n"))
        fits = min(longest, column.min_width) if is_text else longest
        drawing.add_column(
            Text(heading if table.has_heading else ""),
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=not is_text,
            min_width=max(fits, widest if table.has_heading else 0),
        )
        cells.append(
            [
                Text(printable(text), style=column.style(record) if column.style else "")
                for text, record in zip(texts, table.records, strict=True)
            ]
        )
    for row in zip(*cells, strict=True):
        drawing.add_row(*row)
    return drawing


def _width(drawing: Drawing) -> int:
    """The narrowest width of a drawing in which no figure is cut."""
    least = [column.min_width or 0 for column in drawing.columns]
    # borders and padding: what a table is wider than its columns
    return sum(least) + 2 * len(least) + 1


def _narrow(heading: str, width: int) -> str:
    r"""A heading in lines that are no wider than its figures, or than its longest part.

    >>> _narrow("cold_target.ndcg@10", 6)
    'cold_\ntarget.\nndcg@10'
    """
    parts = re.findall(r"@?[^\s_.@]+[_.]?", heading)
    width = max(width, *map(len, parts)) if parts else width
    lines = [""]
    for part in parts:
        glue = "" if not lines[-1] or lines[-1][-1] in "_." or part[0] == "@" else " "
        if lines[-1] and len(lines[-1] + glue + part) > width:
            lines.append(part)
        else:
            lines[-1] += glue + part
    return "\n".join(lines)


def _draw_blocks(table: Table, columns: Sequence[Column], console: Console) -> None:
    """Every record as lines of heading and value."""
    from rich.table import Table as Drawing
    from rich.text import Text

    if table.title:
        console.print(Text(table.title, style="bold"))
    for record in table.records:
        block = Drawing.grid(padding=(0, 2))
        block.add_column(overflow="fold", style="dim")
        block.add_column(overflow="fold")
        for column in columns:
            heading = " ".join(column.heading.split())
            block.add_row(Text(heading), Text(printable(number(column.of(record)))))
        console.print(block)
        console.print()


def number(value: Any) -> str:
    """A value as text: digits grouped, few decimals, a dash for None.

    >>> number(12345), number(0.123456), number(None), number(True)
    ('12,345', '0.1235', '-', 'yes')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{int(value):,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
