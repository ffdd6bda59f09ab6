"""An experiment: a file that splits shoppers into variants and a holdout group.

The split is a hash of the name of the experiment and the id of the shopper: it needs no storage, is
the same in every process, and differs between experiments.
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goeswith.core.errors import ConfigError
from goeswith.core.validation import describe_errors

HOLDOUT: Final = "holdout"
"""Variant of shoppers that get no recommendations."""

Metric: TypeAlias = Literal["click_rate", "conversion", "revenue"]
"""Clicks per impression, share of shoppers that buy, revenue per shopper."""


class Variant(BaseModel):
    """What the shoppers of a variant get."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str | None = Field(None, description="A model of the bundle; None is its ranking.")
    weight: float = Field(1.0, ge=0, le=1e6, description="Share relative to other variants.")
    interleave: tuple[str, str] | None = Field(
        None, description="Two other variants, whose rankings are merged by team draft."
    )


class StopRule(BaseModel):
    """When the service stops an experiment by itself: at a verdict, or after a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    then: Literal["winner", "control"] = Field(
        "winner",
        description="What all shoppers see then: the better variant where there is one, or the "
        "control.",
    )
    ends: date | None = Field(None, description="Last day, UTC.")


class Experiment(BaseModel):
    """An experiment.

    Attributes:
        name: also the salt of the split.
        unit: user_id or session_id: what is split.
        share: of the shoppers that take part.
        holdout: share of those that get no recommendations.
        variants: name -> variant.
        control: the variant that others are compared with; the first one if not set.
        metric: what decides.
        min_effect: smallest relative change of the metric that matters.
        guardrails: metric -> relative loss against the control beyond which a variant is stopped.
        planned: number of shoppers at which the intervals are narrowest.
        alpha: probability of any wrong decision, over all looks, variants and metrics.
        starts: first day, UTC; no shopper takes part before.
        stop: the rule by which the service stops it; without one, a person does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=200)
    unit: Literal["user_id", "session_id"] = "user_id"
    share: float = Field(1.0, gt=0, le=1)
    holdout: float = Field(0.0, ge=0, lt=1)
    variants: dict[str, Variant] = Field(min_length=1)
    control: str | None = None
    metric: Metric = "revenue"
    min_effect: float = Field(0.02, gt=0, le=1)
    guardrails: dict[Metric, Annotated[float, Field(ge=0, lt=1)]] = {}
    planned: int = Field(20_000, ge=100, le=1_000_000_000)
    alpha: float = Field(0.05, ge=0.001, le=0.2)
    starts: date | None = None
    stop: StopRule | None = None

    @model_validator(mode="after")
    def _check_variants(self) -> Self:
        if HOLDOUT in self.variants or "" in self.variants:
            raise ValueError(f"a variant has a name other than {HOLDOUT!r}, the share `holdout`")
        if self.control is not None and self.control not in self.variants:
            raise ValueError(
                f"control = {self.control!r} is not a variant; use {', '.join(self.variants)}"
            )
        if self.starts and self.stop and self.stop.ends and self.stop.ends < self.starts:
            raise ValueError(f"stop.ends = {self.stop.ends} is before starts = {self.starts}")
        if not any(variant.weight for variant in self.variants.values()):
            raise ValueError("every variant has the weight 0; give one of them a weight")
        for name, variant in self.variants.items():
            if variant.interleave is None:
                continue
            first, second = variant.interleave
            parts = [self.variants.get(part) for part in variant.interleave]
            if first == second or any(part is None or part.interleave for part in parts):
                raise ValueError(
                    f"variants.{name}.interleave = {list(variant.interleave)} needs two other "
                    "variants that are rankings themselves"
                )
            if variant.model is not None:
                raise ValueError(f"variants.{name} has a model or interleaves two, not both")
        return self

    @property
    def baseline(self) -> str:
        """The name of the control."""
        return self.control or next(iter(self.variants))

    def shares(self) -> dict[str, float]:
        """Share of each variant and of the holdout group among those that take part."""
        total = sum(variant.weight for variant in self.variants.values())
        found = {
            name: (1 - self.holdout) * variant.weight / total
            for name, variant in self.variants.items()
            if variant.weight
        }
        return found | ({HOLDOUT: self.holdout} if self.holdout else {})

    def assign(self, unit: str) -> str | None:
        """The variant of a shopper, `holdout`, or None if it does not take part."""
        if uniform(self.name, "share", unit) >= self.share:
            return None
        draw = uniform(self.name, "split", unit)
        if draw < self.holdout:
            return HOLDOUT
        left = (draw - self.holdout) / (1 - self.holdout)
        weighted = {name: variant.weight for name, variant in self.variants.items()}
        total = sum(weighted.values())
        last = ""
        for name, weight in weighted.items():
            left -= weight / total
            last = name if weight else last
            if left < 0:
                return name
        return last


def uniform(name: str, salt: str, unit: str) -> float:
    """A number from 0 to 1 that depends on nothing else."""
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
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    except ValidationError as error:
        of_a_field = bool(error.errors()[0]["loc"])  # else its value is the complete file
        message = describe_errors(error, Experiment, with_input=of_a_field)
        raise ConfigError(f"{path}: {message}") from error
