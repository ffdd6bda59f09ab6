"""Validation errors of pydantic as one line of a message."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails


def describe_errors(
    error: ValidationError,
    model: type[BaseModel],
    *,
    limit: int | None = None,
    with_input: bool = True,
) -> str:
    """Every invalid field with the reason and its value, separated by semicolons.

    Args:
        error: raised by the model.
        model: whose fields are suggested for an unknown one.
        limit: fields to describe at most; None describes all.
        with_input: whether to add the value.
    """
    return "; ".join(
        _describe(detail, model) + (f" (got {detail['input']!r})" if with_input else "")
        for detail in error.errors()[:limit]
    )


def _describe(detail: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(map(str, detail["loc"]))
    reason = detail["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    if detail["type"] == "extra_forbidden":
        near = get_close_matches(str(detail["loc"][-1]), _fields(model, detail["loc"][:-1]), n=1)
        reason = "unknown field" + (f"; did you mean {near[0]!r}?" if near else "")
    return f"{where}: {reason}" if where else reason


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Fields of the model at a path within another; none where it is in a container."""
    from pydantic import BaseModel

    for part in path:
        field = model.model_fields.get(str(part))
        inner = None if field is None else field.annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
