"""Atomic publishing of bundles: readers see the old build or the new one, never a part."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.atomic_files import sync_path, write_json, write_text
from goeswith.core.errors import BundleError
from goeswith.core.signatures import read_key, sign
from goeswith.core.storage_errors import explain_storage_errors
from goeswith.store.build_files import check_regular
from goeswith.store.build_lease import is_leased
from goeswith.store.manifest import (
    BUILD_NAME,
    FORMAT,
    FORMAT_VERSION,
    LIVE_FOLDER,
    MANIFEST,
    SIGNATURE,
    file_sha256,
    manifest_sha256,
    signed_message,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNING_KEY: Final = "GOESWITH_SIGNING_KEY"
"""Environment variable with the path of the key that signs bundles."""

_LOCK: Final = ".lock"
UNPUBLISHED: Final = ("format", "needs", "id", "build", "created", "files", "sha256")
"""Fields of a manifest that `publish` adds."""


@contextmanager
def new_build(path: Path) -> Iterator[Path]:
    """An empty build folder inside the bundle at `path`, for `publish` to make the bundle's.

    What killed runs left is removed first, and what the bundle no longer names at the end.

    Raises:
        BundleError: `path` holds something that is not a bundle, or another run is writing it.
        StorageError: the disk is full, or the folder cannot be written to.
        ConfigError: the signing key cannot be used.
    """
    _signing_key()  # a key that cannot be used is an error before a long fit
    kept = "the bundle there is unchanged" if (path / MANIFEST).exists() else ""
    with explain_storage_errors(path, kept), _new_build(path) as build:
        yield build


@contextmanager
def _new_build(path: Path) -> Iterator[Path]:
    if path.exists() and not path.is_dir():
        raise BundleError(f"{path} is a file; name a folder for the bundle")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except NotADirectoryError as error:
        raise BundleError(f"{path} cannot be made: {error}; name another folder") from error
    foreign = sorted(entry.name for entry in path.iterdir() if not _is_ours(entry.name))
    if foreign:
        raise BundleError(
            f"{path} holds other files ({', '.join(foreign[:3])}): name an empty folder or an "
            "earlier bundle"
        )
    with _writer_lock(path):
        _remove_leftovers(path)
        stamp = datetime.now(UTC).strftime("%Y%m%dt%H%M%Sz")
        build = path / f"build-{stamp}-{secrets.token_hex(4)}"
        try:
            build.mkdir()
            yield build
        finally:
            _remove_leftovers(path, own_build=build)


def publish(build: Path, content: dict[str, Any]) -> None:
    """Make `build` what its bundle answers from: flush its files, then replace the manifest.

    The build is signed if the environment has a signing key.

    Args:
        build: a folder of `new_build`, filled.
        content: the manifest's fields except `format`, `needs`, `id`, `build`, `created`, `files`
            and `sha256`, which are added here.
    """
    files = {}
    for file in sorted(build.rglob("*")):
        if file.is_file():
            sync_path(file)
            name = file.relative_to(build).as_posix()
            files[name] = {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    for folder in (build, *(entry for entry in build.rglob("*") if entry.is_dir())):
        sync_path(folder)
    manifest = {
        "format": FORMAT,
        "needs": FORMAT_VERSION,
        "id": build.name.removeprefix("build-"),
        "build": build.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **content,
        "files": files,
    }
    # as it will be read back: keys of any type are strings in JSON
    manifest = json.loads(json.dumps(manifest))
    key = _signing_key()
    if key is not None:
        write_text(sign(signed_message(manifest), key) + "\n", build / SIGNATURE)
        sync_path(build)
    write_json({**manifest, "sha256": manifest_sha256(manifest)}, build.parent / MANIFEST)
    sync_path(build.parent)


def _signing_key() -> Ed25519PrivateKey | None:
    """The key that signs what is published here, if there is one.

    Raises:
        ConfigError: the file holds none.
    """
    file = os.environ.get(SIGNING_KEY)
    return read_key(Path(file)) if file else None


def _is_ours(name: str) -> bool:
    part = name.startswith(f".{MANIFEST}.") and name.endswith(".part")
    return name in {MANIFEST, _LOCK, LIVE_FOLDER} or part or BUILD_NAME.fullmatch(name) is not None


def replaced_builds(path: Path) -> list[str]:
    """Builds that the bundle no longer answers from and that are on disk, as a process reads them.

    The next run that writes the bundle removes those that no process reads any more.
    """
    current = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["build"]
    builds = {entry.name for entry in path.iterdir() if BUILD_NAME.fullmatch(entry.name)}
    return sorted(builds - {current})


def _remove_leftovers(path: Path, own_build: Path | None = None) -> None:
    """Remove builds that are neither current nor leased, and temporary manifests.

    If the manifest cannot be read, leftovers cannot be identified: only `own_build`, the build of
    this run, is removed.
    """
    try:
        current = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["build"]
    except FileNotFoundError:
        current = None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        if own_build is not None:
            shutil.rmtree(own_build, ignore_errors=True)
        return
    for entry in path.iterdir():
        if entry.name in {current, MANIFEST, _LOCK, LIVE_FOLDER} or not _is_ours(entry.name):
            continue
        if entry.is_dir():
            if is_leased(entry):
                continue
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


@contextmanager
def _writer_lock(path: Path) -> Iterator[None]:
    """Hold the writer's lock of a bundle; the system releases it when the process ends."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with suppress(FileNotFoundError):
        check_regular(path / _LOCK)  # a link would have another file emptied
    with (path / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BundleError(
                f"another run is writing {path}: wait for it to end, or name another folder"
            ) from error
        yield
