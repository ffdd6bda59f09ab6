"""Tables of judged pairs, whatever their columns are called -> one table with keys and classes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.tables import READABLE_SUFFIXES, read_table, require_columns
from goeswith.data.values import text
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.labels import CLASSES, class_of
from goeswith.text.product_text import MAX_PRODUCT_LENGTH, clean_text

_COLUMN_NAMES: Final = {
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
_PUBLISHED_PREFIX: Final = "shopping_queries_dataset_"
_TEXT_COLUMNS: Final = ("title", "brand", "color", "bullet_point")


def read_pairs(path: Path, quarantine: Quarantine) -> pl.DataFrame:
    """A table of pairs to be classified: its columns, and left, right (keys), query and text.

    Args:
        path: a file with `query`, and `title` or `product_id`.
        quarantine: takes rows without either.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    table = rename_columns(read_table(path, quarantine), path.name)
    require_columns(table, ("query",), path.name)
    if "title" not in table.columns and "product_id" not in table.columns:
        require_columns(table, ("title",), path.name)
    return add_keys(table, path.name, quarantine)


def read_labelled_table(
    path: Path, version: str | None, quarantine: Quarantine
) -> tuple[pl.DataFrame, str]:
    """The table of a file or folder, its columns by our names, and the name of its file.

    Raises:
        DataError: the file is missing, or lacks a column.
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {path}")
    if path.is_file():
        return rename_columns(read_table(path, quarantine), path.name), path.name
    published = path / f"{_PUBLISHED_PREFIX}examples.parquet"
    if not published.exists():
        files = [
            path / f"examples{s}" for s in READABLE_SUFFIXES if (path / f"examples{s}").exists()
        ]
        if not files:
            raise DataError(
                f"{path} holds neither {published.name} nor a table `examples` with the columns "
                "query, product_title or text, esci_label or label"
            )
        return rename_columns(
            _filter_version(read_table(files[0], quarantine), version), files[0].name
        ), files[0].name
    examples = _filter_version(read_table(published, quarantine), version)
    require_columns(
        examples, ("query", "product_id", "product_locale", "esci_label"), published.name
    )
    products = read_table(path / f"{_PUBLISHED_PREFIX}products.parquet", quarantine).drop(ROW)
    require_columns(
        products,
        ("product_id", "product_locale", "product_title"),
        f"{_PUBLISHED_PREFIX}products.parquet",
    )
    joined = examples.join(
        products.unique(["product_id", "product_locale"], keep="first"),
        on=["product_id", "product_locale"],
        how="left",
        maintain_order="left",
    )
    joined = quarantine.set_aside(
        joined,
        published.name,
        pl.col("product_title").is_null(),
        "product_id and locale are not in the table of products",
        "product_id",
    )
    return rename_columns(joined, published.name), published.name


def _filter_version(table: pl.DataFrame, version: str | None) -> pl.DataFrame:
    if version is None:
        return table
    if version not in {"small", "large"}:
        raise DataError(f"there is no version {version!r} of the data; take small or large")
    name = f"{version}_version"
    require_columns(table, (name,), "the table of examples")
    return table.filter(pl.col(name).cast(pl.String).is_in(["1", "true", "True"]))


def rename_columns(table: pl.DataFrame, file: str) -> pl.DataFrame:
    """Columns by our names; of two that mean one thing the first in `_COLUMN_NAMES` stays."""
    names: dict[str, str] = {}
    for theirs, ours in _COLUMN_NAMES.items():
        if theirs in table.columns and ours not in names.values():
            names[theirs] = ours
    selected = table.select(ROW, *names).rename(names)
    return selected.with_columns(
        text(selected[name], file) for name in selected.columns if name != ROW
    )


def add_keys(table: pl.DataFrame, file: str, quarantine: Quarantine) -> pl.DataFrame:
    """With keys and texts of both ends; rows without a query or a product are set aside."""
    locale = pl.col("locale").fill_null("") if "locale" in table.columns else pl.lit("")
    table = table.with_columns(locale=locale)
    table = quarantine.set_aside(table, file, pl.col("query").is_null(), "no query", "query")
    text_columns = [name for name in _TEXT_COLUMNS if name in table.columns]
    table = table.with_columns(
        query=_clean_column("query"),
        text=pl.concat_str(
            [_clean_column(name) for name in text_columns] or [pl.lit("")],
            separator=", ",
            ignore_nulls=True,
        ),
    )
    if "product_id" not in table.columns:
        table = table.with_columns(product_id="text")
    table = table.with_columns(product_id=pl.col("product_id").fill_null(pl.col("text")))
    table = quarantine.set_aside(table, file, pl.col("query") == "", "no query", "query")
    table = quarantine.set_aside(
        table, file, (pl.col("product_id") == ""), "neither a product's id nor its text", "text"
    )
    return table.with_columns(
        left=pl.format("q\t{}\t{}", "locale", "query"),
        right=pl.format("p\t{}\t{}", "locale", "product_id"),
    )


def _clean_column(name: str) -> pl.Expr:
    return pl.col(name).map_elements(
        lambda value: clean_text(value, MAX_PRODUCT_LENGTH), return_dtype=pl.String
    )


def add_classes(
    table: pl.DataFrame, file: str, config: SalamConfig, quarantine: Quarantine
) -> pl.DataFrame:
    """With keys and classes; rows without a query, a text or a valid label are set aside."""
    require_columns(table, ("query", "label"), file)
    if "title" not in table.columns:
        require_columns(table, ("title",), file)
    class_numbers = {
        label: class_of(label, config.labels) for label in table["label"].drop_nulls().unique()
    }
    classes = [label for label, number in class_numbers.items() if number is not None]
    words = " or ".join(CLASSES)
    table = quarantine.set_aside(
        table,
        file,
        ~pl.col("label").is_in(classes) | pl.col("label").is_null(),
        f"the label is not {words}, or their first letter, as {config.labels} has them",
        "label",
    )
    table = quarantine.set_aside(table, file, pl.col("title").is_null(), "no product text", "title")
    numbers = [class_numbers[label] for label in classes]
    table = table.with_columns(
        pl.col("label").replace_strict(classes, numbers, return_dtype=pl.Int64).alias("class")
    )
    return add_keys(table, file, quarantine).unique(
        ["left", "right"], keep="first", maintain_order=True
    )
