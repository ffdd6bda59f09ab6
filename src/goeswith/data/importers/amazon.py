"""Amazon review data: product metadata with related products, and reviews.

2014 (`amazon-2014`): lines are Python dictionaries; `related` holds also_bought, also_viewed,
bought_together and buy_after_viewing. 2018 and 2023 (`amazon`): JSON; also_buy and also_view, or
bought_together. A review counts as a purchase at its time. Plain or .gz; files of reviews are
recognised by their fields.
"""

from __future__ import annotations

import ast
import html
import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

import polars as pl

from goeswith.core.errors import DataError
from goeswith.core.progress import ShareProgress
from goeswith.data.clean import quarantine_missing
from goeswith.data.importers import TableBatches
from goeswith.data.importers.source_files import list_source_files
from goeswith.data.jsonlines import numbered_lines, parse_object
from goeswith.data.parsing.prices import numbers
from goeswith.data.parsing.timestamps import timestamps
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.values import lists, text

Parse: TypeAlias = Callable[[str], dict[str, Any] | None]

_RELATIONS: Final = (
    "also_bought",
    "also_viewed",
    "bought_together",
    "buy_after_viewing",
    "also_buy",
    "also_view",
)
_BATCH_LINES: Final = 5_000
"""Lines of a batch, held as Python objects."""
_MAX_LINE_CHARS: Final = 1_000_000
"""Characters of a Python dictionary that are parsed; a longer line is set aside."""

_PRODUCT_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    ROW: pl.Int64,
    "product_id": pl.String,
    "type": pl.String,
    "title": pl.String,
    "categories": pl.List(pl.String),
    "brand": pl.String,
    "price": pl.String,
    "description": pl.String,
}


def amazon(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Metadata and reviews of 2018 or 2023."""
    return _tables(sources, quarantine, progress, parse_object)


def amazon_2014(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress
) -> TableBatches:
    """Metadata and reviews of 2014."""
    return _tables(sources, quarantine, progress, _parse_dictionary)


def _parse_dictionary(line: str) -> dict[str, Any] | None:
    """A Python dictionary literal (or JSON) of bounded length; None where there is none."""
    if len(line) > _MAX_LINE_CHARS:
        return None
    try:
        with warnings.catch_warnings():
            # a stray backslash in a description is no fault of the reader
            warnings.simplefilter("ignore")
            record = ast.literal_eval(line)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return parse_object(line)
    return record if isinstance(record, dict) else None


def _tables(
    sources: list[Path], quarantine: Quarantine, progress: ShareProgress, parse: Parse
) -> TableBatches:
    files = list_source_files(sources)
    reviews = [file for file in files if _holds_reviews(file, parse)]
    metadata = [file for file in files if file not in reviews]
    product_ids: set[str] = set()
    # targets are matched with the catalogue after all of the metadata is read
    with TemporaryDirectory(prefix="goeswith-") as spill:
        parts: list[tuple[Path, str]] = []
        for file in metadata:
            for records in _records(file, quarantine, progress, parse):
                products, edges = _products_and_edges(records, file.name, quarantine, product_ids)
                yield "products", products
                parts.append((Path(spill) / f"{len(parts)}.parquet", f"{file.name}: related"))
                edges.write_parquet(parts[-1][0])
        catalog_ids = pl.Series(list(product_ids), dtype=pl.String)
        for done, (part, name) in enumerate(parts, start=1):
            edges = _edges_in_catalog(pl.read_parquet(part), name, quarantine, catalog_ids)
            if edges.height:
                yield "relations", edges
            progress(name, done / len(parts))
    for file in reviews:
        for records in _records(file, quarantine, progress, parse):
            yield (
                "events",
                _events(records, file.name, quarantine, catalog_ids if metadata else None),
            )


def _holds_reviews(file: Path, parse: Parse) -> bool:
    """Whether the first object of a file is a review."""
    for _, line in numbered_lines(file):
        record = parse(line)
        if record is not None:
            return "reviewerID" in record or "user_id" in record
    raise DataError(
        f"{file} has no line that is a product or a review of this format; lines of 2014 are "
        "Python dictionaries (amazon-2014), those of 2018 and 2023 JSON (amazon)"
    )


def _records(
    file: Path, quarantine: Quarantine, progress: ShareProgress, parse: Parse
) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Parsed lines with their numbers, in batches; other lines are set aside."""
    lines = numbered_lines(file, lambda share: progress(file.name, share))
    while chunk := list(islice(lines, _BATCH_LINES)):
        parsed = [(number, line, parse(line)) for number, line in chunk]
        unparsed: list[tuple[int, str | None]] = [
            (number, line[:500]) for number, line, record in parsed if record is None
        ]
        quarantine.count_read(file.name, len(chunk))
        _set_aside(quarantine, file.name, unparsed, "the line cannot be parsed")
        yield [(number, record) for number, _, record in parsed if record is not None]


def _set_aside(
    quarantine: Quarantine,
    file: str,
    rows: list[tuple[int, str | None]],
    reason: str,
    *,
    expected: bool = False,
) -> None:
    frame = pl.DataFrame(rows, schema={ROW: pl.Int64, "value": pl.String}, orient="row")
    quarantine.add(file, frame[ROW], reason, frame["value"], expected=expected)


def _products_and_edges(
    records: list[tuple[int, dict[str, Any]]],
    file: str,
    quarantine: Quarantine,
    product_ids: set[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Products of a batch, and their lists of related products with ranks from 1."""
    products: list[dict[str, Any]] = []
    related: list[tuple[str, str, list[str]]] = []
    missing: list[tuple[int, str | None]] = []
    repeated: list[tuple[int, str | None]] = []
    for number, record in records:
        product_id = _as_text(record.get("parent_asin") or record.get("asin"))
        if product_id is None:
            missing.append((number, _as_text(record.get("title"))))
            continue
        if product_id in product_ids:
            repeated.append((number, product_id))
            continue
        product_ids.add(product_id)
        products.append(_product(number, product_id, record))
        source_record = record.get("related")
        source_record = source_record if isinstance(source_record, dict) else record
        for relation in _RELATIONS:
            targets = source_record.get(relation)
            if isinstance(targets, list) and targets:
                related.append((product_id, relation, [str(target).strip() for target in targets]))
    _set_aside(quarantine, file, missing, "the product has no asin")
    reason = "the asin is a repeat; the first line is used"
    _set_aside(quarantine, file, repeated, reason, expected=True)
    frame = pl.DataFrame(products, schema=_PRODUCT_SCHEMA)
    return _clean_prices(frame, file, quarantine), _edges(related)


def _edges(related: list[tuple[str, str, list[str]]]) -> pl.DataFrame:
    """One row for each target of (source, relation, targets), with its rank in the list from 1."""
    lists = pl.DataFrame(
        [(source, relation, len(targets)) for source, relation, targets in related],
        schema={"source": pl.String, "relation": pl.String, "length": pl.Int64},
        orient="row",
    )
    ranks = pl.int_ranges(1, pl.col("length") + 1).alias("rank")
    targets = [target for _, _, target_list in related for target in target_list]
    return (
        lists.select("source", "relation", ranks)
        .explode("rank")
        .with_columns(pl.Series("target", targets, dtype=pl.String))
        .select("source", "target", "relation", "rank")
    )


def _product(number: int, product_id: str, record: dict[str, Any]) -> dict[str, Any]:
    path = _categories(record)
    details = record.get("details")
    maker = details.get("Brand") if isinstance(details, dict) else None
    return {
        ROW: number,
        "product_id": product_id,
        "type": path[-1]
        if path
        else _as_text(record.get("main_category") or record.get("main_cat")),
        "title": _as_text(record.get("title")),
        "categories": list(dict.fromkeys(_all_categories(record))),
        "brand": _as_text(record.get("brand") or maker or record.get("store")),
        "price": _as_text(record.get("price")),
        "description": _as_text(record.get("description")),
    }


def _categories(record: dict[str, Any]) -> list[str]:
    """The first path of categories, from the widest to the leaf."""
    categories = record.get("categories") or record.get("category") or []
    if isinstance(categories, list) and categories and isinstance(categories[0], list):
        categories = categories[0]
    names = (_as_text(name) for name in categories) if isinstance(categories, list) else ()
    # metadata of 2018 has pieces of the page's source among the names
    return [name for name in names if name and "<" not in name]


def _all_categories(record: dict[str, Any]) -> Iterator[str]:
    categories = record.get("categories")
    if isinstance(categories, list) and categories and isinstance(categories[0], list):
        for path in categories:
            yield from _categories({"categories": path})
    else:
        yield from _categories(record)


def _as_text(value: Any) -> str | None:
    """One text of a value: lists are joined, entities like &amp; resolved."""
    if isinstance(value, list):
        value = " ".join(str(part) for part in value if part is not None)
    if value is None:
        return None
    return html.unescape(str(value)).strip() or None


def _clean_prices(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    price = numbers(frame["price"].str.replace(r"^(—|from )", ""), file)
    unreadable = pl.col("price").is_not_null() & (price.is_null() | (price < 0))
    reason = "price is not a single number; the product stays without a price"
    quarantine.record_dropped_values(frame, file, unreadable, reason, "price")
    valid_price = pl.when(pl.col("price") >= 0).then(pl.col("price"))
    return (
        frame.with_columns(price, lists(frame["categories"], file))
        .with_columns(valid_price)
        .drop(ROW)
    )


def _edges_in_catalog(
    edges: pl.DataFrame, name: str, quarantine: Quarantine, catalog_ids: pl.Series
) -> pl.DataFrame:
    """Edges to products of the catalogue; the other edges are counted."""
    quarantine.count_read(name, edges.height)
    outside = ~pl.col("target").is_in(catalog_ids.implode())
    for bad, reason in (
        (outside, "the related product is not in the catalogue"),
        (pl.col("source") == pl.col("target"), "the product is related to itself"),
    ):
        removed = edges.filter(bad)
        if removed.height:
            quarantine.count_expected(name, removed.height, reason, removed["target"][0])
        edges = edges.filter(~bad)
    return edges


def _events(
    records: list[tuple[int, dict[str, Any]]],
    file: str,
    quarantine: Quarantine,
    catalog_ids: pl.Series | None,
) -> pl.DataFrame:
    frame = pl.DataFrame(
        [
            (
                number,
                _as_text(record.get("reviewerID") or record.get("user_id")),
                _as_text(record.get("parent_asin") or record.get("asin")),
                _as_text(record.get("unixReviewTime") or record.get("timestamp")),
            )
            for number, record in records
        ],
        schema={
            ROW: pl.Int64,
            "user_id": pl.String,
            "product_id": pl.String,
            "timestamp": pl.String,
        },
        orient="row",
    )
    frame = frame.with_columns(text(frame[name], file) for name in ("user_id", "product_id"))
    frame = frame.with_columns(timestamps(frame["timestamp"], file))
    frame = quarantine_missing(frame, ("user_id", "product_id", "timestamp"), file, quarantine)
    if catalog_ids is not None:
        outside = ~pl.col("product_id").is_in(catalog_ids.implode())
        reason = "the product has no metadata"
        frame = quarantine.set_aside(frame, file, outside, reason, "product_id", expected=True)
    return frame.select("user_id", "product_id", pl.lit("purchase").alias("event"), "timestamp")
