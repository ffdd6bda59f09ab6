"""Settings of P-Companion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from goeswith.models.neural.product2vec import Product2VecConfig


class PCompanionConfig(Product2VecConfig):
    """Settings of P-Companion; those of Product2Vec hold for its product vectors."""

    type_dimension: int = Field(64, ge=2, description="Length of a type vector.")
    alpha: float = Field(
        0.8, ge=0, le=1, description="Weight of products in loss and score; types have the rest."
    )
    dropout: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the type transition's hidden units dropped in a step.",
    )
    negatives: Literal["substitutes", "random", "both"] = Field(
        "substitutes",
        description="What each complement is held against: a substitute of the source, a random "
        "product, or one of each.",
    )
    train_projection: Literal["gamma", "true_type"] = Field(
        "gamma",
        description="Type vector by which products are projected in training: the predicted one, "
        "or that of the target's own type.",
    )
    residual_projection: bool = Field(
        False, description="Whether projection starts as the identity (b6 = 1)."
    )


class PCompanionSoftmaxConfig(Product2VecConfig):
    """Settings of P-Companion with softmaxes; those of Product2Vec hold for its vectors."""

    vectors: Literal["product2vec", "product2vec_softmax"] = Field(
        "product2vec", description="Model of the product vectors."
    )
    step_size: float = Field(
        0.01, gt=0, description="Adam's step size of all but the product vectors."
    )
    type_dimension: int = Field(128, ge=2, description="Length of a type vector.")
    dropout: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the type transition's hidden units dropped in a step.",
    )
    temperature: float = Field(0.1, gt=0, description="Divides the scores of products in a type.")
    negatives: int = Field(3000, ge=1, description="Products drawn as negatives in each step.")
    id_vectors: bool = Field(
        True, description="Add a learned vector and a bias to products with edges."
    )
