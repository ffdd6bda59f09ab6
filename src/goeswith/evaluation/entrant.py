"""A model that takes part in a benchmark: named, given as a class, or given ready to fit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goeswith.models.base import Model
from goeswith.models.registry import Registry, model_name, split_spec


@dataclass(frozen=True)
class Entrant:
    """One line of a benchmark's table.

    Attributes:
        label: what the table calls it.
        prototype: a model that was not fitted, which is copied for every fit.
        fixed_seed: whether a seed was given with the name, which those of a benchmark leave as is.
    """

    label: str
    prototype: Model
    fixed_seed: bool = False

    @classmethod
    def from_model(
        cls,
        model: str | Model | type[Model],
        registry: Registry[Any],
        settings: Mapping[str, Mapping[str, Any]],
    ) -> Entrant:
        """An entrant from what a user gave.

        Args:
            model: `name`, `name:key=value,...` or `module:Class`; a class; or a model.
            registry: where names are looked up; it must hold the contract of the protocol.
            settings: model name -> its settings, for names and classes.

        Raises:
            ConfigError: no such model, not a model of this contract, or a wrong setting.
        """
        if isinstance(model, str):
            if ":" in model_name(model):
                registry.trust(model)
            return cls(model, registry.make(model, settings), "seed=" in split_spec(model)[1])
        if isinstance(model, type):
            name = registry.register(model)
            return cls(name, model(model.make_config(settings.get(name, {}))))
        name = registry.register(type(model))
        changed = model.config.model_dump(exclude_defaults=True)
        given = ",".join(f"{key}={value}" for key, value in changed.items())
        return cls(f"{name}:{given}" if given else name, model)

    @property
    def seeded(self) -> bool:
        """Whether it draws random numbers, so that a seed changes its results."""
        return not self.fixed_seed and "seed" in type(self.prototype.config).model_fields

    def make(self, seed: int) -> Model:
        """A model to fit, with this seed where it has one."""
        model = copy.deepcopy(self.prototype)
        if self.seeded:
            model.config = model.config.model_copy(update={"seed": seed})
        return model
