"""The kinds of a catalogue's products, as columns of the catalogue."""

from __future__ import annotations

from typing import Final

import polars as pl

from goeswith.data.catalog import Catalog
from goeswith.kinds.table import load_table
from goeswith.kinds.tagger import NO_TAG, Tag, Tagger, category_first
from goeswith.kinds.text_classifier import tag_by_text

KIND: Final = "kind"
"""Column with the id of a product's kind; null where none is likely."""


def tag_catalog(catalog: Catalog, tagger: Tagger | None = None) -> list[Tag]:
    """The kind of every product, from title, type, categories and description.

    A column `kind` of the catalogue wins: a shop or an earlier step has set it.
    """
    tagger = tagger or Tagger()
    frame = catalog.frame
    if KIND in frame.columns:
        known = tagger.table.kinds
        return [
            Tag(kind, 1.0, source="shop") if kind in known else NO_TAG
            for kind in frame[KIND].cast(pl.String).to_list()
        ]
    n = len(catalog)
    titles = catalog.text("title") or [None] * n
    types = catalog.text("type") or [None] * n
    descriptions = catalog.text("description") or [None] * n
    categories: list[list[str] | None] = [None] * n
    if "categories" in frame.columns and isinstance(frame["categories"].dtype, pl.List):
        categories = frame["categories"].to_list()
    first = category_first(titles)
    cache: dict[tuple[str | None, str | None, tuple[str, ...]], Tag] = {}
    tags = []
    for title, type_, category, description in zip(
        titles, types, categories, descriptions, strict=True
    ):
        key = (title, type_, tuple(category or ()))
        if key not in cache:
            cache[key] = tagger.tag(title, type_, key[2], description, category_first=first)
        tags.append(cache[key])
    return tag_by_text(titles, tags)


def with_kinds(catalog: Catalog, tags: list[Tag]) -> Catalog:
    """A catalogue with the column `kind`; where it has no types, the kinds' names are its types.

    Args:
        catalog: n products.
        tags: of the same.
    """
    ids = [tag.kind for tag in tags]
    frame = catalog.frame.with_columns(pl.Series(KIND, ids, dtype=pl.String))
    if "type" not in frame.columns or not frame["type"].count():
        kinds = load_table().kinds
        types = [kinds[kind].name if kind else None for kind in ids]
        frame = frame.with_columns(pl.Series("type", types, dtype=pl.String))
    return Catalog(frame)
