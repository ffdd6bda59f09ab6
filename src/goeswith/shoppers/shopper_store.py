"""Purchase histories in a bundle: found by the keyed hash of a shopper's id.

Ids are never stored. The key of the hash is that of the environment variable GOESWITH_USER_KEY,
which then has to be set wherever the bundle is used; without it, a random key is stored in the
bundle, and who has the bundle can test whether a given id is in it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import BundleError, ConfigError
from goeswith.shoppers.histories import Histories

KEY_VARIABLE: Final = "GOESWITH_USER_KEY"
_MIN_KEY: Final = 16
"""Characters of a key, at least."""
_HASH_BYTES: Final = 16
_CHECK: Final = "\0key check"
"""Hashed beside the ids, so that another key is noticed."""


@dataclass(frozen=True)
class ShopperStore:
    """The histories of shoppers, by the hash of their ids.

    Attributes:
        histories: in the order of
        hashes: (u,) 16 bytes each, ascending.
        key: of the hash.
        key_is_stored: whether the bundle holds the key.
    """

    histories: Histories
    hashes: npt.NDArray[np.void]
    key: bytes
    key_is_stored: bool

    @classmethod
    def from_ids(cls, histories: Histories, ids: list[str]) -> Self:
        """Hash the ids of the shoppers of `histories`.

        Raises:
            ConfigError: the key of the environment is too short.
        """
        given = _environment_key()
        key = given or secrets.token_bytes(32)
        hashes = np.array([user_hash(key, user) for user in ids], dtype=f"V{_HASH_BYTES}")
        order = np.array(sorted(range(len(ids)), key=lambda i: hashes[i].tobytes()), dtype=np.int64)
        return cls(histories.take(order), hashes[order], key, given is None)

    def find(self, user_id: str) -> int | None:
        """The row of a shopper in `histories`; None if she is unknown."""
        wanted = user_hash(self.key, user_id)
        low, high = 0, len(self.hashes)
        while low < high:
            middle = (low + high) // 2
            if self.hashes[middle].tobytes() < wanted:
                low = middle + 1
            else:
                high = middle
        found = low < len(self.hashes) and self.hashes[low].tobytes() == wanted
        return low if found else None

    def without(self, row: int) -> ShopperStore:
        """The store without a shopper."""
        others = np.delete(np.arange(len(self.hashes)), row)
        return ShopperStore(
            self.histories.take(others), self.hashes[others], self.key, self.key_is_stored
        )

    def save(self, path: Path) -> None:
        """Write the hashes and histories, and the key if it is not that of the environment."""
        histories, baskets = self.histories, self.histories.baskets
        arrays = {
            "hashes": np.frombuffer(self.hashes.tobytes(), dtype=np.uint8),
            "check": np.frombuffer(user_hash(self.key, _CHECK), dtype=np.uint8),
            "key": np.frombuffer(self.key if self.key_is_stored else b"", dtype=np.uint8),
            "starts": histories.starts,
            "basket_starts": baskets.indptr.astype(np.int64),
            "products": baskets.indices.astype(np.int32),
            "n": np.array(histories.n, dtype=np.int64),
        }
        if histories.seconds is not None:
            arrays["seconds"] = histories.seconds
        save_arrays(arrays, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BundleError: it is damaged.
            ConfigError: it needs the key of the environment, and that is missing or another one.
        """
        arrays = load_arrays(path)
        try:
            stored = arrays["key"].tobytes()
            key = stored or _environment_key()
            check, raw = arrays["check"].tobytes(), arrays["hashes"].tobytes()
            hashes = np.frombuffer(raw, dtype=f"V{_HASH_BYTES}")
            histories = _histories(arrays)
        except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
            # a part is missing, has another shape or type, or is a matrix
            raise BundleError(f"{path} is damaged: {error}; fit the bundle again") from error
        if len(histories) != len(hashes):
            raise BundleError(f"{path} is damaged: its parts differ in length; fit again")
        if key is None:
            raise ConfigError(
                f"{path}: the ids of shoppers were hashed with the key of {KEY_VARIABLE}; set it "
                "to the value that it had at the fit"
            )
        if user_hash(key, _CHECK) != check:
            raise ConfigError(
                f"{path}: {KEY_VARIABLE} is not the key that the ids of shoppers were hashed with; "
                "set it to the value that it had at the fit"
            )
        return cls(histories, hashes, key, bool(stored))


def user_hash(key: bytes, user_id: str) -> bytes:
    """16 bytes: the keyed BLAKE2b hash of an id."""
    secret = hashlib.blake2b(key).digest()
    return hashlib.blake2b(user_id.encode(), key=secret, digest_size=_HASH_BYTES).digest()


def _environment_key() -> bytes | None:
    key = os.environ.get(KEY_VARIABLE, "")
    if key and len(key) < _MIN_KEY:
        raise ConfigError(
            f"{KEY_VARIABLE} has {len(key)} characters; a key needs {_MIN_KEY} or more"
        )
    return key.encode() or None


def _histories(arrays: dict[str, npt.NDArray[np.int64]]) -> Histories:
    starts, indptr, products = arrays["starts"], arrays["basket_starts"], arrays["products"]
    n = int(arrays["n"])
    for name in ("starts", "basket_starts", "products", "seconds"):
        if name in arrays and (arrays[name].ndim != 1 or arrays[name].dtype.kind != "i"):
            raise ValueError(f"{name} is no list of integers")
    for name, ends, last in (
        ("starts", starts, len(indptr) - 1),
        ("basket_starts", indptr, len(products)),
    ):
        if ends[0] != 0 or ends[-1] != last or (np.diff(ends) < 0).any():
            raise ValueError(f"{name} does not divide what it should")
    if len(products) and not 0 <= products.min() <= products.max() < n:
        raise ValueError(f"a product is not below {n}")
    ones = np.ones(len(products), dtype=np.float32)
    baskets = sparse.csr_matrix((ones, products, indptr), shape=(len(indptr) - 1, n))
    seconds = arrays.get("seconds")
    if seconds is None:
        return Histories(baskets, starts)
    if len(seconds) != baskets.shape[0]:
        raise ValueError("seconds differ in length from baskets")
    now = np.full(len(starts) - 1, seconds.max(initial=0), dtype=np.int64)
    return Histories(baskets, starts, seconds, now)
