"""The file `names.toml` of common names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

NAMES: Final[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("names.toml").read_text(encoding="utf-8")
)
