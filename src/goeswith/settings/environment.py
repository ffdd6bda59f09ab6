"""Settings by environment: GOESWITH_SERVE_PORT is `port` of the table `serve`, and so for all.

They win over the project file, and the command line over both. A list is written with commas.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

PREFIX: Final = "GOESWITH_"
_SHORT: Final = {"GOESWITH_KEYS_FILE": "GOESWITH_SERVE_KEYS_FILE"}


def settings_of(
    environ: Mapping[str, str], sections: Mapping[str, BaseModel]
) -> dict[str, dict[str, Any]]:
    """Section -> key -> value of the variables that name a setting.

    Variables that start with no section's name are left alone: they may be of something else.

    Args:
        environ: of the process.
        sections: name -> its defaults.

    Raises:
        ConfigError: a variable of a section names no setting; the nearest is told.
    """
    found: dict[str, dict[str, Any]] = {}
    for variable, value in environ.items():
        name = _SHORT.get(variable, variable).removeprefix(PREFIX)
        section = next((s for s in sections if name.startswith(f"{s.upper()}_")), None)
        if not variable.startswith(PREFIX) or section is None:
            continue
        fields = type(sections[section]).model_fields
        key = name[len(section) + 1 :].lower()
        if key not in fields:
            known = {f"{PREFIX}{section.upper()}_{field.upper()}" for field in fields}
            near = get_close_matches(variable, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "`goeswith config` prints all settings"
            raise ConfigError(f"the environment has {variable}, which is no setting; {hint}")
        listed = isinstance(getattr(sections[section], key), list)
        parts = [part.strip() for part in value.split(",") if part.strip()]
        found.setdefault(section, {})[key] = parts if listed else value
    return found
