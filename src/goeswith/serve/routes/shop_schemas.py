"""Schemas of the routes by which a shop changes products and rules."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from goeswith.rules.label_store import LabelName
from goeswith.rules.rule import Rule
from goeswith.serve.recommendation_schemas import Attribute, RecommendationSchema
from goeswith.serve.schemas import MAX_ID_LENGTH, BundleResponse

MAX_CHANGES: Final = 1000
"""Maximum number of products per request."""
_Attributes = Annotated[
    dict[Annotated[str, Field(max_length=200)], Attribute],
    Field(
        max_length=200,
        description="New values by name; null returns to the catalogue's value.",
        examples=[{"price": 9.99, "stock": 0}],
    ),
]
_ProductId = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH, examples=["case-1"])]


class ProductChangeRequest(BaseModel):
    """New values of one product."""

    model_config = ConfigDict(extra="forbid")

    attributes: _Attributes


class ProductChangeSchema(BaseModel):
    """A change of one product."""

    model_config = ConfigDict(extra="forbid")

    product_id: _ProductId
    attributes: _Attributes = {}
    deleted: bool | None = Field(
        None, description="Delete the product, or restore it.", examples=[True]
    )


class ProductChangesRequest(BaseModel):
    """Changes of several products, in their order."""

    model_config = ConfigDict(extra="forbid")

    products: list[ProductChangeSchema] = Field(min_length=1, max_length=MAX_CHANGES)


class SkippedChangeSchema(BaseModel):
    """A change that was not made."""

    product_id: str = Field(examples=["case-99"])
    reason: str = Field(examples=["the bundle has no such product"])


class ProductChangesResponse(BundleResponse):
    """What was written; every answer from now on has it."""

    changed: int = Field(description="Products with a new value.", examples=[1])
    unchanged: int = Field(description="Products that had all of these values.", examples=[0])
    skipped: list[SkippedChangeSchema] = Field(examples=[[]])


class RulesRequest(BaseModel):
    """Rules to add, each in place of one of its id."""

    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = Field(min_length=1, max_length=MAX_CHANGES)


class RuleProblemSchema(BaseModel):
    """What is wrong with a rule."""

    model_config = ConfigDict(from_attributes=True)

    rule: str = Field(examples=["summer-cases"])
    problem: str = Field(examples=["target.products: the bundle has no 'case-99'"])
    is_left_out: bool = Field(description="Whether it is not applied at all.", examples=[True])


class RulesResponse(BundleResponse):
    """The rules of the service."""

    rules: list[Rule]
    problems: list[RuleProblemSchema] = Field(examples=[[]])


class RuleChangeSchema(BaseModel):
    """One change of the rules."""

    model_config = ConfigDict(from_attributes=True)

    revision: int = Field(examples=[3])
    at: str = Field(examples=["2024-01-31T12:00:00+00:00"])
    who: str | None = Field(examples=["merchandiser"])
    action: str = Field(examples=["put"])
    before: dict[str, dict[str, Any] | None] = Field(
        description="Rules before the change by id; null for a new one.", examples=[{}]
    )
    after: dict[str, dict[str, Any] | None] = Field(
        description="Rules after the change by id; null for a removed one.", examples=[{}]
    )
    undoes: int | None = Field(None, description="The revision that it undoes.", examples=[None])


class RuleChangeResponse(BundleResponse):
    """The change that was made; null if nothing changed."""

    change: RuleChangeSchema | None
    problems: list[RuleProblemSchema] = Field(examples=[[]])


class RuleHistoryResponse(BundleResponse):
    """Changes of the rules, the newest first."""

    changes: list[RuleChangeSchema]


class LabelSchema(BaseModel):
    """What a person says of a recommendation."""

    model_config = ConfigDict(extra="forbid")

    source: _ProductId = Field(description="The product that it is recommended for.")
    target: _ProductId = Field(description="The recommended product.")
    label: LabelName = Field(
        description="`none` withdraws the label of this pair.", examples=["complement"]
    )


class LabelsRequest(BaseModel):
    """Labels to store."""

    model_config = ConfigDict(extra="forbid")

    labels: list[LabelSchema] = Field(min_length=1, max_length=MAX_CHANGES)


class StoredLabelSchema(BaseModel):
    """A label that is stored."""

    model_config = ConfigDict(from_attributes=True)

    source: str = Field(examples=["phone-1"])
    target: str = Field(examples=["case-1"])
    label: LabelName = Field(examples=["complement"])
    who: str | None = Field(description="Name of the key.", examples=["merchandiser"])
    at: str = Field(examples=["2024-01-31T12:00:00+00:00"])


class StoredLabelsResponse(BundleResponse):
    """Labels that are on the disk."""

    labels: list[StoredLabelSchema]
    unreadable: int = Field(0, description="Lines of the file that were skipped.", examples=[0])


class PreviewRequest(BaseModel):
    """Rules that are not stored yet, and products to try them on."""

    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = Field(max_length=MAX_CHANGES, description="To add to those there are.")
    remove: list[str] = Field(
        [], max_length=MAX_CHANGES, description="Ids of rules to remove.", examples=[[]]
    )
    product_ids: list[_ProductId] = Field(
        [],
        max_length=100,
        examples=[["phone-1"]],
        description="Products; empty: those of the rules, then some of the catalogue.",
    )
    k: int = Field(10, ge=1, le=50, examples=[5])


class PreviewItemSchema(BaseModel):
    """One product before and after."""

    product_id: str = Field(examples=["phone-1"])
    before: list[RecommendationSchema]
    after: list[RecommendationSchema]
    entered: list[str] = Field(examples=[["case-3"]])
    left: list[str] = Field(examples=[["case-1"]])
    rules: list[str] = Field(description="Ids of the rules that change it.", examples=[["a"]])


class PreviewResponse(BundleResponse):
    """Recommendations with the rules that there are, and with the new ones."""

    products: int = Field(description="Products that were tried.", examples=[20])
    differences: list[PreviewItemSchema] = Field(description="Products whose list changes.")
    problems: list[RuleProblemSchema] = Field(examples=[[]])
