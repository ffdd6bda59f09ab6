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
        description="Seed of every random draw; on one machine and number of threads, same seed, "
        "same answers.",
    )
    base: str = Field("ranker", description="The model whose slates are re-ranked.")
    language_model: str | None = Field(
        None,
        description="Folder or hub id of a T5 or causal language model to fine-tune; without one "
        "the base's slates stay as they are.",
    )
    lora: int = Field(0, ge=0, description="Rank of adapters; 0 trains all weights.")
    tokens: Literal["product2vec", "daemon", "none"] = Field(
        "product2vec", description="The vectors that become tokens of behaviour."
    )
    indexing: Literal["sequential", "collaborative", "semantic", "hybrid"] = Field(
        "collaborative", description="How products are numbered in tokens."
    )
    quantiser: Literal["residual", "rq_vae"] = Field(
        "residual", description="Residual k-means, or a residual-quantised autoencoder."
    )
    levels: int = Field(3, ge=1, le=8, description="Tokens of a product.")
    codes: int = Field(256, ge=2, description="Different tokens of a level, at most.")
    auxiliary: bool = Field(True, description="Learn the other tasks beside the lists.")
    steps: int = Field(60, ge=1, description="Steps of fine-tuning; a GPU has time for more.")
    lists: int = Field(12, ge=1, description="Lists of candidates in a step.")
    negatives: int = Field(5, ge=1, le=20, description="Of a list in a step; it has up to 20.")
    learning_rate: float = Field(2e-3, gt=0, description="AdamW's step size at its highest.")
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of complement pairs that fine-tuning leaves out; the weights that rank "
        "them best are used.",
    )
    tails: float = Field(
        0.15, ge=0, le=1, description="Share of candidates that get strategic text in training."
    )
    candidates: int = Field(20, ge=1, le=200, description="Products of a slate that are scored.")
    milliseconds: float | None = Field(
        None,
        gt=0,
        description="Time for scoring one slate: fewer candidates where it does not suffice. "
        "Answers then depend on the machine.",
    )
    weight: float = Field(0.5, ge=0, le=1, description="0 keeps the base's order, 1 ignores it.")
    reach: int | None = Field(
        5, ge=1, description="Places by which the language model may move a product, times weight."
    )
    prior: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Weight of the mean score with other sources, subtracted from the score.",
    )
