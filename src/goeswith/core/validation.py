"""Validation errors of pydantic as one line of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def describe_errors(
    error: ValidationError, *, limit: int | None = None, with_input: bool = True
) -> str:
    """Every invalid field with the reason and its value, separated by semicolons.

    Args:
        error: raised by a pydantic model.
        limit: fields to describe at most; None describes all.
        with_input: whether to add the value.
    """
    return "; ".join(
        f"{'.'.join(map(str, detail['loc']))}: {detail['msg'].lower()}"
        + (f" (got {detail['input']!r})" if with_input else "")
        for detail in error.errors()[:limit]
    )
