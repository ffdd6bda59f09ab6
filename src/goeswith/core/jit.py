"""Just-in-time compilation of loops by numba (the extra `fast`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any


def has_numba() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


@cache
def jit_compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, cached on disk."""
    from numba import njit

    try:
        machine_code: Callable[..., Any] = njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder that it may write to
        machine_code = njit(nogil=True)(function)
    return machine_code
