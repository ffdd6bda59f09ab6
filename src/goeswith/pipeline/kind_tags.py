"""The kinds of a shop's products, and whether they decide what is a substitute."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from goeswith.kinds.catalog_kinds import KIND, tag_catalog, with_kinds
from goeswith.kinds.shop_map import with_shop_kinds
from goeswith.kinds.table import VERSION

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.settings.sections import KindSettings


def tag_products(dataset: Dataset, settings: KindSettings) -> tuple[Dataset, dict[str, Any]]:
    """The data set with the column `kind` in its catalogue, and what the manifest says of it.

    The map of a shop's own types (`kinds.map`, or `kinds.csv` in its folder) is applied first.

    Returns:
        the data set, unchanged where kinds are not used, and {"used", "why_not", "share", "types",
        "exclude", "table"}: the share of products with a kind, whether kinds are the product types,
        whether products of one kind are substitutes, and the version of the table.
    """
    unused = {"used": False, "share": None, "types": False, "exclude": False}
    if settings.use == "none":
        return dataset, {**unused, "why_not": 'kinds.use = "none"'}
    dataset = with_shop_kinds(dataset, settings.map)
    catalog = dataset.catalog
    if catalog.text("title") is None and KIND not in catalog.frame.columns:
        return dataset, {**unused, "why_not": "the products have no titles"}
    tags = tag_catalog(catalog)
    share = sum(tag.kind is not None for tag in tags) / max(len(tags), 1)
    if share < settings.min_share:
        why_not = (
            f"{share:.0%} of the products have a kind, less than kinds.min_share = "
            f"{settings.min_share:.0%}"
        )
        return dataset, {**unused, "share": share, "why_not": why_not}
    tagged = with_kinds(catalog, tags)
    facts = {
        "used": True,
        "why_not": None,
        "share": share,
        "types": not catalog.type_names,
        "exclude": not dataset.views_decide,
        "table": VERSION,
    }
    return replace(dataset, catalog=tagged), facts
