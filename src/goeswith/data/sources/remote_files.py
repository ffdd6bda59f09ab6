"""Tables in an object store or behind HTTP, copied into a folder through fsspec.

A file that did not change since the last call (same size, and same version or time where the store
has one) is not copied again. Nothing is removed from the folder, and nothing is written to the
store.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from goeswith.core.atomic_files import atomic_path, write_json
from goeswith.core.errors import ConfigError, DataError, GoesWithError
from goeswith.data.tables import table_format

SCHEMES: Final = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "memory": "",
}
"""Schemes of an address that are files, and the package that each needs besides fsspec."""

_STATE: Final = "remote_files.json"
_BLOCK_BYTES: Final = 2**22
_VERSION_KEYS: Final = ("ETag", "etag", "generation", "md5Hash", "LastModified", "created")
"""Fields in which stores identify a version of a file; the first one present counts."""


@dataclass(frozen=True)
class CopiedFile:
    """A file of the store: where its copy lies, its bytes, and whether it was copied now."""

    path: Path
    size: int
    copied: bool


def is_remote(url: str) -> bool:
    """Whether an address names files of a store, not a database."""
    return url.partition("://")[0].lower() in SCHEMES and "://" in url


def copy_remote(url: str, out: Path) -> list[CopiedFile]:
    """Copy the tables at an address into a folder, under the names that they have there.

    Args:
        url: of a file (`s3://bucket/events.csv.gz`), a folder (`s3://bucket/shop/`) or a pattern
            (`s3://bucket/shop/events_2024-*.parquet`). Credentials come from where the store's own
            tools take them (environment, profile, machine).
        out: the folder.

    Returns:
        The files in the order of their names.

    Raises:
        ConfigError: the package of the store is missing, or the store refuses.
        DataError: nothing that can be read is there, or two files would have one name here.
    """
    store, root = file_system(url)
    with store_errors(url):
        found = _table_files(store, root, url)
        state_file = out / _STATE
        state: dict[str, Any] = json.loads(state_file.read_text()) if state_file.is_file() else {}
        out.mkdir(parents=True, exist_ok=True)
        copies = []
        for name, remote in found.items():
            target = out / name
            info = store.info(remote)
            version = _version(info)
            same = target.is_file() and version is not None and state.get(name) == version
            if not same:
                _copy(store, remote, target)
                state[name] = version
                write_json(state, state_file)
            copies.append(CopiedFile(target, target.stat().st_size, not same))
        return copies


def file_system(url: str) -> tuple[Any, str]:
    """The store of an address (fsspec's file system), and the path in it.

    Raises:
        ConfigError: the package of the store is missing, or the address is none.
    """
    scheme = url.partition("://")[0].lower()
    try:
        import fsspec

        store, root = fsspec.url_to_fs(url)
    except ImportError as error:
        packages = f"'goeswith[stores]' {SCHEMES[scheme]}".rstrip()
        raise ConfigError(f"{scheme}:// needs: pip install {packages}") from error
    except ValueError as error:
        raise ConfigError(f"{public_address(url)} is not a valid address: {error}") from None
    return store, root


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """What a store says against a call, as an error that names the address.

    Raises:
        ConfigError: the store refuses.
        DataError: there is nothing at the address.
    """
    try:
        yield
    except GoesWithError:
        raise
    except FileNotFoundError as error:
        cause = error.__cause__
        if isinstance(cause, OSError):  # the host, without path and signature
            text = _without_secrets(" ".join(str(cause).split()), url)
            raise ConfigError(f"{public_address(url)} cannot be used: {text}") from error
        raise DataError(f"there is nothing at {public_address(url)}") from error
    except Exception as error:  # each store has errors of its own
        text = _without_secrets(" ".join(str(error).split()), url)
        raise ConfigError(f"{public_address(url)} cannot be used: {text}") from None


def _table_files(store: Any, root: str, url: str) -> dict[str, str]:
    """Name under the folder -> path in the store, of the files that may be tables."""
    if any(character in root for character in "*?["):
        paths = [path for path in store.glob(root) if store.isfile(path)]
        base = root[: min(root.index(c) for c in "*?[" if c in root)].rpartition("/")[0]
    elif not url.endswith("/") and store.isfile(root):
        paths, base = [root], root.rpartition("/")[0]
    else:
        paths, base = store.find(root), root.rstrip("/")
    found: dict[str, str] = {}
    for path in sorted(paths):
        name = path[len(base) :].lstrip("/") if path.startswith(base) else PurePosixPath(path).name
        parts = PurePosixPath(name).parts
        hidden = any(part.startswith((".", "_")) for part in parts)
        if hidden or table_format(Path(name)) is None:
            continue
        if "\\" in name or ":" in name:
            raise DataError(
                f"{public_address(url)} holds the name {name!r}, which is not a path in a folder"
            )
        found[name] = path
    if not found:
        if not paths:  # a store that finds nothing does not say why
            _ = store.ls(root) if url.endswith("/") else store.info(root)
        raise DataError(
            f"{public_address(url)} has no table; supported formats are .parquet, .csv, .tsv, "
            ".jsonl, .ndjson and .xlsx, also compressed. A folder needs a / at its end"
        )
    return found


def _copy(store: Any, remote: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        atomic_path(target) as temporary,
        store.open(remote, "rb") as source,
        temporary.open("wb") as copy,
    ):
        while block := source.read(_BLOCK_BYTES):
            copy.write(block)


def _version(info: Mapping[str, Any]) -> str | None:
    """What changes with the content of a file, or None where the store does not say."""
    keys = [key for key in _VERSION_KEYS if info.get(key) is not None]
    return f"{info[keys[0]]} ({info.get('size')} bytes)" if keys else None


def public_address(url: str) -> str:
    """An address without a password or a signature."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _without_secrets(text: str, url: str) -> str:
    """The message of a store without the password and the signature of an address."""
    password = urlsplit(url).password
    if password:
        text = text.replace(password, "***")
    return re.sub(r"\?[^\s'\"]+", "?***", text)
