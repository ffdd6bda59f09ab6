"""Numbers and prices in text, as shops of several countries write them.

`1.299` is 1299 in Germany and 1.3 in Britain. The other values of the column, of the same currency
first, show which mark is the decimal one; a value that stays open is not read.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from goeswith.data.values import text

_DIGITS: Final = r"\d(?:[\d.,'’ \x{a0}\x{202f}]*\d)?"
_FORM: Final = (
    r"^\s*([-+]?)\s*((?:[\p{L}]{1,4}\.?|[\p{L}]{0,3}\p{Sc})?)\s*([-+]?)("
    + _DIGITS
    + r"(?:[eE][-+]?\d+)?|[.,]\d+)\s*((?:[\p{L}]{1,5}\.?|\p{Sc}(?:[\p{L}]{1,3})?)?)\s*$"
)
"""Sign, currency, sign, number, currency."""


_ONE_CURRENCY: Final = {
    "eur": "€", "euro": "€", "us$": "$", "usd": "$", "gbp": "£", "jpy": "¥", "cny": "¥", "rmb": "¥",
    "inr": "₹", "rs": "₹", "rs.": "₹", "sfr": "chf", "fr.": "chf", "pln": "zł", "brl": "r$",
    "rub": "₽", "uah": "₴", "krw": "₩", "try": "₺", "ils": "₪", "cad": "c$", "aud": "a$",
}  # fmt: skip
"""Another way to write a currency -> the one that is compared."""
_CURRENCIES: Final = (
    *dict.fromkeys(_ONE_CURRENCY.values()),
    *("kr", "kr.", "sek", "nok", "dkk", "czk", "kč", "huf", "ft", "ron", "lei", "zar", "mxn"),
)


def prices(values: pl.Series, file: str, decimal: str = "auto") -> pl.Series:
    """Float64, null where there is no number, or one that could be read in two ways.

    Args:
        values: numbers, or text such as `$1,299.00`, `1.299,00 €`, `CHF 1'299.00`.
        file: name for messages.
        decimal: the decimal mark; `auto` follows the column.

    Raises:
        DataError: the column holds lists or structures.
    """
    name = values.name
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64)
        return numbers.to_frame().select(pl.when(pl.col(name).is_finite()).then(name)).to_series()
    groups = pl.col("text").str.extract_groups(_FORM).struct
    bare = pl.col("number").str.replace_all(r"['’\s\x{a0}\x{202f}]", "")
    frame = (
        pl.DataFrame({"text": text(values, file)}, schema={"text": pl.String})
        .with_columns(pl.col("text").str.replace(r"(\d)([.,])[-–—]+", "${1}${2}00"))
        .with_columns(
            sign=groups.field("1") + groups.field("3"),
            number=groups.field("4"),
            currency=(groups.field("2") + groups.field("5")).str.to_lowercase(),
        )
        .with_columns(_if_grouped(bare).alias("number"))
    )
    marks = frame.select("currency", _decimal_mark(pl.col("number")).alias("mark")).drop_nulls()
    frame = frame.with_columns(mark=_column_marks(frame, marks, decimal))
    number = _plain(pl.col("number"), pl.col("mark")).cast(pl.Float64, strict=False)
    signed = pl.when(pl.col("sign").str.contains("-", literal=True)).then(-number).otherwise(number)
    result = frame.select(signed.alias(name))
    return result.select(pl.when(pl.col(name).is_finite()).then(name)).to_series()


def currencies(values: pl.Series, file: str) -> list[str]:
    """The currencies that prices are written with, the most frequent first; `€` and `EUR` are one.

    Args:
        values: as of `prices`.
        file: name for messages.
    """
    if values.dtype.is_numeric():
        return []
    groups = pl.col("text").str.extract_groups(_FORM).struct
    marks = (
        pl.DataFrame({"text": text(values, file)}, schema={"text": pl.String})
        .select((groups.field("2") + groups.field("5")).str.to_lowercase().replace(_ONE_CURRENCY))
        .to_series()
    )
    counts = marks.filter(marks.is_in(_CURRENCIES)).value_counts(sort=True, name="count")
    return counts[counts.columns[0]].to_list()


def _if_grouped(bare: pl.Expr) -> pl.Expr:
    """The number without spaces and apostrophes, null where these do not separate thousands."""
    written = pl.col("number")
    has_space = written.str.contains(r"['’\s\x{a0}\x{202f}]")
    grouped = written.str.contains(r"^\d{1,3}(?:['’\s\x{a0}\x{202f}]\d{3})+(?:[.,]\d*)?$")
    return pl.when(~has_space | grouped).then(bare)


def _decimal_mark(number: pl.Expr) -> pl.Expr:
    """The decimal mark that a number shows by itself, or null."""
    dots, commas = number.str.count_matches(r"\."), number.str.count_matches(",")
    last = number.str.extract(r"([.,])[^.,]*$")
    return (
        pl.when((dots > 0) & (commas > 0))
        .then(last)
        .when(dots > 1)
        .then(pl.lit(","))
        .when(commas > 1)
        .then(pl.lit("."))
        .when(~number.str.contains(r"^[1-9]\d{0,2}[.,]\d{3}$"))
        .then(last)
    )


def _column_marks(frame: pl.DataFrame, marks: pl.DataFrame, decimal: str) -> pl.Expr:
    """The decimal mark of each value: its own, its currency's, the column's, or null."""
    if decimal != "auto":
        return pl.lit(decimal)
    own = _decimal_mark(pl.col("number"))
    shown = set(marks["mark"].to_list())
    by_currency = marks.group_by("currency").agg(pl.col("mark").unique())
    sure = by_currency.filter(pl.col("mark").list.len() == 1)
    currencies = dict(zip(sure["currency"], sure["mark"].list.first(), strict=True))
    mixed = set(by_currency.filter(pl.col("mark").list.len() > 1)["currency"].to_list())
    of_currency = pl.col("currency").replace_strict(
        currencies, default=None, return_dtype=pl.String
    )
    # alone, a comma before three digits separates thousands: $1,299
    comma = pl.col("number").str.contains(",", literal=True)
    alone: pl.Expr = pl.when(comma).then(pl.lit("."))
    if len(shown) == 1:
        alone = pl.lit(next(iter(shown)))
    elif shown:
        alone = pl.when(pl.col("currency").is_in(list(mixed))).then(None).otherwise(alone)
    return pl.coalesce(own, of_currency, alone)


def _plain(number: pl.Expr, mark: pl.Expr) -> pl.Expr:
    """A number with a point as decimal mark; null where the marks do not fit or are not clear."""
    with_point = (
        pl.when(mark == ",")
        .then(number.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True))
        .otherwise(number.str.replace_all(",", "", literal=True))
    )
    has_mark = number.str.contains("[.,]")
    grouped = (
        pl.when(mark == ",")
        .then(number.str.contains(r"^\d{1,3}(?:\.\d{2,3})*\.\d{3}(?:,\d*)?$|^[^.]*$"))
        .otherwise(number.str.contains(r"^\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?$|^[^,]*$"))
    )
    return pl.when(~has_mark).then(number).when(mark.is_not_null() & grouped).then(with_point)


def numbers(values: pl.Series, file: str, decimal: str = "auto") -> pl.Series:
    """Float64, null where there is no number. Texts may have a currency sign: `$1,299.00`, `2,50`.

    A number such as `1.500` is read with a decimal point; `prices` is stricter.

    Raises:
        DataError: the column holds lists or structures.
    """
    column = pl.col(values.name)
    if not values.dtype.is_numeric() and decimal != ",":
        plain = text(values, file).cast(pl.Float64, strict=False)
        others = values.to_frame().select(pl.when(plain.is_null()).then(column)).to_series()
        values = plain.zip_with(plain.is_not_null(), prices(others, file, decimal))
    else:
        values = prices(values, file, decimal)
    return values.to_frame().select(pl.when(column.is_finite()).then(column)).to_series()
