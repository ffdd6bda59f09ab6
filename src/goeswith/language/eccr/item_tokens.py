"""How a product is written in tokens: four ways to number it (Hua et al., 2023, P5), one interface.

Every way returns (n, levels) integers with distinct rows; each level has its own tokens, so that
`<a_3><b_17><c_0>` is read and generated level by level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from goeswith.features.semantic_codes import (
    Codes,
    codebook_use,
    collision_rate,
    residual_codes,
    with_unique_suffix,
)

if TYPE_CHECKING:
    from goeswith.core.arrays import Floats, Rows

Quantiser: TypeAlias = Literal["residual", "rq_vae"]
Indexing: TypeAlias = Literal["sequential", "collaborative", "semantic", "hybrid"]


@dataclass(frozen=True)
class ItemVectors:
    """Vectors and order of n products, for their codes.

    Attributes:
        behaviour: (n, d) vectors of what is bought and viewed beside each (Product2Vec, DAEMON).
        content: (n, c) vectors of attributes.
        order: (n,) products in the order in which they were first bought, or any other.
    """

    behaviour: Floats
    content: Floats
    order: Rows


@dataclass(frozen=True)
class CodeSettings:
    """How vectors are cut into codes.

    Attributes:
        quantiser: residual k-means, or RQ-VAE.
        levels: of a code; equal codes get one more.
        size: codes of a level.
        spread: give equal codes other last numbers, as near as are free.
        seed: of both.
    """

    quantiser: Quantiser = "residual"
    levels: int = 3
    size: int = 256
    spread: bool = True
    seed: int = 0


def index_codes(how: Indexing, vectors: ItemVectors, settings: CodeSettings) -> Codes:
    """(n, levels) what each product is called, all rows different.

    - sequential: positions in `order`, written in digits: neighbours in time share the first ones;
    - collaborative: behaviour vectors, quantised; a last number separates equal codes;
    - semantic: content vectors, likewise;
    - hybrid: collaborative codes before a number that is unique to the product.
    """
    return _INDEXERS[how](vectors, settings)


def quantise(vectors: Floats, settings: CodeSettings) -> Codes:
    """(n, levels) codes of vectors (n, d), some of which may be equal."""
    if settings.quantiser == "rq_vae":
        from goeswith.features.torch_rqvae import rq_vae_codes

        return rq_vae_codes(
            vectors, settings.levels, settings.size, settings.seed, spread=settings.spread
        )
    return residual_codes(
        vectors, settings.levels, settings.size, settings.seed, spread=settings.spread
    )


def make_distinct(codes: Codes) -> Codes:
    """The codes, with a last number that separates equal ones if there are any."""
    return with_unique_suffix(codes) if collision_rate(codes) else codes


def _sequential(vectors: ItemVectors, settings: CodeSettings) -> Codes:
    n = len(vectors.order)
    place = np.empty(n, dtype=np.int64)
    place[vectors.order] = np.arange(n)
    digits = 1
    while settings.size**digits < n:
        digits += 1
    powers = settings.size ** np.arange(digits - 1, -1, -1)
    codes: Codes = place[:, None] // powers % settings.size
    return codes


def _collaborative(vectors: ItemVectors, settings: CodeSettings) -> Codes:
    return make_distinct(quantise(vectors.behaviour, settings))


def _semantic(vectors: ItemVectors, settings: CodeSettings) -> Codes:
    return make_distinct(quantise(vectors.content, settings))


def _hybrid(vectors: ItemVectors, settings: CodeSettings) -> Codes:
    own = np.arange(len(vectors.behaviour))[:, None]
    return np.concatenate([quantise(vectors.behaviour, settings), own], axis=1)


_INDEXERS: Final[dict[str, Callable[[ItemVectors, CodeSettings], Codes]]] = {
    "sequential": _sequential,
    "collaborative": _collaborative,
    "semantic": _semantic,
    "hybrid": _hybrid,
}


def token_name(level: int, code: int) -> str:
    """The token of a code: `<a_17>` is 17 of the first level."""
    return f"<{chr(ord('a') + level)}_{code}>"


def code_report(codes: Codes) -> dict[str, Any]:
    """Share of products that collide, and how evenly each level is used."""
    return {"collision_rate": round(collision_rate(codes), 5), "levels": codebook_use(codes)}
