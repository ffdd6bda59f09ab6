"""Attributes that rules read, as arrays: a rule is tested on fifty products in microseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import ConfigError
from goeswith.facts.fact_values import LIVE_COLUMNS, column_kind
from goeswith.facts.filters import Filter, match_products, match_rows, parse_numbers

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.facts.live_facts import LiveFacts
    from goeswith.store.attribute_table import AttributeTable

Test: TypeAlias = Callable[["Rows"], npt.NDArray[np.bool_]]
_ORDER: Final[dict[str, Callable[[Any, float], Any]]] = {
    "=": np.equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class ProductValues:
    """Columns of a catalogue as numbers or as codes of texts, with live facts."""

    def __init__(self, table: AttributeTable, live: LiveFacts) -> None:
        self._table, self._live = table, live
        self._numbers: dict[str, npt.NDArray[np.float64]] = {}
        self._codes: dict[str, tuple[npt.NDArray[np.int32], dict[str, int]]] = {}
        self._kinds: dict[str, str | None] = {}
        self._version = 0

    def kind(self, column: str) -> str | None:
        """The kind of a column; None if it cannot be tested.

        Raises:
            ConfigError: neither the catalogue nor live facts have it.
        """
        if column in self._kinds:
            return self._kinds[column]
        frame = self._table.frame
        if column in frame.columns:
            self._kinds[column] = column_kind(frame.schema[column])
            return self._kinds[column]
        if column in LIVE_COLUMNS:
            return LIVE_COLUMNS[column]
        match_rows(frame.head(0), [Filter(column=column, op="=", value="")])  # names the nearest
        raise ConfigError(f"no product has a {column!r}")

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """(n,) a numeric column; NaN where a product has no value."""
        self.sync()
        if column not in self._numbers:
            import polars as pl

            frame = self._table.frame
            if column in frame.columns:
                values = frame[column].cast(pl.Float64, strict=False).fill_null(float("nan"))
                array = np.array(values.to_numpy(), dtype=np.float64)
            else:
                array = np.full(frame.height, np.nan)
            self._numbers[column] = array
            self._update_numbers(column, self._live_rows(column))
        return self._numbers[column]

    def codes(self, column: str) -> tuple[npt.NDArray[np.int32], dict[str, int]]:
        """(n,) codes of a column of texts, lower case, -1 where there is none; text -> code."""
        self.sync()
        if column not in self._codes:
            import polars as pl

            frame = self._table.frame
            if column in frame.columns:
                texts = frame[column].cast(pl.String).str.to_lowercase().str.strip_chars()
                names = texts.drop_nulls().unique(maintain_order=True)
                table = pl.DataFrame({"text": names}).with_row_index("code")
                joined = pl.DataFrame({"text": texts}).join(
                    table, on="text", how="left", maintain_order="left"
                )
                array = joined["code"].cast(pl.Int64).fill_null(-1).to_numpy().astype(np.int32)
                index = dict(zip(names.to_list(), range(len(names)), strict=True))
            else:
                array, index = np.full(frame.height, -1, dtype=np.int32), {}
            self._codes[column] = array, index
            self._update_codes(column, self._live_rows(column))
        return self._codes[column]

    def group_codes(self, column: str) -> npt.NDArray[np.int32] | None:
        """(n,) one number for each value of a column; None for lists."""
        kind = self.kind(column)
        if kind == "list" or kind is None:
            return None
        return self.codes(column)[0]

    def sync(self) -> None:
        """Take over the facts that have changed."""
        version = self._live.version
        if version == self._version:
            return
        rows = self._live.changed_since(self._version).tolist()
        self._version = version
        for column in self._numbers:
            self._update_numbers(column, rows)
        for column in self._codes:
            self._update_codes(column, rows)

    def _live_rows(self, column: str) -> list[int]:
        live = self._live.columns.get(column)
        return [] if live is None else live.rows().tolist()

    def _update_numbers(self, column: str, rows: list[int]) -> None:
        array = self._numbers[column]
        for row, value in self._values(column, rows):
            try:
                array[row] = np.nan if value is None else float(value)
            except ValueError:
                array[row] = np.nan

    def _update_codes(self, column: str, rows: list[int]) -> None:
        array, index = self._codes[column]
        for row, value in self._values(column, rows):
            text = None if value is None else str(value)
            text = text.lower().strip() if text is not None else None
            array[row] = -1 if text is None else index.setdefault(text, len(index))

    def _values(self, column: str, rows: list[int]) -> list[tuple[int, Any]]:
        live, frame = self._live.columns.get(column), self._table.frame
        if live is None or not rows:
            return []
        stored = (
            frame[column].gather(rows).to_list() if column in frame.columns else [None] * len(rows)
        )
        return [(row, live.get(row, old)) for row, old in zip(rows, stored, strict=True)]

    def test(self, condition: Filter) -> Test:
        """A filter as a test of some products.

        Raises:
            ConfigError: it does not suit the catalogue.
        """
        column, op, live = condition.column, condition.op, self._live
        kind = self.kind(column)
        if kind == "number" and op != "contains":
            values = np.array(parse_numbers(condition))

            def by_number(rows: Rows) -> npt.NDArray[np.bool_]:
                held = self.numbers(column)[rows]
                if op in _ORDER:
                    return np.asarray(_ORDER[op](held, values[0]))
                return np.asarray(held != values[0]) if op == "!=" else np.isin(held, values)

            return by_number
        if kind in {"text", "boolean"} and op in {"=", "!=", "in"}:
            words = {"1": "true", "yes": "true", "0": "false", "no": "false"}
            texts = [value.lower().strip() for value in condition.values]
            if kind == "boolean":
                texts = [words.get(text, text) for text in texts]

            def by_text(rows: Rows) -> npt.NDArray[np.bool_]:
                codes, index = self.codes(column)
                held = codes[rows]
                if op == "!=":
                    return np.asarray(held != index.get(texts[0], -2))
                if len(texts) == 1:
                    return np.asarray(held == index.get(texts[0], -2))
                return np.isin(held, [index.get(text, -2) for text in texts])

            return by_text
        match_products(live, [condition])  # refuses what does not suit the column
        return lambda rows: match_products(live, [condition])[rows]
