"""Variants: one product in several sizes or colours, never complements of each other."""

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

_MAX_VARIANTS: Final = 1000
"""A value shared by more products is a placeholder."""


def variant_codes(catalog: Catalog) -> Rows:
    """(n,) code of the variant group of each product, -1 for a product without variants.

    Variants share their `variant_group`, or title and brand without regard to case and spaces;
    a product without a title has no variants by title. Values shared by more than 1,000 products
    are ignored.
    """
    n = len(catalog)
    groups, products, n_nodes = [], [], n
    for key in _keys(catalog.frame).values():
        shared = (
            pl.DataFrame({"key": key})
            .with_row_index("row")
            .filter(pl.col("key").is_not_null() & (pl.col("key") != ""))
            .filter(pl.len().over("key").is_between(2, _MAX_VARIANTS))
            .with_columns(group=pl.col("key").rank("dense"))
        )
        if shared.height:
            group = shared["group"].to_numpy().astype(np.int64) + n_nodes
            groups.append(group)
            products.append(shared["row"].to_numpy().astype(np.int64))
            n_nodes = int(group.max()) + 1
    if not groups:
        return np.full(n, -1, dtype=np.int32)
    entries = (np.concatenate(products), np.concatenate(groups))
    links = sparse.csr_matrix(
        (np.ones(len(entries[0]), dtype=np.int8), entries), shape=(n_nodes, n_nodes)
    )
    component = connected_components(links, directed=False)[1][:n]
    _, code, size = np.unique(component, return_inverse=True, return_counts=True)
    return np.where(size[code] > 1, code, -1).astype(np.int32)


def find_variants(product: Catalog, frame: pl.DataFrame, same_title: Rows) -> Rows:
    """Rows of the variants of a product that is not in the catalogue.

    As in `variant_codes`, but variants of variants are not followed.

    Args:
        product: a catalogue of one.
        frame: of the catalogue.
        same_title: rows that include every product with the product's title.
    """
    matches = [np.zeros(0, dtype=np.int64)]
    for name, key in _keys(product.frame).items():
        if not key[0]:
            continue
        rows = same_title if name == "name" else np.arange(frame.height)
        columns = ("title", "brand") if name == "name" else (VARIANT_GROUP,)
        candidates = frame.select(column for column in columns if column in frame.columns)
        keys = _keys(candidates[rows] if name == "name" else candidates)
        if name in keys:
            variants = rows[(keys[name] == key[0]).fill_null(value=False).to_numpy()]
            matches += [variants] if len(variants) < _MAX_VARIANTS else []
    return np.unique(np.concatenate(matches)).astype(np.int32)


def _keys(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """The values that variants share, by name: null or empty where a product has none."""
    keys = {}
    if VARIANT_GROUP in frame.columns and not frame[VARIANT_GROUP].dtype.is_nested():
        keys["group"] = pl.col(VARIANT_GROUP).cast(pl.String).str.strip_chars()
    if "title" in frame.columns:
        brand = _normalize("brand") if "brand" in frame.columns else pl.lit("")
        title = _normalize("title")
        keys["name"] = pl.when(title != "").then(title + "\n" + brand.fill_null(""))
    return frame.select(**keys).to_dict() if keys else {}


def _normalize(column: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String).str.to_lowercase()
    return text.str.replace_all(r"\s+", " ").str.strip_chars()
