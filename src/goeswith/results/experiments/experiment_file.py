"""An experiment: a file that splits shoppers into variants and a holdout group.

The split is a hash of the name of the experiment and the id of the shopper: it needs no storage, is
the same in every process, and differs between experiments.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from goeswith.core.errors import ConfigError
from goeswith.core.validation import describe_errors

HOLDOUT: Final = "holdout"
"""Variant of shoppers that get no recommendations."""


class Variant(BaseModel):
    """What the shoppers of a variant get."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str | None = Field(None, description="A model of the bundle; None is its ranking.")
    weight: float = Field(1.0, gt=0, le=1e6, description="Share relative to other variants.")


class Experiment(BaseModel):
    """An experiment.

    Attributes:
        name: also the salt of the split.
        unit: user_id or session_id: what is split.
        share: of the shoppers that take part.
        holdout: share of those that get no recommendations.
        variants: name -> variant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=200)
    unit: Literal["user_id", "session_id"] = "user_id"
    share: float = Field(1.0, gt=0, le=1)
    holdout: float = Field(0.0, ge=0, lt=1)
    variants: dict[str, Variant] = Field(min_length=1)

    @field_validator("variants")
    @classmethod
    def _check_names(cls, variants: dict[str, Variant]) -> dict[str, Variant]:
        if HOLDOUT in variants or "" in variants:
            raise ValueError(f"a variant has a name other than {HOLDOUT!r}, the share `holdout`")
        return variants

    def assign(self, unit: str) -> str | None:
        """The variant of a shopper, `holdout`, or None if it does not take part."""
        if _uniform(self.name, "share", unit) >= self.share:
            return None
        draw = _uniform(self.name, "split", unit)
        if draw < self.holdout:
            return HOLDOUT
        left = (draw - self.holdout) / (1 - self.holdout)
        total = sum(variant.weight for variant in self.variants.values())
        for name, variant in self.variants.items():
            left -= variant.weight / total
            if left < 0:
                return name
        return name


def _uniform(name: str, salt: str, unit: str) -> float:
    text = f"{name}\0{salt}\0{unit}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big") / 2**56


def read_experiment(path: Path) -> Experiment:
    """Read an experiment from its file.

    Raises:
        ConfigError: there is no such file, or a field of it is invalid.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return Experiment.model_validate(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {describe_errors(error, Experiment)}") from error
