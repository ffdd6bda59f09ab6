"""Models by name: a module is imported when its model is first used.

A model is written `name` or `name:key=value,key=value`, for example `copurchase:measure=lift`. A
model outside goeswith is written `module:Class`, or has a name by an entry point.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from goeswith.core.errors import ConfigError

if TYPE_CHECKING:
    from goeswith.models.base import Model

M = TypeVar("M", bound="Model")


def split_spec(spec: str) -> tuple[str, str]:
    """The name of a model and its settings, `key=value,...`.

    >>> split_spec("copurchase:measure=lift")
    ('copurchase', 'measure=lift')
    >>> split_spec("my_models:Cosine:power=2")
    ('my_models:Cosine', 'power=2')
    """
    name, _, rest = spec.partition(":")
    attribute, _, settings = rest.partition(":")
    if attribute.isidentifier() and "=" not in attribute:
        return f"{name}:{attribute}", settings
    return name, rest


def model_name(spec: str) -> str:
    """The name of a model, without its settings."""
    return split_spec(spec)[0]


@dataclass(frozen=True)
class Registry(Generic[M]):
    """Models of one contract.

    Attributes:
        noun: what one is called in messages.
        where: name -> module:class, of the models of this package.
        group: entry points of this group add names, those of installed packages.
        contract: module:class that every model is a subclass of.
    """

    noun: str
    where: Mapping[str, str]
    group: str
    contract: str
    _classes: dict[str, type[M]] = field(default_factory=dict)
    _trusted: set[str] = field(default_factory=set)

    @cached_property
    def _installed(self) -> dict[str, str]:
        return {point.name: point.value for point in entry_points(group=self.group)}

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, those of this package first."""
        others = (name for name in self._installed if name not in self.where)
        return (*self.where, *others)

    def trust(self, spec: str) -> None:
        """Allow the import of a `module:Class` that a user named; a bundle alone may not name one.

        Names of this package and of installed ones are always allowed.
        """
        self._trusted.add(model_name(spec))

    def register(self, kind: type[M]) -> str:
        """Make a class known, and return the name under which it is found.

        Raises:
            ConfigError: it does not keep the contract of these models.
        """
        where = f"{kind.__module__}:{kind.__qualname__}"
        for name in self.names:
            if where == (self.where.get(name) or self._installed.get(name)):
                return name
        self._check(kind, where)
        self._classes[where] = kind
        return where

    def find(self, name: str) -> type[M]:
        """The class of a model.

        Raises:
            ConfigError: no model has that name, or it is code that was not allowed to be imported.
        """
        if name in self._classes:
            return self._classes[name]
        where = self.where.get(name) or self._installed.get(name)
        if where is None and ":" in name:
            if name not in self._trusted:
                raise ConfigError(
                    f"the {self.noun} {name!r} is code outside goeswith. To import it, run "
                    f"`goeswith --trust {name} ...`, or pass its class to goeswith.open()"
                )
            where = name
        if where is None:
            near = get_close_matches(name, self.names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            listed = f"{self.noun.capitalize()}s: {', '.join(self.names)}"
            raise ConfigError(f"there is no {self.noun} {name!r}{hint} {listed}")
        kind: type[M] = _import(where, self.noun)
        if name not in self.where:
            self._check(kind, where)
        self._classes[name] = kind
        return kind

    def _check(self, kind: object, where: str) -> None:
        contract = _import(self.contract, self.noun)
        if not (isinstance(kind, type) and issubclass(kind, contract)):
            base = self.contract.replace(":", ".")
            raise ConfigError(f"{where} is not a {self.noun}: make it a subclass of {base}")

    def make(self, spec: str, settings: Mapping[str, Mapping[str, Any]] | None = None) -> M:
        """A model, not yet fitted.

        Args:
            spec: `name` or `name:key=value,...`; the values in it win over `settings`.
            settings: model name -> its settings, as in the `[models.NAME]` tables of a project
                file.

        Raises:
            ConfigError: no model has that name, or a setting is unknown or out of range.
        """
        name, given = split_spec(spec)
        kind = self.find(name)
        values = dict((settings or {}).get(name, {}))
        for item in filter(None, given.split(",")):
            key, equals, value = item.partition("=")
            if not equals:
                raise ConfigError(f"{spec!r}: write a setting as key=value, not {item!r}")
            values[key.strip()] = value.strip()
        return kind(kind.make_config(values))


def _import(where: str, noun: str) -> Any:
    """What `module:attribute` names; a module may lie in the working folder."""
    module, _, attribute = where.partition(":")
    here = str(Path.cwd())
    if here not in sys.path and (Path(here) / f"{module.split('.')[0]}.py").exists():
        sys.path.append(here)
    try:
        content = import_module(module)
    except ImportError as error:
        raise ConfigError(f"{noun} {where!r}: {module} cannot be imported: {error}") from error
    if not hasattr(content, attribute):
        near = get_close_matches(attribute, dir(content), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"{noun} {where!r}: {module} has no {attribute!r}{hint}")
    return getattr(content, attribute)
