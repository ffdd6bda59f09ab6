"""Snowplow: enriched events with the e-commerce plugin (action 1-0-x), or transaction items.

Records are JSON as the analytics SDKs write it, or parquet of a warehouse, where the names of
self-describing columns end in the version (`..._action_1_0_2`) and values may be JSON text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.event_stream import TAKES_BACK, Row, stream_tables
from goeswith.data.quarantine import Quarantine

_PREFIX: Final = "com_snowplowanalytics_snowplow_ecommerce_"
_ACTION: Final = f"unstruct_event_{_PREFIX}snowplow_ecommerce_action_1"
_PRODUCTS: Final = f"contexts_{_PREFIX}product_1"
_TRANSACTION: Final = f"contexts_{_PREFIX}transaction_1"
_REFUND: Final = f"contexts_{_PREFIX}refund_1"
_EVENTS: Final = {
    "product_view": "view",
    "list_click": "view",
    "add_to_cart": "cart",
    "transaction": "purchase",
    "refund": TAKES_BACK,
}


def snowplow(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Views, carts and purchases by session, user and transaction."""
    return stream_tables("snowplow", sources, _rows, quarantine, progress)


def _rows(record: dict[str, Any]) -> list[Row]:
    common = {
        "event_id": record.get("event_id"),
        "user_id": record.get("user_id") or record.get("domain_userid"),
        "session_id": record.get("domain_sessionid"),
        "timestamp": record.get("derived_tstamp") or record.get("collector_tstamp"),
    }
    if record.get("event") == "transaction_item":
        return [_of_transaction_item(record) | common]
    action = _value(record, _ACTION)
    action = action[0] if isinstance(action, list) and action else action
    event = _EVENTS.get(str(action.get("type"))) if isinstance(action, dict) else None
    if event is None:
        return []
    orders = _value(record, _REFUND if event == TAKES_BACK else _TRANSACTION)
    order = orders[0] if isinstance(orders, list) and orders else None
    common["event"] = event
    common["basket_id"] = order.get("transaction_id") if isinstance(order, dict) else None
    products = _value(record, _PRODUCTS)
    if not products and event == TAKES_BACK:
        return [common]
    return [
        common
        | {
            "product_id": product.get("id"),
            "title": product.get("name"),
            "brand": product.get("brand"),
            "type": str(product.get("category") or "").rpartition("/")[2] or None,
            "price": product.get("price"),
            "quantity": product.get("quantity"),
        }
        for product in (products if isinstance(products, list) else [])
        if isinstance(product, dict)
    ]


def _of_transaction_item(record: dict[str, Any]) -> Row:
    return {
        "event": "purchase",
        "basket_id": record.get("ti_orderid"),
        "product_id": record.get("ti_sku"),
        "title": record.get("ti_name"),
        "type": record.get("ti_category"),
        "price": record.get("ti_price"),
        "quantity": record.get("ti_quantity"),
    }


def _value(record: dict[str, Any], name: str) -> Any:
    """A self-describing column, whatever its version and the case of the warehouse."""
    value = record.get(name)
    if value is None:
        matches = (key for key in record if key.lower().startswith(name))
        value = next((record[key] for key in matches if record[key] is not None), None)
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value
