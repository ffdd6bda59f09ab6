"""How the commands show progress, answers and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from goeswith.query.recommendation import Recommendation


def console() -> Console:
    """A console on stdout; wide enough for a table where the output is not a terminal."""
    found = Console()
    return found if found.is_terminal else Console(width=140)


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A bar on stderr; what is yielded is called with (steps done, all steps, what comes next)."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def step(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield step


def recommendations_table(
    title: str, answers: list[Recommendation], goes_with: bool = False, explained: bool = False
) -> Table:
    """Answers with their evidence; what of a basket each goes with; sentences for shoppers."""
    table = Table(title=title, title_justify="left", show_lines=False, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("product", overflow="fold", min_width=16)
    table.add_column("type", overflow="fold")
    if goes_with:
        table.add_column("goes with", overflow="fold")
    table.add_column("explanation" if explained else "why", overflow="fold", min_width=30)
    table.add_column("score", justify="right")
    table.add_column("model", overflow="fold")
    for place, answer in enumerate(answers, start=1):
        table.add_row(
            str(place),
            _plain(f"{answer.title} ({answer.product_id})" if answer.title else answer.product_id),
            _plain(answer.type or ""),
            *([_plain(", ".join(answer.goes_with))] if goes_with else []),
            _plain((explained and answer.explanation) or answer.why),
            f"{answer.score:.4g}",
            _plain(f"{answer.model} (fallback)" if answer.fallback else answer.model),
        )
    return table


def pairs_table(title: str, facts: dict[str, Any]) -> Table:
    """Names and values."""
    table = Table(title=title, title_justify="left", show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(_plain(name), _plain(number(value)))
    return table


def records_table(title: str, records: list[dict[str, Any]]) -> Table:
    """Records that share their keys, a line each."""
    table = Table(title=title, title_justify="left", pad_edge=False)
    for name in records[0]:
        numeric = isinstance(records[0][name], int | float)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for record in records:
        table.add_row(*(_plain(number(value)) for value in record.values()))
    return table


def number(value: Any) -> str:
    """A value as text: digits grouped, few decimals, a dash for None."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{int(value):,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
