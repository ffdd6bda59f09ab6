"""The kinds of a catalogue's products, as columns of the catalogue."""

from __future__ import annotations

from typing import Final

import polars as pl

from goeswith.data.catalog import Catalog
from goeswith.kinds.table_reader import load_table
from goeswith.kinds.tagger import SHOP, Tag, Tagger, category_first, shared_tagger
from goeswith.kinds.text_classifier import tag_by_text
from goeswith.kinds.title_clusters import title_clusters
from goeswith.kinds.title_language import shop_language
from goeswith.kinds.title_openings import tag_by_opening

KIND: Final = "kind"
"""Column with the id of a product's kind; null where the tagger decides."""
NO_KIND: Final = "none"
"""In that column: the product has no kind."""


def tag_catalog(catalog: Catalog, tagger: Tagger | None = None) -> list[Tag]:
    """The kind of every product, from title, type, categories and description.

    In a shop whose titles are not English, names of its language come first. A column `kind` of
    the catalogue wins where it has the id of a kind, or `none`: a shop or an earlier step has set
    it.
    """
    tagger = tagger or shared_tagger()
    frame = catalog.frame
    n = len(catalog)
    own = catalog.text(KIND) or [None] * n
    kinds = tagger.table.kinds
    titles = catalog.text("title") or [None] * n
    types = catalog.text("type") or [None] * n
    descriptions = catalog.text("description") or [None] * n
    categories: list[list[str] | None] = [None] * n
    if "categories" in frame.columns and isinstance(frame["categories"].dtype, pl.List):
        categories = frame["categories"].to_list()
    first = category_first(titles)
    language = shop_language(titles, tagger)
    cache: dict[tuple[str | None, str | None, tuple[str, ...]], Tag] = {}
    tags = []
    for kind, title, type_, category, description in zip(
        own, titles, types, categories, descriptions, strict=True
    ):
        if kind in kinds or kind == NO_KIND:
            tags.append(Tag(kind if kind in kinds else None, 1.0, source=SHOP))
            continue
        key = (title, type_, tuple(category or ()))
        if key not in cache:
            cache[key] = tagger.tag(
                title, type_, key[2], description, category_first=first, language=language
            )
        tags.append(cache[key])
    return tag_by_text(titles, tag_by_opening(titles, tags, tagger))


def with_kinds(catalog: Catalog, tags: list[Tag], *, fill_types: bool = False) -> Catalog:
    """A catalogue with the column `kind`; where it has no types, the kinds' names are its types.

    Products without a kind get the head noun of their title as type, see `title_clusters`.

    Args:
        catalog: n products.
        tags: of the same.
        fill_types: whether the types of an earlier call are kinds, so that new products get one.
    """
    ids = [tag.kind for tag in tags]
    # what a shop says has no kind is not tagged again later
    column = [NO_KIND if tag.source == SHOP and tag.kind is None else tag.kind for tag in tags]
    titles = catalog.text("title") or [None] * len(catalog)
    frame = catalog.frame.with_columns(pl.Series(KIND, column, dtype=pl.String))
    if fill_types or "type" not in frame.columns or not frame["type"].count():
        kinds = load_table().kinds
        untagged = [None if kind else title for kind, title in zip(ids, titles, strict=True)]
        types = [
            kinds[kind].name if kind else cluster
            for kind, cluster in zip(ids, title_clusters(untagged), strict=True)
        ]
        frame = frame.with_columns(pl.Series("type", types, dtype=pl.String))
    return Catalog(frame)
