"""What a request asks of its answers, beyond how many: filters, bans, pins, quotas, diversity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goeswith.core.errors import ConfigError
from goeswith.query.filters import Filter, parse_filter

Id = Annotated[str, Field(max_length=5000)]

MOST_FILTERS: Final = 20
MOST_IDS: Final = 1000


class Constraints(BaseModel):
    """What of the ranked answers is shown. The bundle's settings hold where nothing is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: Annotated[tuple[Filter, ...], Field(max_length=MOST_FILTERS)] = Field(
        (), description="Every answer, pinned ones too, meets all of these."
    )
    ban: Annotated[tuple[Id, ...], Field(max_length=MOST_IDS)] = Field(
        (), description="Products never to be shown."
    )
    pin: Annotated[tuple[Id, ...], Field(max_length=MOST_IDS)] = Field(
        (), description="Products to show first, in this order."
    )
    per_type: int | None = Field(None, ge=1, description="At most so many products of one type.")
    diversity: float | None = Field(
        None, ge=0, le=1, description="How much less each further product of one type counts."
    )

    @classmethod
    def of(
        cls,
        where: Sequence[str] = (),
        ban: Sequence[str] = (),
        pin: Sequence[str] = (),
        per_type: int | None = None,
        diversity: float | None = None,
    ) -> Self:
        """Constraints whose filters are written as text; see `parse_filter`.

        Raises:
            ConfigError: a filter or a value is wrong, or there are too many.
        """
        return cls.checked(
            {
                "where": [parse_filter(text) for text in where[: MOST_FILTERS + 1]],
                "ban": ban,
                "pin": pin,
                "per_type": per_type,
                "diversity": diversity,
            }
        )

    @classmethod
    def checked(cls, values: dict[str, Any]) -> Self:
        """Constraints from values by name.

        Raises:
            ConfigError: names what is wrong.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, detail['loc']))}: {detail['msg'].lower()}"
                for detail in error.errors()[:5]
            )
            raise ConfigError(f"these constraints cannot be met: {wrong}") from error

    def settled(self, defaults: dict[str, Any]) -> Self:
        """With `per_type` and `diversity` of a bundle's settings where a request has none."""
        return self.model_copy(
            update={
                name: defaults.get(name)
                for name in ("per_type", "diversity")
                if getattr(self, name) is None
            }
        )

    @property
    def plain(self) -> bool:
        """Whether nothing is asked for, so that the ranking is the answer."""
        return not (self.where or self.ban or self.pin or self.per_type or self.diversity)
