"""Constraints of a request: filters, bans, pins, a maximum per type, diversity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goeswith.core.errors import ConfigError
from goeswith.core.validation import describe_errors
from goeswith.facts.availability import FLAGS
from goeswith.facts.filters import Filter, parse_filter

Id = Annotated[str, Field(max_length=5000)]

MAX_FILTERS: Final = 20
MAX_IDS: Final = 1000


class Constraints(BaseModel):
    """What of the ranked answers is shown. The bundle's settings hold where nothing is set."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    where: Annotated[tuple[Filter, ...], Field(max_length=MAX_FILTERS)] = Field(
        (), description="Every answer, pinned ones too, meets all of these."
    )
    ban: Annotated[tuple[Id, ...], Field(max_length=MAX_IDS)] = Field(
        (), description="Products never to be shown."
    )
    pin: Annotated[tuple[Id, ...], Field(max_length=MAX_IDS)] = Field(
        (), description="Products to show first, in this order."
    )
    per_type: int | None = Field(None, ge=1, description="Maximum number of products per type.")
    diversity: float | None = Field(
        None, ge=0, le=1, description="How much less each further product of one type counts."
    )

    include: tuple[Literal["sold_out", "hidden"], ...] = Field(
        (), description="Show sold-out or hidden products too."
    )
    market: str | None = Field(
        None,
        max_length=200,
        description="Show products for this market only, and apply its rules.",
    )
    when_sold_out: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Number of alternatives to show first when the queried product is sold out.",
    )

    @classmethod
    def from_text(  # noqa: PLR0917
        cls,
        where: Sequence[str] = (),
        ban: Sequence[str] = (),
        pin: Sequence[str] = (),
        per_type: int | None = None,
        diversity: float | None = None,
        include: Sequence[str] = (),
        market: str | None = None,
        when_sold_out: int | None = None,
    ) -> Self:
        """Constraints whose filters are written as text; see `parse_filter`.

        Raises:
            ConfigError: a filter or a value is invalid, or there are too many.
        """
        return cls.from_values(
            {
                "where": [parse_filter(text) for text in where[: MAX_FILTERS + 1]],
                "ban": ban,
                "pin": pin,
                "per_type": per_type,
                "diversity": diversity,
                "include": include,
                "market": market,
                "when_sold_out": when_sold_out,
            }
        )

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """Constraints from values by name.

        Raises:
            ConfigError: the message lists the invalid values.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            reasons = describe_errors(error, cls, limit=5, with_input=False)
            raise ConfigError(f"invalid constraints: {reasons}") from error

    def resolve(self, defaults: dict[str, Any]) -> Self:
        """With the slate settings of a bundle where a request has none."""
        missing = {
            name: value
            for name in ("per_type", "diversity", "when_sold_out")
            if getattr(self, name) is None and (value := defaults.get(name)) is not None
        }
        return self.model_copy(update=missing) if missing else self

    @property
    def is_empty(self) -> bool:
        """Whether there are no constraints, so that the ranking is returned unchanged."""
        return self == type(self)()

    @property
    def included(self) -> int:
        """Flags of products that are shown although they are not otherwise."""
        return sum(FLAGS[name] for name in set(self.include))
