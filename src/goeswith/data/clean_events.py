"""Cleaning of events: which lines count, for whom, in which order, of which basket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.data.clean import with_rows
from goeswith.data.config import DataConfig
from goeswith.data.mapping.column_values import event_name
from goeswith.data.mapping.conventions import Conventions
from goeswith.data.mapping.event_names import EVENT_NAMES, IGNORE
from goeswith.data.mapping.load_report import LoadReport
from goeswith.data.mapping.order_status import (
    fill_order_columns,
    set_aside_uncounted,
    take_back_cancelled,
)
from goeswith.data.mapping.other_lines import IGNORED, NO_PRODUCT
from goeswith.data.mapping.placeholders import (
    guest_users,
    holds_for_value,
    is_non_product,
    is_placeholder,
    is_total,
    matches_any,
)
from goeswith.data.mapping.repeated_ids import unique_contexts
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import are_dates, shown_date_order, timestamps
from goeswith.data.quarantine import Quarantine
from goeswith.data.tables import require_columns
from goeswith.data.values import identifiers, text

CONTEXTS: Final = ("user_id", "session_id", "basket_id")
"""What an event belongs to; an event has at least one of them."""

_EARLIEST: Final = datetime(1980, 1, 1)
_FUTURE: Final = timedelta(days=2)


def clean_events(  # noqa: PLR0917
    frame: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    catalog: Catalog,
    config: DataConfig | None = None,
    report: LoadReport | None = None,
    *,
    earlier: Conventions | None = None,
    unknown_expected: bool = False,
    left_out: Mapping[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """Events by catalogue row.

    Args:
        frame: the table with columns of goeswith and `_row`.
        file: its name in messages.
        quarantine: takes rows that cannot be used or do not count.
        catalog: the products.
        config: settings of reading; None for the defaults.
        report: takes notes and conventions.
        earlier: how earlier events of the shop are written; None for none.
        unknown_expected: whether events of products outside the catalogue are expected, so that
            they do not count towards `Quarantine.max_share`.
        left_out: reason -> ids that the table of products has and that are no products.

    Returns:
        `product` (Int32), `event` (view, cart, purchase), and where the table has them `user_id`,
        `session_id`, `basket_id` (String), `timestamp` (Datetime us, UTC), `position` (Int64),
        `quantity` (Float64), `locale` (String).

    Raises:
        DataError: a column is missing or has the wrong type.
    """
    cleaner = _EventCleaner(
        file,
        quarantine,
        config or DataConfig(),
        report or LoadReport(),
        earlier or Conventions(),
    )
    return cleaner.clean(frame, catalog, left_out or {}, unknown_expected=unknown_expected)


class _EventCleaner:
    """The steps of `clean_events`, each from a table to the rows of it that stay."""

    def __init__(
        self,
        file: str,
        quarantine: Quarantine,
        config: DataConfig,
        report: LoadReport,
        earlier: Conventions,
    ) -> None:
        self.file, self.quarantine = file, quarantine
        self.config, self.report = config, report
        self.earlier, self.conventions = earlier, report.conventions

    def clean(
        self,
        frame: pl.DataFrame,
        catalog: Catalog,
        left_out: Mapping[str, pl.Series],
        *,
        unknown_expected: bool,
    ) -> pl.DataFrame:
        """Run the steps."""
        file = self.file
        require_columns(frame, ("product_id",), file)
        self.contexts = [name for name in CONTEXTS if name in frame.columns]
        if not self.contexts:
            _require_context(frame, file)
        frame = frame.with_columns(identifiers(frame[name], file) for name in self.contexts)
        frame, notes, filled = fill_order_columns(frame, self.earlier.order_columns)
        self.conventions.order_columns = filled
        self.report.notes += notes
        frame = self._without_non_products(frame, catalog, left_out)
        frame = self._without_titles_alone(frame)
        frame = with_rows(
            frame,
            file,
            self.quarantine,
            catalog,
            ids="product_id",
            rows="product",
            expected=unknown_expected,
        )
        frame = self._with_contexts(frame)
        columns = ["product", *self.contexts, "event"]
        frame, statuses = set_aside_uncounted(frame, file, self.quarantine, self.config.ignore)
        self.report.statuses |= statuses
        if statuses and all(status.isdigit() for status in statuses):
            self.report.notes.append(
                "the order status is a number: all statuses count, except those in statuses of "
                "[data.ignore]"
            )
        frame = self._with_events(frame)
        if "timestamp" in frame.columns:
            frame = self._with_times(frame)
            columns.append("timestamp")
        frame = self._with_unique_contexts(frame)
        for name, clean in (("position", self._positions), ("quantity", self._quantities)):
            if name in frame.columns:
                frame = clean(frame)
                columns.append(name)
        if "locale" in frame.columns:
            frame = frame.with_columns(text(frame["locale"], file))
            columns.append("locale")
        return frame.select(columns)

    def _set_aside(
        self,
        frame: pl.DataFrame,
        bad: pl.Expr,
        reason: str,
        value: str,
        *,
        expected: bool = False,
    ) -> pl.DataFrame:
        return self.quarantine.set_aside(frame, self.file, bad, reason, value, expected=expected)

    def _without_non_products(
        self, frame: pl.DataFrame, catalog: Catalog, left_out: Mapping[str, pl.Series]
    ) -> pl.DataFrame:
        """Set aside totals, and lines of shipping, gift wrap and the like."""
        totals = pl.any_horizontal(is_total(pl.col(name)) for name in self.contexts)
        frame = self._set_aside(frame, totals, "the line is a total", "product_id", expected=True)
        names = pl.col("product_id").cast(pl.String, strict=False)
        if frame["product_id"].dtype == pl.Binary or frame["product_id"].dtype.is_nested():
            return frame
        labels = [names]
        if "title" in frame.columns and not frame["title"].dtype.is_nested():
            labels.append(pl.col("title").cast(pl.String, strict=False))
        if listed := self.config.ignore.products:
            ignored = pl.any_horizontal(matches_any(label, listed) for label in labels)
            frame = self._set_aside(frame, ignored, IGNORED, "product_id", expected=True)
        for reason, ids in left_out.items():
            is_one = names.str.strip_chars().is_in(ids.implode()).fill_null(value=False)
            frame = self._set_aside(frame, is_one, reason, "product_id", expected=True)
        if not self.config.ignore.non_products:
            return frame
        # a line of shipping may have a title and no id
        outside = ~names.str.strip_chars().is_in(catalog.ids.implode()).fill_null(value=False)
        no_product = pl.any_horizontal(holds_for_value(frame, v, is_non_product) for v in labels)
        if not frame.select(no_product.any()).item():
            return frame
        return self._set_aside(frame, outside & no_product, NO_PRODUCT, "product_id", expected=True)

    def _without_titles_alone(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Set aside lines that have a title and no id, by their title."""
        if frame.schema.get("title") != pl.String or frame["product_id"].dtype != pl.String:
            return frame
        no_id, no_title = (
            pl.col(name).str.strip_chars().fill_null("") == "" for name in ("product_id", "title")
        )
        reason = (
            "the line has a title and no product_id; if it is shipping or the like, list the title "
            "in products under [data.ignore] of goeswith.toml. goeswith import shopify and "
            "woocommerce read products without SKU"
        )
        return self._set_aside(frame, no_id & ~no_title, reason, "title")

    def _with_contexts(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace ids that stand for a missing one or for many people by null."""
        frame = frame.with_columns(
            pl.when(~is_placeholder(pl.col(name))).then(name).alias(name) for name in self.contexts
        )
        if "user_id" in self.contexts:
            ignored = matches_any(pl.col("user_id"), self.config.ignore.users)
            reason = "the user is left out by [data.ignore]"
            frame = self._set_aside(frame, ignored, reason, "user_id", expected=True)
            guests, notes = guest_users(frame, [*self.config.ignore.guests, *self.earlier.guests])
            self.report.notes += notes
            self.conventions.guests = guests
            if guests:
                frame = self._without_guests(frame, guests)
        missing = pl.all_horizontal(pl.col(self.contexts).is_null())
        return self._set_aside(frame, missing, f"no {' or '.join(self.contexts)}", "product_id")

    def _without_guests(self, frame: pl.DataFrame, guests: list[str]) -> pl.DataFrame:
        is_guest = pl.col("user_id").is_in(guests)
        share = frame.select(is_guest.mean()).item() or 0
        names = ", ".join(map(repr, guests[:5]))
        self.report.notes.append(
            f"user_id {names} is used for guests ({share:.0%} of the events), who are not one "
            "person: their events count as events without a user"
        )
        others = [name for name in self.contexts if name != "user_id"]
        alone = is_guest
        for name in others:
            alone &= pl.col(name).is_null()
        reason = (
            "user_id stands for many guests, and there is no basket_id or session_id; to leave "
            "them out, set [data.ignore] users"
        )
        frame = self._set_aside(frame, alone, reason, "user_id")
        return frame.with_columns(pl.when(~is_guest).then("user_id").alias("user_id"))

    def _with_events(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Set the column `event`; set aside events that are unknown or do not count."""
        if "event" not in frame.columns:
            return frame.with_columns(pl.lit("purchase").alias("event"))
        names = EVENT_NAMES | {event_name(n): event for n, event in self.config.events.items()}
        written = text(frame["event"], self.file).alias("_event")
        distinct = written.unique().drop_nulls()
        normal = {value: event_name(value) for value in distinct.to_list()}
        frame = frame.with_columns(
            written.replace_strict(normal, default=None, return_dtype=pl.String)
        )
        kinds = pl.col("_event").replace_strict(names, default=None, return_dtype=pl.String)
        frame = take_back_cancelled(frame, self.file, self.quarantine)
        frame = frame.with_columns(kinds.alias("_kind"))
        missing = pl.col("_event").is_null()
        frame = self._set_aside(frame, missing, "event is missing", "product_id")
        unknown = pl.col("_kind").is_null()
        reason = (
            "event has an unknown name; give it a meaning under [data.events] of goeswith.toml: "
            "view, cart, purchase or ignore"
        )
        frame = self._set_aside(frame, unknown, reason, "event")
        ignored = pl.col("_kind") == IGNORE
        reason = "the event is not a view, cart or purchase"
        frame = self._set_aside(frame, ignored, reason, "event", expected=True)
        return frame.with_columns(pl.col("_kind").alias("event"))

    def _with_times(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Read the times; set aside those that are missing or cannot be."""
        times = timestamps(
            frame["timestamp"],
            self.file,
            self.config.date_order,
            self.config.zone,
            shown_order=self.earlier.date_order,
        ).alias("_time")
        self.conventions.date_order = shown_date_order(frame["timestamp"])
        dates = are_dates(frame["timestamp"], times).alias("_is_date")
        frame = frame.with_columns(times, dates)
        time = pl.col("_time")
        latest = datetime.now(UTC).replace(tzinfo=None) + _FUTURE
        for invalid, reason in (
            (time.is_null(), "timestamp is missing or invalid"),
            (time > latest, "timestamp is in the future"),
            (time < _EARLIEST, "timestamp is before 1980, as that of a missing time"),
        ):
            frame = self._set_aside(frame, invalid, reason, "timestamp")
        frame = frame.with_columns(time.alias("timestamp"))
        share = frame["_is_date"].mean()
        if isinstance(share, float) and 0 < share < 1:
            return self._without_order_of_dates(frame, share)
        return frame

    def _without_order_of_dates(self, frame: pl.DataFrame, share: float) -> pl.DataFrame:
        """Give the events of a day one time where one of them has a date only."""
        day = pl.col("timestamp").dt.truncate("1d")
        owner = pl.coalesce(
            pl.col(name) for name in ("user_id", "basket_id", "session_id") if name in self.contexts
        )
        unordered = pl.col("_is_date").any().over(owner, day)
        self.report.notes.append(
            f"{share:.1%} of the timestamps are dates without a time of day: the order of events "
            "on such a day is not used"
        )
        return frame.with_columns(
            pl.when(unordered).then(day).otherwise(pl.col("timestamp")).alias("timestamp")
        )

    def _with_unique_contexts(self, frame: pl.DataFrame) -> pl.DataFrame:
        time = "timestamp" if "timestamp" in frame.columns else None
        for name in ("basket_id", "session_id"):
            if name in self.contexts:
                frame, notes, parts = unique_contexts(
                    frame, name, time=time, earlier=self.earlier.unique_ids.get(name, ())
                )
                self.report.notes += notes
                if parts:
                    self.conventions.unique_ids[name] = parts
        return frame

    def _positions(self, frame: pl.DataFrame) -> pl.DataFrame:
        values = numbers(frame["position"], self.file).alias("_position")
        frame = frame.with_columns(values)
        integer = pl.col("_position").cast(pl.Int64, strict=False)
        invalid = integer.is_null() | (pl.col("_position") % 1 != 0)
        frame = self._set_aside(frame, invalid, "position is not an integer", "position")
        return frame.with_columns(integer.alias("position"))

    def _quantities(self, frame: pl.DataFrame) -> pl.DataFrame:
        values = numbers(frame["quantity"], self.file, self.config.decimal).alias("_quantity")
        frame = frame.with_columns(values)
        unreadable = pl.col("quantity").is_not_null() & pl.col("_quantity").is_null()
        invalid = unreadable | (pl.col("_quantity") <= 0)
        reason = "quantity is not a positive number (a return?)"
        frame = self._set_aside(frame, invalid, reason, "quantity")
        return frame.with_columns(pl.col("_quantity").alias("quantity"))


def _require_context(frame: pl.DataFrame, file: str) -> None:
    columns = ", ".join(name for name in frame.columns if not name.startswith("_"))
    raise DataError(
        f"{file} has no column 'user_id', 'session_id' or 'basket_id', and so nothing that shows "
        f"which products go together; it has {columns}. Say which column is the order, the session "
        "or the customer under [data.columns.events] of goeswith.toml, such as basket_id = "
        "'order_id'"
    )
