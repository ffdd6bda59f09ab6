"""Google Analytics 4: the BigQuery export, and events as the Measurement Protocol nests them.

The export is one table a day (`events_20240501`), as JSON lines or parquet, with `event_params` and
`items` nested; integers are text in JSON. A session is `user_pseudo_id` with `ga_session_id`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from goeswith.core.progress import ShareProgress
from goeswith.data.importers import TableBatches
from goeswith.data.importers.shops.event_stream import TAKES_BACK, Row, event_name, stream_tables
from goeswith.data.quarantine import Quarantine

_CATEGORIES: Final = ("item_category5", "item_category4", "item_category3", "item_category2")


def ga4(sources: list[Path], quarantine: Quarantine, progress: ShareProgress) -> TableBatches:
    """Views, carts and purchases by session, user and transaction."""
    return stream_tables("ga4", sources, _rows, quarantine, progress)


def _rows(record: dict[str, Any]) -> list[Row]:
    if isinstance(record.get("events"), list):
        return _of_protocol(record)
    params = _params(record.get("event_params"))
    user = record.get("user_pseudo_id")
    ecommerce = record.get("ecommerce")
    order = ecommerce.get("transaction_id") if isinstance(ecommerce, dict) else None
    common = {
        "user_id": record.get("user_id") or user,
        "session_id": _session(user, params.get("ga_session_id")),
        "basket_id": order or params.get("transaction_id"),
        "timestamp": record.get("event_timestamp"),
    }
    return _of_items(str(record.get("event_name")), record.get("items"), common)


def _of_protocol(record: dict[str, Any]) -> list[Row]:
    """The events of one hit of the Measurement Protocol, whose time is in microseconds."""
    client = record.get("client_id") or record.get("app_instance_id")
    rows: list[Row] = []
    for event in record["events"]:
        params = event.get("params") if isinstance(event, dict) else None
        if not isinstance(params, dict):
            continue
        common = {
            "user_id": record.get("user_id") or client,
            "session_id": _session(client, params.get("session_id")),
            "basket_id": params.get("transaction_id"),
            "timestamp": event.get("timestamp_micros") or record.get("timestamp_micros"),
        }
        rows += _of_items(str(event.get("name")), params.get("items"), common)
    return rows


def _params(params: Any) -> dict[str, Any]:
    """`event_params` as key -> value: a list of keys with one value of four types each."""
    values: dict[str, Any] = {}
    for param in params if isinstance(params, list) else []:
        if isinstance(param, dict) and isinstance(value := param.get("value"), dict):
            values[str(param.get("key"))] = next(
                (part for part in value.values() if part is not None), None
            )
    return values


def _session(user: Any, number: Any) -> str | None:
    return f"{user}.{number}" if user and number else None


def _of_items(name: str, items: Any, common: Row) -> list[Row]:
    event = event_name(name)
    if event is None:
        return []
    if common["basket_id"] == "(not set)":
        common["basket_id"] = None
    if event not in ("purchase", TAKES_BACK):
        common = common | {"basket_id": None}
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if not items and event == TAKES_BACK:
        return [common | {"event": event}]
    return [
        common
        | {
            "event": event,
            "product_id": _filled(item.get("item_id")) or _filled(item.get("item_name")),
            "title": _filled(item.get("item_name")),
            "brand": _filled(item.get("item_brand")),
            "type": next(
                (v for c in (*_CATEGORIES, "item_category") if (v := _filled(item.get(c)))), None
            ),
            "price": item.get("price"),
            "quantity": item.get("quantity"),
        }
        for item in items
    ]


def _filled(value: Any) -> Any:
    return None if value in ("", "(not set)") else value
