"""Schemas of the routes for product kinds."""

from __future__ import annotations

from pydantic import BaseModel, Field

from goeswith.serve.schemas import BundleResponse


class KindNameSchema(BaseModel):
    """A kind by id and name."""

    id: str = Field(examples=["tea_cosy"])
    name: str = Field(examples=["tea cosy"])


class KindLinkSchema(KindNameSchema):
    """The kind at the other end of a link."""

    reason: str = Field(description="Why the two go together.", examples=["accessory"])
    strength: int = Field(
        description="3 where nearly everyone needs it, 2 where it is common, 1 where it is "
        "plausible.",
        examples=[3],
    )
    match: list[str] = Field(
        description="Properties in which the products have to match.", examples=[["size"]]
    )


class KindNeverSchema(KindNameSchema):
    """A kind that is never shown together with this one."""

    why: str = Field(examples=["unsafe: bleach and acid give off chlorine gas"])


class KindSummarySchema(KindNameSchema):
    """A kind and its place in the table."""

    department: str = Field(examples=["kitchen_dining"])
    broader: str | None = Field(
        description="The next broader kind; null for a department.", examples=["tea_coffee_ware"]
    )
    group: bool = Field(description="Whether it only groups other kinds.", examples=[False])


class KindSearchResponse(BundleResponse):
    """Kinds by words of their names."""

    query: str = Field(examples=["teapot"])
    kinds: list[KindSummarySchema]


class KindResponse(BundleResponse, KindSummarySchema):
    """A kind with everything that the table says of it."""

    table: str = Field(description="Version of the table.", examples=["1.0"])
    path: list[str] = Field(
        description="Broader kinds, up to the department.",
        examples=[["tea_coffee_ware", "kitchen_dining"]],
    )
    synonyms: list[str] = Field(examples=[["tea pot"]])
    names: dict[str, list[str]] = Field(
        description="Language -> names in it.", examples=[{"de": ["Teekanne"]}]
    )
    use: str | None = Field(
        description="durable or consumable; null for a group.", examples=["durable"]
    )
    audience: list[str] = Field(
        description="Whom it is for; empty without a restriction.", examples=[["baby"]]
    )
    fits: list[str] = Field(
        description="Properties that decide whether another product fits.", examples=[["size"]]
    )
    confused_with: list[str] = Field(
        description="Kinds that are easily mixed up with it.", examples=[["tablet_case"]]
    )
    goes_with: list[KindLinkSchema] = Field(description="What goes with it, strongest first.")
    recommended_for: list[KindLinkSchema] = Field(description="Kinds that it goes with.")
    alternatives: list[KindNameSchema]
    never_together: list[KindNeverSchema]
