"""Encoders of sentence-transformers, by folder or hub id."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from goeswith.core.errors import ConfigError


def load_encoder(model: str, what: str, extra: str) -> Any:
    """A `SentenceTransformer`.

    Args:
        model: folder or hub id.
        what: kind of encoder, for messages.
        extra: of this package, which installs what it needs.

    Raises:
        ConfigError: the extra is not installed, or the model cannot be loaded.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError(
            f"the {what} {model!r} needs sentence-transformers: pip install 'goeswith[{extra}]'"
        ) from error
    try:
        return SentenceTransformer(model)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{model!r} is neither a folder nor a hub id of a {what} that can be loaded: {error}"
        ) from error


def encoder_files(model: str) -> list[str]:
    """Name, size and time of every file of a model's folder; empty for a hub id."""
    folder = Path(model)
    return [
        f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in (sorted(folder.rglob("*")) if folder.is_dir() else ())
    ]


def encoder_cache(kind: str) -> Path:
    """The folder of the user's cache for vectors of a kind."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "goeswith" / kind
