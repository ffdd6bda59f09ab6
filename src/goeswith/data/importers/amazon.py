"""Amazon review data: product metadata with related products, and reviews.

2014 (`amazon-2014`): lines are Python dictionaries; `related` holds also_bought, also_viewed,
bought_together and buy_after_viewing. 2018 and 2023 (`amazon`): JSON; also_buy and also_view, or
bought_together. A review counts as a purchase at its time. Plain or .gz; a file of reviews is
known by its fields.
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
from goeswith.data.clean import with_values
from goeswith.data.importers import Batches
from goeswith.data.importers.source_files import given_files
from goeswith.data.jsonlines import numbered_lines, parse_object
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.timestamps import timestamps
from goeswith.data.values import lists, numbers, text

Parse: TypeAlias = Callable[[str], dict[str, Any] | None]

_RELATIONS: Final = (
    "also_bought",
    "also_viewed",
    "bought_together",
    "buy_after_viewing",
    "also_buy",
    "also_view",
)
_BATCH: Final = 5_000
"""Lines held as Python objects at a time."""
_LONGEST_LINE: Final = 1_000_000
"""Characters of a Python dictionary that are parsed; a longer line is set aside."""

_PRODUCT: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    ROW: pl.Int64,
    "product_id": pl.String,
    "type": pl.String,
    "title": pl.String,
    "categories": pl.List(pl.String),
    "brand": pl.String,
    "price": pl.String,
    "description": pl.String,
}


def amazon(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> Batches:
    """Metadata and reviews of 2018 or 2023."""
    return _tables(sources, quarantine, progress, parse_object)


def amazon_2014(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> Batches:
    """Metadata and reviews of 2014."""
    return _tables(sources, quarantine, progress, _parse_dictionary)


def _parse_dictionary(line: str) -> dict[str, Any] | None:
    """A Python dictionary literal (or JSON) of bounded length; None where there is none."""
    if len(line) > _LONGEST_LINE:
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
) -> Batches:
    files = given_files(sources)
    reviews = [file for file in files if _holds_reviews(file, parse)]
    metadata = [file for file in files if file not in reviews]
    seen: set[str] = set()
    # whether a target is in the catalogue is known only when all of the metadata is read
    with TemporaryDirectory(prefix="goeswith-") as spill:
        parts: list[tuple[Path, str]] = []
        for file in metadata:
            for records in _records(file, quarantine, progress, parse):
                products, edges = _split(records, file.name, quarantine, seen)
                yield "products", products
                parts.append((Path(spill) / f"{len(parts)}.parquet", f"{file.name}: related"))
                edges.write_parquet(parts[-1][0])
        known = pl.Series(list(seen), dtype=pl.String)
        for done, (part, name) in enumerate(parts, start=1):
            edges = _known_edges(pl.read_parquet(part), name, quarantine, known)
            if edges.height:
                yield "relations", edges
            progress(name, done / len(parts))
    for file in reviews:
        for records in _records(file, quarantine, progress, parse):
            yield "events", _events(records, file.name, quarantine, known if metadata else None)


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
    while some := list(islice(lines, _BATCH)):
        parsed = [(number, line, parse(line)) for number, line in some]
        bad: list[tuple[int, str | None]] = [
            (number, line[:500]) for number, line, record in parsed if record is None
        ]
        quarantine.saw(file.name, len(some))
        _set_aside(quarantine, file.name, bad, "the line cannot be parsed")
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


def _split(
    records: list[tuple[int, dict[str, Any]]], file: str, quarantine: Quarantine, seen: set[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Products of a batch, and their lists of related products with ranks from 1."""
    products: list[dict[str, Any]] = []
    related: list[tuple[str, str, list[str]]] = []
    missing: list[tuple[int, str | None]] = []
    repeated: list[tuple[int, str | None]] = []
    for number, record in records:
        product_id = _one(record.get("parent_asin") or record.get("asin"))
        if product_id is None:
            missing.append((number, _one(record.get("title"))))
            continue
        if product_id in seen:
            repeated.append((number, product_id))
            continue
        seen.add(product_id)
        products.append(_product(number, product_id, record))
        given = record.get("related")
        given = given if isinstance(given, dict) else record
        for relation in _RELATIONS:
            targets = given.get(relation)
            if isinstance(targets, list) and targets:
                related.append((product_id, relation, [str(target).strip() for target in targets]))
    _set_aside(quarantine, file, missing, "the product has no asin")
    reason = "the asin stands in an earlier line, which is used"
    _set_aside(quarantine, file, repeated, reason, expected=True)
    frame = pl.DataFrame(products, schema=_PRODUCT)
    return _clean(frame, file, quarantine), _edges(related)


def _edges(related: list[tuple[str, str, list[str]]]) -> pl.DataFrame:
    """One row for each target of (source, relation, targets), with its rank in the list from 1."""
    lists = pl.DataFrame(
        [(source, relation, len(targets)) for source, relation, targets in related],
        schema={"source": pl.String, "relation": pl.String, "length": pl.Int64},
        orient="row",
    )
    ranks = pl.int_ranges(1, pl.col("length") + 1).alias("rank")
    targets = [target for _, _, listed in related for target in listed]
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
        "type": path[-1] if path else _one(record.get("main_category") or record.get("main_cat")),
        "title": _one(record.get("title")),
        "categories": list(dict.fromkeys(_all_categories(record))),
        "brand": _one(record.get("brand") or maker or record.get("store")),
        "price": _one(record.get("price")),
        "description": _one(record.get("description")),
    }


def _categories(record: dict[str, Any]) -> list[str]:
    """The first path of categories, from the widest to the leaf."""
    given = record.get("categories") or record.get("category") or []
    if isinstance(given, list) and given and isinstance(given[0], list):
        given = given[0]
    names = (_one(name) for name in given) if isinstance(given, list) else ()
    # metadata of 2018 has pieces of the page's source among the names
    return [name for name in names if name and "<" not in name]


def _all_categories(record: dict[str, Any]) -> Iterator[str]:
    given = record.get("categories")
    if isinstance(given, list) and given and isinstance(given[0], list):
        for path in given:
            yield from _categories({"categories": path})
    else:
        yield from _categories(record)


def _one(value: Any) -> str | None:
    """One text of a value: lists are joined, entities like &amp; resolved."""
    if isinstance(value, list):
        value = " ".join(str(part) for part in value if part is not None)
    if value is None:
        return None
    return html.unescape(str(value)).strip() or None


def _clean(frame: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    price = numbers(frame["price"].str.replace(r"^(—|from )", ""), file)
    unread = pl.col("price").is_not_null() & (price.is_null() | (price < 0))
    reason = "price is no single number; the product is kept without a price"
    quarantine.note(frame, file, unread, reason, "price")
    positive = pl.when(pl.col("price") >= 0).then(pl.col("price"))
    return (
        frame.with_columns(price, lists(frame["categories"], file)).with_columns(positive).drop(ROW)
    )


def _known_edges(
    edges: pl.DataFrame, name: str, quarantine: Quarantine, known: pl.Series
) -> pl.DataFrame:
    """Edges to products of the catalogue; the others are counted, as they are most of them."""
    quarantine.saw(name, edges.height)
    outside = ~pl.col("target").is_in(known.implode())
    for bad, reason in (
        (outside, "the related product is not in the catalogue"),
        (pl.col("source") == pl.col("target"), "the product is related to itself"),
    ):
        aside = edges.filter(bad)
        if aside.height:
            quarantine.tally(name, aside.height, reason, aside["target"][0])
        edges = edges.filter(~bad)
    return edges


def _events(
    records: list[tuple[int, dict[str, Any]]],
    file: str,
    quarantine: Quarantine,
    known: pl.Series | None,
) -> pl.DataFrame:
    frame = pl.DataFrame(
        [
            (
                number,
                _one(record.get("reviewerID") or record.get("user_id")),
                _one(record.get("parent_asin") or record.get("asin")),
                _one(record.get("unixReviewTime") or record.get("timestamp")),
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
    frame = with_values(frame, ("user_id", "product_id", "timestamp"), file, quarantine)
    if known is not None:
        outside = ~pl.col("product_id").is_in(known.implode())
        reason = "the product has no metadata"
        frame = quarantine.split(frame, file, outside, reason, "product_id", expected=True)
    return frame.select("user_id", "product_id", pl.lit("purchase").alias("event"), "timestamp")
