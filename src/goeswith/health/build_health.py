"""The health of a build, computed once when it is made and stored in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from goeswith.core.atomic_files import write_json
from goeswith.core.errors import BundleError
from goeswith.health.build_arrays import BuildArrays
from goeswith.health.build_changes import build_changes
from goeswith.health.health_report import BuildHealth, LogVolume
from goeswith.health.list_health import ListHealth
from goeswith.store.build_files import check_regular
from goeswith.store.manifest import HEALTH, MANIFEST, read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from goeswith.health.health_report import BuildChanges

_MAX_BYTES: Final = 10_000_000


def measure_build(
    build: Path, models: Sequence[str], log: LogVolume | None, last: Path | None = None
) -> BuildHealth:
    """The health of a build that was written.

    Args:
        build: folder of the build, with all files that queries read.
        models: specs, in order.
        log: volume of the log.
        last: the bundle whose build is compared; None for no comparison.
    """
    arrays = BuildArrays(build, models)
    lists = ListHealth(arrays)
    changes, not_compared = (None, None) if last is None else _changes(arrays, last)
    return BuildHealth(
        coverage=lists.coverage(),
        top_five=lists.top_five(),
        hubs=lists.hubs(),
        weak_products=lists.weak_products(),
        issues=lists.issues(),
        changes=changes,
        not_compared=not_compared,
        log=log,
    )


def write_health(health: BuildHealth, build: Path) -> None:
    """Store the health of a build in it."""
    write_json(health.model_dump(mode="json"), build / HEALTH)


def stored_health(folder: Path, files: dict[str, Any]) -> BuildHealth | None:
    """The health that a build holds; None for a build of an earlier version.

    Raises:
        BundleError: it cannot be read.
    """
    if HEALTH not in files:
        return None
    path = folder / HEALTH
    try:
        check_regular(path, _MAX_BYTES)
        return BuildHealth.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BundleError(
            f"{path} is damaged: {str(error).splitlines()[0]}; fit the bundle again"
        ) from error


def _changes(new: BuildArrays, last: Path) -> tuple[BuildChanges | None, str | None]:
    """Changes since the last build, or why it cannot be compared; neither if there is none.

    A damaged build does not keep a new one from being made.
    """
    if not (last / MANIFEST).exists():
        return None, None
    try:
        manifest = read_manifest(last)
        content = manifest.content
        arrays = BuildArrays(manifest.folder, content["models"])
        stored = stored_health(manifest.folder, manifest.files)
        identity = {"id": str(content["id"]), "created": str(content["created"])}
        lists = None if stored is None else (stored.coverage, stored.top_five)
        return build_changes(new, arrays, identity, lists), None
    except BundleError as error:
        return None, str(error)
    except (OSError, KeyError, ValueError, IndexError) as error:
        return None, f"{last} is damaged: {type(error).__name__}: {error}"
