"""The project file `goeswith.toml`: every setting of a run; unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from goeswith.core.errors import ConfigError
from goeswith.settings.environment import PREFIX, read_environment
from goeswith.settings.renamed_settings import rename_settings
from goeswith.settings.sections import AUTO, NONE, Settings
from goeswith.settings.shop_settings import ShopSettings

PROJECT_FILE: Final = "goeswith.toml"
_ANY_SHOP: Final = ShopSettings(bundle="")
"""Has the fields of every table [shops.NAME]."""


def load_settings(path: Path | None = None) -> Settings:
    """Settings from a project file, overridden by environment variables (see `environment`).

    Args:
        path: a TOML file; None reads `goeswith.toml` of the working folder if it exists.

    Raises:
        ConfigError: the file is missing or is not TOML, a key or variable does not exist (the
            message names the nearest one), or a value is out of range.
    """
    if path is None and not Path(PROJECT_FILE).exists():
        return _validated({}, "")
    path = path or Path(PROJECT_FILE)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; `goeswith config -o {path}` writes one"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    return _validated(content, f"{path}: ")


def _validated(content: dict[str, Any], source: str) -> Settings:
    """Settings from the content of a file, overridden by environment variables."""
    tables = {name: table for name, table in Settings() if isinstance(table, BaseModel)}
    environment = read_environment(os.environ, tables)
    content = rename_settings(content, source)
    for section, values in environment.items():
        if isinstance(content.setdefault(section, {}), dict):
            content[section] |= values
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        # a key of several types has one error for each type
        reasons: dict[str, list[str]] = {}
        for detail in error.errors():
            where, reason = _describe_error(detail, environment)
            reasons.setdefault(where, []).append(reason)
        text = "; ".join(f"{where}{', or '.join(why)}" for where, why in reasons.items())
        raise ConfigError(f"{source}{text}") from error
    if content:
        _check_models(settings, source)
    return settings


def _check_models(settings: Settings, source: str) -> None:
    """Construct every configured model, so that an invalid setting fails before a long run."""
    from goeswith.models import MODELS, make_model
    from goeswith.sequential import SESSION_MODELS
    from goeswith.shoppers import SHOPPER_MODELS

    registries = (SESSION_MODELS, SHOPPER_MODELS)
    try:
        specs = {settings.fit.model, *settings.fit.fallbacks, *settings.models} - {AUTO}
        for spec in specs:
            MODELS.trust(spec)  # the user's own file
            own = [registry.make for registry in registries if spec in registry.names]
            (own[0] if own else make_model)(spec, settings.models)
        if settings.fit.session_model not in (AUTO, NONE):
            SESSION_MODELS.make(settings.fit.session_model, settings.models)
        if settings.fit.shopper_model not in (AUTO, NONE):
            SHOPPER_MODELS.make(settings.fit.shopper_model, settings.models)
    except ConfigError as error:
        raise ConfigError(f"{source}{error}") from error


def _describe_error(
    detail: ErrorDetails, environment: dict[str, dict[str, Any]]
) -> tuple[str, str]:
    """Where a value is invalid, and why."""
    # `loc` is sections, key and, for a key of several types, the type
    section: BaseModel | None = Settings()
    sections: list[BaseModel] = []
    path: list[str] = []
    for part in map(str, detail["loc"]):
        if path == ["shops"]:
            path.append(part)
            section = _ANY_SHOP
            continue
        if section is None:
            break
        sections.append(section)
        path.append(part)
        value = getattr(section, part, None)
        section = value if isinstance(value, BaseModel) else None
    *parents, last = path
    where = ".".join(path)
    if len(path) == 2 and last in environment.get(parents[0], {}):
        where = f"{PREFIX}{parents[0]}_{last}".upper()
    if detail["type"] != "extra_forbidden":
        message = detail["msg"].removeprefix("Value error, ")
        return f"{where} = {detail['input']!r}: ", message[:1].lower() + message[1:]
    keys = list(type(sections[-1]).model_fields)
    near = get_close_matches(last, keys, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(keys)}"
    return f"unknown key {where!r}; ", hint
