"""A sample of recommendations for people to label, with as many rare products as popular ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from goeswith.core.arrays import Rows
from goeswith.query.bundle import Bundle
from goeswith.rules.label_files import LabelPair

SHOWN: Final = 5
"""Recommendations of a product that are labelled: those that the protocol `judged` counts."""
_STRATA: Final = 3


def sample_pairs(
    bundles: Sequence[Bundle],
    products: int,
    seed: int = 0,
    skip: Collection[tuple[str, str]] = (),
) -> list[LabelPair]:
    """The first recommendations of some products, in random order, whoever gave them.

    Purchases divide the products into three strata of equal purchases: head, torso, tail, as the
    protocols do. An equal number is drawn of each, as far as it has products.

    Args:
        bundles: the answers of each are pooled; products are drawn from the first.
        products: to draw, at most.
        seed: of the draw.
        skip: pairs of ids that are labelled already.
    """
    rng = np.random.default_rng(seed)
    ids = bundles[0].products.ids
    pairs: list[LabelPair] = []
    for row in _draw(_strata(bundles[0]), products, rng):
        source = ids[row]
        found: dict[str, LabelPair] = {}
        for bundle in bundles:
            if not bundle.products.contains(source):
                continue
            for one in bundle.complements(source, min(SHOWN, bundle.k)):
                pair = LabelPair(source, bundles[0].products.title(row), one.product_id, one.title)
                found.setdefault(one.product_id, pair)
        new = [pair for target, pair in sorted(found.items()) if (source, target) not in skip]
        pairs += [new[i] for i in rng.permutation(len(new))]
    return pairs


def _strata(bundle: Bundle) -> list[Rows]:
    """Rows of products by purchases: a third of all purchases each, from popular to rare.

    Products without purchases have nothing but fallback models to label, and are left out, unless
    no product has any.
    """
    rows, purchases = bundle.evidence.most_purchased(len(bundle))
    if not len(rows):
        return [np.arange(len(bundle), dtype=np.int32)]
    before = np.cumsum(purchases) - purchases
    stratum = np.minimum(_STRATA * before // max(int(purchases.sum()), 1), _STRATA - 1)
    return [rows[stratum == number] for number in range(_STRATA)]


def _draw(strata: Sequence[Rows], count: int, rng: np.random.Generator) -> list[int]:
    """Rows of an equal number from each stratum; small ones leave their share to the others."""
    drawn: list[int] = []
    by_size = sorted(strata, key=len)
    for number, rows in enumerate(by_size):
        share = (count - len(drawn)) // (len(by_size) - number)
        drawn += rng.choice(rows, min(share, len(rows)), replace=False).tolist()
    return [drawn[i] for i in rng.permutation(len(drawn))]
