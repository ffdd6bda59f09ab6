"""What a user writes on the command line: models, protocols, seeds, and files to write."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from goeswith.core.errors import ConfigError


def split_names(text: str) -> list[str]:
    """Names between commas.

    >>> split_names("edges, cold")
    ['edges', 'cold']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def split_models(text: str) -> list[str]:
    """Models between commas; a comma before `key=` belongs to the model that it follows.

    >>> split_models("katz:hops=3,damping=0.5,ease,copurchase:measure=lift")
    ['katz:hops=3,damping=0.5', 'ease', 'copurchase:measure=lift']
    """
    return [spec.strip() for spec in re.split(r",(?!\s*\w+\s*=)", text) if spec.strip()]


def split_seeds(text: str) -> list[int]:
    """Integers separated by commas.

    Raises:
        ConfigError: something else.
    """
    try:
        return [int(number) for number in split_names(text)]
    except ValueError as error:
        raise ConfigError(
            f"seeds are integers separated by commas, such as 0,1,2; not {text!r}"
        ) from error


def check_outputs(paths: Collection[Path], kinds: dict[str, str]) -> None:
    """Refuse files that cannot be written before hours of work end with them, not after.

    Args:
        paths: files to write.
        kinds: suffix -> what a file of that suffix holds.

    Raises:
        ConfigError: the suffix is none of `kinds`, or the file cannot be written.
    """
    for path in paths:
        if path.suffix not in kinds and not path.is_dir():
            known = ", ".join(f"{suffix} ({what})" for suffix, what in kinds.items())
            raise ConfigError(f"{path}: the name of the file must end in one of {known}")
        check_writable(path)


def check_writable(path: Path | None) -> None:
    """Refuse a file that cannot be written before hours of work end with it, not after.

    Raises:
        ConfigError: it is not a regular file, or its folder cannot be made or written to.
    """
    if path is None:
        return
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it to write to")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} is a device or a pipe, which a file cannot replace; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: its folder cannot be made: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{path}: its folder cannot be written to")
