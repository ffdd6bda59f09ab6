"""Types and ranges of the fields of a manifest, which a stranger may have written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import inf
from typing import Any, Final

_MAX_K: Final = 100_000
_MAX_MODELS: Final = 127
"""The index of a model is an int8."""
_MAX_TEXT: Final = 10_000
_MAX_OBJECTIVES: Final = 20


def find_fault(content: Mapping[str, Any]) -> str | None:
    """What is wrong with the fields that queries read; None if nothing is.

    Args:
        content: a manifest whose required fields have the type that they should have.
    """
    checks = {
        "created": _is_time(content["created"]),
        "k": _is_count(content["k"], _MAX_K) and content["k"] > 0,
        "models": 0 < len(content["models"]) <= _MAX_MODELS and _are_texts(content["models"]),
        "probabilities": _are_texts(content.get("probabilities", [])),
        "files": len(content["files"]) > 0,
        "settings": _is_slate(content["settings"].get("slate", {}))
        and _is_objectives(content["settings"].get("objectives", {}))
        and _is_personal(content["settings"].get("personal", {})),
        "mined": _are_relations(content.get("mined", [])),
        "kinds": _is_object(content.get("kinds", {}), exclude=bool),
        "session": _is_object(content.get("session", {}), model=str),
        "shoppers": _is_object(content.get("shoppers", {}), model=str),
        "data": _is_data(content["data"]),
        "metrics": content.get("metrics") is None or isinstance(content["metrics"], dict),
    }
    faults = [name for name, holds in checks.items() if not holds]
    return ", ".join(faults) or None


def _is_count(value: Any, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, str) and len(value) <= _MAX_TEXT for value in values
    )


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return False
    return True


def _is_object(value: Any, **fields: type) -> bool:
    """A JSON object whose fields, where they are there and not null, have these types."""
    return isinstance(value, dict) and all(
        value.get(name) is None or isinstance(value[name], kind) for name, kind in fields.items()
    )


def _is_slate(value: Any) -> bool:
    if not _is_object(value):
        return False
    diversity, per_type = value.get("diversity"), value.get("per_type")
    is_share = diversity is None or (
        isinstance(diversity, int | float)
        and not isinstance(diversity, bool)
        and 0 <= diversity <= 1
    )
    return is_share and (per_type is None or _is_count(per_type, 1_000_000))


def _is_personal(value: Any) -> bool:
    if not _is_object(value):
        return False
    rate = value.get("min_repeat_rate", 0)
    return isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate <= 1


def _is_objectives(value: Any) -> bool:
    if not _is_object(value):
        return False
    weights, floor = value.get("weights", {}), value.get("floor", 0)
    return (
        isinstance(weights, dict)
        and len(weights) <= _MAX_OBJECTIVES
        and all(
            isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < inf
            for number in [*weights.values(), floor]
        )
    )


def _are_relations(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("relation"), str)
        and entry.get("contexts_are") in {"baskets", "sessions", "users", None}
        for entry in value
    )


def _is_data(value: dict[str, Any]) -> bool:
    applied = value.get("applied", [])
    return (
        isinstance(value.get("name"), str)
        and isinstance(value.get("fingerprint", ""), str)
        and isinstance(value.get("rows", {}), dict)
        and isinstance(applied, list)
        and all(
            isinstance(entry, dict)
            and isinstance(entry.get("file"), str)
            and isinstance(entry.get("sha256"), str)
            and _is_count(entry.get("bytes", 0), 2**62)
            for entry in applied
        )
    )
