"""What a bundle looks like on disk, and why a folder is refused as one.

    BUNDLE/
      manifest.json         identity of the bundle, the current build and all its files
      live/                 live facts and rules, which stay when a build is replaced
      build-<id>/
        lookup.safetensors    ids, titles and types of the products, ids in sorted order
        answers.safetensors   products (n, k) int32, scores (n, k) float32, model_index int8
        evidence.safetensors  counts and contexts of the relations, sorted for look-up
        search.safetensors    words of titles and ids, and the products with each word
        products.arrow        the catalogue with every attribute, read by memory map
        similars.safetensors  attributes as vectors, by product and by token
        kinds.safetensors     product kinds, links and alternatives, if the kinds are used
        reverse.safetensors   for every product, the products that it is recommended for
        counted.safetensors   hashes and times of the counted baskets, sessions and users
        availability.safetensors  which products are sold out or hidden, if the catalogue has that
        trial_repeat.safetensors  how often products are tried and bought again, of a log with users
        .signature            signature of the manifest, if there is a signing key
        health.json           what the recommendations lack, and what changed (`goeswith health`)
          explanations.safetensors  sentences for the first recommendations (`goeswith explain`)
          relations/            the relation graph
          below_support/        pairs below the minimum support, if they are stored
          model/                the first model
          fallbacks/            the fallback models
          event_ids.safetensors hashes of the counted events that have an id, after an update
          session/              the next-product model, and counts of transitions
          shoppers/             histories by hashed id, the next-basket model and the trees of
                                complements for one shopper, if they are stored

A reader opens the manifest and then the current build. A writer fills a new build and replaces the
manifest by a rename: at every instant the bundle is the complete old one or the complete new one,
on every file system with atomic renames.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from goeswith.core.errors import BundleError
from goeswith.core.signatures import is_signed
from goeswith.store.build_files import check_files, check_regular
from goeswith.store.manifest_fields import find_fault

FORMAT: Final = 1
"""Raised when a reader of the earlier format would misread the folder."""
FORMAT_VERSION: Final = "0.1.0"
"""The first goeswith that reads `FORMAT`; the manifest shows it to older versions."""
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = ".signature"
"""File of a signed build; hidden, as the manifest that it signs cannot list it."""
_MAX_SIGNATURE_BYTES: Final = 1000
LIVE_FOLDER: Final = "live"
"""What changes between two builds: live facts and rules."""
_MAX_BYTES: Final = 100_000_000
"""Bytes of a manifest."""
BUILD_NAME: Final = re.compile(r"build-[0-9a-z]+-[0-9a-f]+")

LOOKUP: Final = "lookup.safetensors"
TOP_K: Final = "answers.safetensors"
EVIDENCE: Final = "evidence.safetensors"
SEARCH: Final = "search.safetensors"
PRODUCTS: Final = "products.arrow"
KINDS: Final = "kinds.safetensors"
SIMILARS: Final = "similars.safetensors"
EXPLANATIONS: Final = "explanations.safetensors"
REVERSE: Final = "reverse.safetensors"
COUNTED: Final = "counted.safetensors"
AVAILABILITY: Final = "availability.safetensors"
EVENT_IDS: Final = "event_ids.safetensors"
HEALTH: Final = "health.json"
RELATIONS: Final = "relations"
BELOW_SUPPORT: Final = "below_support"
FORMER_BELOW_SUPPORT: Final = "rare"
"""Name of the folder in bundles of earlier versions; read for one more version."""
SESSION: Final = "session"
TRANSITIONS: Final = "session/followed.safetensors"
SHOPPERS: Final = "shoppers/histories.safetensors"
SHOPPER_MODEL: Final = "shoppers/model"
PERSONAL: Final = "shoppers/personal.safetensors"
TRIAL_REPEAT: Final = "trial_repeat.safetensors"

_FIELDS: Final = {
    "id": str,
    "goeswith": str,
    "created": str,
    "build": str,
    "k": int,
    "models": list,
    "libraries": dict,
    "settings": dict,
    "data": dict,
    "relations": dict,
    "health": dict,
    "files": dict,
}
_REFIT: Final = "fit the bundle again, or restore it from a copy"


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read and holds together.

    Attributes:
        folder: the build that it names.
        content: the manifest as JSON.
    """

    folder: Path
    content: dict[str, Any]

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """File (POSIX path inside the build) -> `bytes` and `sha256`."""
        files: dict[str, dict[str, Any]] = self.content["files"]
        return files

    def paths(self) -> list[Path]:
        """Every file of the build."""
        return [self.folder / name for name in self.files]

    def check_signature(self, public_keys: Collection[str]) -> None:
        """Refuse a build without the signature of one of the keys.

        Raises:
            FileNotFoundError: the build is missing.
            BundleError: it is not signed, or by another key.
            ConfigError: a key cannot be used.
        """
        file = self.folder / SIGNATURE
        remedy = (
            "fit it again where GOESWITH_SIGNING_KEY is a trusted key, or add the public key of "
            "its signer to serve.trusted_keys"
        )
        try:
            check_regular(file, _MAX_SIGNATURE_BYTES)
            signature = file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError as error:
            self.folder.lstat()
            raise BundleError(f"{self.folder} is not signed: {remedy}") from error
        if not is_signed(signed_message(self.content), signature, public_keys):
            raise BundleError(
                f"{self.folder} is not signed by a trusted key, or was changed since: {remedy}"
            )

    def check_sizes(self) -> None:
        """Refuse a build with a file missing, cut short or not listed, or one that is no file.

        Raises:
            FileNotFoundError: a file is missing; the caller checks whether a newer build exists.
            BundleError: the size of a file differs from the manifest, or see `check_files`.
        """
        check_files(self.folder, self.files)
        for name, entry in self.files.items():
            size = (self.folder / name).lstat().st_size
            if size != entry["bytes"]:
                raise BundleError(
                    f"{self.folder / name} has {size:,} bytes, but the manifest lists "
                    f"{entry['bytes']:,}: it is truncated or was changed; {_REFIT}"
                )

    def verify_checksums(self, checksum: Callable[[Path], str] | None = None) -> None:
        """Read every file and refuse a build that was changed since it was written.

        Args:
            checksum: the SHA-256 of a file; None for `file_sha256`.

        Raises:
            BundleError: a file's SHA-256 is not the manifest's.
        """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_CHECKSUM_THREADS) as pool:  # hashing lets other threads run
            checksums = list(pool.map(checksum or file_sha256, self.paths()))
        for (name, entry), found in zip(self.files.items(), checksums, strict=True):
            if found != entry["sha256"]:
                raise BundleError(
                    f"{self.folder / name} is damaged: its SHA-256 is not the manifest's; {_REFIT}"
                )


_CHECKSUM_THREADS: Final = 4
"""Files that are checked at a time."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_sha256(content: dict[str, Any]) -> str:
    """SHA-256 of a manifest without its own field `sha256`."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def signed_message(content: dict[str, Any]) -> bytes:
    """What the signature of a manifest signs: its SHA-256, and thereby that of every file."""
    return f"goeswith bundle {manifest_sha256(content)}".encode()


def read_manifest(path: Path) -> Manifest:
    """The manifest of the bundle at `path`.

    Raises:
        BundleError: it is missing, cannot be read, has a newer format, was edited, or lists files
            outside its folder.
    """
    content = _parse(path)
    _check_format(path, content)
    if content.get("sha256") != manifest_sha256(content):
        raise BundleError(
            f"{path / MANIFEST} was edited or damaged: it does not match its own SHA-256; {_REFIT}"
        )
    missing = [key for key, kind in _FIELDS.items() if not isinstance(content.get(key), kind)]
    if missing:
        raise BundleError(f"{path / MANIFEST} lacks a usable {', '.join(missing)}; {_REFIT}")
    if not BUILD_NAME.fullmatch(content["build"]):
        raise BundleError(
            f"{path / MANIFEST} refers to the build {content['build']!r}, which is not a valid "
            "build name; the bundle is not trusted"
        )
    fault = find_fault(content)
    if fault is not None:
        raise BundleError(f"{path / MANIFEST} has an impossible {fault}; {_REFIT}")
    manifest = Manifest(path / content["build"], content)
    for name, entry in manifest.files.items():
        _check_file_entry(path, manifest.folder, name, entry)
    return manifest


def below_support_folder(build: Path) -> Path | None:
    """The folder of pairs below the minimum support; None if they are not stored.

    The former folder name is read for one more version, with a warning.
    """
    former = build / FORMER_BELOW_SUPPORT
    if former.is_dir():
        warnings.warn(
            f"{former} is now called {BELOW_SUPPORT}; the next version does not read the old name: "
            "fit or update the bundle",
            FutureWarning,
            stacklevel=2,
        )
        return former
    folder = build / BELOW_SUPPORT
    return folder if folder.is_dir() else None


def _parse(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        check_regular(file, _MAX_BYTES)
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if not path.exists():
            raise BundleError(
                f"{path}: there is no such folder; `goeswith fit` makes one"
            ) from error
        raise BundleError(
            f"{path} is not a bundle: it has no {MANIFEST}; `goeswith fit DATA --out {path}` makes "
            "one (a first fit that was interrupted leaves none)"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{file} cannot be read as JSON: {error}; {_REFIT}") from error
    if not isinstance(content, dict):
        raise BundleError(f"{file} is not a manifest: it is not a JSON object; {_REFIT}")
    return content


def _check_format(path: Path, content: dict[str, Any]) -> None:
    version = content.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BundleError(f"{path / MANIFEST} has no bundle format; {_REFIT}")
    if version > FORMAT:
        from goeswith.core.version import __version__

        raise BundleError(
            f"{path} has bundle format {version}; goeswith {__version__} reads up to {FORMAT}: "
            f"install goeswith {content.get('needs', 'newer')} or later, or fit the bundle again"
        )


def _check_file_entry(path: Path, folder: Path, name: str, entry: Any) -> None:
    parts = PurePosixPath(name).parts
    unsafe = not parts or ".." in parts or name.startswith("/") or "\\" in name or ":" in name
    # each name as `check_files` finds it
    if unsafe or "\0" in name or name != "/".join(parts) or len(name) > 1000:
        raise BundleError(
            f"{path / MANIFEST} lists the file {name!r}, outside its folder; the bundle is not "
            "trusted"
        )
    if not (
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and entry["bytes"] >= 0
        and isinstance(entry.get("sha256"), str)
    ):
        raise BundleError(f"{path / MANIFEST} lacks size or SHA-256 of {name!r}; {_REFIT}")
