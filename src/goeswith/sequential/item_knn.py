"""Item-kNN and successor counts: products at a short distance in sequences."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Sparse, inverse_power, scale_columns, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.models.base import ModelConfig
from goeswith.models.paths import is_sparse_cheaper, out_degree, walk
from goeswith.sequential.base import SessionModel, prefix_weights
from goeswith.sequential.prefix_scores import PrefixScores
from goeswith.sequential.sequences import Sequences


class ItemKnnConfig(ModelConfig):
    """Settings of item-kNN."""

    window: int = Field(
        50, ge=1, description="Maximum distance of two products in a session, in positions."
    )
    distance_power: float = Field(
        0.5,
        ge=0,
        description="Decay by distance: a pair at distance d has the weight d^-distance_power.",
    )
    backward: float = Field(
        0.3, ge=0, description="Weight of a pair in reverse order; 0 uses the recorded order only."
    )
    source_power: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Discount of frequent products of the session: exponent of the frequency; 0 "
        "disables it.",
    )
    target_power: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Discount of frequent candidates: exponent of the frequency; 0 disables it.",
    )
    recency: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Factor per position back from the last product of the session: 1 weighs all "
        "products equally, 0 uses the last only.",
    )
    hops: int = Field(
        1,
        ge=1,
        le=3,
        description="Number of steps from a product of the session; 2 also reaches rare products.",
    )
    half_life: float | None = Field(
        None,
        gt=0,
        description="Age at which a sequence counts half, as a share of all sequences. Not set: "
        "all count the same.",
    )


class ItemKnn(SessionModel):
    """Item-based nearest neighbours over sequences, with distance, order and recency.

    With f the frequency of a product, d the places between two products of a sequence, a the age of
    the sequence in half-lives and b = 1 where j comes after i, else `backward`:

        c(i, j) = sum over pairs of b 2^-a d^-distance_power / (f_i^source_power f_j^target_power)
        score(j) = sum over products i of the prefix of recency^(places back) c(i, j)

    With several hops, c is a matrix of random steps (its rows add up to 1) to the power of `hops`.

    The item-to-item form of Linden et al. (2003); distance and recency are those of the strongest
    entries of the session literature (Ludewig and Jannach, 2018).
    """

    Config: ClassVar[type[ModelConfig]] = ItemKnnConfig
    name: ClassVar[str] = "item_knn"
    config: ItemKnnConfig

    def fit(self, catalog: Catalog, sequences: Sequences) -> Self:
        n, config = len(catalog), self.config
        frequency = np.bincount(sequences.products, minlength=n).astype(np.float64)
        similarity = sparse.csr_matrix((n, n), dtype=np.float32)
        run_index, freshness = sequences.run_index, sequences.freshness(config.half_life)
        for distance in range(1, config.window + 1):
            same_run = run_index[distance:] == run_index[:-distance]
            if not same_run.any():
                break
            earlier = sequences.products[:-distance][same_run]
            later = sequences.products[distance:][same_run]
            weight = freshness[run_index[distance:][same_run]] * distance**-config.distance_power
            forward = sparse.csr_matrix((weight, (earlier, later)), shape=(n, n))
            similarity = similarity + forward
            if config.backward:
                similarity = similarity + config.backward * forward.T.tocsr()
        similarity = scale_rows(similarity.tocsr(), inverse_power(frequency, config.source_power))
        similarity = scale_columns(similarity, inverse_power(frequency, config.target_power))
        if config.hops > 1:
            similarity = scale_rows(similarity, inverse_power(out_degree(similarity), 1))
        self.near = similarity
        return self

    def few_scores(self, prefixes: Sequences) -> PrefixScores | None:
        weights = self._before_last_hop(prefixes)
        if not is_sparse_cheaper(weights, self.near):
            return None
        scores = (weights @ self.near).tocsr()
        scores.sort_indices()
        return PrefixScores(scores)

    def score(self, prefixes: Sequences) -> Floats:
        scores = walk(self._before_last_hop(prefixes), self.near)
        return np.where(scores > 0, scores, np.float32(-np.inf))

    def _before_last_hop(self, prefixes: Sequences) -> Sparse:
        weights = prefix_weights(prefixes, self.config.recency, self.n)
        for _ in range(1, self.config.hops):
            weights = weights @ self.near
        return weights

    def arrays(self) -> Arrays:
        return {"near": self.near}

    def restore(self, arrays: Arrays) -> None:
        self.near = arrays["near"]

    @property
    def n(self) -> int:
        return int(self.near.shape[0])


class SuccessorsConfig(ItemKnnConfig):
    """Settings of successor counts: those of item-kNN with other defaults."""

    window: int = Field(
        5, ge=1, description="Maximum distance of two products in a session, in positions."
    )
    distance_power: float = Field(
        1.0,
        ge=0,
        description="Decay by distance: a pair at distance d has the weight d^-distance_power.",
    )
    backward: float = Field(
        0.0, ge=0, description="Weight of a pair in reverse order; 0 uses the recorded order only."
    )
    source_power: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Discount of frequent products of the session: exponent of the frequency; 0 "
        "disables it.",
    )
    target_power: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Discount of frequent candidates: exponent of the frequency; 0 disables it.",
    )
    recency: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Factor per position back from the last product of the session: 1 weighs all "
        "products equally, 0 uses the last only.",
    )


class Successors(ItemKnn):
    """Products within a few places after the last product: counts with decay.

    The co-visitation baseline of Amazon-M2 (KDD Cup 2023); item-kNN that looks at the last product
    alone, in the direction of time, and corrects for nothing.
    """

    Config: ClassVar[type[ModelConfig]] = SuccessorsConfig
    name: ClassVar[str] = "successors"
