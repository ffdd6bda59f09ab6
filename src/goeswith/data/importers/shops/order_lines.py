"""Order lines of a shop system as purchases: cancelled, refunded and test orders are left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing, quarantine_repeats
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.table_layouts import LaidOutFile
from goeswith.data.mapping.derived_catalog import with_attributes
from goeswith.data.mapping.event_names import IGNORED_STATUSES
from goeswith.data.mapping.order_status import set_aside_uncounted
from goeswith.data.mapping.other_lines import IGNORED
from goeswith.data.mapping.placeholders import is_non_product, matches_any
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import identifiers, text

_OF_ORDER: Final = ("user_id", "email", "timestamp", "status", "cancelled", "test")
"""Columns that hold for all lines of an order."""
_ATTRIBUTES: Final = ("title", "brand", "type", "price")
_EVENTS: Final = ("user_id", "basket_id", "product_id", "timestamp", "quantity")


def order_tables(
    frames: Iterable[tuple[str, pl.DataFrame]],
    products: pl.DataFrame | None,
    quarantine: Quarantine,
    progress: ShareProgress,
    *,
    unpaid: Sequence[str] = (),
) -> TableBatches:
    """Products and events of order lines.

    Args:
        frames: name of a file, and its lines: `_row`, `basket_id`, `product_id` and, where the
            format has them, `user_id`, `email`, `timestamp`, `status`, `cancelled`, `test`,
            `quantity`, `refunded` (pieces taken back), `title`, `brand`, `type`, `price`.
        products: the catalogue; None makes it of the lines.
        quarantine: takes lines that do not count.
        progress: called after each file.
        unpaid: statuses of the format that do not count, besides the common ones.
    """
    orders = pl.Series("basket_id", [], dtype=pl.String)
    attributes: list[pl.DataFrame] = []
    events: list[pl.DataFrame] = []
    for file, frame in frames:
        lines = clean_order_lines(frame, file, quarantine, orders, unpaid)
        orders = pl.concat([orders, lines["basket_id"].unique()])
        if products is None:
            # files of one shop may differ in their columns
            columns = [name for name in _ATTRIBUTES if name in lines.columns]
            attributes.append(
                lines.select("product_id", *(pl.col(c).cast(pl.String) for c in columns))
            )
        else:
            lines = in_catalog(lines, file, products, quarantine)
        events.append(lines.select(_EVENTS))
        progress(file, 1.0)
    if products is None and attributes:
        lines = pl.concat(attributes, how="diagonal")
        ids = lines.select(pl.col("product_id").unique().sort())
        products = with_attributes(ids, lines, "the order lines")
    if products is not None and products.height:
        yield "products", products
    for frame in events:
        yield "events", frame


def clean_order_lines(
    frame: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    earlier_orders: pl.Series,
    unpaid: Sequence[str] = (),
) -> pl.DataFrame:
    """Lines that count, with the columns of events and attributes of products.

    Args:
        frame: as `order_tables` takes it.
        file: its name in messages.
        quarantine: takes the other lines.
        earlier_orders: ids of orders in earlier files: exports of two days may overlap.
        unpaid: as for `order_tables`.
    """
    texts = [name for name in (*_OF_ORDER, *_ATTRIBUTES) if name in frame.columns]
    # times may be typed in parquet
    texts = [name for name in texts if frame[name].dtype == pl.String]
    frame = frame.with_columns(
        *(text(frame[name], file) for name in texts),
        *(identifiers(frame[name], file) for name in ("basket_id", "product_id")),
    )
    if "user_id" in frame.columns:
        frame = frame.with_columns(identifiers(frame["user_id"], file))
    blank = pl.all_horizontal(pl.exclude(ROW).is_null())
    frame = quarantine.set_aside(frame, file, blank, "a blank line", "basket_id", expected=True)
    of_order = [name for name in _OF_ORDER if name in frame.columns]
    has_basket = pl.col("basket_id").is_not_null()
    frame = frame.with_columns(
        pl.when(has_basket & pl.col(name).is_null())
        .then(pl.col(name).drop_nulls().first().over("basket_id"))
        .otherwise(pl.col(name))
        .alias(name)
        for name in of_order
    )
    frame = quarantine_missing(frame, ("basket_id",), file, quarantine)
    is_repeated = pl.col("basket_id").is_in(earlier_orders.implode())
    reason = "the order is in an earlier file"
    frame = quarantine.set_aside(frame, file, is_repeated, reason, "basket_id", expected=True)
    ignore = quarantine.ignore
    if ignore.statuses == "auto":
        statuses = {"statuses": [*IGNORED_STATUSES, *unpaid]}
        frame, _ = set_aside_uncounted(frame, file, quarantine, ignore.model_copy(update=statuses))
    else:
        frame, _ = set_aside_uncounted(frame, file, quarantine, ignore)
    frame = _with_quantity(frame, file, quarantine)
    names = [name for name in ("product_id", "title") if name in frame.columns]
    listed = pl.any_horizontal(matches_any(pl.col(name), ignore.products) for name in names)
    frame = quarantine.set_aside(frame, file, listed, IGNORED, "product_id", expected=True)
    if ignore.non_products:
        other = pl.any_horizontal(
            is_non_product(pl.col(name)).fill_null(value=False) for name in names
        )
        reason = "shipping, a tip, a voucher or the like, no product"
        frame = quarantine.set_aside(frame, file, other, reason, "product_id", expected=True)
    frame = quarantine_missing(frame, ("product_id",), file, quarantine)
    if "timestamp" in frame.columns:
        frame = frame.with_columns(timestamps(frame["timestamp"], file))
        frame = quarantine_missing(frame, ("timestamp",), file, quarantine)
    else:
        frame = frame.with_columns(pl.lit(None, pl.Datetime("us")).alias("timestamp"))
    frame = _with_user(frame)
    ignored = matches_any(pl.col("user_id"), ignore.users)
    return quarantine.set_aside(
        frame, file, ignored, "the user is left out by [data.ignore]", "user_id", expected=True
    )


def _with_quantity(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    """Pieces that stay sold; lines without one are set aside."""
    if "quantity" not in frame.columns:
        return frame.with_columns(pl.lit(1.0).alias("quantity"))
    frame = frame.with_columns(numbers(frame["quantity"], file))
    returned = pl.col("quantity") <= 0
    reason = "the quantity is not above 0: a return or a correction"
    frame = quarantine.set_aside(frame, file, returned, reason, "quantity", expected=True)
    if "refunded" in frame.columns:
        # some systems write pieces that came back as a negative number
        frame = frame.with_columns(numbers(frame["refunded"], file).abs().fill_null(0))
        frame = frame.with_columns(pl.col("quantity") - pl.col("refunded"))
        reason = "all pieces of the line were cancelled or refunded"
        refunded = pl.col("quantity") <= 0
        frame = quarantine.set_aside(frame, file, refunded, reason, "product_id", expected=True)
    return quarantine_missing(frame, ("quantity",), file, quarantine)


def _with_user(frame: pl.DataFrame) -> pl.DataFrame:
    """The customer's number, or else the mail address of a guest; 0 stands for a guest."""
    user = pl.lit(None, pl.String)
    if "user_id" in frame.columns:
        user = pl.when(pl.col("user_id") != "0").then(pl.col("user_id"))
    if "email" in frame.columns:
        user = pl.coalesce(user, pl.col("email").str.to_lowercase())
    return frame.with_columns(user.alias("user_id"))


def in_catalog(
    frame: pl.DataFrame, file: str, products: pl.DataFrame, quarantine: Quarantine
) -> pl.DataFrame:
    """Lines of products that the export of products has; the others are set aside."""
    outside = ~pl.col("product_id").is_in(products["product_id"].implode())
    reason = "the product is not in the export of products"
    return quarantine.set_aside(frame, file, outside, reason, "product_id")


def read_files(
    files: Iterable[LaidOutFile], quarantine: Quarantine, progress: ShareProgress
) -> Iterable[tuple[str, pl.DataFrame]]:
    """Name and table of each file, one after the other."""
    for file in files:
        progress(file.path.name, 0.0)
        yield file.path.name, file.read(quarantine)


def clean_shop_products(
    frame: pl.DataFrame, file: str, quarantine: Quarantine, *, keep: pl.Expr | None = None
) -> pl.DataFrame:
    """A catalogue of an export: ids once, texts without markup, prices as numbers.

    Args:
        frame: `_row`, `product_id` and any attributes as text.
        file: its name in messages.
        quarantine: takes repeats, rows without an id and prices that are no number.
        keep: what holds for rows that are no drafts or containers; None for all.
    """
    frame = frame.with_columns(identifiers(frame["product_id"], file))
    if keep is not None:
        reason = "a draft, an archived product or a container of variants"
        frame = quarantine.set_aside(frame, file, ~keep, reason, "product_id", expected=True)
    frame = quarantine_repeats(frame, "product_id", file, quarantine)
    names = ("title", "type", "brand", "variant_group", "description")
    frame = frame.with_columns(text(frame[name], file) for name in names if name in frame.columns)
    if "description" in frame.columns:
        frame = frame.with_columns(without_markup(pl.col("description")))
    if "price" in frame.columns:
        price = numbers(frame["price"], file).alias("_price")
        frame = frame.with_columns(price)
        wrong = pl.col("price").is_not_null() & (
            pl.col("_price").is_null() | (pl.col("_price") < 0)
        )
        reason = "price is not a valid number; the product stays without a price"
        quarantine.record_dropped_values(frame, file, wrong, reason, "price")
        frame = frame.with_columns(
            pl.when(pl.col("_price") >= 0).then(pl.col("_price")).alias("price")
        ).drop("_price")
    return frame.drop(ROW)


def without_markup(column: pl.Expr) -> pl.Expr:
    """HTML as text on one line; null where nothing is left."""
    plain = (
        column.str.replace_all(r"(?s)<(?:style|script).*?</(?:style|script)>", " ")
        .str.replace_all(r"(?s)<[^>]*>", " ")
        .str.replace_all(r"&nbsp;", " ")
        .str.replace_all("&amp;", "&", literal=True)
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )
    return pl.when(plain != "").then(plain)
