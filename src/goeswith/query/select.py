"""From the ranked answers of one product or several to the slate that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.core.errors import ConfigError
from goeswith.query.answer import Answer, answer
from goeswith.query.constraints import Constraints
from goeswith.query.filters import matching_products
from goeswith.query.ranked_list import RankedList
from goeswith.ranking.slate import choose, rank_relevance, reciprocal_ranks

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext
    from goeswith.store.evidence import Evidence


@dataclass(frozen=True)
class Candidates:
    """What could be shown, best first.

    Attributes:
        products: (c,) rows.
        scores: (c,) what is told of each.
        origin: (c,) place of its model, -1 for a product that is only pinned.
        best: (c,) place of the product asked about that it goes with best.
        goes_with: (c, s) which of the s products asked about have it among their answers.
        comparable: whether all scores are probabilities, so that slates may weigh them.
    """

    products: Rows
    scores: npt.NDArray[np.float64]
    origin: Rows
    best: Rows
    goes_with: npt.NDArray[np.bool_]
    comparable: bool


def fuse(
    lists: list[RankedList],
    probable: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64] | None = None,
) -> Candidates:
    """One ranking out of the lists of several products.

    Where scores are probabilities p that a pair goes together, a candidate goes with the whole by
    the noisy-or of its pairs, 1 - prod(1 - p) (Pearl, 1988, section 4.3); candidates without one,
    which a fallback gave, come behind. Among those, and where no scores are probabilities,
    reciprocal rank fusion decides. A single list stays as it is.

    Args:
        lists: of each product asked about.
        probable: by place of a model, whether its scores are probabilities.
        weights: of each list, 0 to 1: what its probabilities and reciprocal ranks are multiplied
            with; 1 where left out.
    """
    products = np.concatenate([found for found, _, _ in lists]).astype(np.int32)
    scores = np.concatenate([score for _, score, _ in lists]).astype(np.float64)
    origin = np.concatenate([place for _, _, place in lists]).astype(np.int32)
    source = np.repeat(np.arange(len(lists), dtype=np.int32), [len(f) for f, _, _ in lists])
    ranks = np.concatenate([reciprocal_ranks(len(found)) for found, _, _ in lists])
    calibrated = probable[origin] if len(origin) else np.zeros(0, dtype=bool)
    chance = np.where(calibrated, np.clip(scores, 0, 1), 0)
    if weights is not None:
        ranks, chance = ranks * weights[source], chance * weights[source]

    distinct, place = np.unique(products, return_inverse=True)
    missed = np.ones(len(distinct))
    np.multiply.at(missed, place, 1 - chance)
    together = 1 - missed
    fused = np.bincount(place, ranks, len(distinct))
    goes_with = np.zeros((len(distinct), len(lists)), dtype=bool)
    goes_with[place, source] = True
    # the entry a candidate owes most to: of most probability, then of best rank, then the first
    order = np.lexsort((-ranks, -chance, place))
    first = order[np.unique(place[order], return_index=True)[1]]
    by_value = np.lexsort((first, -fused, -together))
    if len(lists) == 1:
        by_value = np.argsort(first)
        told = scores[first]
    else:
        told = np.where(together > 0, together, fused)
    return Candidates(
        products=distinct[by_value],
        scores=told[by_value],
        origin=origin[first][by_value],
        best=source[first][by_value],
        goes_with=goes_with[by_value],
        comparable=bool(calibrated.all()),
    )


def select(
    bundle: QueryContext, sources: list[int], k: int, constraints: Constraints | None
) -> list[Answer]:
    """The answers to show for one product or a basket; see `Bundle.basket`.

    The precomputed answers are chosen from. Where filters and bans leave too few of them the saved
    models are asked again, for what is allowed.

    Args:
        bundle: whose answers.
        sources: distinct rows of the products asked about.
        k: at most so many.
        constraints: None for the settings of the bundle.
    """
    wanted = Wanted.of(bundle, constraints, sources)
    substitutes = [bundle.evidence.substitutes(row) for row in sources]
    allowed = wanted.allowed.copy()
    for rows in substitutes:
        allowed[rows] = False
    probable = probable_models(bundle)
    candidates = fuse([bundle.ranked.of(row, bundle.k) for row in sources], probable)
    chosen = slate(bundle, candidates, wanted, allowed, k)
    if len(chosen) < k and wanted.narrow and bundle.online:
        lists = [bundle.scorer.top_k(row, allowed, bundle.k) for row in sources]
        candidates = fuse(lists, probable)
        chosen = slate(bundle, candidates, wanted, allowed, k)

    def evidence(best: int, targets: Rows, origin: Rows) -> list[Evidence]:
        return bundle.evidence_of(sources[best], targets, origin)

    names = [bundle.products.name(row) for row in sources]
    ids = [bundle.products.ids[row] for row in sources]
    return answers(bundle, chosen, evidence, names, ids)


@dataclass(frozen=True)
class Wanted:
    """Constraints in rows of the catalogue.

    Attributes:
        pins: rows to show first.
        allowed: (n,) what meets the filters, is not banned, and is neither one of the products
            asked about nor a variant of one.
        per_type: None for no limit.
        diversity: 0 to 1.
        narrow: whether filters or bans leave less than there is.
    """

    pins: list[int]
    allowed: npt.NDArray[np.bool_]
    per_type: int | None
    diversity: float
    narrow: bool

    @classmethod
    def of(
        cls, bundle: QueryContext, constraints: Constraints | None, sources: list[int]
    ) -> Wanted:
        """What a request wants of a bundle.

        Raises:
            UnknownProductError: a pin or a ban is not in the catalogue.
            ConfigError: a product is both, or a filter does not suit the catalogue.
        """
        asked = (constraints or Constraints()).settled(bundle.slate_settings)
        both = set(asked.pin) & set(asked.ban)
        if both:
            raise ConfigError(f"the product {min(both)!r} is both pinned and banned; drop one")
        products = bundle.products
        allowed = np.ones(len(bundle), dtype=bool)
        if asked.where:
            allowed &= matching_products(bundle.table, asked.where)
        allowed[[products.row(product_id) for product_id in asked.ban]] = False
        codes = products.variant_codes
        groups = [int(codes[row]) for row in sources if codes[row] >= 0]
        if groups:
            allowed &= ~np.isin(codes, groups)
        allowed[sources] = False
        return cls(
            pins=[products.row(product_id) for product_id in asked.pin],
            allowed=allowed,
            per_type=asked.per_type,
            diversity=asked.diversity or 0.0,
            narrow=bool(asked.where or asked.ban),
        )


def probable_models(bundle: QueryContext) -> npt.NDArray[np.bool_]:
    """By place of a model, whether its scores are probabilities."""
    named = bundle.manifest.get("probabilities", [])
    return np.array([name in named for name in bundle.models], dtype=bool)


@dataclass(frozen=True)
class Chosen:
    """The candidates to show, in order, the first `pinned` of them by request."""

    candidates: Candidates
    pinned: int

    def __len__(self) -> int:
        return len(self.candidates.products)


def slate(
    bundle: QueryContext,
    candidates: Candidates,
    wanted: Wanted,
    allowed: npt.NDArray[np.bool_],
    k: int,
) -> Chosen:
    """The candidates to show; pins are shown whether or not they are among them.

    Args:
        bundle: knows the types.
        candidates: best first.
        wanted: pins, which only `wanted.allowed` keeps out, quota and diversity.
        allowed: (n,) what else may be shown.
        k: at most so many.
    """
    pins = np.array([row for row in wanted.pins if wanted.allowed[row]], dtype=np.int32)
    c, s = len(candidates.products), candidates.goes_with.shape[1]
    # pins first; one that is a candidate too keeps what is known of it
    at = {int(row): place for place, row in enumerate(candidates.products.tolist())}
    first = [at.get(int(row), c + i) for i, row in enumerate(pins)]
    more = len(pins)
    everything = Candidates(
        products=np.concatenate([candidates.products, pins]),
        scores=np.concatenate([candidates.scores, np.zeros(more)]),
        origin=np.concatenate([candidates.origin, np.full(more, -1, dtype=np.int32)]),
        best=np.concatenate([candidates.best, np.zeros(more, dtype=np.int32)]),
        goes_with=np.concatenate([candidates.goes_with, np.zeros((more, s), dtype=bool)]),
        comparable=candidates.comparable,
    )
    order = np.array([*first, *range(c)], dtype=np.int64)
    products = everything.products[order]
    relevance = everything.scores if candidates.comparable else rank_relevance(c + more)
    places = choose(
        products,
        bundle.products.type_codes[products],
        k,
        relevance=np.maximum(relevance[order], 0),
        allowed=np.append(np.ones(more, dtype=bool), allowed[candidates.products]),
        pinned=more,
        per_type=wanted.per_type,
        diversity=wanted.diversity,
    )
    kept = order[places]
    return Chosen(
        Candidates(
            products=everything.products[kept],
            scores=everything.scores[kept],
            origin=everything.origin[kept],
            best=everything.best[kept],
            goes_with=everything.goes_with[kept],
            comparable=candidates.comparable,
        ),
        pinned=int(np.count_nonzero(places < more)),
    )


def answers(
    bundle: QueryContext,
    chosen: Chosen,
    evidence: Callable[[int, Rows, Rows], list[Evidence]],
    names: list[str],
    ids: list[str],
) -> list[Answer]:
    """What is shown, each with the evidence of the product that it goes with best.

    Args:
        bundle: whose products.
        chosen: what to show.
        evidence: of the answers to the product at a place, from their rows and origins.
        names: what sentences call each product asked about.
        ids: of the products asked about.
    """
    found = chosen.candidates
    said: dict[int, Evidence] = {}
    for best in np.unique(found.best).tolist():
        at = np.flatnonzero(found.best == best)
        rows = evidence(best, found.products[at], found.origin[at])
        said.update(zip(at.tolist(), rows, strict=True))
    return [
        answer(
            bundle,
            int(target),
            (float(found.scores[i]), int(found.origin[i])),
            said[i],
            names[int(found.best[i])],
            tuple(ids[j] for j in np.flatnonzero(found.goes_with[i]).tolist()),
            ids[int(found.best[i])],
            pinned=i < chosen.pinned,
        )
        for i, target in enumerate(found.products.tolist())
    ]
