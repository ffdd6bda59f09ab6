"""Settings of reading tables."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from goeswith.data.mapping.column_names import COLUMNS
from goeswith.data.mapping.event_names import EVENTS, IGNORE

NONE: Final = "none"
"""Name of a column that says: the table has no such column."""


class IgnoreConfig(BaseModel):
    """Rows of the events that do not count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    products: list[str] = Field(
        [],
        description="Product ids or titles that are not products, such as shipping and gift lines; "
        "* stands for any text, case does not matter.",
        examples=[["SHIPPING*", "gift card"]],
    )
    statuses: Literal["auto"] | list[str] = Field(
        "auto",
        description="Parts of order statuses whose lines do not count; case does not "
        "matter. auto is cancelled, voided, refunded, returned, failed and the like, in several "
        "languages. A status with `partial` counts.",
        examples=[["cancel", "refund"]],
    )
    users: list[str] = Field(
        [],
        description="User ids whose events do not count: staff, robots, tests; * stands for any "
        "text.",
        examples=[["test*", "qa@shop.example"]],
    )
    guests: list[str] = Field(
        [],
        description="User ids that many people share. Their events count as events without a "
        "user. 0, -1 and names such as guest are recognised without this setting.",
        examples=[["9999"]],
    )
    test_orders: bool = Field(
        True, description="Whether orders that a column `test` marks are left out."
    )
    non_products: bool = Field(
        True,
        description="Whether shipping, gift wrap, gift cards, fees, discounts, totals and the like "
        "are left out, by their titles or ids. Titles that are more than 5 % of a table of "
        "products stay.",
    )


class ParentConfig(BaseModel):
    """Variants that are counted as their parent product."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = Field(
        None,
        description="Column of the products with the id of the parent. A product without a value "
        "is its own parent.",
        examples=["parent_id"],
    )
    pattern: str | None = Field(
        None,
        description="Regular expression whose first group is the parent within a product id.",
        examples=["^(.+)-(?:S|M|L|XL)$"],
    )

    @field_validator("pattern")
    @classmethod
    def _has_group(cls, pattern: str | None) -> str | None:
        import polars as pl

        if pattern is None:
            return None
        try:
            pl.Series([""]).str.extract(pattern, 1)
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"is not a regular expression: {error}") from error
        if "(" not in pattern:
            raise ValueError("has no group in parentheses")
        return pattern


class PictureConfig(BaseModel):
    """A folder of product pictures, which an image encoder reads when data are loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str | None = Field(
        None,
        description="Folder of the pictures, as .jpg, .png, .webp, .gif or .bmp; needs `encoder` "
        "and the extra `pictures`.",
        examples=["shop/pictures"],
    )
    column: str | None = Field(
        None,
        description="Column of the products with the path of the picture within the folder. Not "
        "set, the name of a picture without its suffix is the product id.",
        examples=["image"],
    )
    encoder: str | None = Field(
        None,
        description="Folder or hub id of an image encoder that sentence-transformers loads, such "
        "as CLIP or SigLIP.",
        examples=["clip-ViT-B-32"],
    )

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.folder is None) != (self.encoder is None):
            raise ValueError("folder and encoder are used together: set both, or neither")
        if self.column is not None and self.folder is None:
            raise ValueError("column holds paths within a folder: set folder and encoder, too")
        return self


class DataConfig(BaseModel):
    """How tables are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_bad_share: float = Field(
        0.05, ge=0, le=1, description="Stop when more than this share of a file's rows is unusable."
    )
    encoding: str = Field(
        "auto",
        description="Encoding of text files, such as cp1252 or latin-1. auto is UTF-8, and UTF-16 "
        "where a file starts with a byte order mark.",
    )
    delimiter: str = Field(
        "auto",
        description="What separates the fields of .csv and .tsv files; auto is a comma, and a tab "
        "in .tsv.",
        examples=[";"],
    )
    decimal: Literal["auto", ".", ","] = Field(
        "auto",
        description="Decimal mark of numbers in text. auto infers it from the column, for each "
        "currency; a number that could be read in two ways is not used.",
    )
    date_order: Literal["auto", "dmy", "mdy", "ymd"] = Field(
        "auto",
        description="Order of day, month and year in dates such as 01/02/24. auto infers it from "
        "the column, and stops if the column does not show it.",
    )
    zone: str | None = Field(
        None,
        description="Time zone of times without a zone. Not set, they are UTC, and a column that "
        "mixes times with and without a zone is refused.",
        examples=["Europe/Berlin"],
    )
    columns: dict[str, str | dict[str, str]] = Field(
        {},
        description="Column of goeswith = column of your tables, for all tables or for one in "
        "[data.columns.events]; `none` if there is no such column.",
        examples=[{"timestamp": "Bestellt am", "user_id": "none"}],
    )
    events: dict[str, str] = Field(
        {},
        description="Name of an event in your log = view, cart, purchase or ignore.",
        examples=[{"PDP": "view", "sold": "purchase"}],
    )
    ignore: IgnoreConfig = IgnoreConfig()
    parent: ParentConfig = ParentConfig()
    pictures: PictureConfig = PictureConfig()

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, encoding: str) -> str:
        import codecs

        if encoding != "auto":
            try:
                "a".encode(codecs.lookup(encoding).name)
            except (LookupError, UnicodeError, TypeError, AttributeError) as error:
                raise ValueError(f"{encoding!r} is not a text encoding") from error
        return encoding

    @field_validator("delimiter")
    @classmethod
    def _is_delimiter(cls, delimiter: str) -> str:
        delimiter = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
        if delimiter != "auto" and (
            len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'
        ):
            raise ValueError("must be one ASCII character, such as ';' or '\\t'")
        return delimiter

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str | None) -> str | None:
        if zone is None:
            return None
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            near = get_close_matches(zone, available_timezones(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ", such as 'Europe/Berlin'"
            raise ValueError(f"{zone!r} is not a time zone{hint}") from error
        return zone

    @field_validator("columns")
    @classmethod
    def _are_columns(
        cls, columns: dict[str, str | dict[str, str]]
    ) -> dict[str, str | dict[str, str]]:
        for name, value in columns.items():
            if isinstance(value, dict):
                if name not in COLUMNS:
                    raise ValueError(f"{name!r} is not a table; tables are {', '.join(COLUMNS)}")
                for column in value:
                    _check_column(column, COLUMNS[name])
            else:
                _check_column(name, [column for table in COLUMNS.values() for column in table])
        return columns

    @field_validator("events")
    @classmethod
    def _are_events(cls, events: dict[str, str]) -> dict[str, str]:
        for name, event in events.items():
            if event not in (*EVENTS, IGNORE):
                raise ValueError(
                    f"{name!r} = {event!r}: an event is {', '.join(EVENTS)} or {IGNORE}"
                )
        return events

    def columns_of(self, table: str) -> dict[str, str]:
        """Column of goeswith -> column of `table`, as set."""
        general = {name: value for name, value in self.columns.items() if isinstance(value, str)}
        special = self.columns.get(table, {})
        applicable = {name: value for name, value in general.items() if name in COLUMNS[table]}
        return {**applicable, **(special if isinstance(special, dict) else {})}


def _check_column(name: str, columns: Iterable[str]) -> None:
    columns = list(dict.fromkeys(columns))
    if name not in columns:
        near = get_close_matches(name, columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(columns)}"
        raise ValueError(f"{name!r} is not a column of goeswith; {hint}")
