"""Variants that are counted as their parent product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.values import identifiers

if TYPE_CHECKING:
    from goeswith.data.config import ParentConfig
    from goeswith.data.quarantine import Quarantine

_ID_COLUMNS: Final = {
    "events": ("product_id",),
    "relations": ("source", "target"),
    "sessions": ("product_id",),
    "bundles": ("product_id",),
    "test": ("prefix", "target"),
}


def roll_up(
    tables: dict[str, pl.DataFrame],
    files: dict[str, str],
    quarantine: Quarantine,
    config: ParentConfig,
) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Replace the ids of variants by those of their parents, in every table.

    The attributes of a parent are those of its own row, else those of its first variant; rows of
    the other variants are set aside as expected.

    Args:
        tables: table -> its rows, with columns of goeswith.
        files: table -> its name in messages.
        quarantine: takes rows of variants.
        config: how the parent of a product is given.

    Raises:
        DataError: the column of the parents does not exist.
    """
    if config.column is None and config.pattern is None:
        return tables, []
    parents = _parents(tables, files, config)
    result = dict(tables)
    for table, columns in _ID_COLUMNS.items():
        if table in tables:
            for column in columns:
                if column in tables[table].columns:
                    result[table] = _replaced(result[table], column, files[table], parents, config)
    products = tables.get("products")
    if products is not None and "product_id" in products.columns:
        result["products"] = _parent_rows(products, files["products"], quarantine, parents, config)
    rule = " and ".join(filter(None, (config.column, config.pattern)))
    return result, [f"variants are counted as their parents, by {rule}"]


def _parents(
    tables: dict[str, pl.DataFrame], files: dict[str, str], config: ParentConfig
) -> pl.DataFrame:
    """product_id and parent of the products with a value in the column of the parents."""
    if config.column is None:
        return pl.DataFrame(schema={"product_id": pl.String, "parent": pl.String})
    for table in ("products", "events"):
        frame = tables.get(table)
        if frame is not None and {config.column, "product_id"} <= set(frame.columns):
            return (
                pl.DataFrame(
                    {
                        "product_id": identifiers(frame["product_id"], files[table]),
                        "parent": identifiers(frame[config.column], files[table]),
                    }
                )
                .drop_nulls()
                .unique("product_id", keep="first", maintain_order=True)
            )
    there = ", ".join(tables["products" if "products" in tables else "events"].columns[:30])
    raise DataError(
        f"no table has the column {config.column!r}, which [data.parent] gives; there are {there}"
    )


def _parent_of(ids: pl.Series, parents: pl.DataFrame, config: ParentConfig) -> pl.Series:
    frame = pl.DataFrame({"product_id": ids}).join(
        parents, on="product_id", how="left", maintain_order="left"
    )
    id_ = pl.col("product_id")
    own = id_ if config.pattern is None else pl.coalesce(id_.str.extract(config.pattern, 1), id_)
    return frame.select(pl.coalesce("parent", own).alias(ids.name)).to_series()


def _replaced(
    frame: pl.DataFrame, column: str, file: str, parents: pl.DataFrame, config: ParentConfig
) -> pl.DataFrame:
    values = frame[column]
    if not isinstance(values.dtype, pl.List):
        return frame.with_columns(_parent_of(identifiers(values, file), parents, config))
    exploded = frame.with_row_index("_place").select("_place", column).explode(column)
    ids = _parent_of(identifiers(exploded[column], file), parents, config)
    lists = exploded.with_columns(ids).group_by("_place", maintain_order=True).agg(column)
    return frame.with_columns(lists[column])


def _parent_rows(
    products: pl.DataFrame,
    file: str,
    quarantine: Quarantine,
    parents: pl.DataFrame,
    config: ParentConfig,
) -> pl.DataFrame:
    own = identifiers(products["product_id"], file)
    parent = _parent_of(own, parents, config)
    frame = products.with_columns(
        parent.alias("product_id"), _written=own, _is_variant=(own != parent).fill_null(value=False)
    )
    # the row of the parent first, else that of its first variant
    first = frame.with_row_index("_place").sort("_is_variant", "_place", maintain_order=True)
    first = first.filter(
        pl.col("product_id").is_first_distinct() & pl.col("_is_variant").is_not_null()
    )
    is_first = pl.int_range(pl.len()).is_in(first["_place"].cast(pl.Int64).implode())
    frame = quarantine.set_aside(
        frame,
        file,
        pl.col("_is_variant") & ~is_first,
        "a variant that is counted as its parent",
        "_written",
        expected=True,
    )
    return frame.drop("_written", "_is_variant")
