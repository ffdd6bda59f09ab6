"""Tables of judged pairs, whatever their columns are called -> one table with keys and classes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import READABLE, read_table, require
from goeswith.data.values import text
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.labels import CLASSES, class_of
from goeswith.text.product_text import MOST, clean_text

_NAMES: Final = {
    "query": "query",
    "keyword": "query",
    "source": "query",
    "product_id": "product_id",
    "asin": "product_id",
    "product_title": "title",
    "title": "title",
    "text": "title",
    "target": "title",
    "product_brand": "brand",
    "brand": "brand",
    "product_color": "color",
    "color": "color",
    "product_bullet_point": "bullet_point",
    "esci_label": "label",
    "label": "label",
    "product_locale": "locale",
    "locale": "locale",
    "split": "split",
}
"""Columns by the names that tables give them."""
_PUBLISHED: Final = "shopping_queries_dataset_"
_SHOWN: Final = ("title", "brand", "color", "bullet_point")


def pairs_to_ask(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    """A table of pairs to be classified: its columns, and left, right (keys), query and text.

    Args:
        path: a file with `query`, and `title` or `product_id`.
        quarantine: takes rows without either.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    table = renamed(read_table(path, quarantine), path.name)
    require(table, ("query",), path.name)
    if "title" not in table.columns and "product_id" not in table.columns:
        require(table, ("title",), path.name)
    return keyed(table, path.name, quarantine)


def judged_table(
    path: Path, version: str | None, quarantine: Quarantine
) -> tuple[pl.DataFrame, str]:
    """The table of a file or folder, its columns by our names, and the name of its file.

    Raises:
        DataError: there is none, or it lacks a column.
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {path}")
    if path.is_file():
        return renamed(read_table(path, quarantine), path.name), path.name
    published = path / f"{_PUBLISHED}examples.parquet"
    if not published.exists():
        found = [path / f"examples{s}" for s in READABLE if (path / f"examples{s}").exists()]
        if not found:
            raise DataError(
                f"{path} holds neither {published.name} nor a table `examples` with the columns "
                "query, product_title or text, esci_label or label"
            )
        return renamed(
            _of_version(read_table(found[0], quarantine), version), found[0].name
        ), found[0].name
    examples = _of_version(read_table(published, quarantine), version)
    require(examples, ("query", "product_id", "product_locale", "esci_label"), published.name)
    products = read_table(path / f"{_PUBLISHED}products.parquet", quarantine).drop(ROW)
    require(
        products, ("product_id", "product_locale", "product_title"), f"{_PUBLISHED}products.parquet"
    )
    whole = examples.join(
        products.unique(["product_id", "product_locale"], keep="first"),
        on=["product_id", "product_locale"],
        how="left",
        maintain_order="left",
    )
    whole = quarantine.split(
        whole,
        published.name,
        pl.col("product_title").is_null(),
        "product_id and locale are not in the table of products",
        "product_id",
    )
    return renamed(whole, published.name), published.name


def _of_version(table: pl.DataFrame, version: str | None) -> pl.DataFrame:
    if version is None:
        return table
    if version not in {"small", "large"}:
        raise DataError(f"there is no version {version!r} of the data; take small or large")
    name = f"{version}_version"
    require(table, (name,), "the table of examples")
    return table.filter(pl.col(name).cast(pl.String).is_in(["1", "true", "True"]))


def renamed(table: pl.DataFrame, file: str) -> pl.DataFrame:
    """Columns by our names; of two that mean one thing the first in `_NAMES` stays."""
    names: dict[str, str] = {}
    for theirs, ours in _NAMES.items():
        if theirs in table.columns and ours not in names.values():
            names[theirs] = ours
    kept = table.select(ROW, *names).rename(names)
    return kept.with_columns(text(kept[name], file) for name in kept.columns if name != ROW)


def keyed(table: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    """With keys and texts of both ends; rows without a query or a product are set aside."""
    locale = pl.col("locale").fill_null("") if "locale" in table.columns else pl.lit("")
    table = table.with_columns(locale=locale)
    table = quarantine.split(table, file, pl.col("query").is_null(), "no query", "query")
    shown = [name for name in _SHOWN if name in table.columns]
    table = table.with_columns(
        query=_cleaned("query"),
        text=pl.concat_str(
            [_cleaned(name) for name in shown] or [pl.lit("")], separator=", ", ignore_nulls=True
        ),
    )
    if "product_id" not in table.columns:
        table = table.with_columns(product_id="text")
    table = table.with_columns(product_id=pl.col("product_id").fill_null(pl.col("text")))
    table = quarantine.split(table, file, pl.col("query") == "", "no query", "query")
    table = quarantine.split(
        table, file, (pl.col("product_id") == ""), "neither a product's id nor its text", "text"
    )
    return table.with_columns(
        left=pl.format("q\t{}\t{}", "locale", "query"),
        right=pl.format("p\t{}\t{}", "locale", "product_id"),
    )


def _cleaned(name: str) -> pl.Expr:
    return pl.col(name).map_elements(lambda said: clean_text(said, MOST), return_dtype=pl.String)


def with_classes(
    table: pl.DataFrame, file: str, config: SalamConfig, quarantine: Quarantine
) -> pl.DataFrame:
    """With keys and classes; rows without a query, a text or a known label are set aside."""
    require(table, ("query", "label"), file)
    if "title" not in table.columns:
        require(table, ("title",), file)
    known = {
        label: class_of(label, config.labels) for label in table["label"].drop_nulls().unique()
    }
    classes = [label for label, number in known.items() if number is not None]
    words = " or ".join(CLASSES)
    table = quarantine.split(
        table,
        file,
        ~pl.col("label").is_in(classes) | pl.col("label").is_null(),
        f"the label is not {words}, or their first letter, as {config.labels} has them",
        "label",
    )
    table = quarantine.split(table, file, pl.col("title").is_null(), "no product text", "title")
    numbers = [known[label] for label in classes]
    table = table.with_columns(
        pl.col("label").replace_strict(classes, numbers, return_dtype=pl.Int64).alias("class")
    )
    return keyed(table, file, quarantine).unique(
        ["left", "right"], keep="first", maintain_order=True
    )
