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
        description="Attribute -> new value; null restores the value of the catalogue.",
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
        None, description="true deletes the product, false restores it.", examples=[True]
    )


class ProductChangesRequest(BaseModel):
    """Changes of several products; they are applied in the given order."""

    model_config = ConfigDict(extra="forbid")

    products: list[ProductChangeSchema] = Field(min_length=1, max_length=MAX_CHANGES)


class SkippedChangeSchema(BaseModel):
    """A change that was skipped."""

    product_id: str = Field(examples=["case-99"])
    reason: str = Field(examples=["the bundle has no such product"])


class ProductChangesResponse(BundleResponse):
    """Changes that were stored; later responses use them."""

    changed: int = Field(description="Number of products with a new value.", examples=[1])
    unchanged: int = Field(
        description="Number of products that already had these values.", examples=[0]
    )
    skipped: list[SkippedChangeSchema] = Field(examples=[[]])


class RulesRequest(BaseModel):
    """Rules to add. A rule replaces the stored rule with the same id."""

    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = Field(min_length=1, max_length=MAX_CHANGES)


class RuleProblemSchema(BaseModel):
    """A problem with a rule."""

    model_config = ConfigDict(from_attributes=True)

    rule: str = Field(examples=["summer-cases"])
    problem: str = Field(examples=["target.products: the bundle has no 'case-99'"])
    is_left_out: bool = Field(
        description="Whether the rule is not applied because of the problem.", examples=[True]
    )


class RulesResponse(BundleResponse):
    """The rules of the service."""

    rules: list[Rule]
    problems: list[RuleProblemSchema] = Field(examples=[[]])


class RuleChangeSchema(BaseModel):
    """One change of the rules."""

    model_config = ConfigDict(from_attributes=True)

    revision: int = Field(description="Number of the change, from 1.", examples=[3])
    at: str = Field(examples=["2024-01-31T12:00:00+00:00"])
    who: str | None = Field(examples=["merchandiser"])
    action: str = Field(description="Kind of change.", examples=["put"])
    before: dict[str, dict[str, Any] | None] = Field(
        description="Rule id -> rule before the change; null if it was added.", examples=[{}]
    )
    after: dict[str, dict[str, Any] | None] = Field(
        description="Rule id -> rule after the change; null if it was removed.", examples=[{}]
    )
    undoes: int | None = Field(
        None, description="Revision that this change undoes; null if none.", examples=[None]
    )


class RuleChangeResponse(BundleResponse):
    """A change of the rules."""

    change: RuleChangeSchema | None
    problems: list[RuleProblemSchema] = Field(examples=[[]])


class RuleHistoryResponse(BundleResponse):
    """Changes of the rules, newest first."""

    changes: list[RuleChangeSchema]


class LabelSchema(BaseModel):
    """A label that a person gives to a recommendation."""

    model_config = ConfigDict(extra="forbid")

    source: _ProductId = Field(description="Id of the queried product.")
    target: _ProductId = Field(description="Id of the recommended product.")
    label: LabelName = Field(
        description="`none` removes your label of this pair.", examples=["complement"]
    )


class LabelsRequest(BaseModel):
    """Labels to store."""

    model_config = ConfigDict(extra="forbid")

    labels: list[LabelSchema] = Field(min_length=1, max_length=MAX_CHANGES)


class StoredLabelSchema(BaseModel):
    """A stored label."""

    model_config = ConfigDict(from_attributes=True)

    source: str = Field(examples=["phone-1"])
    target: str = Field(examples=["case-1"])
    label: LabelName = Field(examples=["complement"])
    who: str | None = Field(
        description="Name of the API key; null without keys.", examples=["merchandiser"]
    )
    at: str = Field(examples=["2024-01-31T12:00:00+00:00"])


class StoredLabelsResponse(BundleResponse):
    """Stored labels."""

    labels: list[StoredLabelSchema]
    unreadable: int = Field(
        0, description="Number of lines of the label file that could not be read.", examples=[0]
    )


class PreviewRequest(BaseModel):
    """Changes of the rules to preview, and products to preview them for."""

    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = Field(
        max_length=MAX_CHANGES,
        description="Rules to add to the stored ones; a rule replaces one with the same id.",
    )
    remove: list[str] = Field(
        [], max_length=MAX_CHANGES, description="Ids of rules to remove.", examples=[[]]
    )
    product_ids: list[_ProductId] = Field(
        [],
        max_length=100,
        examples=[["phone-1"]],
        description="Products to preview. Default: products that the rules name, then products "
        "of the catalogue.",
    )
    k: int = Field(10, ge=1, le=50, description="Recommendations per product.", examples=[5])


class PreviewItemSchema(BaseModel):
    """Recommendations of one product before and after the change."""

    product_id: str = Field(examples=["phone-1"])
    before: list[RecommendationSchema]
    after: list[RecommendationSchema]
    entered: list[str] = Field(
        description="Products that are new in the list.", examples=[["case-3"]]
    )
    left: list[str] = Field(description="Products that left the list.", examples=[["case-1"]])
    rules: list[str] = Field(
        description="Ids of the rules that changed the list.", examples=[["a"]]
    )


class PreviewResponse(BundleResponse):
    """Recommendations with the stored rules and with the changed rules."""

    products: int = Field(description="Number of products that were compared.", examples=[20])
    differences: list[PreviewItemSchema] = Field(description="Products whose list changed.")
    problems: list[RuleProblemSchema] = Field(examples=[[]])
