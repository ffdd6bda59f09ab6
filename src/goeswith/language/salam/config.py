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
        "e_s_c_i", description="Classes, and which of them are merged."
    )
    language: bool = Field(True, description="Read the texts of a pair together.")
    graph: bool = Field(True, description="Read the behaviour around both ends of a pair.")
    paths: bool = Field(
        True, description="Count typed paths between both ends, beside their neighbourhoods."
    )
    max_tokens: int = Field(
        96, ge=8, le=512, description="Tokens of a pair that are read; the longer text is cut."
    )
    node_tokens: int = Field(
        32, ge=4, le=512, description="Tokens of one text that are read for its node vector."
    )
    prefix: str = Field(
        "query: ", description="What the encoder wants before a single text; empty for most."
    )
    neighbours: int = Field(8, ge=1, description="Neighbours drawn of a node, for each relation.")
    second_neighbours: int = Field(
        3, ge=1, description="Neighbours drawn of each of those, for each relation."
    )
    dimension: int = Field(128, ge=4, description="Length of graph vectors and of fused tokens.")
    heads: int = Field(4, ge=1, description="Attention heads of the fusion.")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout of the parts that are not pretrained."
    )
    lora: int = Field(0, ge=0, description="Rank of low-rank adapters; 0 trains all layers.")
    train_embeddings: bool = Field(
        False,
        description="Train word vectors too: most of a multilingual model's weights, of which a "
        "shop sees few.",
    )
    balance: bool = Field(True, description="Weigh classes in the loss by how rare they are.")
    branch_loss: float = Field(
        0.3, ge=0, description="Weight of each branch's own loss beside that of the fusion."
    )
    ensemble: bool = Field(
        False,
        description="Boosted trees over the outputs of the branches, fitted on held-out pairs.",
    )
    learning_rate: float = Field(5e-5, gt=0, description="AdamW's step size, of pretrained layers.")
    head_rate: float = Field(1e-3, gt=0, description="The same of all other layers.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's weight decay.")
    warmup: float = Field(0.06, ge=0, lt=1, description="Share of steps of rising step size.")
    batch: int = Field(64, ge=1, description="Pairs in a step.")
    epochs: int = Field(3, ge=1, description="Epochs.")
    seed: int = Field(0, ge=0, description="Seed of every random draw.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="bfloat16 if the device multiplies it natively; or as set."
    )
    checkpoint_minutes: float = Field(
        5.0, gt=0, description="Maximum minutes of training that a killed run loses."
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
