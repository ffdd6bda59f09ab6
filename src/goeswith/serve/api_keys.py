"""API keys: random keys, and a file of their hashes.

A key is 32 random bytes, so that a plain SHA-256 hash is safe; the file has one line
`name:sha256hex` for each key, and `#` starts a comment.
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

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH_PATTERN: Final = re.compile(r"[0-9a-f]{64}")
_MAX_KEY_LENGTH: Final = 500
_CHECK_SECONDS: Final = 1.0
"""Seconds after which the file is looked at again."""


def new_key(name: str) -> tuple[str, str]:
    """A key, and the line for the file.

    Raises:
        ConfigError: the name holds other characters than letters, digits, `.`, `_` and `-`.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise ConfigError(
            f"{name[:80]!r} is no name for a key: use 1 to 64 of letters, digits, '.', '_' and '-'"
        )
    key = f"gw_{secrets.token_urlsafe(32)}"
    return key, f"{name}:{_hash_key(key.encode())}"


def read_keys(path: Path) -> dict[str, list[str]]:
    """Name -> hashes of its keys; several lines of one name let a key be replaced at leisure.

    Raises:
        ConfigError: a line cannot be read, or the file is missing or has no key.
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
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        name, _, digest = entry.partition(":")
        if not (NAME_PATTERN.fullmatch(name) and _HASH_PATTERN.fullmatch(digest)):
            raise ConfigError(
                f"{path}, line {number}: not written as name:sha256hex, as `goeswith key NAME` "
                "prints it"
            )
        keys.setdefault(name, []).append(digest)
    if not keys:
        raise ConfigError(f"{path} holds no key; `goeswith key NAME` prints a line for it")
    return keys


class ApiKeys:
    """The keys of a file, read again when it changes; one that cannot be read changes nothing."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._keys = self._pairs(read_keys(self._path))
        self._stamp = self._read_stamp()
        self._checked_at = time.monotonic()

    @staticmethod
    def _pairs(keys: dict[str, list[str]]) -> list[tuple[str, str]]:
        return [(name, digest) for name, digests in keys.items() for digest in digests]

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def find_name(self, presented: bytes) -> str | None:
        """The name of a key; None for an unknown one. The time does not depend on its position."""
        self._reload_if_changed()
        presented_digest = _hash_key(presented[:_MAX_KEY_LENGTH])
        owner = None
        for name, digest in self._keys:
            if hmac.compare_digest(presented_digest, digest):
                owner = name
        return owner

    def _reload_if_changed(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < _CHECK_SECONDS:
            return
        self._checked_at = now
        stamp = self._read_stamp()
        if stamp is not None and stamp != self._stamp:
            try:
                self._keys = self._pairs(read_keys(self._path))
            except ConfigError:
                return
            self._stamp = stamp


def key_from_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The key that a request brings: `Authorization: Bearer KEY` or `X-API-Key`; else nothing."""
    for name, value in headers:
        if name == b"x-api-key":
            return value.strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip()
    return b""


def _hash_key(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
