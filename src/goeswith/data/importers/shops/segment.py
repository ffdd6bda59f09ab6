"""Segment and RudderStack: track calls of the e-commerce specification (version 2), as JSON lines.

Files are those of a storage destination (one call a line) or of a batch request (`batch`). A
call that was retried has the same `messageId` and counts once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.event_stream import TAKES_BACK, Row, event_name, stream_tables
from goeswith.data.quarantine import Quarantine


def segment(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Views, carts and purchases by user and order; sessions where RudderStack tracks them."""
    return stream_tables("segment", sources, _rows, quarantine, progress)


def _rows(record: dict[str, Any]) -> list[Row]:
    if isinstance(batch := record.get("batch"), list):
        return [row for call in batch if isinstance(call, dict) for row in _rows(call)]
    properties = record.get("properties")
    event = event_name(str(record.get("event")))
    if event is None or not isinstance(properties, dict):
        return []
    context = record.get("context")
    session = context.get("sessionId") if isinstance(context, dict) else None
    bought = event in ("purchase", TAKES_BACK)
    common = {
        "event": event,
        "event_id": record.get("messageId"),
        "user_id": record.get("userId") or record.get("anonymousId"),
        "session_id": session,
        "basket_id": (properties.get("order_id") or properties.get("checkout_id"))
        if bought
        else None,
        "timestamp": record.get("timestamp")
        or record.get("originalTimestamp")
        or record.get("receivedAt"),
    }
    products = properties.get("products")
    if not isinstance(products, list):
        products = [properties] if _id(properties) else []
    if not products and event == TAKES_BACK:
        return [common]
    return [
        common
        | {
            "product_id": _id(product),
            "title": product.get("name"),
            "brand": product.get("brand"),
            "type": product.get("category"),
            "price": product.get("price"),
            "quantity": product.get("quantity"),
        }
        for product in products
        if isinstance(product, dict)
    ]


def _id(product: dict[str, Any]) -> Any:
    return product.get("product_id") or product.get("sku")
