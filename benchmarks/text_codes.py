"""Codes of products for `tiger`: four ways of numbering, and finite scalar quantisation.

Hua et al. (2023), *How to Index Item IDs for Recommendation Foundation Models* (arXiv 2305.06569);
Jiang et al. (2025), *RecGPT* (arXiv 2506.06270), with the quantisation of Mentzer et al. (2023,
arXiv 2309.15505).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from goeswith.core.arrays import Floats, Sparse
from goeswith.data.catalog import Catalog
from goeswith.features.semantic_codes import (
    Codes,
    codebook_use,
    collision_rate,
    residual_codes,
    with_unique_suffix,
)
from goeswith.models.base import ModelConfig
from goeswith.sequential.item_knn import ItemKnn
from goeswith.sequential.neural.tiger import Tiger, TigerConfig
from goeswith.sequential.sequences import Ints, Sequences

BRANCHES = 16
"""Numbers of a level of sequential, collaborative and semantic codes."""
FSQ_STEPS = 600
"""Steps of training of finite scalar quantisation."""
FSQ_LEVELS = (8, 6, 5)
"""Values of each entry of a number of finite scalar quantisation: 240 numbers."""


class CodedTigerConfig(TigerConfig):
    """Settings of `tiger` with other codes."""

    index: Literal[
        "random", "sequential", "collaborative", "semantic", "hybrid", "residual", "fsq"
    ] = Field("residual", description="How products are numbered.")
    paths: int = Field(1, ge=1, le=1, description="Codes of a product.")


class CodedTiger(Tiger):
    """`tiger` with codes of a given kind; the last number makes codes unique.

    - random: digits of a number that is drawn.
    - sequential: digits of the place at which a product first occurs in the sequences.
    - collaborative: recursive spectral clusters of the graph of products in one sequence.
    - semantic: recursive k-means of text vectors (the paper reads the tree of categories).
    - hybrid: collaborative, and the last number is the product's own instead of a count.
    - residual: residual k-means of text vectors, as in `tiger:behaviour=false`.
    - fsq: text vectors through a linear autoencoder whose bottleneck is rounded.
    """

    name: ClassVar[str] = "coded_tiger"
    Config: ClassVar[type[ModelConfig]] = CodedTigerConfig
    config: CodedTigerConfig

    def product_codes(self, catalog: Catalog, sequences: Sequences) -> Codes:
        n, index, seed = len(catalog), self.config.index, self.config.seed
        if index == "random":
            return with_unique_suffix(digits(np.random.default_rng(seed).permutation(n)))
        if index == "sequential":
            return with_unique_suffix(digits(first_places(sequences, n)))
        if index in {"collaborative", "hybrid"}:
            near = ItemKnn().fit(catalog, sequences).near
            codes = spectral_codes((near + near.T).tocsr(), seed)
            own = np.arange(n)[:, None]
            return np.hstack([codes, own]) if index == "hybrid" else with_unique_suffix(codes)
        content = self.config.content_encoder().fit(catalog).encode(catalog)
        if index == "semantic":
            return with_unique_suffix(tree_codes(content, seed))
        if index == "fsq":
            return with_unique_suffix(scalar_codes(content, self.config.levels, seed))
        return with_unique_suffix(
            residual_codes(content, self.config.levels, self.config.codes, seed)
        )

    def more_figures(self, case: Any) -> dict[str, Any]:
        """How many products share all numbers but the last, and what levels are used."""
        shared = self.codes[:, :-1]
        use = codebook_use(shared)
        return {
            "codes": {
                "shared": round(collision_rate(shared), 5),
                "perplexity": round(float(np.mean([level["perplexity"] for level in use])), 2),
            }
        }


def digits(numbers: Ints, base: int = BRANCHES) -> Codes:
    """(n, l) digits of numbers, less the last one; the suffix counts it.

    >>> digits(np.array([0, 17, 300]), 16).tolist()
    [[0, 0], [0, 1], [1, 2]]
    """
    length = 1
    while base**length <= numbers.max(initial=0):
        length += 1
    powers = base ** np.arange(length - 1, 0, -1)
    return numbers[:, None] // powers % base


def first_places(sequences: Sequences, n: int) -> Ints:
    """(n,) rank of each product by its first place in the sequences; others come last.

    >>> first_places(Sequences.from_rows([[2, 0], [2, 3]]), 4).tolist()
    [1, 3, 0, 2]
    """
    seen, place = np.unique(sequences.products, return_index=True)
    first = np.full(n, len(sequences.products), dtype=np.int64)
    first[seen] = place
    ranks = np.empty(n, dtype=np.int64)
    ranks[np.argsort(first, kind="stable")] = np.arange(n)
    return ranks


def spectral_codes(near: Sparse, seed: int) -> Codes:
    """Recursive spectral clustering (Ng et al., 2001) of a symmetric graph, three levels."""

    def split(rows: Ints) -> Ints:
        from scipy import sparse
        from sklearn.cluster import KMeans
        from sklearn.utils.extmath import randomized_svd

        part = near[rows][:, rows]
        scale = np.asarray(part.sum(axis=1)).ravel()
        scale = np.where(scale > 0, np.maximum(scale, 1e-12) ** -0.5, 0)
        part = sparse.diags_array(scale) @ part @ sparse.diags_array(scale)
        left, _, _ = randomized_svd(part, BRANCHES, random_state=seed)
        left /= np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-9)
        labels: Ints = KMeans(BRANCHES, n_init=1, random_state=seed).fit_predict(left)
        return labels

    return _recursive(near.shape[0], split)


def tree_codes(content: Floats, seed: int) -> Codes:
    """Recursive k-means of vectors, three levels."""

    def split(rows: Ints) -> Ints:
        from sklearn.cluster import KMeans

        labels: Ints = KMeans(BRANCHES, n_init=1, random_state=seed).fit_predict(content[rows])
        return labels

    return _recursive(len(content), split)


def _recursive(n: int, split: Any, levels: int = 3) -> Codes:
    """Codes by splitting products, then each part; a part of at most BRANCHES is not split."""
    codes = np.zeros((n, levels), dtype=np.int64)
    parts = [np.arange(n)]
    for level in range(levels):
        below = []
        for rows in parts:
            if len(rows) > BRANCHES:
                codes[rows, level] = split(rows)
                below += [rows[codes[rows, level] == number] for number in range(BRANCHES)]
        parts = below
    return codes


def scalar_codes(content: Floats, levels: int, seed: int) -> Codes:
    """(n, levels) numbers of finite scalar quantisation.

    A linear map gives as many entries as FSQ_LEVELS for each number. An entry is bounded by tanh
    and rounded to one of its values, with the gradient of the unrounded one; a net restores the
    vector. A number is the place of its entries among all combinations.
    """
    torch.manual_seed(seed)
    vectors = torch.from_numpy(content)
    sizes = torch.tensor(FSQ_LEVELS * levels)
    half = (sizes - 1) / 2
    inside, width = content.shape[1], len(sizes)
    encode = torch.nn.Linear(inside, width)
    decode = torch.nn.Sequential(
        torch.nn.Linear(width, 256), torch.nn.GELU(), torch.nn.Linear(256, inside)
    )
    scale = vectors.std() * inside**0.5
    optimizer = torch.optim.Adam([*encode.parameters(), *decode.parameters()], lr=0.003)

    def bounded(x: torch.Tensor) -> torch.Tensor:
        """Entries from 0 to size - 1, of about even use."""
        return torch.tanh(functional.batch_norm(encode(x), None, None, training=True)) * half + half

    for _ in range(FSQ_STEPS):
        x = vectors[torch.randperm(len(vectors))[:512]]
        z = bounded(x)
        z = z + (z.round() - z).detach()
        loss = ((decode(z / half - 1) - x / scale) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        entries = bounded(vectors).round().long().numpy().reshape(len(content), levels, -1)
    powers = np.cumprod([1, *FSQ_LEVELS[:-1]])
    codes: Codes = (entries * powers).sum(axis=-1)
    return codes
