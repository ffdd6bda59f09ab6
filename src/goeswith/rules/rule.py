"""One rule of a shop: whom it is for, what it concerns, and what it does."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goeswith.core.errors import ConfigError
from goeswith.facts.filters import Filter, parse_filter

MAX_RULES: Final = 20_000
ID_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
Action: TypeAlias = Literal["boost", "bury", "pin", "ban", "only", "same", "other", "limit"]
_Id = Annotated[str, Field(min_length=1, max_length=5000)]
_Text = Annotated[str, Field(max_length=500)]
_Filter = Annotated[str, Field(min_length=1, max_length=500)]


class RuleSide(BaseModel):
    """Conditions on a product, all of which must hold. Without conditions: every product."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    products: tuple[_Id, ...] = Field(
        (), max_length=1000, description="The product is one of these.", examples=[["case-3"]]
    )
    types: tuple[_Id, ...] = Field(
        (), max_length=1000, description="The product has one of these types.", examples=[["case"]]
    )
    where: tuple[_Filter, ...] = Field(
        (),
        max_length=20,
        description="The product passes all these filters.",
        examples=[["price<=20"]],
    )

    @property
    def is_empty(self) -> bool:
        """Whether every product meets it."""
        return not (self.products or self.types or self.where)

    def filters(self) -> list[Filter]:
        """The filters, parsed."""
        return [parse_filter(text) for text in self.where]


class Rule(BaseModel):
    """A merchandising rule: what to do with target products when source products are queried.

    `pin` shows the target at a rank. `ban` never shows it. `boost` and `bury` move it up or down by
    ranks. `only` shows nothing but the targets; with several such rules for a product, the targets
    of all of them are shown. `same` and `other` show only products whose attribute is equal to, or
    different from, that of the source. `limit` shows at most `max` products per value of an
    attribute.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: str = Field(pattern=f"^{ID_PATTERN}$", examples=["no-cables-for-tablets"])
    action: Action = Field(description="What the rule does with the target.", examples=["ban"])
    source: RuleSide = Field(
        RuleSide(), description="The queried product.", examples=[{"types": ["phone"]}]
    )
    target: RuleSide = Field(
        RuleSide(), description="The recommended product.", examples=[{"products": ["case-3"]}]
    )
    min_price_ratio: float | None = Field(
        None,
        ge=0,
        description="Minimum price of the target, as a multiple of the source's price.",
        examples=[0.05],
    )
    max_price_ratio: float | None = Field(
        None,
        ge=0,
        description="Maximum price of the target, as a multiple of the source's price.",
        examples=[0.5],
    )
    markets: tuple[_Id, ...] = Field(
        (),
        max_length=200,
        description="Markets in which the rule applies. Default: all.",
        examples=[["de"]],
    )
    start: date | datetime | None = Field(
        None,
        description="The rule applies from this date or time on (UTC).",
        examples=["2024-11-01"],
    )
    end: date | datetime | None = Field(
        None,
        description="The rule applies until this date or time (UTC). A date is inclusive.",
        examples=["2024-11-30"],
    )
    rank: int | None = Field(
        None, ge=1, le=1000, description="`pin`: the rank, from 1.", examples=[1]
    )
    by: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="`boost`, `bury`: by how many ranks. `bury` without it moves to the end.",
        examples=[3],
    )
    attribute: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="`same`, `other`, `limit`: the attribute.",
        examples=["brand"],
    )
    max: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="`limit`: maximum number of products per value of `attribute`.",
        examples=[2],
    )
    priority: int = Field(
        0,
        ge=-1000,
        le=1000,
        description="If two pins have the same rank, the one with the higher priority wins.",
        examples=[0],
    )
    owner: _Text = Field("", description="Who is responsible for the rule.", examples=["ana"])
    note: _Text = Field("", description="Why the rule exists.", examples=["complaints in May"])

    @model_validator(mode="after")
    def _check(self) -> Self:
        needs = {
            "pin": ("rank",),
            "boost": ("by",),
            "same": ("attribute",),
            "other": ("attribute",),
            "limit": ("attribute", "max"),
        }.get(self.action, ())
        for name in needs:
            if getattr(self, name) is None:
                raise ValueError(f"the action {self.action} needs {name!r}")
        actions_of = {
            "rank": ("pin",),
            "by": ("boost", "bury"),
            "attribute": ("same", "other", "limit"),
            "max": ("limit",),
        }
        for name, actions in actions_of.items():
            if getattr(self, name) is not None and self.action not in actions:
                raise ValueError(f"the action {self.action} takes no {name!r}")
        if self.action == "pin" and len(self.target.products) != 1:
            raise ValueError("the action pin needs one product in target.products")
        if self.action in {"ban", "only", "boost", "bury"} and self.has_any_target:
            raise ValueError(
                f"the action {self.action} needs a condition on the target, or it is about all"
            )
        if self.start and self.end and self.starts_at >= self.ends_at:
            raise ValueError("the rule ends before it starts")
        for side in (self.source, self.target):
            try:
                side.filters()
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return self

    @property
    def has_any_target(self) -> bool:
        """Whether it has no condition on the target."""
        no_ratio = self.min_price_ratio is None and self.max_price_ratio is None
        return self.target.is_empty and no_ratio

    @property
    def starts_at(self) -> float:
        """Seconds since 1970 from which it applies."""
        return float("-inf") if self.start is None else _seconds(self.start, 0)

    @property
    def ends_at(self) -> float:
        """Seconds since 1970 until which it applies."""
        return float("inf") if self.end is None else _seconds(self.end, 1)

    def applies_at(self, now: float) -> bool:
        """Whether it applies at a time."""
        return self.starts_at <= now < self.ends_at


def _seconds(when: date | datetime, days: int) -> float:
    if isinstance(when, datetime):
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return (datetime(when.year, when.month, when.day, tzinfo=UTC) + timedelta(days)).timestamp()


def is_rule_id(text: str) -> bool:
    """Whether a text can be the id of a rule."""
    return re.fullmatch(ID_PATTERN, text) is not None
