"""Settings of ECCR."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from goeswith.models.base import ModelConfig


class EccrConfig(ModelConfig):
    """Settings of re-ranking by a language model."""

    seed: int = Field(
        0,
        ge=0,
        description="Random seed. The same seed gives the same recommendations on the same "
        "machine with the same number of threads.",
    )
    base: str = Field("ranker", description="Model whose slates are re-ranked.")
    language_model: str | None = Field(
        None,
        description="Folder or hub id of a T5 or causal language model to fine-tune. Not set: "
        "the slates of `base` are not changed.",
    )
    lora: int = Field(0, ge=0, description="Rank of the LoRA adapters; 0 trains all weights.")
    tokens: Literal["product2vec", "daemon", "none"] = Field(
        "product2vec", description="Product vectors that are converted into tokens."
    )
    indexing: Literal["sequential", "collaborative", "semantic", "hybrid"] = Field(
        "collaborative", description="How products are numbered in tokens."
    )
    quantiser: Literal["residual", "rq_vae"] = Field(
        "residual", description="Residual k-means, or a residual-quantised autoencoder."
    )
    levels: int = Field(3, ge=1, le=8, description="Number of tokens per product.")
    codes: int = Field(256, ge=2, description="Maximum number of different tokens per level.")
    auxiliary: bool = Field(
        True, description="Train the auxiliary tasks together with list ranking."
    )
    steps: int = Field(60, ge=1, description="Number of fine-tuning steps; use more on a GPU.")
    lists: int = Field(12, ge=1, description="Number of candidate lists per step.")
    negatives: int = Field(5, ge=1, le=20, description="Number of negatives per list and step.")
    learning_rate: float = Field(2e-3, gt=0, description="Maximum learning rate of AdamW.")
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the complement pairs held out for validation; the weights that "
        "rank them best are used.",
    )
    tails: float = Field(
        0.15,
        ge=0,
        le=1,
        description="Share of candidates to which strategic (adversarial) text is added in "
        "training.",
    )
    candidates: int = Field(
        20, ge=1, le=200, description="Number of products of a slate that are scored."
    )
    milliseconds: float | None = Field(
        None,
        gt=0,
        description="Maximum milliseconds for scoring a slate; fewer candidates are scored if "
        "the time is too short. Results then depend on the machine.",
    )
    weight: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Weight of the language model: 0 keeps the order of `base`, 1 ignores it.",
    )
    reach: int | None = Field(
        5, ge=1, description="Maximum change of rank by the language model, multiplied by `weight`."
    )
    prior: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Weight of a product's mean score over other sources, which is subtracted "
        "from its score.",
    )
