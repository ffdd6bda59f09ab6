"""From the ranked answers of one product or several to the slate that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, repeated_groups
from goeswith.core.errors import ConfigError
from goeswith.core.ndcg import rank_discounts
from goeswith.query.constraints import Constraints
from goeswith.query.filters import match_products
from goeswith.query.recommendation import Recommendation, make_recommendation
from goeswith.ranking.slate import build_slate, reciprocal_ranks
from goeswith.store.precomputed_topk import RankedList

if TYPE_CHECKING:
    from goeswith.query.context import QueryContext
    from goeswith.store.evidence import Evidence


@dataclass(frozen=True)
class Candidates:
    """What could be shown, best first.

    Attributes:
        products: (c,) rows.
        scores: (c,) score of each, as returned.
        model_index: (c,) place of its model, -1 for a product that is only pinned.
        best: (c,) position of the queried product with the strongest evidence.
        goes_with: (c, s) which of the s queried products have it among their recommendations.
        comparable: whether all scores are probabilities, so that slates may weigh them.
    """

    products: Rows
    scores: npt.NDArray[np.float64]
    model_index: Rows
    best: Rows
    goes_with: npt.NDArray[np.bool_]
    comparable: bool


def fuse(
    lists: list[RankedList],
    is_probability: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64] | None = None,
) -> Candidates:
    """One ranking out of the lists of several products.

    If scores are probabilities p that a pair goes together, the score of a candidate is the
    noisy-or of its pairs, 1 - prod(1 - p) (Pearl, 1988, section 4.3); candidates of fallbacks,
    which have no probability, come behind. Among those, and if no scores are probabilities,
    reciprocal rank fusion is used. A single list stays as it is.

    Args:
        lists: one for each queried product.
        is_probability: by place of a model, whether its scores are probabilities.
        weights: of each list, 0 to 1: what its probabilities and reciprocal ranks are multiplied
            with; 1 where left out.
    """
    products = np.concatenate([rows for rows, _, _ in lists]).astype(np.int32)
    scores = np.concatenate([score for _, score, _ in lists]).astype(np.float64)
    model_index = np.concatenate([place for _, _, place in lists]).astype(np.int32)
    source = np.repeat(np.arange(len(lists), dtype=np.int32), [len(f) for f, _, _ in lists])
    ranks = np.concatenate([reciprocal_ranks(len(rows)) for rows, _, _ in lists])
    calibrated = is_probability[model_index] if len(model_index) else np.zeros(0, dtype=bool)
    probability = np.where(calibrated, np.clip(scores, 0, 1), 0)
    if weights is not None:
        ranks, probability = ranks * weights[source], probability * weights[source]

    distinct, place = np.unique(products, return_inverse=True)
    missed = np.ones(len(distinct))
    np.multiply.at(missed, place, 1 - probability)
    combined = 1 - missed
    fused = np.bincount(place, ranks, len(distinct))
    goes_with = np.zeros((len(distinct), len(lists)), dtype=bool)
    goes_with[place, source] = True
    # the entry a candidate owes most to: of most probability, then of best rank, then the first
    order = np.lexsort((-ranks, -probability, place))
    first = order[np.unique(place[order], return_index=True)[1]]
    by_value = np.lexsort((first, -fused, -combined))
    if len(lists) == 1:
        by_value = np.argsort(first)
        fused_scores = scores[first]
    else:
        fused_scores = np.where(combined > 0, combined, fused)
    return Candidates(
        products=distinct[by_value],
        scores=fused_scores[by_value],
        model_index=model_index[first][by_value],
        best=source[first][by_value],
        goes_with=goes_with[by_value],
        comparable=bool(calibrated.all()),
    )


def select(
    bundle: QueryContext, sources: list[int], k: int, constraints: Constraints | None
) -> list[Recommendation]:
    """The answers to show for one product or a basket; see `Bundle.basket`.

    The slate is selected from the precomputed recommendations. If filters and bans leave too few of
    them, the saved models score the allowed products.

    Args:
        bundle: whose answers.
        sources: distinct rows of the queried products.
        k: maximum number of recommendations.
        constraints: None for the settings of the bundle.
    """
    resolved = ResolvedConstraints.from_constraints(bundle, constraints, sources)
    substitutes = [bundle.substitutes(row) for row in sources]
    allowed = resolved.allowed.copy()
    for rows in substitutes:
        allowed[rows] = False
    is_probability = probability_mask(bundle)
    candidates = fuse(
        [bundle.top_k_lists.for_product(row, bundle.k) for row in sources], is_probability
    )
    if resolved.is_filtered:
        candidates = _with_allowed_variants(bundle, candidates, allowed)
    slate = make_slate(bundle, candidates, resolved, allowed, k)
    if len(slate) < k and resolved.is_filtered and bundle.online:
        lists = [bundle.scorer.top_k(row, allowed, bundle.k) for row in sources]
        candidates = fuse(lists, is_probability)
        slate = make_slate(bundle, candidates, resolved, allowed, k)

    def evidence(best: int, targets: Rows, model_index: Rows) -> list[Evidence]:
        return bundle.pair_evidence(sources[best], targets, model_index)

    names = [bundle.products.display_name(row) for row in sources]
    ids = [bundle.products.ids[row] for row in sources]
    return make_recommendations(bundle, slate, evidence, names, ids)


def _with_allowed_variants(
    bundle: QueryContext, candidates: Candidates, allowed: npt.NDArray[np.bool_]
) -> Candidates:
    """Candidates that filters exclude, as the first variant of theirs that filters allow.

    A stored list has one product of each variant group; a filter may want another size.
    """
    codes = bundle.products.variant_codes
    products = candidates.products.copy()
    for place in np.flatnonzero((codes[products] >= 0) & ~allowed[products]).tolist():
        variants = np.flatnonzero((codes == codes[products[place]]) & allowed)
        if len(variants):
            products[place] = variants[0]
    return replace(candidates, products=products)


@dataclass(frozen=True)
class ResolvedConstraints:
    """Constraints in rows of the catalogue.

    Attributes:
        pins: rows to show first.
        allowed: (n,) products that meet the filters, are not banned, and are neither queried
            products nor variants of them.
        per_type: None for no limit.
        diversity: 0 to 1.
        is_filtered: whether filters or bans leave less than there is.
    """

    pins: list[int]
    allowed: npt.NDArray[np.bool_]
    per_type: int | None
    diversity: float
    is_filtered: bool

    @classmethod
    def from_constraints(
        cls, bundle: QueryContext, constraints: Constraints | None, sources: list[int]
    ) -> ResolvedConstraints:
        """What a request wants of a bundle.

        Raises:
            UnknownProductError: a pin or a ban is not in the catalogue.
            ConfigError: a product is both, or a filter does not suit the catalogue.
        """
        request = (constraints or Constraints()).resolve(bundle.slate_settings)
        both = set(request.pin) & set(request.ban)
        if both:
            raise ConfigError(f"the product {min(both)!r} is both pinned and banned; drop one")
        products = bundle.products
        allowed = np.ones(len(bundle), dtype=bool)
        if request.where:
            allowed &= match_products(bundle.table, request.where)
        allowed[[products.row(product_id) for product_id in request.ban]] = False
        codes = products.variant_codes
        groups = [int(codes[row]) for row in sources if codes[row] >= 0]
        if groups:
            allowed &= ~np.isin(codes, groups)
        allowed[sources] = False
        return cls(
            pins=[products.row(product_id) for product_id in request.pin],
            allowed=allowed,
            per_type=request.per_type,
            diversity=request.diversity or 0.0,
            is_filtered=bool(request.where or request.ban),
        )


def probability_mask(bundle: QueryContext) -> npt.NDArray[np.bool_]:
    """By place of a model, whether its scores are probabilities."""
    names = bundle.manifest.get("probabilities", [])
    return np.array([name in names for name in bundle.models], dtype=bool)


@dataclass(frozen=True)
class Slate:
    """The candidates to show, in order, the first `pinned` of them by request."""

    candidates: Candidates
    pinned: int

    def __len__(self) -> int:
        return len(self.candidates.products)


def make_slate(
    bundle: QueryContext,
    candidates: Candidates,
    resolved: ResolvedConstraints,
    allowed: npt.NDArray[np.bool_],
    k: int,
) -> Slate:
    """The candidates to show; pins are shown whether or not they are among them.

    Args:
        bundle: has the types.
        candidates: best first.
        resolved: pins, which only `resolved.allowed` excludes, quota and diversity.
        allowed: (n,) what else may be shown.
        k: maximum number of products.
    """
    pins = np.array([row for row in resolved.pins if resolved.allowed[row]], dtype=np.int32)
    c, s = len(candidates.products), candidates.goes_with.shape[1]
    # pins first; a pin that is also a candidate has the values of the candidate
    at = {int(row): place for place, row in enumerate(candidates.products.tolist())}
    pin_places = [at.get(int(row), c + i) for i, row in enumerate(pins)]
    pin_count = len(pins)
    pool = Candidates(
        products=np.concatenate([candidates.products, pins]),
        scores=np.concatenate([candidates.scores, np.zeros(pin_count)]),
        model_index=np.concatenate(
            [candidates.model_index, np.full(pin_count, -1, dtype=np.int32)]
        ),
        best=np.concatenate([candidates.best, np.zeros(pin_count, dtype=np.int32)]),
        goes_with=np.concatenate([candidates.goes_with, np.zeros((pin_count, s), dtype=bool)]),
        comparable=candidates.comparable,
    )
    order = np.array([*pin_places, *range(c)], dtype=np.int64)
    products = pool.products[order]
    shown = np.append(np.ones(pin_count, dtype=bool), allowed[candidates.products])
    groups = np.where(shown, bundle.products.variant_codes[products], -1)[None]
    repeated = repeated_groups(groups)[0]
    repeated[:pin_count] = False
    relevance = pool.scores if candidates.comparable else rank_discounts(c + pin_count)
    places = build_slate(
        products,
        bundle.products.type_codes[products],
        k,
        relevance=np.maximum(relevance[order], 0),
        allowed=shown & ~repeated,
        pinned=pin_count,
        per_type=resolved.per_type,
        diversity=resolved.diversity,
    )
    selected = order[places]
    return Slate(
        Candidates(
            products=pool.products[selected],
            scores=pool.scores[selected],
            model_index=pool.model_index[selected],
            best=pool.best[selected],
            goes_with=pool.goes_with[selected],
            comparable=candidates.comparable,
        ),
        pinned=int(np.count_nonzero(places < pin_count)),
    )


def make_recommendations(
    bundle: QueryContext,
    slate: Slate,
    evidence: Callable[[int, Rows, Rows], list[Evidence]],
    names: list[str],
    ids: list[str],
) -> list[Recommendation]:
    """What is shown, each with the evidence of the product that it goes with best.

    Args:
        bundle: whose products.
        slate: what to show.
        evidence: of the recommendations for the queried product at a position, from their rows and
            model indexes.
        names: display name of each queried product.
        ids: of the queried products.
    """
    candidates = slate.candidates
    evidence_at: dict[int, Evidence] = {}
    for best in np.unique(candidates.best).tolist():
        at = np.flatnonzero(candidates.best == best)
        rows = evidence(best, candidates.products[at], candidates.model_index[at])
        evidence_at.update(zip(at.tolist(), rows, strict=True))
    return [
        make_recommendation(
            bundle,
            int(target),
            (float(candidates.scores[i]), int(candidates.model_index[i])),
            evidence_at[i],
            names[int(candidates.best[i])],
            tuple(ids[j] for j in np.flatnonzero(candidates.goes_with[i]).tolist()),
            ids[int(candidates.best[i])],
            pinned=i < slate.pinned,
        )
        for i, target in enumerate(candidates.products.tolist())
    ]
