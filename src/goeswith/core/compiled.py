"""Loops that numba compiles, where it is installed: the extra `fast`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any


def available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A loop as machine code, kept on disk for the next process."""
    from numba import njit

    try:
        made: Callable[..., Any] = njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder that it may write to
        made = njit(nogil=True)(function)
    return made
