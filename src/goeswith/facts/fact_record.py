"""Records of the log of live facts: what a writer writes, checked when it is read.

The log belongs to no manifest, so that anybody who hands on a bundle may have written it.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias

Record: TypeAlias = dict[str, Any]

_HEADER: Final = ("generation", "previous", "covers", "base")
_MAX_NUMBER: Final = 1 << 62


def is_record(value: Any) -> bool:
    """Whether a line of the log is a header, an announcement, or a change of a product."""
    if not isinstance(value, dict):
        return False
    if "id" in value:
        return _is_change(value)
    if "generation" in value:
        return all(_is_number(value.get(name), -1) for name in _HEADER)
    return isinstance(value.get("settled", value.get("rules")), str)


def is_header(record: Record) -> bool:
    """Whether a record is the first of a log."""
    return "generation" in record and "id" not in record


def _is_change(value: Record) -> bool:
    was = value.get("was", {})
    return (
        _is_text(value["id"])
        and _is_text(value.get("build", ""))
        # of a product that has left the catalogue: no row
        and (value.get("row") is None or _is_number(value["row"], 0))
        and _are_values(value.get("set", {}))
        and isinstance(was, dict)
        and isinstance(value.get("deleted", False), bool)
    )


def _are_values(values: Any) -> bool:
    return isinstance(values, dict) and all(
        _is_text(name) and _is_value(value) for name, value in values.items()
    )


def _is_value(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) < _MAX_NUMBER
    return all(map(_is_text, value)) if isinstance(value, list) else _is_text(value)


def _is_text(value: Any) -> bool:
    """Text without lone surrogates, which JSON can hold and nothing else can."""
    return isinstance(value, str) and (value.isascii() or _is_encodable(value))


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: Any, low: int) -> bool:
    return type(value) is int and low <= value < _MAX_NUMBER
