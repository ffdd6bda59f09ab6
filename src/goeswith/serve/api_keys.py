"""Who may ask: keys that only their bearers hold, and a file of their hashes.

A key is 32 random bytes, so that a plain SHA-256 of it tells nothing; the file has a line
`name:sha256hex` for each, and `#` before a comment.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from pathlib import Path
from typing import Final

from goeswith.core.errors import ConfigError

NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST: Final = 500
_LOOK_AFTER: Final = 1.0
"""Seconds after which the file is looked at again."""


def new_key(name: str) -> tuple[str, str]:
    """A key, and the line for the file.

    Raises:
        ConfigError: the name holds other characters than letters, digits, `.`, `_` and `-`.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name[:80]!r} is no name for a key: use 1 to 64 of letters, digits, '.', '_' and '-'"
        )
    key = f"gw_{secrets.token_urlsafe(32)}"
    return key, f"{name}:{_hashed(key.encode())}"


def read_keys(path: Path) -> dict[str, list[str]]:
    """Name -> hashes of its keys; several lines of one name let a key be replaced at leisure.

    Raises:
        ConfigError: names the line that cannot be read, or the file is missing or holds no key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"serve.keys_file = {str(path)!r} cannot be read: {error}; `goeswith key NAME` prints "
            "a line for it"
        ) from error
    keys: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        name, _, digest = said.partition(":")
        if not (NAME.fullmatch(name) and _HASH.fullmatch(digest)):
            raise ConfigError(
                f"{path}, line {number}: not written as name:sha256hex, as `goeswith key NAME` "
                "prints it"
            )
        keys.setdefault(name, []).append(digest)
    if not keys:
        raise ConfigError(f"{path} holds no key; `goeswith key NAME` prints a line for it")
    return keys


class Keys:
    """The keys of a file, read again when it changes; one that cannot be read changes nothing."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._keys = self._pairs(read_keys(self._path))
        self._stamp = self._stamped()
        self._looked = time.monotonic()

    @staticmethod
    def _pairs(keys: dict[str, list[str]]) -> list[tuple[str, str]]:
        return [(name, digest) for name, digests in keys.items() for digest in digests]

    def _stamped(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def name_of(self, presented: bytes) -> str | None:
        """Whose key this is; None for nobody's. Takes as long wherever it stands in the file."""
        self._look()
        given = _hashed(presented[:_LONGEST])
        found = None
        for name, digest in self._keys:
            if hmac.compare_digest(given, digest):
                found = name
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_AFTER:
            return
        self._looked = now
        stamp = self._stamped()
        if stamp is not None and stamp != self._stamp:
            try:
                self._keys = self._pairs(read_keys(self._path))
            except ConfigError:
                return
            self._stamp = stamp


def presented(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The key that a request brings: `Authorization: Bearer KEY` or `X-API-Key`; else nothing."""
    for name, value in headers:
        if name == b"x-api-key":
            return value.strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip()
    return b""


def _hashed(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
