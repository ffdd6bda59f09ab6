"""What a bundle looks like on disk, and why a folder is refused as one.

    BUNDLE/
      manifest.json         what it is; names the build that answers, and every file of it
      build-<id>/
        lookup.safetensors    ids, titles and types of the products, ids in sorted order
        answers.safetensors   products (n, k) int32, scores (n, k) float32, origin (n, k) int8
        evidence.safetensors  counts and contexts of the relations, sorted for look-up
        search.safetensors    words of titles and ids, and the products that hold them
        products.arrow        the catalogue with every attribute, read by memory map
        similars.safetensors  attributes as vectors, by product and by token
        reverse.safetensors   for every product, the products that it is an answer to
        explanations.safetensors  sentences of the first answers, where `goeswith explain` ran
        relations/            the relation graph
        rare/                 pairs with less support than an edge, where they are kept
        model/                the model that answers first
        fallbacks/            the models that fill the places it leaves empty
        session/              the model of the next product, and what came after what

A reader opens the manifest and then the one build that it names. A writer fills a new build and
replaces the manifest, one file, by rename: at every instant the bundle is the whole old one or the
whole new one, on every file system that can rename a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from goeswith.core.errors import BundleError

FORMAT: Final = 1
"""Raised when a reader of the earlier format would misread the folder."""
FORMAT_SINCE: Final = "0.1.0"
"""The first goeswith that reads `FORMAT`; the manifest tells it to older ones."""
MANIFEST: Final = "manifest.json"
BUILD_NAME: Final = re.compile(r"build-[0-9a-z]+-[0-9a-f]+")

LOOKUP: Final = "lookup.safetensors"
ANSWERS: Final = "answers.safetensors"
EVIDENCE: Final = "evidence.safetensors"
SEARCH: Final = "search.safetensors"
PRODUCTS: Final = "products.arrow"
SIMILARS: Final = "similars.safetensors"
EXPLANATIONS: Final = "explanations.safetensors"
REVERSE: Final = "reverse.safetensors"
RELATIONS: Final = "relations"
RARE: Final = "rare"
SESSION: Final = "session"
FOLLOWED: Final = "session/followed.safetensors"

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

    def check_sizes(self) -> None:
        """Refuse a build with a file missing or cut short.

        Raises:
            FileNotFoundError: a file is missing; the caller knows whether a newer build took over.
            BundleError: a file has another size than the manifest says.
        """
        for name, listed in self.files.items():
            size = (self.folder / name).stat().st_size
            if size != listed["bytes"]:
                raise BundleError(
                    f"{self.folder / name} has {size:,} bytes, the manifest says "
                    f"{listed['bytes']:,}: it was cut short or changed; {_REFIT}"
                )

    def check_sums(self) -> None:
        """Read every file and refuse a build that was changed since it was written.

        Raises:
            BundleError: a file's SHA-256 is not the manifest's.
        """
        with ThreadPoolExecutor(_READERS) as pool:  # hashing lets other threads run
            sums = list(pool.map(file_sha256, self.paths()))
        for (name, listed), found in zip(self.files.items(), sums, strict=True):
            if found != listed["sha256"]:
                raise BundleError(
                    f"{self.folder / name} is damaged: its SHA-256 is not the manifest's; {_REFIT}"
                )


_READERS: Final = 4
"""Files that are checked at a time."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_sha256(content: dict[str, Any]) -> str:
    """SHA-256 of a manifest without its own field `sha256`."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_manifest(path: Path) -> Manifest:
    """The manifest of the bundle at `path`.

    Raises:
        BundleError: there is none, it cannot be read, is of a newer format, was edited, or names
            files outside its folder.
    """
    content = _parse(path)
    _check_format(path, content)
    if content.get("sha256") != manifest_sha256(content):
        raise BundleError(
            f"{path / MANIFEST} was edited or damaged: it does not match its own SHA-256; {_REFIT}"
        )
    wrong = [key for key, kind in _FIELDS.items() if not isinstance(content.get(key), kind)]
    if wrong:
        raise BundleError(f"{path / MANIFEST} lacks a usable {', '.join(wrong)}; {_REFIT}")
    if not BUILD_NAME.fullmatch(content["build"]):
        raise BundleError(
            f"{path / MANIFEST} names the build {content['build']!r}, which is not a build's name; "
            "the bundle is not trusted"
        )
    manifest = Manifest(path / content["build"], content)
    for name, listed in manifest.files.items():
        _check_file_entry(path, manifest.folder, name, listed)
    return manifest


def _parse(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
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
        raise BundleError(f"{file} is not a manifest: it holds no JSON object; {_REFIT}")
    return content


def _check_format(path: Path, content: dict[str, Any]) -> None:
    found = content.get("format")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise BundleError(f"{path / MANIFEST} names no bundle format; {_REFIT}")
    if found > FORMAT:
        from goeswith import __version__

        raise BundleError(
            f"{path} has bundle format {found}; goeswith {__version__} reads up to {FORMAT}: "
            f"install goeswith {content.get('needs', 'newer')} or later, or fit the bundle again"
        )


def _check_file_entry(path: Path, folder: Path, name: str, listed: Any) -> None:
    parts = PurePosixPath(name).parts
    odd = not parts or ".." in parts or name.startswith("/") or "\\" in name or ":" in name
    if odd or "\0" in name or not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise BundleError(
            f"{path / MANIFEST} names the file {name!r}, outside its folder; the bundle is not "
            "trusted"
        )
    if not (
        isinstance(listed, dict)
        and isinstance(listed.get("bytes"), int)
        and isinstance(listed.get("sha256"), str)
    ):
        raise BundleError(f"{path / MANIFEST} lacks size or SHA-256 of {name!r}; {_REFIT}")
