"""Matomo 4 and 5: visits as `Live.getLastVisitsDetails` returns them, as JSON.

Each visit has its actions: views with `productViewSku`, orders and abandoned carts with items.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.event_stream import Row, stream_tables
from goeswith.data.quarantine import Quarantine

_ORDERS: Final = {"ecommerceOrder": "purchase", "ecommerceAbandonedCart": "cart"}


def matomo(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Views, carts and purchases by visit, visitor and order."""
    return stream_tables("matomo", sources, _rows, quarantine, progress)


def _rows(visit: dict[str, Any]) -> list[Row]:
    common = {
        "user_id": visit.get("userId") or visit.get("visitorId"),
        "session_id": visit.get("idVisit"),
    }
    rows: list[Row] = []
    actions = visit.get("actionDetails")
    for action in actions if isinstance(actions, list) else []:
        if not isinstance(action, dict):
            continue
        moment = common | {"timestamp": action.get("timestamp") or visit.get("serverTimestamp")}
        if action.get("productViewSku"):
            rows.append(
                moment
                | {
                    "event": "view",
                    "product_id": action["productViewSku"],
                    "title": action.get("productViewName"),
                    "type": _last(action.get("productViewCategories")),
                    "price": action.get("productViewPrice"),
                }
            )
        event = _ORDERS.get(str(action.get("type")))
        items = action.get("itemDetails") if event else None
        rows += [
            moment
            | {
                "event": event,
                "basket_id": action.get("orderId") if event == "purchase" else None,
                "product_id": item.get("itemSKU"),
                "title": item.get("itemName"),
                "type": _last(item.get("categories")) or item.get("itemCategory"),
                "price": item.get("price"),
                "quantity": item.get("quantity"),
            }
            for item in (items if isinstance(items, list) else [])
            if isinstance(item, dict)
        ]
    return rows


def _last(categories: Any) -> Any:
    return categories[-1] if isinstance(categories, list) and categories else None
