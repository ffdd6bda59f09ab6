"""A project file with settings at their defaults, each below its description."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from goeswith.core.errors import ConfigError
from goeswith.settings.sections import Settings

if TYPE_CHECKING:
    from goeswith.models.base import Model

COMMON: Final[dict[str, tuple[str, ...]]] = {
    "data": ("max_bad_share",),
    "relations": (
        "purchase_window",
        "window_days",
        "session_gap_minutes",
        "max_basket",
        "per_user_cap",
        "half_life_days",
        "min_co_purchase",
        "min_co_view",
        "min_view_then_purchase",
        "memory_mb",
    ),
    "fit": ("model", "budget", "fallbacks", "session_model", "k"),
    "slate": ("diversity", "per_type"),
    "serve": ("host", "port", "workers", "live", "keys_file", "rate", "feedback"),
}
"""Section -> the settings that most shops need."""

_LINE_LENGTH: Final = 100


def default_toml(*, every: bool = True) -> str:
    """A project file with every setting at its default, or with those of `COMMON`."""
    if not every:
        lines = ["# Common settings at their defaults; `goeswith config --all` prints every one."]
        for name, keys in COMMON.items():
            section = getattr(Settings(), name)
            lines += _table(name, section, type(section), keys)
        return "\n".join(lines) + "\n"
    lines = ["# All settings of goeswith at their defaults. Unknown keys are refused."]
    for name, section in Settings():
        if isinstance(section, BaseModel):
            lines += _table(name, section, type(section))
    for name, kind in _models():
        if isinstance(kind, ConfigError):
            lines.append(f"\n# {name}: {' '.join(str(kind).split())}")
        elif kind.Config.model_fields:
            lines += _table(name, kind.Config(), kind)
    return "\n".join(lines) + "\n"


def default_settings(*, every: bool = True) -> dict[str, dict[str, dict[str, Any]]]:
    """Section -> key -> default and description."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    sections = [(name, section) for name, section in Settings() if isinstance(section, BaseModel)]
    sections += [
        (name, kind.Config()) for name, kind in _models() if not isinstance(kind, ConfigError)
    ]
    for name, section in sections:
        keys = list(type(section).model_fields) if every else COMMON.get(name, ())
        fields = type(section).model_fields
        values = section.model_dump(mode="json")
        if keys:
            found[name] = {
                key: {"default": values[key], "description": fields[key].description}
                for key in keys
            }
    return found


def _models() -> Iterator[tuple[str, type[Model] | ConfigError]]:
    """Table and class of every model, or why it cannot be imported."""
    from goeswith.models import MODELS
    from goeswith.sequential import SESSION_MODELS
    from goeswith.shoppers import SHOPPER_MODELS

    for registry in (MODELS, SESSION_MODELS, SHOPPER_MODELS):
        for name in registry.names:
            try:
                yield f"models.{name}", registry.find(name)
            except ConfigError as error:
                yield f"models.{name}", error


def _table(
    name: str, section: BaseModel, described: type, keys: Collection[str] | None = None
) -> Iterator[str]:
    """A TOML table below the first line of a docstring, followed by its nested tables."""
    yield f"\n# {(described.__doc__ or '').strip().splitlines()[0]}\n[{name}]"
    for key, value in section:
        if isinstance(value, BaseModel) or (keys is not None and key not in keys):
            continue
        field = type(section).model_fields[key]
        yield from textwrap.wrap(
            str(field.description),
            _LINE_LENGTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_on_hyphens=False,
        )
        # numbers, strings, booleans and lists are the same in JSON and TOML
        if isinstance(value, dict) and not value:
            yield from (f"# {line}" for line in _example_table(f"{name}.{key}", field.examples))
        elif value is not None:
            yield f"{key} = {json.dumps(value)}"
        elif field.examples:
            yield f"# {key} = {json.dumps(field.examples[0])}"
        else:
            yield f"# {key} is not set"
    for key, value in section:
        if isinstance(value, BaseModel) and (keys is None or key in keys):
            yield from _table(f"{name}.{key}", value, type(value))


def _example_table(name: str, examples: list[Any] | None) -> Iterator[str]:
    """A table of the first example."""
    yield f"[{name}]"
    for key, value in (examples or [{}])[0].items():
        yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
