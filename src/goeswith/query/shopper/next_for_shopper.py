"""The next products of a shopper: those to buy again apart from those new for her."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goeswith.core.arrays import top_k
from goeswith.core.errors import ConfigError
from goeswith.query.online_scoring import damage_as_error
from goeswith.query.recommendation_list import Skipped
from goeswith.query.resolved_constraints import ResolvedConstraints
from goeswith.shoppers.base import keep_bought
from goeswith.shoppers.histories import Histories
from goeswith.text.shopper_text import again_text, new_text

if TYPE_CHECKING:
    from goeswith.core.arrays import Floats
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext
    from goeswith.query.shopper.shopper_reader import ShopperReader

_MAX_OWN: Final = 50
"""Products of the shopper's last baskets that a new one is compared with."""
_DAY: Final = 86_400


@dataclass(frozen=True)
class ShopperProduct:
    """A product for a shopper.

    Attributes:
        product_id: of the catalogue.
        title: None where it has none.
        type: None where it has none.
        score: of the model; comparable within one answer only.
        why: one sentence, from counts alone.
        times: baskets of the shopper with the product; 0 for a new one.
        baskets: of the shopper.
        interval_days: mean days between her purchases of it; None for fewer than two, or without
            times.
        last_days_ago: days from her last purchase of it to the last purchase of the log; None for
            a new one, or without times.
        shoppers: number of shoppers who bought it.
    """

    product_id: str
    title: str | None
    type: str | None
    score: float
    why: str
    times: int
    baskets: int
    interval_days: float | None
    last_days_ago: float | None
    shoppers: int


@dataclass(frozen=True)
class ShopperNext:
    """What a shopper may buy next.

    Attributes:
        known: whether the bundle has her history; without it, `new` are the products that most
            shoppers bought.
        model: as written in the settings.
        again: products that she bought before, likeliest first.
        new: products that she did not buy, likeliest first.
        skipped: filters and bans that were not applied, with reasons.
    """

    known: bool
    model: str
    again: list[ShopperProduct]
    new: list[ShopperProduct]
    skipped: list[Skipped]


def next_for_shopper(
    bundle: QueryContext, user_id: str, k: int, constraints: Constraints | None
) -> ShopperNext:
    """See `Bundle.for_shopper`."""
    if not bundle.online:
        raise ConfigError(
            "shoppers are scored by a model, and models are not loaded here; set serve.live = true"
        )
    reader = bundle.shopper_reader
    resolved = ResolvedConstraints.from_constraints(bundle, constraints, [])
    excluded = ~resolved.allowed[: reader.model.n]
    row = reader.store.find(user_id)
    if row is None:
        scores = np.where(reader.shoppers > 0, reader.shoppers, -np.inf).astype(np.float32)
        scores[excluded] = -np.inf
        popular = _ranked(scores[None], k)
        products = [_product(bundle, reader, None, *one) for one in popular]
        return ShopperNext(False, "popularity", [], products, resolved.skipped)
    history = reader.store.histories.take(np.array([row]))
    with damage_as_error(reader.folder):
        scores = reader.model.score(history)
    scores[:, excluded] = -np.inf
    lists: list[list[ShopperProduct]] = []
    for bought in (True, False):
        part = scores.copy()
        keep_bought(part, history.counts, bought=bought)
        lists.append([_product(bundle, reader, history, *one) for one in _ranked(part, k)])
    return ShopperNext(True, reader.spec, lists[0], lists[1], resolved.skipped)


def _ranked(scores: Floats, k: int) -> list[tuple[int, float]]:
    """Products and scores of the best k."""
    products, values = (part[0].tolist() for part in top_k(scores, k))
    return [(row, value) for row, value in zip(products, values, strict=True) if row >= 0]


def _product(
    bundle: QueryContext,
    reader: ShopperReader,
    history: Histories | None,
    row: int,
    score: float,
) -> ShopperProduct:
    facts: dict[str, Any] = {"times": 0, "baskets": 0, "interval_days": None, "last_days_ago": None}
    shoppers = int(reader.shoppers[row])
    if history is not None:
        held = np.flatnonzero(np.asarray(history.baskets[:, [row]].todense()).ravel())
        facts["times"], facts["baskets"] = len(held), int(history.lengths[0])
        if len(held) and history.seconds is not None and history.now is not None:
            moments = history.seconds[held]
            facts["last_days_ago"] = float(history.now[0] - moments[-1]) / _DAY
            if len(held) > 1:
                facts["interval_days"] = float(moments[-1] - moments[0]) / _DAY / (len(held) - 1)
    if facts["times"]:
        why = again_text(
            facts["times"], facts["baskets"], facts["interval_days"], facts["last_days_ago"]
        )
    else:
        why = new_text(shoppers, _bought_with(bundle, history, row))
    products = bundle.products
    return ShopperProduct(
        products.ids[row],
        products.title(row),
        products.type(row),
        score,
        why,
        **facts,
        shoppers=shoppers,
    )


def _bought_with(
    bundle: QueryContext, history: Histories | None, row: int
) -> tuple[str, int] | None:
    """The product of her last baskets that a product is most often bought with, and how often."""
    if history is None:
        return None
    own = np.unique(history.tail(3).baskets.indices).astype(np.int32)[:_MAX_OWN]
    together = [
        (evidence.bought_together or 0, source)
        for source in own.tolist()
        for evidence in bundle.pair_evidence(source, np.array([row]), np.array([0], np.int32))
    ]
    count, source = max(together, default=(0, 0))
    return (bundle.products.label(source), count) if count else None
