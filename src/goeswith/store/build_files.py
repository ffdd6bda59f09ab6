"""The files of a build are those that its manifest lists, and plain files: checked before any is
opened.

A pipe would hold its reader for ever, a link may lead anywhere, and what is not listed has no
checksum.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from goeswith.core.errors import BundleError

MAX_LIVE_BYTES: Final = {
    "facts.log": 2_000_000_000,
    "facts.counter": 4096,
    "rules.json": 50_000_000,
    "rules.recorded.json": 50_000_000,
    "rules.history.jsonl": 2_000_000_000,
    "labels.jsonl": 50_000_000,
}
"""Bytes of the files of live facts, rules and labels, which no checksum of the manifest covers."""
_REMEDY = "the bundle is not trusted: fit it again, or restore it from a copy"


def check_regular(file: Path, size: int | None = None) -> None:
    """Refuse what is no plain file, or larger than `size` bytes.

    Raises:
        FileNotFoundError: there is nothing.
        BundleError: as above.
    """
    found = file.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise BundleError(f"{file} is {_kind(found.st_mode)}, not a file; {_REMEDY}")
    if size is not None and found.st_size > size:
        raise BundleError(f"{file} has {found.st_size:,} bytes, more than {size:,}; {_REMEDY}")


def check_files(build: Path, listed: Collection[str]) -> None:
    """Refuse a build with links, special files, or files that are not listed.

    Hidden files, which nothing opens, may be there: systems and copy programs leave some.

    Args:
        build: folder.
        listed: paths in it, of the manifest.

    Raises:
        FileNotFoundError: the folder is missing.
        BundleError: as above.
    """
    found = build.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise BundleError(f"{build} is {_kind(found.st_mode)}, not a folder; {_REMEDY}")
    for name, entry in _walk(build, ""):
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISREG(mode):
            if name not in listed and not entry.name.startswith("."):
                raise BundleError(f"{build / name} is not listed in the manifest; {_REMEDY}")
        elif not stat.S_ISDIR(mode):
            raise BundleError(f"{build / name} is {_kind(mode)}, not a file; {_REMEDY}")


def check_live(folder: Path) -> None:
    """Refuse live facts and rules with a link, a folder or a special file, or a file that is too
    large.

    Other plain files may be there, such as a copy that an editor leaves: nothing opens them.

    Raises:
        BundleError: as above.
    """
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise BundleError(f"{folder} is {_kind(found.st_mode)}, not a folder; {_REMEDY}")
        names = os.listdir(folder)  # noqa: PTH208  names alone
    except FileNotFoundError:
        return
    for name in names:
        try:
            check_regular(folder / name, MAX_LIVE_BYTES.get(name))
        except FileNotFoundError:  # a writer has replaced it meanwhile
            continue


def live_bytes(folder: Path) -> int:
    """Bytes of the files of live facts and rules that every process reads."""
    sizes = 0
    for name in ("facts.log", "rules.json"):
        with suppress(FileNotFoundError):
            sizes += (folder / name).lstat().st_size
    return sizes


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every entry below a folder with its path; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            yield name, entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder / entry.name, f"{name}/")


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a file" if stat.S_ISREG(mode) else "a special file"
