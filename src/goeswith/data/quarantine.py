"""Quarantine: invalid rows with file, row number and reason, never dropped silently."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from goeswith.core.atomic_files import write_parquet
from goeswith.core.errors import DataError
from goeswith.data.config import IgnoreConfig

ROW = "_row"
"""The column that carries a row's number in its file, from 1, through cleaning."""

FILE = "_file"
"""The column with the name of a row's file, in a table of several files."""

_SCHEMA = {
    "file": pl.String,
    "row": pl.Int64,
    "reason": pl.String,
    "value": pl.String,
    "expected": pl.Boolean,
    "kept": pl.Boolean,
}


_SHOWN_ROWS = 3


@dataclass
class Quarantine:
    """Rows set aside while tables are read.

    `expected` rows (a cancellation, a postage line) belong to a format: they are counted and
    removed, but do not count towards `max_share`. `kept` marks a row that stays in
    its table and loses one value only (an invalid price); it does not count either, and
    rows read = rows of the table + rows set aside that are not `kept`. Up to `max_rows` rows of a
    file may be set aside whatever their share, as long as more than half of the file is used.
    """

    max_share: float = 0.05
    max_rows: int = 0
    ignore: IgnoreConfig = field(default_factory=IgnoreConfig)
    """Orders, products and users that importers of orders leave out by the settings."""
    notes: list[str] = field(default_factory=list)
    """What else a reader of the counts should know: a file that is not read, its encoding."""
    _parts: list[pl.DataFrame] = field(default_factory=list)
    _expected_counts: list[dict[str, str | int]] = field(default_factory=list)
    _rows_read: dict[str, int] = field(default_factory=dict)

    def count_read(self, file: str, rows: int) -> None:
        """Count `rows` as read from `file`."""
        self._rows_read[file] = self._rows_read.get(file, 0) + rows

    def add(
        self,
        file: str,
        rows: pl.Series,
        reason: str,
        values: pl.Series,
        *,
        expected: bool = False,
        kept: bool = False,
    ) -> None:
        """Set rows aside: their numbers in `file`, the reason, and the invalid value."""
        if len(rows):
            part = pl.DataFrame(
                {"row": rows.cast(pl.Int64), "value": values.cast(pl.String, strict=False)}
            ).with_columns(
                pl.lit(file).alias("file"),
                pl.lit(reason).alias("reason"),
                pl.lit(expected).alias("expected"),
                pl.lit(kept).alias("kept"),
            )
            self._parts.append(part.select(list(_SCHEMA)))

    def set_aside(
        self,
        frame: pl.DataFrame,
        file: str,
        bad: pl.Expr,
        reason: str,
        value: str,
        *,
        expected: bool = False,
    ) -> pl.DataFrame:
        """Set aside the rows of `frame` where `bad` holds; return the rest.

        Args:
            frame: has the column `_row`.
            file: name for messages.
            bad: a boolean expression; null counts as false.
            reason: a short explanation.
            value: the column whose value is recorded.
            expected: see the class.
        """
        is_bad = frame.select(bad.fill_null(value=False).alias("_bad")).to_series()
        if not is_bad.any():
            return frame
        if len(is_bad) != frame.height:  # a literal
            is_bad = is_bad.new_from_index(0, frame.height)
        self._add_rows(frame.filter(is_bad), file, reason, value, expected=expected)
        return frame.filter(~is_bad)

    def record_dropped_values(
        self, frame: pl.DataFrame, file: str, bad: pl.Expr, reason: str, value: str
    ) -> None:
        """Record values that are dropped from rows that stay; arguments as for `set_aside`."""
        flagged = frame.filter(bad.fill_null(value=False))
        self._add_rows(flagged, file, reason, value, kept=True)

    def _add_rows(
        self,
        rows: pl.DataFrame,
        file: str,
        reason: str,
        value: str,
        *,
        expected: bool = False,
        kept: bool = False,
    ) -> None:
        """Record rows under their file: `file`, or that in the column `_file`."""
        parts = {file: rows}
        if FILE in rows.columns:
            parts = {name: part for (name,), part in rows.partition_by(FILE, as_dict=True).items()}
        for name, part in parts.items():
            self.add(name, part[ROW], reason, part[value], expected=expected, kept=kept)

    def count_expected(self, file: str, rows: int, reason: str, example: str) -> None:
        """Count expected rows without listing them: list entries, unused attributes."""
        if rows:
            self._expected_counts.append(
                {"file": file, "reason": reason, "rows": rows, "value": example}
            )

    @property
    def files(self) -> list[str]:
        """The files read, in the order of reading."""
        return list(self._rows_read)

    def rows_read(self, file: str) -> int:
        """Number of rows read from `file`."""
        return self._rows_read.get(file, 0)

    def rows_removed(self, file: str) -> int:
        """Number of rows of `file` that are not in its table."""
        return int(self.counts().filter((pl.col("file") == file) & ~pl.col("kept"))["rows"].sum())

    @property
    def rows(self) -> pl.DataFrame:
        """file, row, reason, value, expected, kept: one line for each row set aside."""
        return pl.concat(self._parts) if self._parts else pl.DataFrame(schema=_SCHEMA)

    def counts(self) -> pl.DataFrame:
        """file, reason, expected, kept, rows, share of the file, an example; largest first."""
        rows_read = pl.DataFrame(
            {"file": list(self._rows_read), "read": list(self._rows_read.values())},
            schema={"file": pl.String, "read": pl.Int64},
        )
        unexpected = self.rows.with_columns(pl.lit(1, dtype=pl.Int64).alias("rows"))
        expected = pl.DataFrame(
            self._expected_counts, schema={**_SCHEMA, "rows": pl.Int64}
        ).with_columns(pl.lit(True).alias("expected"), pl.lit(False).alias("kept"))
        return (
            pl.concat([unexpected, expected])
            .group_by("file", "reason", "expected", "kept")
            .agg(pl.col("rows").sum(), pl.col("value").min().alias("example"))
            .join(rows_read, on="file", how="left")
            .with_columns((pl.col("rows") / pl.col("read")).alias("share"))
            .sort(["rows", "file", "reason"], descending=[True, False, False])
            .select("file", "reason", "expected", "kept", "rows", "share", "example")
        )

    def check(self) -> None:
        """Stop the run if too many rows of a file are invalid.

        Raises:
            DataError: a file has more than `max_share` and `max_rows` of its rows set aside
                unexpectedly.
        """
        counts = ~pl.col("expected") & ~pl.col("kept")
        bad = self.rows.filter(counts).group_by("file").len()
        for file, count in bad.sort("file").iter_rows():
            rows = max(self._rows_read.get(file, 0), count)
            if count > max(self.max_share * rows, min(self.max_rows, (rows - 1) // 2)):
                reasons = self.counts().filter((pl.col("file") == file) & counts)
                details = "; ".join(
                    f"{row['rows']:,} x {row['reason']} ({self._where(file, row['reason'])})"
                    for row in reasons.head(5).iter_rows(named=True)
                )
                raise DataError(
                    f"{file}: {count:,} of {rows:,} rows cannot be used ({count / rows:.1%}, more "
                    f"than the {self.max_share:.1%} allowed): {details}. Correct the file, or "
                    "raise max_bad_share under [data] of goeswith.toml if this is expected"
                )

    def _where(self, file: str, reason: str) -> str:
        """The first rows that were set aside for a reason, and an example of their values."""
        bad = self.rows.filter(
            (pl.col("file") == file) & (pl.col("reason") == reason) & ~pl.col("expected")
        ).sort("row")
        first = bad["row"].unique().sort().head(_SHOWN_ROWS).to_list()
        rows = f"row{'s' if len(first) > 1 else ''} {', '.join(map(str, first))}"
        value = bad["value"].drop_nulls().head(1).to_list()
        return f"{rows}, for example {value[0]!r}" if value else rows

    def write(self, path: Path) -> None:
        """Write every row set aside to a parquet file."""
        write_parquet(self.rows, path)
