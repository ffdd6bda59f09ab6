"""The figures of a benchmark, to be shown beside the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from goeswith.core.errors import ConfigError

_MAX_BYTES: Final = 20_000_000


def read_report(path: Path | str) -> dict[str, Any]:
    """What `goeswith benchmark -o FILE.json` wrote.

    Raises:
        ConfigError: there is no such file, it is too large, or it holds something else.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"serve.report = {str(path)!r} has more than {_MAX_BYTES:,} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"serve.report = {str(path)!r} cannot be read: {error.strerror}; `goeswith benchmark "
            "DATA -o FILE.json` writes one"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"serve.report = {str(path)!r} is not valid JSON: {error}") from error
    if not isinstance(content, dict) or not ({"results", "protocols"} & content.keys()):
        raise ConfigError(
            f"serve.report = {str(path)!r} has no benchmark results; `goeswith benchmark "
            "DATA -o FILE.json` writes them"
        )
    return content
