"""What the service answers, field by field: the source of its OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from goeswith.query.compare import Compared
from goeswith.store.evidence import Basis

LONGEST_ID: Final = 5000
"""Characters of a product id, in a request."""
MOST_IN_BATCH: Final = 100
BUILD: Final = "20240131t120000z-0a1b2c3d"
"""What the id of a build looks like."""
Attribute: TypeAlias = str | int | float | bool | list[str] | None
_FROM_ANSWERS = ConfigDict(from_attributes=True)


class LinkShape(BaseModel):
    """A product between source and target."""

    model_config = _FROM_ANSWERS

    product_id: str = Field(examples=["protector-2"])
    title: str | None = Field(examples=["Screen protector"])
    type: str | None = Field(examples=["protector"])
    with_source: int = Field(
        description="How often it was bought with the source; 0 where it is only of its type.",
        examples=[12],
    )
    with_target: int = Field(description="How often it was bought with the target.", examples=[34])


class TypesShape(BaseModel):
    """How often products of two types were bought together."""

    model_config = _FROM_ANSWERS

    source: str = Field(examples=["phone"])
    target: str = Field(examples=["case"])
    bought_together: int = Field(examples=[3204])


class EvidenceShape(BaseModel):
    """What the data say of a pair."""

    model_config = _FROM_ANSWERS

    basis: Basis = Field(
        description="What the answer rests on, the strongest that the data have.",
        examples=["bought_together"],
    )
    bought_together: int = Field(description="Contexts that bought both.", examples=[142])
    source_first: int | None = Field(
        description="Contexts in which the source came first; null where order is not known.",
        examples=[100],
    )
    viewed_together: int = Field(
        description="Contexts in which the two were viewed as alternatives.", examples=[0]
    )
    confidence: float | None = Field(
        description="Share of the source's contexts that hold the target.", examples=[0.12]
    )
    lift: float | None = Field(description="How many times chance.", examples=[3.1])
    pmi_lower: float | None = Field(
        description="Lower 95 % bound of the pointwise mutual information, nats.", examples=[0.9]
    )
    purchases: int = Field(description="Contexts that hold the target.", examples=[1203])
    counted: bool = Field(
        description="Whether counts are of contexts; lists only say that there is an edge.",
        examples=[True],
    )
    link: LinkShape | None = None
    types: TypesShape | None = None


class AnswerShape(BaseModel):
    """One answer."""

    model_config = _FROM_ANSWERS

    product_id: str = Field(examples=["case-1"])
    title: str | None = Field(examples=["Slim case"])
    type: str | None = Field(examples=["case"])
    relation: Literal["complement", "similar", "goes_with"] = Field(
        description="What it is to the product asked about; `goes_with` is a product that the one "
        "asked about goes with.",
        examples=["complement"],
    )
    score: float = Field(
        description="Comparable among answers of one model only.", examples=[0.031]
    )
    model: str = Field(examples=["cocitation"])
    fallback: bool = Field(
        description="Whether the model filled a place that the first one left empty.",
        examples=[False],
    )
    evidence: EvidenceShape
    why: str = Field(
        description="One sentence from the evidence alone.",
        examples=["Bought 142 times with Phone 1, 3.1 times what chance would give."],
    )
    goes_with: list[str] = Field(
        description="The products asked about that it goes with; evidence is of the best.",
        examples=[["phone-1"]],
    )
    pinned: bool = Field(description="Whether the request put it there.", examples=[False])
    explanation: str | None = Field(
        description="One sentence for a shopper, which catalogue and evidence hold; null where "
        "`goeswith explain` kept none for the pair.",
        examples=["Bought together 142 times, and both are by Nimbus."],
    )


class OfBundle(BaseModel):
    """Every answer names the build that gave it."""

    bundle: str = Field(
        description="The build that answered; new with every fit.",
        examples=[BUILD],
    )


class Complements(OfBundle):
    """What goes with a product."""

    product_id: str = Field(examples=["phone-1"])
    complements: list[AnswerShape]


class Similars(OfBundle):
    """What stands for a product."""

    product_id: str = Field(examples=["phone-1"])
    similars: list[AnswerShape]


class Reverse(OfBundle):
    """What a product goes with."""

    product_id: str = Field(examples=["case-1"])
    sources: list[AnswerShape]


class BasketComplements(OfBundle):
    """What goes with several products together."""

    basket: list[str] = Field(examples=[["phone-1", "charger-2"]])
    complements: list[AnswerShape]


class NextShape(AnswerShape):
    """One product that may come next in a session."""

    relation: Literal["next", "complement", "similar"] = Field(  # type: ignore[assignment]
        description="`complement` where it goes with the session's products, `similar` where it "
        "stands for one of them, else `next`.",
        examples=["next"],
    )
    proposed_by: list[str] = Field(
        description="The models that propose it, the session model first; none for a mere pin. "
        "`model` is the one that adds most to its place.",
        examples=[["item_knn", "cocitation"]],
    )
    after: str | None = Field(
        description="The product of the session that it most often came soon after.",
        examples=["phone-1"],
    )
    followed: int = Field(
        description="How often, before the fit, it came at most five places after that one.",
        examples=[214],
    )


class SessionAnswers(OfBundle):
    """What comes next in a session."""

    session: list[str] = Field(description="As asked.", examples=[["phone-2", "phone-1"]])
    next: list[NextShape]


class NewProduct(BaseModel):
    """A product that the catalogue does not hold."""

    model_config = ConfigDict(extra="forbid")

    attributes: dict[Annotated[str, Field(max_length=200)], Attribute] = Field(
        min_length=1,
        max_length=200,
        description="Columns of the catalogue; at most 50,000 characters in all.",
        examples=[{"title": "Phone 1 mini", "type": "phone", "price": 99.0}],
    )


class Batch(BaseModel):
    """Several products, each to be answered alone."""

    model_config = ConfigDict(extra="forbid")

    product_ids: list[Annotated[str, Field(max_length=LONGEST_ID)]] = Field(
        min_length=1, max_length=MOST_IN_BATCH, examples=[["phone-1", "camera-2"]]
    )
    k: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="How many answers each; 10 unless given, or what the bundle holds.",
        examples=[5],
    )


class BatchAnswer(BaseModel):
    """One product of a batch: its answers, or why there are none."""

    product_id: str = Field(examples=["phone-1"])
    complements: list[AnswerShape] | None = None
    error: str | None = Field(None, examples=["no product 'fone-1' among the 100 of this bundle"])


class BatchAnswers(OfBundle):
    """The products of a batch, in the order asked."""

    answers: list[BatchAnswer]


class Brief(BaseModel):
    """A product in a line."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])
    type: str | None = Field(examples=["phone"])
    brand: str | None = Field(examples=["Mu"])
    price: float | None = Field(examples=[99.0])


class Found(OfBundle):
    """Products that a search found, best first."""

    query: str = Field(examples=["phone"])
    products: list[Brief]


class SideShape(BaseModel):
    """One direction: the second product as an answer to the first."""

    model_config = _FROM_ANSWERS

    rank: int | None = Field(
        description="Its place among the answers, from 1; null where it is not among them.",
        examples=[1],
    )
    score: float | None = Field(examples=[0.031])
    model: str | None = Field(examples=["cocitation"])
    fallback: bool = Field(
        description="Whether the model filled a place that the first one left empty.",
        examples=[False],
    )
    probability: float | None = Field(
        description="That it goes with the other, where the model gives probabilities.",
        examples=[0.74],
    )
    evidence: EvidenceShape
    why: str = Field(examples=["Bought 142 times with Phone 1, 3.1 times what chance would give."])


class ComparisonShape(OfBundle):
    """Two products side by side."""

    source: Brief
    target: Brief
    relation: Compared = Field(
        description="What the target is to the source: `complement` goes with it, `reverse` is "
        "what the source goes with, `mutual` is both, `substitute` stands for it.",
        examples=["complement"],
    )
    forward: SideShape = Field(description="The target as an answer to the source.")
    backward: SideShape = Field(description="The source as an answer to the target.")
    substitutes: bool = Field(
        description="Whether they are viewed as alternatives, or are variants of one product.",
        examples=[False],
    )
    why: str = Field(examples=["Slim case goes with Phone 1, and not the other way round."])


class Product(OfBundle):
    """A product of the catalogue."""

    product_id: str = Field(examples=["phone-1"])
    attributes: dict[str, Any] = Field(examples=[{"title": "Phone 1", "type": "phone"}])
