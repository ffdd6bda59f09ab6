"""Schemas of one recommendation and its evidence, from which OpenAPI is generated."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from goeswith.store.evidence import Basis, Strength

Attribute: TypeAlias = str | int | float | bool | list[str] | None
_FROM_ATTRIBUTES = ConfigDict(from_attributes=True)


class LinkSchema(BaseModel):
    """A product through which source and target are connected."""

    model_config = _FROM_ATTRIBUTES

    product_id: str = Field(examples=["protector-2"])
    title: str | None = Field(examples=["Screen protector"])
    type: str | None = Field(examples=["protector"])
    with_source: int = Field(
        description="Contexts with this product and the source; 0 if this product only has the "
        "source's type.",
        examples=[12],
    )
    with_target: int = Field(
        description="Contexts with this product and the target.", examples=[34]
    )


class TypePairSchema(BaseModel):
    """How often products of two types were bought together."""

    model_config = _FROM_ATTRIBUTES

    source: str = Field(examples=["phone"])
    target: str = Field(examples=["case"])
    bought_together: int = Field(
        description="Number of joint purchases of products of the two types.", examples=[3204]
    )


class EvidenceSchema(BaseModel):
    """The evidence for a pair."""

    model_config = _FROM_ATTRIBUTES

    basis: Basis = Field(
        description="The strongest kind of evidence for the pair.",
        examples=["bought_together"],
    )
    bought_together: int = Field(
        description="Contexts (baskets, sessions or users, see `unit`) with both products.",
        examples=[142],
    )
    source_first: int | None = Field(
        description="Contexts in which the source came first; null if the order is not recorded.",
        examples=[100],
    )
    viewed_together: int = Field(
        description="Contexts in which the two were viewed as alternatives.", examples=[0]
    )
    confidence: float | None = Field(
        description="Share of the source's contexts that contain the target, 0 to 1.",
        examples=[0.12],
    )
    lift: float | None = Field(
        description="Observed number of contexts with both products, divided by the number "
        "expected by chance.",
        examples=[3.1],
    )
    pmi_lower: float | None = Field(
        description="Lower 95 % bound of the pointwise mutual information, in nats.", examples=[0.9]
    )
    purchases: int = Field(description="Contexts with the target.", examples=[1203])
    counted: bool = Field(
        description="Whether the evidence has counts. False for data that only list related "
        "products.",
        examples=[True],
    )
    link: LinkSchema | None = Field(
        None, description="For `basis` `linked` or `alike`: the product between the two."
    )
    types: TypePairSchema | None = Field(
        None, description="For `basis` `types`: purchases of the two product types."
    )
    unit: Literal["baskets", "sessions", "users"] | None = Field(
        default=None,
        description="Kind of context in which co-purchases are counted; null if the bundle does "
        "not record it.",
        examples=["baskets"],
    )
    target_first: int | None = Field(
        default=None,
        description="Contexts in which the target came first. The remaining contexts have no "
        "order.",
        examples=[12],
    )
    customers: int | None = Field(
        default=None,
        description="Distinct customers who bought both products. Each anonymous context counts "
        "as one customer. Null if customers are not recorded.",
        examples=[118],
    )
    strength: Strength | None = Field(
        default=None,
        description="How well the counts support the pair. `strong`: the lower bound of the lift "
        "is at least 3, with at least 10 contexts and 5 customers; `medium`: at least 1.5, with 3 "
        "contexts and 2 customers; `weak`: less. Null without counts.",
        examples=["strong"],
    )


class KnowledgeSchema(BaseModel):
    """General knowledge about the kinds of two products; it is not evidence from purchases."""

    model_config = _FROM_ATTRIBUTES

    source_kind: str = Field(examples=["smartphone"])
    target_kind: str = Field(examples=["phone_case"])
    reason: str = Field(description="Why the two kinds go together.", examples=["protection"])
    strength: int = Field(
        description="3: nearly every buyer needs it; 2: common; 1: plausible.",
        examples=[3],
    )


class RecommendationSchema(BaseModel):
    """One recommendation."""

    model_config = _FROM_ATTRIBUTES

    product_id: str = Field(examples=["case-1"])
    title: str | None = Field(examples=["Slim case"])
    type: str | None = Field(examples=["case"])
    relation: Literal["complement", "similar", "goes_with"] = Field(
        description="Relation to the queried product. `goes_with`: the queried product is "
        "recommended for this one.",
        examples=["complement"],
    )
    score: float = Field(
        description="Score of the model; only scores of the same model can be compared.",
        examples=[0.031],
    )
    model: str = Field(description="Model that recommends the product.", examples=["cocitation"])
    fallback: bool = Field(
        description="Whether a fallback model recommends it.",
        examples=[False],
    )
    evidence: EvidenceSchema
    why: str = Field(
        description="One sentence in English from the evidence; general knowledge is marked as "
        "such.",
        examples=["In 142 baskets with Phone 1: 3.1x more often than by chance."],
    )
    goes_with: list[str] = Field(
        description="The queried products that it is recommended for; `evidence` is that of the "
        "strongest pair.",
        examples=[["phone-1"]],
    )
    pinned: bool = Field(description="Whether the request or a rule pinned it.", examples=[False])
    explanation: str | None = Field(
        description="One sentence for shoppers, written by `goeswith explain` from catalogue and "
        "evidence; null if there is none.",
        examples=["Bought together in 142 baskets, and both are by Nimbus."],
    )
    knowledge: KnowledgeSchema | None = Field(
        None,
        description="Entry of the table of product kinds for the pair; null if there is none.",
        examples=[None],
    )
    more_variants: int = Field(
        0,
        description="Number of its other variants (sizes or colours), which are not shown.",
        examples=[2],
    )
    rules: list[str] = Field(
        [], description="Ids of the rules that changed its rank.", examples=[["summer-cases"]]
    )


class SkippedSchema(BaseModel):
    """A pin, ban, filter or rule that was not applied."""

    model_config = _FROM_ATTRIBUTES

    what: Literal["pin", "ban", "filter", "rule"] = Field(examples=["pin"])
    value: str = Field(
        description="The product, the filter, or the id of the rule.", examples=["case-99"]
    )
    reason: str = Field(examples=["the bundle has no such product"])
