"""How a product is written in tokens: four ways to number it (Hua et al., 2023, P5), one interface.

Every way gives (n, levels) whole numbers, no two rows alike; a level has tokens of its own, so that
`<a_3><b_17><c_0>` is read and generated number by number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from goeswith.features.semantic_codes import (
    Codes,
    codebook_use,
    collisions,
    residual_codes,
    told_apart,
)

if TYPE_CHECKING:
    from goeswith.core.arrays import Floats, Rows

Quantiser: TypeAlias = Literal["residual", "rq_vae"]
Indexing: TypeAlias = Literal["sequential", "collaborative", "semantic", "hybrid"]


@dataclass(frozen=True)
class Known:
    """What is known of n products when they are numbered.

    Attributes:
        behaviour: (n, d) vectors of what is bought and viewed beside each (Product2Vec, DAEMON).
        content: (n, c) vectors of attributes.
        order: (n,) products in the order in which they were first bought, or any other.
    """

    behaviour: Floats
    content: Floats
    order: Rows


@dataclass(frozen=True)
class Settings:
    """How vectors are cut into codes.

    Attributes:
        quantiser: residual k-means, or RQ-VAE.
        levels: of a code; where equal ones remain, another tells them apart.
        size: codes of a level.
        spread: give equal codes other last numbers, as near as are free.
        seed: of both.
    """

    quantiser: Quantiser = "residual"
    levels: int = 3
    size: int = 256
    spread: bool = True
    seed: int = 0


def index_codes(how: Indexing, known: Known, settings: Settings) -> Codes:
    """(n, levels) what each product is called, all rows different.

    - sequential: places in `order`, written in digits: neighbours in time share their first ones;
    - collaborative: behaviour vectors, quantised; equal ones are told apart by a last number;
    - semantic: content vectors, likewise;
    - hybrid: collaborative codes before a number that is the product's alone.
    """
    return _WAYS[how](known, settings)


def quantised(vectors: Floats, settings: Settings) -> Codes:
    """(n, levels) codes of vectors (n, d), some of which may be equal."""
    if settings.quantiser == "rq_vae":
        from goeswith.features.torch_rqvae import rq_vae_codes

        return rq_vae_codes(
            vectors, settings.levels, settings.size, settings.seed, spread=settings.spread
        )
    return residual_codes(
        vectors, settings.levels, settings.size, settings.seed, spread=settings.spread
    )


def distinct(codes: Codes) -> Codes:
    """The codes, with a last number that tells equal ones apart where there are any."""
    return told_apart(codes) if collisions(codes) else codes


def _sequential(known: Known, settings: Settings) -> Codes:
    n = len(known.order)
    place = np.empty(n, dtype=np.int64)
    place[known.order] = np.arange(n)
    digits = 1
    while settings.size**digits < n:
        digits += 1
    powers = settings.size ** np.arange(digits - 1, -1, -1)
    codes: Codes = place[:, None] // powers % settings.size
    return codes


def _collaborative(known: Known, settings: Settings) -> Codes:
    return distinct(quantised(known.behaviour, settings))


def _semantic(known: Known, settings: Settings) -> Codes:
    return distinct(quantised(known.content, settings))


def _hybrid(known: Known, settings: Settings) -> Codes:
    own = np.arange(len(known.behaviour))[:, None]
    return np.concatenate([quantised(known.behaviour, settings), own], axis=1)


_WAYS: Final[dict[str, Callable[[Known, Settings], Codes]]] = {
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
    return {"collisions": round(collisions(codes), 5), "levels": codebook_use(codes)}
