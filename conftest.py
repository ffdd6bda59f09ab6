"""What is collected, and in which order; no test waits for the disk.

Tests of trained models are left out where torch is not installed (the extra `dev` alone).
"""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from _pytest.doctest import DoctestModule


def _without_waiting(sync: Callable[[Any], None]) -> Callable[[Any], None]:
    """A call that syncs nothing: no test cuts the power, and what a killed process wrote stays."""

    @functools.wraps(sync)
    def checked(file: Any) -> None:
        os.fstat(file if isinstance(file, int) else file.fileno())  # refused as before if closed

    return checked


# before goeswith is imported: a fit calls fsync fifty times
for _name in ("fsync", "fdatasync"):
    if hasattr(os, _name):
        setattr(os, _name, _without_waiting(getattr(os, _name)))

OPTIONAL = {"torch", "transformers", "sentence_transformers", "peft", "tokenizers"}


def _missing() -> bool:
    try:
        return find_spec("torch") is None
    except ModuleNotFoundError:
        return True


WITHOUT_TORCH = _missing()
collect_ignore_glob = (
    ["src/**/torch_*.py", "tests/models/neural/*", "tests/sequential/neural/*"]
    if WITHOUT_TORCH
    else []
)


LONG = {
    *("test_examples.py", "test_notebooks.py", "test_docs.py", "test_views.py"),
    *("test_workers.py", "test_bundle_mutations.py", "test_trial_load.py", "test_reload.py"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first: at the end, one of them would leave other workers idle."""
    items.sort(key=lambda item: item.path.name not in LONG)


gc.disable()  # until the tests are collected


def pytest_collection_finish() -> None:
    """Leave what is loaded out of garbage collections: half a second each for 640,000 objects."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path,
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Leave out modules without examples in docstrings: each worker would import them."""
    found = yield
    if b">>>" in file_path.read_bytes():
        return found
    return [one for one in found if not isinstance(one, DoctestModule)]


def _skip_without_torch(error: BaseException) -> None:
    """Skip where the error, or what caused it, is a missing optional library."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and (cause.name or "").split(".")[0] in OPTIONAL:
            pytest.skip(f"{cause.name} is not installed: `make test` installs it")
        cause = cause.__cause__ or cause.__context__


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Skip tests of which a fixture needs torch."""
    try:
        return (yield)
    except Exception as error:
        if WITHOUT_TORCH:
            _skip_without_torch(error)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Skip tests that need torch."""
    try:
        return (yield)
    except Exception as error:
        if WITHOUT_TORCH:
            _skip_without_torch(error)
        raise
