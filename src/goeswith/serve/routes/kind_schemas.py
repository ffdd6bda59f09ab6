"""Schemas of the routes for product kinds."""

from __future__ import annotations

from pydantic import BaseModel, Field

from goeswith.serve.schemas import BundleResponse


class KindNameSchema(BaseModel):
    """A kind: id and name."""

    id: str = Field(examples=["tea_cosy"])
    name: str = Field(examples=["tea cosy"])


class KindLinkSchema(KindNameSchema):
    """A linked kind."""

    reason: str = Field(description="Why the two go together.", examples=["accessory"])
    strength: int = Field(
        description="3: nearly every buyer needs it; 2: common; 1: plausible.",
        examples=[3],
    )
    match: list[str] = Field(
        description="Properties that must be the same for both products.", examples=[["size"]]
    )


class KindNeverSchema(KindNameSchema):
    """A kind that is never shown together with this one."""

    why: str = Field(examples=["unsafe: bleach and acid give off chlorine gas"])


class KindSummarySchema(KindNameSchema):
    """A kind and its position in the hierarchy."""

    department: str = Field(examples=["kitchen_dining"])
    broader: str | None = Field(
        description="The next broader kind; null for a department.", examples=["tea_coffee_ware"]
    )
    group: bool = Field(
        description="Whether the kind only groups other kinds.",
        examples=[False],
    )


class KindSearchResponse(BundleResponse):
    """Kinds that match a search."""

    query: str = Field(examples=["teapot"])
    kinds: list[KindSummarySchema]


class KindResponse(BundleResponse, KindSummarySchema):
    """A kind with all its data in the table."""

    table: str = Field(description="Version of the table.", examples=["1.0"])
    path: list[str] = Field(
        description="Broader kinds, up to the department.",
        examples=[["tea_coffee_ware", "kitchen_dining"]],
    )
    synonyms: list[str] = Field(examples=[["tea pot"]])
    names: dict[str, list[str]] = Field(
        description="Language code -> names in that language.", examples=[{"de": ["Teekanne"]}]
    )
    use: str | None = Field(
        description="`durable` or `consumable`; null for a group.", examples=["durable"]
    )
    audience: list[str] = Field(
        description="Groups of users for whom the kind is made; empty for everyone.",
        examples=[["baby"]],
    )
    fits: list[str] = Field(
        description="Properties that decide whether another product fits, such as `size`.",
        examples=[["size"]],
    )
    confused_with: list[str] = Field(
        description="Kinds that are easily confused with it.", examples=[["tablet_case"]]
    )
    goes_with: list[KindLinkSchema] = Field(description="Complementary kinds, strongest first.")
    recommended_for: list[KindLinkSchema] = Field(description="Kinds that it is a complement of.")
    alternatives: list[KindNameSchema]
    never_together: list[KindNeverSchema]
