"""The attributes of one product in a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from goeswith.core.errors import DataError

_MAX_BYTES: Final = 1_000_000


def read_attributes(file: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        DataError: there is no such file, it is larger than a megabyte, or holds something else.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise DataError(f"{file} has more than {_MAX_BYTES:,} bytes: it is not one product")
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(
            f'{file} is not a JSON object; write one product as {{"title": "...", "type": "..."}}'
        )
    return content
