"""Files for shop systems, read as each system's importer reads them, and checked by its layout."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable

Lists = dict[str, list[str]]


def read_shopify(text: str) -> Lists:
    """Requests of the Admin API, by the input type MetafieldsSetInput."""
    found: Lists = {}
    for line in text.splitlines():
        request = json.loads(line)
        assert set(request) == {"query", "variables"}
        assert "metafieldsSet(metafields: $metafields)" in request["query"]
        assert "$metafields: [MetafieldsSetInput!]!" in request["query"]
        assert 1 <= len(request["variables"]["metafields"]) <= 25
        for field in request["variables"]["metafields"]:
            assert set(field) == {"ownerId", "namespace", "key", "type", "value"}
            assert field["namespace"] == "shopify--discovery--product_recommendation"
            assert field["key"] == "complementary_products"
            assert field["type"] == "list.product_reference"
            ids = [field["ownerId"], *json.loads(field["value"])]
            assert all(re.fullmatch(r"gid://shopify/Product/\d+", one) for one in ids)
            assert ids[0] not in found
            found[ids[0]] = ids[1:]
    return {
        owner.rpartition("/")[2]: [target.rpartition("/")[2] for target in targets]
        for owner, targets in found.items()
    }


def read_woocommerce(text: str) -> Lists:
    """Cross-sells as the importer of WooCommerce splits them: an escaped comma is text."""
    rows = list(csv.DictReader(text.splitlines()))
    assert text.splitlines()[0] == "SKU,Cross-sells"
    split = {row["SKU"]: re.split(r"(?<!\\),", row["Cross-sells"] or "") for row in rows}
    return {
        sku: [part.replace("\\,", ",").strip() for part in parts if part]
        for sku, parts in split.items()
    }


def read_magento(text: str) -> Lists:
    """Links as the importer of Magento reads them, with a position for each SKU."""
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == [
        *("sku", "related_skus", "related_position", "crosssell_skus", "crosssell_position")
    ]
    found: Lists = {}
    for row in rows:
        assert (row["related_skus"], row["related_position"]) == (
            row["crosssell_skus"],
            row["crosssell_position"],
        )
        skus = row["crosssell_skus"].split(",")
        if skus == ["__EMPTY__VALUE__"]:
            skus = []
        assert [int(one) for one in row["crosssell_position"].split(",") if one] == list(
            range(1, len(skus) + 1)
        )
        found[row["sku"]] = skus
    return found


def read_google(text: str) -> Lists:
    """A tab-separated feed with the group attribute related_product, repeated by commas."""
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    column = "related_product(relationship_type:identifier_type:identifier)"
    assert list(rows[0]) == ["id", column]
    found: Lists = {}
    for row in rows:
        values = [value.split(":") for value in row[column].split(",") if value]
        assert len(values) <= 30
        assert all(value[:2] == ["often_bought_with", "id"] for value in values)
        found[row["id"]] = [value[2] for value in values]
    return found


def read_meta(text: str) -> Lists:
    rows = list(csv.DictReader(text.splitlines()))
    assert set(rows[0]) <= {"id", *(f"custom_label_{i}" for i in range(5))}
    return {row["id"]: [row[name] for name in row if name != "id" and row[name]] for row in rows}


def read_klaviyo(text: str) -> Lists:
    """Bodies of requests to catalog-item-bulk-update-jobs."""
    found: Lists = {}
    for line in text.splitlines():
        data = json.loads(line)["data"]
        assert data["type"] == "catalog-item-bulk-update-job"
        assert set(data["attributes"]) == {"items"}
        items = data["attributes"]["items"]["data"]
        assert 1 <= len(items) <= 100
        for item in items:
            assert (item["type"], set(item)) == ("catalog-item", {"type", "id", "attributes"})
            metadata = item["attributes"]["custom_metadata"]
            assert all(isinstance(value, str) for value in metadata.values())
            assert item["id"].startswith("$custom:::$default:::")
            sku = item["id"].removeprefix("$custom:::$default:::")
            found[sku] = [metadata[f"goes_with_{i}"] for i in range(1, len(metadata) + 1)]
    return {sku: [one for one in targets if one] for sku, targets in found.items()}


READERS: dict[str, Callable[[str], Lists]] = {
    "shopify": read_shopify,
    "woocommerce": read_woocommerce,
    "magento": read_magento,
    "google": read_google,
    "meta": read_meta,
    "klaviyo": read_klaviyo,
}
