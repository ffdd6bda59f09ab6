"""Settings of SALAM, with the values of the paper or its code where they are published."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goeswith.language.salam.labels import class_names


class SalamConfig(BaseModel):
    """What the model is made of, and how it is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    encoder: str = Field(
        "intfloat/multilingual-e5-small",
        description="Folder or hub id of the pretrained encoder.",
    )
    labels: Literal["e_s_c_i", "e_s_ci", "e_sci", "es_ci", "s_c_i", "c_i"] = Field(
        "e_s_c_i", description="Classes of the model, and which of them are merged."
    )
    language: bool = Field(
        True, description="Use the language branch, which reads both texts of a pair together."
    )
    graph: bool = Field(
        True, description="Use the graph branch, which reads the neighbours of both products."
    )
    paths: bool = Field(
        True,
        description="Use the numbers of typed paths between both products as features of the "
        "graph branch.",
    )
    max_tokens: int = Field(
        96, ge=8, le=512, description="Maximum number of tokens per pair; the longer text is cut."
    )
    node_tokens: int = Field(
        32, ge=4, le=512, description="Maximum number of tokens per text for its node vector."
    )
    prefix: str = Field(
        "query: ",
        description="Prefix that the encoder expects before a single text; empty for most "
        "encoders.",
    )
    neighbours: int = Field(
        8, ge=1, description="Number of sampled neighbours per node and relation."
    )
    second_neighbours: int = Field(
        3, ge=1, description="Number of sampled second neighbours per neighbour and relation."
    )
    dimension: int = Field(128, ge=4, description="Dimension of graph vectors and fused tokens.")
    heads: int = Field(4, ge=1, description="Number of attention heads of the fusion.")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout rate of the parts that are not pretrained."
    )
    lora: int = Field(0, ge=0, description="Rank of the LoRA adapters; 0 trains all layers.")
    train_embeddings: bool = Field(
        False,
        description="Train the token embeddings too. They are most of the weights of a "
        "multilingual model, and a shop uses few of them.",
    )
    balance: bool = Field(True, description="Weight classes in the loss by inverse frequency.")
    branch_loss: float = Field(
        0.3,
        ge=0,
        description="Weight of the loss of each branch, in addition to the loss of the fusion.",
    )
    ensemble: bool = Field(
        False,
        description="Add boosted trees on the outputs of the branches, fitted on held-out pairs.",
    )
    learning_rate: float = Field(
        5e-5, gt=0, description="Learning rate of AdamW for pretrained layers."
    )
    head_rate: float = Field(1e-3, gt=0, description="Learning rate of AdamW for all other layers.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay of AdamW.")
    warmup: float = Field(
        0.06, ge=0, lt=1, description="Share of the steps with a rising learning rate (warm-up)."
    )
    batch: int = Field(64, ge=1, description="Batch size: pairs per step.")
    epochs: int = Field(3, ge=1, description="Number of training epochs.")
    seed: int = Field(0, ge=0, description="Random seed.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Precision of training; auto is bfloat16 if the device supports it natively, "
        "else float32.",
    )
    checkpoint_minutes: float = Field(
        5.0,
        gt=0,
        description="Minutes between checkpoints: the most training time that is lost if the run "
        "is killed.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.language or self.graph):
            raise ValueError("language or graph must be true")
        if self.dimension % self.heads:
            raise ValueError("dimension must be a multiple of heads")
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order."""
        return class_names(self.labels)
