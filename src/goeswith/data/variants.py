"""Variants: one product in several sizes or colours, never complements of each other."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.data.variant_words import base_title

VARIANT_GROUP: Final = "variant_group"
"""Column of the catalogue that variants of one product share; any values, null for none."""

_MAX_VARIANTS: Final = 1000
"""A value shared by more products is a placeholder."""
_MAX_BY_WORDS: Final = 50
"""Likewise, of what remains of titles without colour, size and pack."""


_WORD: Final = r"[^\W\d_]{3,}"
_MIN_UNTYPED: Final = 2
"""Words of a title without a type that have to remain, so that it is no name of a collection."""


def variant_codes(catalog: Catalog) -> Rows:
    """(n,) code of the variant group of each product, -1 for a product without variants.

    Variants share their `variant_group`; or title, brand and type without regard to case and
    spaces; or, within a type and brand, a title that differs in colour, size or pack alone (see
    `variant_words`). Without a type, a product has the type of the others with these words, if
    that is one. A product without a title has no variants by title, and products of two
    `variant_group`s are no variants of each other. Values shared by more than 1,000 products are
    ignored, and titles that differ in such words alone if there are more than 50.
    """
    n = len(catalog)
    groups, products, n_nodes = [], [], n
    for name, key in _keys(catalog.frame).items():
        most = _MAX_BY_WORDS if name == "base" else _MAX_VARIANTS
        shared = (
            pl.DataFrame({"key": key})
            .with_row_index("row")
            .filter(pl.col("key").is_not_null() & (pl.col("key") != ""))
            .filter(pl.len().over("key").is_between(2, most))
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


def shop_groups(catalog: Catalog) -> Rows:
    """(n,) first row of the `variant_group` of each product; its own row without one."""
    rows = np.arange(len(catalog), dtype=np.int32)
    if VARIANT_GROUP not in catalog.frame.columns:
        return rows
    key = _keys(catalog.frame.select("product_id", VARIANT_GROUP)).get("group")
    if key is None:
        return rows
    table = pl.DataFrame({"key": key, "row": rows})
    is_group = pl.col("key").is_not_null() & pl.len().over("key").is_between(2, _MAX_VARIANTS)
    first = table.select(pl.when(is_group).then(pl.col("row").first().over("key")).otherwise("row"))
    return first.to_series().to_numpy().astype(np.int32)


def find_variants(product: Catalog, frame: pl.DataFrame, same_title: Rows) -> Rows:
    """Rows of the variants of a product that is not in the catalogue.

    As in `variant_codes`, but variants of variants are not followed.

    Args:
        product: a catalogue of one.
        frame: of the catalogue.
        same_title: rows that include every product with the product's title.
    """
    columns = [VARIANT_GROUP, "title", "brand", "type", "kind"]
    group = np.zeros(0, dtype=np.int64)
    if VARIANT_GROUP in frame.columns and VARIANT_GROUP in product.frame.columns:
        groups = frame[VARIANT_GROUP].cast(pl.String).str.strip_chars()
        own = product.frame[VARIANT_GROUP].cast(pl.String).str.strip_chars()[0]
        group = np.flatnonzero((groups == own).fill_null(value=False).to_numpy() if own else [])
    rows = np.union1d(group, same_title).astype(np.int64)
    candidates = frame[rows].select(name for name in columns if name in frame.columns)
    fresh = product.frame.select(name for name in columns if name in product.frame.columns)
    both = pl.concat(
        [
            candidates.cast(dict.fromkeys(candidates.columns, pl.String)),
            fresh.cast(dict.fromkeys(fresh.columns, pl.String)),
        ],
        how="diagonal",
    )
    matches = [np.zeros(0, dtype=np.int64)]
    for key in _keys(both).values():
        if key[-1]:
            found = rows[(key[:-1] == key[-1]).fill_null(value=False).to_numpy()]
            matches += [found] if len(found) < _MAX_VARIANTS else []
    return np.unique(np.concatenate(matches)).astype(np.int32)


def _keys(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """The values that variants share, by name: null or empty where a product has none."""
    has_group = VARIANT_GROUP in frame.columns and not frame[VARIANT_GROUP].dtype.is_nested()
    group = pl.col(VARIANT_GROUP).cast(pl.String).str.strip_chars() if has_group else pl.lit("")
    group = pl.when(group != "").then(group)
    keys = {"group": group} if has_group else {}
    if "title" not in frame.columns:
        return frame.select(**keys).to_dict() if keys else {}
    brand = _normalize("brand") if "brand" in frame.columns else pl.lit("")
    kinds = [_normalize(name) for name in ("type", "kind") if _is_text(frame, name)]
    table = frame.select(
        title=pl.when(_normalize("title") != "").then(_normalize("title")),
        rest="\n" + brand.fill_null(""),
        type=pl.coalesce(*(pl.when(kind != "").then(kind) for kind in kinds), pl.lit(None)).cast(
            pl.String
        ),
        group=group.cast(pl.String),
    )
    table = table.with_columns(key=pl.col("title") + pl.col("rest"))
    # a title of several types is the name of a collection: without a type it says nothing
    only = pl.when(_is_one("type", "key")).then(pl.col("type").min().over("key").fill_null(""))
    own = pl.col("type").fill_null(only)
    table = table.with_columns(key=pl.col("key") + "\n" + own)
    base = pl.Series(
        "base", [base_title(title) for title in frame["title"].cast(pl.String)], dtype=pl.String
    )
    table = table.with_columns(base=base + table["rest"])
    one = _is_one("type", "base") & (base.str.count_matches(_WORD) >= _MIN_UNTYPED)
    only = pl.when(one).then(pl.col("type").min().over("base").fill_null(""))
    table = table.with_columns(base=pl.col("base") + "\n" + pl.col("type").fill_null(only))
    names = {
        name: pl.when(_is_one("group", column)).then(column)
        for name, column in (("name", "key"), ("base", "base"))
    }
    return table.select(**{name: pl.col(name) for name in keys}, **names).to_dict()


def _is_one(name: str, key: str) -> pl.Expr:
    """Whether the products of a key have at most one value in a column."""
    values = pl.col(name)
    return (values.min().over(key) == values.max().over(key)).fill_null(value=True)


def _is_text(frame: pl.DataFrame, name: str) -> bool:
    return name in frame.columns and frame[name].dtype == pl.String


def _normalize(column: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String).str.to_lowercase()
    return text.str.replace_all(r"\s+", " ").str.strip_chars()
