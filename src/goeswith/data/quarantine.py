"""Bad rows are set aside with file, row number and reason; they are counted, never dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from goeswith.core.atomic_files import write_parquet
from goeswith.core.errors import DataError

ROW = "_row"
"""The column that carries a row's number in its file, from 1, through cleaning."""

_SCHEMA = {
    "file": pl.String,
    "row": pl.Int64,
    "reason": pl.String,
    "value": pl.String,
    "expected": pl.Boolean,
    "kept": pl.Boolean,
}


@dataclass
class Quarantine:
    """Rows set aside while tables are read.

    `expected` rows (a cancellation, a postage line) are what a format is known to hold: they are
    counted and kept out, but do not count towards `max_share`. `kept` marks a row that stayed in
    its table and lost one value only (a price that is no number); it does not count either, and
    rows read = rows of the table + rows set aside that are not `kept`.
    """

    max_share: float = 0.05
    _parts: list[pl.DataFrame] = field(default_factory=list)
    _tallies: list[dict[str, str | int]] = field(default_factory=list)
    _read: dict[str, int] = field(default_factory=dict)

    def saw(self, file: str, rows: int) -> None:
        """Count `rows` as read from `file`."""
        self._read[file] = self._read.get(file, 0) + rows

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
        """Set rows aside: their numbers in `file`, why, and the value that was wrong."""
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

    def split(
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
            bad: a boolean expression; null counts as not bad.
            reason: a short sentence that a person can act on.
            value: the column whose value is recorded.
            expected: see the class.
        """
        flagged = frame.with_columns(bad.fill_null(value=False).alias("_bad"))
        aside = flagged.filter("_bad")
        self.add(file, aside[ROW], reason, aside[value], expected=expected)
        return flagged.filter(~pl.col("_bad")).drop("_bad")

    def note(self, frame: pl.DataFrame, file: str, bad: pl.Expr, reason: str, value: str) -> None:
        """Record values that are dropped from rows that stay; arguments as for `split`."""
        flagged = frame.filter(bad.fill_null(value=False))
        self.add(file, flagged[ROW], reason, flagged[value], kept=True)

    def tally(self, file: str, rows: int, reason: str, example: str) -> None:
        """Count expected rows that are too many to list: list entries, unused attributes."""
        if rows:
            self._tallies.append({"file": file, "reason": reason, "rows": rows, "value": example})

    @property
    def files(self) -> list[str]:
        """The files read, in the order of reading."""
        return list(self._read)

    def read(self, file: str) -> int:
        """How many rows `file` had."""
        return self._read.get(file, 0)

    def lost(self, file: str) -> int:
        """How many rows of `file` are not in its table."""
        return int(self.counts().filter((pl.col("file") == file) & ~pl.col("kept"))["rows"].sum())

    @property
    def rows(self) -> pl.DataFrame:
        """file, row, reason, value, expected, kept: one line for each row set aside."""
        return pl.concat(self._parts) if self._parts else pl.DataFrame(schema=_SCHEMA)

    def counts(self) -> pl.DataFrame:
        """file, reason, expected, kept, rows, share of the file, an example; largest first."""
        read = pl.DataFrame(
            {"file": list(self._read), "read": list(self._read.values())},
            schema={"file": pl.String, "read": pl.Int64},
        )
        listed = self.rows.with_columns(pl.lit(1, dtype=pl.Int64).alias("rows"))
        tallied = pl.DataFrame(self._tallies, schema={**_SCHEMA, "rows": pl.Int64}).with_columns(
            pl.lit(True).alias("expected"), pl.lit(False).alias("kept")
        )
        return (
            pl.concat([listed, tallied])
            .group_by("file", "reason", "expected", "kept")
            .agg(pl.col("rows").sum(), pl.col("value").min().alias("example"))
            .join(read, on="file", how="left")
            .with_columns((pl.col("rows") / pl.col("read")).alias("share"))
            .sort(["rows", "file", "reason"], descending=[True, False, False])
            .select("file", "reason", "expected", "kept", "rows", "share", "example")
        )

    def check(self) -> None:
        """Stop the run where too much of a file is bad.

        Raises:
            DataError: a file has more than `max_share` of its rows set aside unexpectedly.
        """
        counts = ~pl.col("expected") & ~pl.col("kept")
        bad = self.rows.filter(counts).group_by("file").len()
        for file, count in bad.sort("file").iter_rows():
            read = max(self._read.get(file, 0), count)
            if count > self.max_share * read:
                reasons = self.counts().filter((pl.col("file") == file) & counts)
                listed = "; ".join(
                    f"{row['rows']:,} x {row['reason']} (for example {row['example']!r})"
                    for row in reasons.head(5).iter_rows(named=True)
                )
                raise DataError(
                    f"{file}: {count:,} of {read:,} rows cannot be used ({count / read:.1%}, more "
                    f"than the {self.max_share:.1%} allowed): {listed}. Mend the file, or raise "
                    "max_bad_share if this is expected"
                )

    def write(self, path: Path) -> None:
        """Write every row set aside to a parquet file."""
        write_parquet(self.rows, path)
