"""Schemas of one recommendation and its evidence, from which OpenAPI is generated."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from goeswith.store.evidence import Basis, Strength

Attribute: TypeAlias = str | int | float | bool | list[str] | None
_FROM_ATTRIBUTES = ConfigDict(from_attributes=True)


class LinkSchema(BaseModel):
    """A product between source and target."""

    model_config = _FROM_ATTRIBUTES

    product_id: str = Field(examples=["protector-2"])
    title: str | None = Field(examples=["Screen protector"])
    type: str | None = Field(examples=["protector"])
    with_source: int = Field(
        description="Contexts with this product and the source; 0 if it only has its type.",
        examples=[12],
    )
    with_target: int = Field(
        description="Contexts with this product and the target.", examples=[34]
    )


class TypePairSchema(BaseModel):
    """Number of joint purchases of products of two types."""

    model_config = _FROM_ATTRIBUTES

    source: str = Field(examples=["phone"])
    target: str = Field(examples=["case"])
    bought_together: int = Field(examples=[3204])


class EvidenceSchema(BaseModel):
    """The evidence for a pair."""

    model_config = _FROM_ATTRIBUTES

    basis: Basis = Field(
        description="The strongest kind of evidence for the pair.",
        examples=["bought_together"],
    )
    bought_together: int = Field(description="Contexts with both products.", examples=[142])
    source_first: int | None = Field(
        description="Contexts in which the source came first; null if order is not recorded.",
        examples=[100],
    )
    viewed_together: int = Field(
        description="Contexts in which the two were viewed as alternatives.", examples=[0]
    )
    confidence: float | None = Field(
        description="Share of the source's contexts that hold the target.", examples=[0.12]
    )
    lift: float | None = Field(
        description="Observed count divided by the count expected by chance.", examples=[3.1]
    )
    pmi_lower: float | None = Field(
        description="Lower 95 % bound of the pointwise mutual information, nats.", examples=[0.9]
    )
    purchases: int = Field(description="Contexts with the target.", examples=[1203])
    counted: bool = Field(
        description="Whether counts are of contexts; lists only state that there is an edge.",
        examples=[True],
    )
    link: LinkSchema | None = None
    types: TypePairSchema | None = None
    unit: Literal["baskets", "sessions", "users"] | None = Field(
        default=None,
        description="What the contexts of co-purchases are; null if the bundle does not record it.",
        examples=["baskets"],
    )
    target_first: int | None = Field(
        default=None,
        description="Contexts in which the target came first; the others have no order.",
        examples=[12],
    )
    customers: int | None = Field(
        default=None,
        description="Distinct customers of the contexts with both products, each anonymous one "
        "being a customer of its own; null if they are unknown.",
        examples=[118],
    )
    strength: Strength | None = Field(
        default=None,
        description="How well the counts support the pair: `strong` where the lower bound of the "
        "lift is at least 3 in 10 contexts of 5 customers, `medium` where it is 1.5 in 3 contexts "
        "of 2; null for lists without counts, and without evidence.",
        examples=["strong"],
    )


class KnowledgeSchema(BaseModel):
    """What is generally known of the kinds of two products; never evidence of purchases."""

    model_config = _FROM_ATTRIBUTES

    source_kind: str = Field(examples=["smartphone"])
    target_kind: str = Field(examples=["phone_case"])
    reason: str = Field(
        description="Why the one kind goes with the other.", examples=["protection"]
    )
    strength: int = Field(
        description="3 if nearly everyone needs it, 2 if it is common, 1 if it is plausible.",
        examples=[3],
    )


class RecommendationSchema(BaseModel):
    """One recommendation."""

    model_config = _FROM_ATTRIBUTES

    product_id: str = Field(examples=["case-1"])
    title: str | None = Field(examples=["Slim case"])
    type: str | None = Field(examples=["case"])
    relation: Literal["complement", "similar", "goes_with"] = Field(
        description="Relation to the queried product; `goes_with` is a product that the queried "
        "one is recommended for.",
        examples=["complement"],
    )
    score: float = Field(
        description="Comparable among recommendations of one model only.", examples=[0.031]
    )
    model: str = Field(examples=["cocitation"])
    fallback: bool = Field(
        description="Whether it is of a fallback model.",
        examples=[False],
    )
    evidence: EvidenceSchema
    why: str = Field(
        description="From the evidence; what is general knowledge is marked as such.",
        examples=["In 142 baskets with Phone 1: 3.1x more often than by chance."],
    )
    goes_with: list[str] = Field(
        description="The queried products that it is recommended for; evidence is of the best.",
        examples=[["phone-1"]],
    )
    pinned: bool = Field(description="Whether the request or a rule pinned it.", examples=[False])
    explanation: str | None = Field(
        description="One sentence for a shopper from `goeswith explain`, supported by catalogue "
        "and evidence; null if there is none.",
        examples=["Bought together in 142 baskets, and both are by Nimbus."],
    )
    knowledge: KnowledgeSchema | None = Field(
        None,
        description="What the table of product kinds says of the pair; null if nothing.",
        examples=[None],
    )
    more_variants: int = Field(
        0,
        description="Number of its variants, in other sizes or colours; a list shows one of them.",
        examples=[2],
    )
    rules: list[str] = Field(
        [], description="Ids of the rules that put it at its rank.", examples=[["summer-cases"]]
    )


class SkippedSchema(BaseModel):
    """Something that was not applied."""

    model_config = _FROM_ATTRIBUTES

    what: Literal["pin", "ban", "filter", "rule"] = Field(examples=["pin"])
    value: str = Field(
        description="The product, the filter, or the id of the rule.", examples=["case-99"]
    )
    reason: str = Field(examples=["the bundle has no such product"])
