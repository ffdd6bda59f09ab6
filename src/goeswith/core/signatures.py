"""Ed25519 signatures (RFC 8032). Needs the extra `sign`.

A private key is a PEM file (PKCS 8), a public key the base64 of its 32 bytes.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PUBLIC_BYTES: Final = 32
_INSTALL: Final = "signatures need the package cryptography: pip install 'goeswith[sign]'"


def write_new_key(file: Path) -> str:
    """Write a new private key to a new file that its owner alone may read; the public key.

    Raises:
        ConfigError: the file exists or cannot be written, or cryptography is not installed.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ModuleNotFoundError as error:
        raise ConfigError(_INSTALL) from error
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigError(f"{file} exists already; name a new file for the key") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error}; name another file") from error
    with os.fdopen(handle, "wb") as target:
        target.write(text)
    return _public_text(key)


def read_key(file: Path) -> Ed25519PrivateKey:
    """A private key.

    Raises:
        ConfigError: there is none in the file, or cryptography is not installed.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ModuleNotFoundError as error:
        raise ConfigError(_INSTALL) from error
    remedy = "`goeswith signing-key FILE` makes a key"
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise ConfigError(f"the signing key {file} cannot be read: {error}; {remedy}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{file} has no usable private key in PEM form; {remedy}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{file} holds a key that is not Ed25519; {remedy}")
    return key


def sign(message: bytes, key: Ed25519PrivateKey) -> str:
    """The signature of a message, in base64."""
    return base64.b64encode(key.sign(message)).decode("ascii")


def is_signed(message: bytes, signature: str, public_keys: Iterable[str]) -> bool:
    """Whether a message has the signature of one of the keys.

    Raises:
        ConfigError: a public key is none, or cryptography is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ModuleNotFoundError as error:
        raise ConfigError(_INSTALL) from error
    try:
        content = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    for text in public_keys:
        try:
            Ed25519PublicKey.from_public_bytes(decode_public_key(text)).verify(content, message)
        except InvalidSignature:
            continue
        return True
    return False


def decode_public_key(text: str) -> bytes:
    """The bytes of a public key.

    Raises:
        ConfigError: it is none.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != _PUBLIC_BYTES:
        raise ConfigError(
            f"{text[:80]!r} is not a public key: write the text that `goeswith signing-key` prints "
            "after 'public key:'"
        )
    return content


def _public_text(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")
