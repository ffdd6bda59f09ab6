"""Models by name: a module is imported when its model is asked for.

A model is written `name` or `name:key=value,key=value`, for example `copurchase:measure=lift`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from goeswith.core.errors import ConfigError

if TYPE_CHECKING:
    from goeswith.models.base import Model

M = TypeVar("M", bound="Model")


@dataclass(frozen=True)
class Registry(Generic[M]):
    """Models of one contract.

    Attributes:
        noun: what one is called in messages.
        where: name -> module:class.
    """

    noun: str
    where: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, in order."""
        return tuple(self.where)

    def find(self, name: str) -> type[M]:
        """The class of a model.

        Raises:
            ConfigError: no model has that name.
        """
        if name not in self.where:
            near = get_close_matches(name, self.names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            known = f"{self.noun.capitalize()}s: {', '.join(self.names)}"
            raise ConfigError(f"there is no {self.noun} {name!r}{hint} {known}")
        module, attribute = self.where[name].split(":")
        found: type[M] = getattr(import_module(module), attribute)
        return found

    def make(self, spec: str, settings: Mapping[str, Mapping[str, Any]] | None = None) -> M:
        """A model, not yet fitted.

        Args:
            spec: `name` or `name:key=value,...`; the values in it win over `settings`.
            settings: model name -> its settings, as in the `[models.NAME]` tables of a project
                file.

        Raises:
            ConfigError: no model has that name, or a setting is unknown or out of range.
        """
        from pydantic import ValidationError

        name, _, given = spec.partition(":")
        kind = self.find(name)
        values = dict((settings or {}).get(name, {}))
        for item in filter(None, given.split(",")):
            key, equals, value = item.partition("=")
            if not equals:
                raise ConfigError(f"{spec!r}: write a setting as key=value, not {item!r}")
            values[key.strip()] = value.strip()
        try:
            return kind(kind.Config.model_validate(values))
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()} (got {e['input']!r})"
                for e in error.errors()
            )
            known = ", ".join(kind.Config.model_fields) or "none"
            raise ConfigError(f"{self.noun} {name!r}: {wrong}. Its settings: {known}") from error
