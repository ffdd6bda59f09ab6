"""Which column of a table is which column of goeswith.

A column of goeswith is the column that the settings give, else the one of its name, else one with a
common name (`column_names`), else, for events, one with the values of an event. What looks like a
column of goeswith that the table lacks is a problem: ignoring it would change the meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.config import NONE, DataConfig
from goeswith.data.mapping.column_names import COLUMNS, normalize
from goeswith.data.mapping.column_values import event_share, time_kind
from goeswith.data.mapping.lookalikes import find_lookalikes
from goeswith.data.quarantine import ROW

_SEVERAL: Final = ("status", "cancelled", "test")
"""Columns that a table may have several of."""
_CLOCK: Final = "_clock"


@dataclass
class ColumnMapping:
    """The columns of one table.

    Attributes:
        table: name of the table.
        file: its name in messages.
        columns: column of goeswith -> column of the file; several are joined by ` + `.
        unused: columns of the file that are not read.
        lookalikes: column of goeswith that is missing -> columns that look like it.
    """

    table: str
    file: str
    columns: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    lookalikes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def renamed(self) -> dict[str, str]:
        """Column of goeswith -> column of the file, where the names differ."""
        return {ours: theirs for ours, theirs in self.columns.items() if ours != theirs}

    def check(self) -> None:
        """Refuse columns that look like columns of goeswith and are not read.

        Raises:
            DataError: names the columns and the section that says what they are.
        """
        if not self.lookalikes:
            return
        doubts = "; ".join(
            f"{' and '.join(map(repr, theirs))} may be {ours}, which the table does not have"
            for ours, theirs in self.lookalikes.items()
        )
        lines = ", ".join(
            f'{ours} = "{theirs[0]}" (or "{NONE}" if it is something else)'
            for ours, theirs in self.lookalikes.items()
        )
        read = ", ".join(
            ours if ours == theirs else f"{ours} = '{theirs}'"
            for ours, theirs in self.columns.items()
        )
        raise DataError(
            f"{self.file}: the meaning of a column is not clear: {doubts}. Say what it is under "
            f"[data.columns.{self.table}] of goeswith.toml: {lines}. Read are {read}. `goeswith "
            "data inspect` proposes the section"
        )


def map_columns(
    frame: pl.DataFrame,
    table: str,
    file: str,
    config: DataConfig | None = None,
    event_ids: pl.Series | None = None,
) -> tuple[pl.DataFrame, ColumnMapping]:
    """Give the columns of a table the names of goeswith.

    Args:
        frame: the table as read.
        table: its name, such as events.
        file: its name in messages.
        config: settings; None for the defaults.
        event_ids: of products in the events, to choose between several ids in the products.

    Returns:
        The table with columns of goeswith under their names, and the mapping.

    Raises:
        DataError: the settings give a column that the table does not have.
    """
    config = config or DataConfig()
    mapping = ColumnMapping(table, file)
    names = [name for name in frame.columns if name != ROW]
    sources, absent = _configured(names, table, file, config)
    taken = {column for columns in sources.values() for column in columns}
    for ours in COLUMNS[table]:
        if ours not in sources and ours not in absent and ours in names and ours not in taken:
            sources[ours] = [ours]
            taken.add(ours)
    for ours, aliases in COLUMNS[table].items():
        if ours in absent or (ours in sources and ours not in _SEVERAL):
            continue
        likely = list(dict.fromkeys(map(normalize, aliases)))
        if ours == "basket_id" and any(normalize(n).startswith("lineitem") for n in names):
            likely.append("name")  # as Shopify names the number of an order
        normal = {normalize(name): name for name in reversed(names) if name not in taken}
        matches = [normal[key] for key in likely if key in normal]
        if ours == "product_id" and table == "products" and event_ids is not None:
            matches.sort(key=lambda name: -_overlap(frame[name], event_ids))
        if ours == "timestamp":
            matches = _moment_columns(frame, matches)
        if matches:
            chosen = matches if ours in _SEVERAL else matches[: 2 if ours == "timestamp" else 1]
            sources[ours] = [*sources.get(ours, []), *chosen]
            taken |= set(chosen)
    if table == "events":
        _add_event_column(frame, names, sources, absent, config)
        mapping.lookalikes = find_lookalikes(frame, names, sources, absent)
    mapping.columns = {ours: " + ".join(theirs) for ours, theirs in sources.items()}
    used = {column for columns in sources.values() for column in columns}
    mapping.unused = [name for name in names if name not in used]
    return _renamed(frame, sources, absent), mapping


def _configured(
    names: list[str], table: str, file: str, config: DataConfig
) -> tuple[dict[str, list[str]], set[str]]:
    """Column of goeswith -> columns of the table by the settings, and columns that are absent."""
    sources: dict[str, list[str]] = {}
    absent: set[str] = set()
    special = config.columns.get(table, {})
    for ours, theirs in config.columns_of(table).items():
        if theirs == NONE:
            absent.add(ours)
        elif theirs in names:
            sources[ours] = [theirs]
        elif isinstance(special, dict) and ours in special:
            near = get_close_matches(theirs, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise DataError(
                f"{file} has no column {theirs!r}, which [data.columns.{table}] gives for {ours}"
                f"{hint} It has {', '.join(names[:30])}"
            )
    return sources, absent


def with_earlier_columns(
    config: DataConfig, table: str, names: Sequence[str], earlier: Mapping[str, str]
) -> DataConfig:
    """Settings with the columns that an earlier table of the shop was read from.

    Args:
        config: settings, which go first.
        table: its name.
        names: columns of the file.
        earlier: `ColumnMapping.columns` of the earlier table.
    """
    there = {ours: theirs for ours, theirs in earlier.items() if theirs in names}
    special = config.columns.get(table)
    merged = {**there, **special} if isinstance(special, dict) else there
    return config.model_copy(update={"columns": {**config.columns, table: merged}})


def _moment_columns(frame: pl.DataFrame, matches: list[str]) -> list[str]:
    """The column of the time, or those of the date and of the time of day."""
    kinds = {name: time_kind(frame[name]) for name in matches}
    full = [name for name in matches if kinds[name] in ("moment", "number")]
    dates = [name for name in matches if kinds[name] == "date"]
    clocks = [name for name in matches if kinds[name] == "clock"]
    if full:
        return full[:1]
    if dates and clocks:
        return [dates[0], clocks[0]]
    return dates[:1] or matches[:1]


def _add_event_column(
    frame: pl.DataFrame,
    names: list[str],
    sources: dict[str, list[str]],
    absent: set[str],
    config: DataConfig,
) -> None:
    """Take a column as `event` whose values are all names of events, such as `type` in a log."""
    if "event" in sources or "event" in absent:
        return
    contexts = ("product_id", "timestamp", "user_id", "session_id", "basket_id")
    taken = {column for ours in contexts for column in sources.get(ours, [])}
    for name in names:
        if name not in taken and event_share(frame[name], config.events) == 1.0:
            for ours in [ours for ours, theirs in sources.items() if name in theirs]:
                del sources[ours]
            sources["event"] = [name]
            return


def _overlap(values: pl.Series, event_ids: pl.Series) -> float:
    from goeswith.data.values import identifiers

    if values.dtype.is_nested():
        return 0.0
    ids = identifiers(values, "products").drop_nulls().unique()
    wanted = identifiers(event_ids, "events").drop_nulls().unique()
    return float(ids.is_in(wanted.implode()).sum()) / max(len(wanted), 1)


def _renamed(frame: pl.DataFrame, sources: dict[str, list[str]], absent: set[str]) -> pl.DataFrame:
    renamed = {theirs: ours for ours, columns in sources.items() for theirs in columns[:1]}
    shadowed = [
        name
        for name in frame.columns
        if name != ROW
        and (name in absent or (name in sources and sources[name][0] != name))
        and renamed.get(name) is None
    ]
    joined = []
    for ours, columns in sources.items():
        if len(columns) > 1:
            separator = " " if ours == "timestamp" else "; "
            parts = [pl.col(name).cast(pl.String) for name in columns]
            if ours == "timestamp":  # a date without a time of day stays a date
                value: pl.Expr = pl.when(parts[0].is_not_null()).then(
                    pl.concat_str(parts, separator=separator, ignore_nulls=True)
                )
            else:
                value = pl.concat_str(parts, separator=separator, ignore_nulls=True)
            joined.append(value.alias(columns[0]))
    return frame.with_columns(joined).drop(shadowed).rename(renamed)
