"""Which products are one product in several sizes or colours: never a complement of each other."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog

VARIANT_GROUP: Final = "variant_group"
"""Column of the catalogue that variants of one product share; any values, null for none."""

_MOST: Final = 1000
"""A value that more products share than this is a placeholder, not a product in many sizes."""


def variant_codes(catalog: Catalog) -> Rows:
    """(n,) number of the group of variants that a product belongs to, -1 where it stands alone.

    Variants share their `variant_group`, or title and brand, upper and lower case and spaces alike;
    a product without a title has no variants by title. Values shared by more than 1,000 products
    are passed over.
    """
    n = len(catalog)
    groups, products, so_far = [], [], n
    for key in _keys(catalog.frame).values():
        shared = (
            pl.DataFrame({"key": key})
            .with_row_index("row")
            .filter(pl.col("key").is_not_null() & (pl.col("key") != ""))
            .filter(pl.len().over("key").is_between(2, _MOST))
            .with_columns(group=pl.col("key").rank("dense"))
        )
        if shared.height:
            group = shared["group"].to_numpy().astype(np.int64) + so_far
            groups.append(group)
            products.append(shared["row"].to_numpy().astype(np.int64))
            so_far = int(group.max()) + 1
    if not groups:
        return np.full(n, -1, dtype=np.int32)
    at = (np.concatenate(products), np.concatenate(groups))
    links = sparse.csr_matrix((np.ones(len(at[0]), dtype=np.int8), at), shape=(so_far, so_far))
    component = connected_components(links, directed=False)[1][:n]
    _, code, size = np.unique(component, return_inverse=True, return_counts=True)
    return np.where(size[code] > 1, code, -1).astype(np.int32)


def variants_of(product: Catalog, frame: pl.DataFrame, titled: Rows) -> Rows:
    """Rows of the variants of a product that the catalogue does not hold.

    As in `variant_codes`, but variants of variants are not followed.

    Args:
        product: a catalogue of one.
        frame: of the catalogue.
        titled: rows among which all are that share the product's title.
    """
    found = [np.zeros(0, dtype=np.int64)]
    for name, key in _keys(product.frame).items():
        if not key[0]:
            continue
        rows = titled if name == "name" else np.arange(frame.height)
        columns = ("title", "brand") if name == "name" else (VARIANT_GROUP,)
        among = frame.select(column for column in columns if column in frame.columns)
        keys = _keys(among[rows] if name == "name" else among)
        if name in keys:
            same = rows[(keys[name] == key[0]).fill_null(value=False).to_numpy()]
            found += [same] if len(same) < _MOST else []
    return np.unique(np.concatenate(found)).astype(np.int32)


def _keys(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """What variants share, by name: null or empty for a product that shares it with none."""
    keys = {}
    if VARIANT_GROUP in frame.columns and not frame[VARIANT_GROUP].dtype.is_nested():
        keys["group"] = pl.col(VARIANT_GROUP).cast(pl.String).str.strip_chars()
    if "title" in frame.columns:
        brand = _normalised("brand") if "brand" in frame.columns else pl.lit("")
        title = _normalised("title")
        keys["name"] = pl.when(title != "").then(title + "\n" + brand.fill_null(""))
    return frame.select(**keys).to_dict() if keys else {}


def _normalised(column: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String).str.to_lowercase()
    return text.str.replace_all(r"\s+", " ").str.strip_chars()
