"""One TOML project file, `goeswith.toml`: every setting of a run, with unknown keys refused.

`default_toml` writes all of them with their meaning and default, so that the file documents itself.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from goeswith.core.errors import ConfigError
from goeswith.settings.environment import PREFIX, settings_of
from goeswith.settings.sections import AUTO, NONE, Settings

if TYPE_CHECKING:
    from goeswith.models.base import Model

PROJECT_FILE: Final = "goeswith.toml"


def load_settings(path: Path | None = None) -> Settings:
    """Settings from a project file, and from the environment (see `environment`), which wins.

    Args:
        path: a TOML file; None reads `goeswith.toml` of the working folder where there is one.

    Raises:
        ConfigError: the file is missing or is not TOML; a key or variable is unknown (the nearest
            known one is named) or a value is out of range.
    """
    if path is None and not Path(PROJECT_FILE).exists():
        return _validated({}, "")
    path = path or Path(PROJECT_FILE)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; `goeswith config --out {path}` writes one"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    return _validated(content, f"{path}: ")


def _validated(content: dict[str, Any], source: str) -> Settings:
    """Settings of a file's content, with those of the environment in place of it."""
    tables = {name: table for name, table in Settings() if isinstance(table, BaseModel)}
    given = settings_of(os.environ, tables)
    for section, values in given.items():
        if isinstance(content.setdefault(section, {}), dict):
            content[section] |= values
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        # of a key that may be one thing or another, each says in its turn why it is not
        wrong: dict[str, list[str]] = {}
        for detail in error.errors():
            what, why = _explain(detail, given)
            wrong.setdefault(what, []).append(why)
        told = "; ".join(f"{what}{', or '.join(why)}" for what, why in wrong.items())
        raise ConfigError(f"{source}{told}") from error
    if content:
        _check_models(settings, source)
    return settings


def _check_models(settings: Settings, source: str) -> None:
    """Build every model that the file names, so that a wrong setting is found before a long run."""
    from goeswith.models import MODELS, make_model
    from goeswith.sequential import SESSION_MODELS

    try:
        named = {settings.fit.model, *settings.fit.fallbacks, *settings.models} - {AUTO}
        for spec in named:
            MODELS.trust(spec)  # the user's own file
            make = SESSION_MODELS.make if spec in SESSION_MODELS.names else make_model
            make(spec, settings.models)
        if settings.fit.session_model not in (AUTO, NONE):
            SESSION_MODELS.make(settings.fit.session_model, settings.models)
    except ConfigError as error:
        raise ConfigError(f"{source}{error}") from error


def _explain(detail: ErrorDetails, given: dict[str, dict[str, Any]]) -> tuple[str, str]:
    """What is wrong, and why."""
    # behind a section and its key stands which of several types was tried
    *parents, last = (str(part) for part in detail["loc"][:2])
    where = ".".join([*parents, last])
    if parents and last in given.get(parents[0], {}):
        where = f"{PREFIX}{parents[0]}_{last}".upper()
    if detail["type"] != "extra_forbidden":
        return f"{where} = {detail['input']!r}: ", detail["msg"].lower()
    section: type[BaseModel] = Settings
    for name in parents:
        section = type(getattr(section(), name))
    known = list(section.model_fields)
    near = get_close_matches(last, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    return f"unknown key {where!r}; ", hint


def default_toml() -> str:
    """A project file that holds every setting at its default, each with its meaning above it."""
    from goeswith.models import MODELS
    from goeswith.sequential import SESSION_MODELS

    lines = ["# Settings of goeswith: every one, at its default. Unknown keys are refused."]
    for name, section in Settings():
        if isinstance(section, BaseModel):
            lines += _table(name, section, type(section))
    for registry in (MODELS, SESSION_MODELS):
        for name in registry.names:
            kind: type[Model] = registry.find(name)
            if kind.Config.model_fields:
                lines += _table(f"models.{name}", kind.Config(), kind)
    return "\n".join(lines) + "\n"


def _table(name: str, section: BaseModel, described: type) -> Iterator[str]:
    """A TOML table under the first line of a docstring, and the tables inside it below."""
    yield f"\n# {(described.__doc__ or '').strip().splitlines()[0]}\n[{name}]"
    for key, value in section:
        if not isinstance(value, BaseModel):
            yield f"# {type(section).model_fields[key].description}"
            # JSON's numbers, strings, booleans and lists are written as TOML's are
            yield f"# {key} is not set" if value is None else f"{key} = {json.dumps(value)}"
    for key, value in section:
        if isinstance(value, BaseModel):
            yield from _table(f"{name}.{key}", value, type(value))
