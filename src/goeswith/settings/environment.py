"""Settings from environment variables: GOESWITH_SERVE_PORT sets `port` of the table `serve`.

Environment variables override the project file, and the command line overrides both. The items of
a list are separated by commas.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import ConfigError
from goeswith.settings.renamed_settings import RENAMED, warn_renamed

if TYPE_CHECKING:
    from pydantic import BaseModel

PREFIX: Final = "GOESWITH_"
_SHORT_NAMES: Final = {"GOESWITH_KEYS_FILE": "GOESWITH_SERVE_KEYS_FILE"}


def read_environment(
    environ: Mapping[str, str], sections: Mapping[str, BaseModel]
) -> dict[str, dict[str, Any]]:
    """Section -> key -> value of the variables that set a setting.

    Variables that start with the name of no section are ignored: they may belong to another
    program.

    Args:
        environ: environment variables of the process.
        sections: name -> default settings.

    Raises:
        ConfigError: a variable of a section sets no setting; the message names the nearest one.
    """
    settings: dict[str, dict[str, Any]] = {}
    for variable, value in environ.items():
        name = _SHORT_NAMES.get(variable, variable).removeprefix(PREFIX)
        section = next((s for s in sections if name.startswith(f"{s.upper()}_")), None)
        if not variable.startswith(PREFIX) or section is None:
            continue
        fields = type(sections[section]).model_fields
        key = name[len(section) + 1 :].lower()
        if key in RENAMED.get(section, {}):
            key = RENAMED[section][key]
            current = f"{PREFIX}{section}_{key}".upper()
            if current in environ:
                raise ConfigError(
                    f"the environment has {variable}, the former name of {current}, and {current}; "
                    f"remove {variable}"
                )
            warn_renamed(f"the environment variable {variable}", current)
        if key not in fields:
            names = {f"{PREFIX}{section.upper()}_{field.upper()}" for field in fields}
            near = get_close_matches(variable, names, n=1)
            hint = (
                f"did you mean {near[0]}?"
                if near
                else "`goeswith config --all` prints all settings"
            )
            raise ConfigError(f"the environment has {variable}, which is not a setting; {hint}")
        is_list = isinstance(getattr(sections[section], key), list)
        items = [item.strip() for item in value.split(",") if item.strip()]
        settings.setdefault(section, {})[key] = items if is_list else value
    return settings
