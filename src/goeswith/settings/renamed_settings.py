"""Former names of settings, read for one more version with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

from goeswith.core.errors import ConfigError

RENAMED: Final[dict[str, dict[str, str]]] = {
    "fit": {"keep_rare": "keep_below_support"},
    "relevance": {
        "first": "judged_top_k",
        "most_substitute": "max_substitute",
        "most_irrelevant": "max_irrelevant",
    },
    "serve": {"remember": "cache_mb", "patience": "shutdown_timeout"},
}
"""Section -> former name -> name."""


def rename_settings(content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Settings with every former name replaced by the current one.

    Args:
        content: section -> table, as read.
        source: start of the warning, such as the name of the file.

    Raises:
        ConfigError: a table holds a former name and the current one.
    """
    renamed = dict(content)
    for section, names in RENAMED.items():
        table = content.get(section)
        if not isinstance(table, Mapping):
            continue
        renamed[section] = table = dict(table)
        for old, new in names.items():
            if old not in table:
                continue
            if new in table:
                raise ConfigError(
                    f"{source}{section}.{old} is the former name of {section}.{new}, and both are "
                    f"set; remove {section}.{old}"
                )
            warn_renamed(f"{source}the setting {section}.{old}", f"{section}.{new}")
            table[new] = table.pop(old)
    return renamed


def warn_renamed(old: str, new: str) -> None:
    """Warn that a former name was read, which the next version refuses."""
    warnings.warn(
        f"{old} is now called {new}; the next version refuses the old name",
        FutureWarning,
        stacklevel=3,
    )
