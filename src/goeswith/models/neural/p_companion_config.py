"""Settings of P-Companion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from goeswith.models.neural.product2vec import Product2VecConfig


class PCompanionConfig(Product2VecConfig):
    """Settings of P-Companion; those of Product2Vec hold for its product vectors."""

    type_dimension: int = Field(64, ge=2, description="Dimension of the type vectors.")
    alpha: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Weight of the product part in loss and score; the type part has the weight "
        "1 - alpha.",
    )
    dropout: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Dropout rate of the hidden layer of the type transition.",
    )
    negatives: Literal["substitutes", "random", "both"] = Field(
        "substitutes",
        description="Negative for each complement: a substitute of the source, a random product, "
        "or one of each.",
    )
    train_projection: Literal["gamma", "true_type"] = Field(
        "gamma",
        description="Type vector that projects products in training: the predicted one, or that "
        "of the target's type.",
    )
    residual_projection: bool = Field(
        False, description="Whether the projection is initialised as the identity (b6 = 1)."
    )


class PCompanionSoftmaxConfig(Product2VecConfig):
    """Settings of P-Companion with softmaxes; those of Product2Vec hold for its vectors."""

    vectors: Literal["product2vec", "product2vec_softmax"] = Field(
        "product2vec_softmax", description="Model of the product vectors."
    )
    step_size: float = Field(
        0.01,
        gt=0,
        description="Learning rate of Adam, for all parameters except the product vectors.",
    )
    type_dimension: int = Field(128, ge=2, description="Dimension of the type vectors.")
    dropout: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Dropout rate of the hidden layer of the type transition.",
    )
    temperature: float = Field(
        0.1, gt=0, description="Temperature: scores of products within a type are divided by it."
    )
    negatives: int = Field(3000, ge=1, description="Number of negatives drawn per training step.")
    id_vectors: bool = Field(
        True, description="Add a learned vector and a bias to each product with edges."
    )
