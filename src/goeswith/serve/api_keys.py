"""API keys: random keys, and a file of their hashes.

A key is 32 random bytes, so that a plain SHA-256 hash is safe; the file has one line
`name:sha256hex` for each key, and `#` starts a comment.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

from goeswith.core.errors import ConfigError

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH_PATTERN: Final = re.compile(r"[0-9a-f]{64}")
_MAX_KEY_LENGTH: Final = 500
_CHECK_SECONDS: Final = 1.0
"""Seconds after which the file is looked at again."""
GRACE_SECONDS: Final = 30.0
"""Seconds for which the keys from before stay valid beside a file with a fault."""


def new_key(name: str) -> tuple[str, str]:
    """A key, and the line for the file.

    Raises:
        ConfigError: the name holds other characters than letters, digits, `.`, `_` and `-`.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise ConfigError(
            f"{name[:80]!r} is not a valid name for a key: use 1 to 64 of letters, digits, '.', "
            "'_' and '-'"
        )
    key = f"gw_{secrets.token_urlsafe(32)}"
    return key, f"{name}:{_hash_key(key.encode())}"


def read_keys(path: Path) -> dict[str, list[str]]:
    """Name -> hashes of its keys; several lines of one name let a key be replaced at leisure.

    Raises:
        ConfigError: a line cannot be read, or the file is missing or has no key.
    """
    keys, fault = _read_lines(path)
    if fault is not None:
        raise ConfigError(fault)
    return keys


def _read_lines(path: Path) -> tuple[dict[str, list[str]], str | None]:
    """The keys of all lines that can be read, and the first fault of the file."""
    keys: dict[str, list[str]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return keys, (
            f"serve.keys_file = {str(path)!r} cannot be read: {error}; `goeswith key NAME` prints "
            "a line for it"
        )
    fault = None
    for number, line in enumerate(lines, start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        name, _, digest = entry.partition(":")
        if NAME_PATTERN.fullmatch(name) and _HASH_PATTERN.fullmatch(digest):
            keys.setdefault(name, []).append(digest)
        else:
            fault = fault or (
                f"{path}, line {number}: not written as name:sha256hex, as `goeswith key NAME` "
                "prints it"
            )
    if not keys and fault is None:
        fault = f"{path} has no key; `goeswith key NAME` prints a line for it"
    return keys, fault


Outcome: TypeAlias = Literal["read", "faulty", "closed"]
"""What became of a changed file: it was read; it has a fault, and the keys from before stay valid
for `GRACE_SECONDS`; after these, only the lines that can be read are valid.
"""


class ApiKeys:
    """The keys of a file, read again when it changes.

    A file that is missing, holds no key or has a line that cannot be read may be one that is being
    written: the keys from before stay valid for `GRACE_SECONDS`. If the fault is still there then,
    only the lines that can be read are valid, which may be none.
    """

    def __init__(
        self, path: Path | str, on_change: Callable[[Outcome, str | None], None] | None = None
    ) -> None:
        """Args: path: of the file; on_change: called with each outcome and the fault.

        Raises:
            ConfigError: as `read_keys`.
        """
        self._path, self._on_change = Path(path), on_change
        self._keys = self._pairs(read_keys(self._path))
        self._stamp = self._read_stamp()
        self._checked_at = time.monotonic()
        self._closes_at: float | None = None

    @staticmethod
    def _pairs(keys: dict[str, list[str]]) -> list[tuple[str, str]]:
        return [(name, digest) for name, digests in keys.items() for digest in digests]

    def _read_stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def find_name(self, presented: bytes) -> str | None:
        """The name of a key; None for an unknown one. The time does not depend on its position."""
        self.reload_if_changed()
        presented_digest = _hash_key(presented[:_MAX_KEY_LENGTH])
        owner = None
        for name, digest in self._keys:
            if hmac.compare_digest(presented_digest, digest):
                owner = name
        return owner

    def reload_if_changed(self) -> None:
        """Look at the file, at most once a second."""
        now = time.monotonic()
        if now - self._checked_at < _CHECK_SECONDS:
            return
        self._checked_at = now
        stamp = self._read_stamp()
        is_due = self._closes_at is not None and now >= self._closes_at
        if stamp == self._stamp and not is_due:
            return
        self._stamp = stamp
        keys, fault = _read_lines(self._path)
        if fault is None:
            self._keys, self._closes_at = self._pairs(keys), None
            self._report("read", None)
        elif is_due:
            self._keys, self._closes_at = self._pairs(keys), math.inf
            self._report("closed", fault)
        elif self._closes_at == math.inf:  # it was closed, and has changed to another fault
            self._keys = self._pairs(keys)
            self._report("closed", fault)
        else:
            self._closes_at = self._closes_at or now + GRACE_SECONDS
            self._report("faulty", fault)

    def _report(self, outcome: Outcome, fault: str | None) -> None:
        if self._on_change is not None:
            self._on_change(outcome, fault)


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
