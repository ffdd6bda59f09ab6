"""What the service answers, field by field: the source of its OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from goeswith.bundle.evidence import Basis

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
    """One complement."""

    model_config = _FROM_ANSWERS

    product_id: str = Field(examples=["case-1"])
    title: str | None = Field(examples=["Slim case"])
    type: str | None = Field(examples=["case"])
    relation: str = Field(examples=["complement"])
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


class Complements(BaseModel):
    """What goes with a product."""

    bundle: str = Field(description="The build that answered; new with every fit.")
    product_id: str = Field(examples=["phone-1"])
    complements: list[AnswerShape]


class BasketComplements(BaseModel):
    """What goes with several products together."""

    bundle: str = Field(description="The build that answered; new with every fit.")
    basket: list[str] = Field(examples=[["phone-1", "charger-2"]])
    complements: list[AnswerShape]


class NewProduct(BaseModel):
    """A product that the catalogue does not hold."""

    model_config = ConfigDict(extra="forbid")

    attributes: dict[Annotated[str, Field(max_length=200)], Attribute] = Field(
        min_length=1,
        max_length=200,
        description="Columns of the catalogue; at most 50,000 characters in all.",
        examples=[{"title": "Phone 1 mini", "type": "phone", "price": 99.0}],
    )


class Refused(BaseModel):
    """The request cannot be answered as it is."""

    bundle: str
    detail: str = Field(examples=["no product has a 'prize'; did you mean 'price'?"])


class Product(BaseModel):
    """A product of the catalogue."""

    bundle: str = Field(description="The build that answered; new with every fit.")
    product_id: str = Field(examples=["phone-1"])
    attributes: dict[str, Any] = Field(examples=[{"title": "Phone 1", "type": "phone"}])


class NearProduct(BaseModel):
    """A product that may have been meant."""

    product_id: str = Field(examples=["phone-1"])
    title: str | None = Field(examples=["Phone 1"])


class Unknown(BaseModel):
    """There is no such product."""

    bundle: str
    detail: str = Field(examples=["no product 'fone-1' among the 100 of this bundle"])
    nearest: list[NearProduct]


class Health(BaseModel):
    """How the service is."""

    status: Literal["live", "ready"]
    bundle: str
    products: int = Field(examples=[100])
