"""Values of the command line that no validation library has to read.

typer builds a pydantic adapter for each parameter, given or not. Importing pydantic takes longer
than a query, so texts, paths and whole numbers are read here, and all else by typer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args, get_origin

_CHECKS: Final = ("parser", "exists", "writable", "resolve_path", "path_type", "clamp")
"""Of a parameter: with any of these, typer reads its values."""


class PlainValues:
    """Reads the values of one parameter of typer."""

    def __init__(self, param: Any) -> None:
        kind = param.type_descriptor
        is_list = get_origin(kind.annotation) is list
        annotation = get_args(kind.annotation)[0] if is_list else kind.annotation
        plain = not any(getattr(kind.parameter_info, name, None) for name in _CHECKS)
        self._read = _READERS.get(annotation) if plain else None
        self._is_list, self._info = is_list, kind.parameter_info
        self._typer: Callable[[], Any] = param.get_runtime_param

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """A value in the type of its parameter.

        Raises:
            typer.BadParameter: as typer raises it.
        """
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        texts = value if self._is_list else [value]
        fits = not self._is_list or isinstance(value, list | tuple)
        if self._read is not None and fits and all(type(text) is str for text in texts):
            read = [self._read(text, self._info) for text in texts]
            if None not in read:
                return read if self._is_list else read[0]
        return self._typer().coerce(value, param=param, ctx=ctx)


def _whole_number(text: str, info: Any) -> int | None:
    """The number within its limits; None where typer has to say what is wrong."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    number = int(text)
    low = 0 if info.min is None else info.min
    return number if low <= number and (info.max is None or number <= info.max) else None


_READERS: Final[dict[Any, Callable[[str, Any], Any]]] = {
    str: lambda text, info: text,
    Path: lambda text, info: Path(text),
    int: _whole_number,
}


def read_plainly(param: Any) -> None:
    """Have a parameter of typer read its values by `PlainValues`, once.

    Versions of typer without adapters read theirs themselves.
    """
    if hasattr(param, "get_runtime_param") and "get_runtime_param" not in vars(param):
        values = PlainValues(param)
        param.get_runtime_param = lambda: values
