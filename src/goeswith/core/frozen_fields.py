"""Frozen dataclasses made in a quarter of the time of their constructor."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")
_new, _set = object.__new__, object.__setattr__


def from_fields(cls: type[T], fields: dict[str, Any]) -> T:
    """An instance of a frozen dataclass without slots and `__post_init__`.

    The constructor of a frozen dataclass calls `object.__setattr__` for each field. Encoders write
    the fields in the order of `fields`.

    Args:
        cls: the dataclass.
        fields: every field, with those that have a default, in the order of the class; the
            instance keeps the dict.
    """
    made = _new(cls)
    _set(made, "__dict__", fields)
    return made
