"""What comes next in a session: the session model and the slate of complements, as one ranking.

Both rankings are fused by reciprocal ranks. A session has an order, unlike a basket: the weight of
the complements of a product is `RECENCY` to the power of its distance from the end.
docs/how-to/sessions.md describes how the constants were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, top_k
from goeswith.core.errors import ConfigError
from goeswith.query.online_scoring import damage_as_error
from goeswith.query.recommendation import Recommendation
from goeswith.query.recommendation_list import RecommendationList
from goeswith.query.resolved_constraints import ResolvedConstraints
from goeswith.query.select import (
    fuse,
    make_recommendations,
    probability_mask,
)
from goeswith.query.slate_order import Candidates, make_slate
from goeswith.sequential.sequences import Sequences
from goeswith.store.evidence import Evidence
from goeswith.store.manifest import SESSION
from goeswith.store.mapped_matrix import MappedMatrix
from goeswith.text.evidence_text import next_text

if TYPE_CHECKING:
    from goeswith.query.constraints import Constraints
    from goeswith.query.context import QueryContext

RECENCY: Final = 0.1
"""What the complements of a product count less for each place further back."""
SESSION_WEIGHT: Final = 0.7
"""What a place in the session model's ranking counts, against one among the complements."""
RANK_CONSTANT: Final = 10
"""A place counts 1 / (this + place)."""


@dataclass(frozen=True)
class NextRecommendation(Recommendation):
    """What may come next in a session.

    `relation` is `complement` if the slate of complements proposes it, `similar` if it is a
    substitute of a product of the session, else `next`. `model` has the largest weight in its rank.

    Attributes:
        proposed_by: the models that propose it, the session model first; none for a mere pin.
        after: the product of the session that it most often came after; None where it never did.
        followed: how often, in the events of the fit, it came at most five places after that one.
    """

    proposed_by: tuple[str, ...] = ()
    after: str | None = None
    followed: int = 0


def recommend_next(
    bundle: QueryContext, product_ids: Sequence[str], k: int, constraints: Constraints | None
) -> RecommendationList[NextRecommendation]:
    """See `Bundle.session`."""
    check_session(bundle)
    rows = [bundle.source_row(product_id) for product_id in product_ids]
    sources = order_by_last_view(rows)
    resolved = ResolvedConstraints.from_constraints(bundle, constraints, sources)
    complements = session_complements(bundle, sources, resolved, k)
    likeliest = next_by_model(bundle, rows, resolved.allowed, bundle.k)
    candidates = fuse_rankings(likeliest, complements)
    slate = make_slate(bundle, candidates, resolved, resolved.allowed, k)
    shown = slate.candidates
    after, times = TransitionCounts(bundle).counts_after(sources, shown.products)
    # what the session model alone proposes is explained beside the product that it came after
    with_anchor = replace(shown, best=np.where(shown.model_index >= 0, shown.best, after))
    names = [bundle.products.display_name(row) for row in sources]
    ids = [bundle.products.ids[row] for row in sources]

    def evidence(best: int, targets: Rows, model_index: Rows) -> list[Evidence]:
        return bundle.pair_evidence(sources[best], targets, model_index)

    recommendations = make_recommendations(
        bundle, replace(slate, candidates=with_anchor), evidence, names, ids, rows=sources
    )
    by_model = {row: place for place, row in enumerate(likeliest.tolist())}
    by_slate = {row: place for place, row in enumerate(complements.products.tolist())}
    substitutes = {int(row) for source in sources for row in bundle.substitutes(source)}
    results = []
    for row, answer, source, count in zip(
        shown.products.tolist(), recommendations, after.tolist(), times.tolist(), strict=True
    ):
        model_first = by_model.get(row, np.inf) <= by_slate.get(row, np.inf)
        proposed_by = [str(bundle.session_model)] if row in by_model else []
        sentences = [next_text(names[source], count)] if count or row in by_model else []
        if row in by_slate:
            proposed_by.append(answer.model)
        if row in by_slate or not sentences:
            sentences.append(answer.why)
        kind = "complement" if row in by_slate else "next"
        changes = {
            "relation": "similar" if row in substitutes else kind,
            "model": proposed_by[0] if proposed_by and model_first else answer.model,
            "fallback": answer.fallback and row not in by_model,
            "why": " ".join(sentences),
            "proposed_by": tuple(proposed_by),
            "after": ids[source] if count else None,
            "followed": count,
            # the explanation describes a complement, so that it does not apply to a substitute
            "explanation": answer.explanation
            if kind == "complement" and row not in substitutes
            else None,
        }
        results.append(NextRecommendation(**{**vars(answer), **changes}))
    return RecommendationList(results, [*resolved.skipped, *slate.skipped], slate.applied)


def check_session(bundle: QueryContext) -> None:
    """Refuse a bundle that has no model of the next product.

    Raises:
        ConfigError: the message states the reason and the remedy.
    """
    if bundle.session_model is None:
        reason = bundle.manifest.get("session", {}).get("why_not")
        why_not = (
            reason or f"it was fitted by goeswith {bundle.manifest['goeswith']}, which made none"
        )
        raise ConfigError(
            f"this bundle has no session model: {why_not}. Fit it from events with a session_id, "
            "user_id or basket_id, or query the products as a basket"
        )
    if not bundle.online:
        raise ConfigError(
            "sessions are scored by a model, and models are not loaded here; set serve.live = true"
        )


def order_by_last_view(rows: list[int]) -> list[int]:
    """Distinct rows in the order in which each was looked at last."""
    return list(dict.fromkeys(reversed(rows)))[::-1]


def session_complements(
    bundle: QueryContext,
    sources: list[int],
    resolved: ResolvedConstraints,
    k: int,
    recency: float = RECENCY,
) -> Candidates:
    """What goes with the products of a session, most with the newest; no substitute of any.

    Args:
        bundle: whose answers.
        sources: distinct rows, newest last.
        resolved: what may be shown.
        k: required number; saved models score if filters leave fewer.
        recency: see `RECENCY`.
    """
    allowed = resolved.allowed.copy()
    for row in sources:
        allowed[bundle.substitutes(row)] = False
    weights = recency ** np.arange(len(sources), dtype=np.float64)[::-1]
    is_probability = probability_mask(bundle)
    candidates = fuse(
        [bundle.top_k_lists.for_product(row, bundle.k) for row in sources], is_probability, weights
    )
    if resolved.is_filtered and np.count_nonzero(allowed[candidates.products]) < k:
        lists = [bundle.scorer.top_k(row, allowed, bundle.k) for row in sources]
        candidates = fuse(lists, is_probability, weights)
    return _select_candidates(candidates, np.flatnonzero(allowed[candidates.products]))


def next_by_model(
    bundle: QueryContext, rows: list[int], allowed: npt.NDArray[np.bool_], k: int
) -> Rows:
    """The k likeliest allowed products by the next-product model, or fewer."""
    model = bundle.scorer.session_model()
    scores = np.full((1, len(bundle)), -np.inf, dtype=np.float32)
    # the model was fitted without products that were added later
    fitted_rows = [row for row in rows if row < model.n]
    if fitted_rows:
        with damage_as_error(bundle.folder / SESSION):
            scores[:, : model.n] = model.score(Sequences.from_rows([fitted_rows]))
    scores[0, ~allowed] = -np.inf
    products: Rows = top_k(scores, k)[0][0]
    return products[products >= 0]


def fuse_rankings(
    likeliest: Rows,
    complements: Candidates,
    weight: float = SESSION_WEIGHT,
    constant: float = RANK_CONSTANT,
) -> Candidates:
    """The fused ranking of two; the model index is -1 for products of the session model alone."""
    c, s = complements.goes_with.shape
    only_session = likeliest[~np.isin(likeliest, complements.products)]
    products = np.concatenate([complements.products, only_session])
    points = np.zeros(len(products))
    points[:c] = (1 - weight) / (constant + 1 + np.arange(c))
    at = {row: place for place, row in enumerate(products.tolist())}
    ranks = weight / (constant + 1 + np.arange(len(likeliest)))
    points[[at[row] for row in likeliest.tolist()]] += ranks
    pool = Candidates(
        products=products,
        scores=points,
        model_index=np.concatenate(
            [complements.model_index, np.full(len(only_session), -1, dtype=np.int32)]
        ),
        best=np.concatenate([complements.best, np.full(len(only_session), s - 1, dtype=np.int32)]),
        goes_with=np.concatenate(
            [complements.goes_with, np.zeros((len(only_session), s), dtype=bool)]
        ),
        comparable=False,
    )
    return _select_candidates(pool, np.argsort(-points, kind="stable"))


def _select_candidates(candidates: Candidates, places: npt.NDArray[np.int64]) -> Candidates:
    arrays: dict[str, Any] = {
        name: value[places] for name, value in vars(candidates).items() if name != "comparable"
    }
    return Candidates(**arrays, comparable=candidates.comparable)


class TransitionCounts:
    """What came after what in the events of the fit, of those that came most often."""

    def __init__(self, bundle: QueryContext) -> None:
        self._edges = MappedMatrix(bundle.transition_arrays, "followed")

    def counts_after(self, sources: list[int], targets: Rows) -> tuple[Rows, Rows]:
        """Which source each target came after, and how often.

        Of several, the one with the most, each place back counting half; the newest where none.

        Returns:
            (t,) places in `sources`, and (t,) times.
        """
        times = np.zeros((len(sources), len(targets)), dtype=np.int32)
        for i, source in enumerate(sources):
            if source < self._edges.rows:
                at = self._edges.positions(source, targets)
                times[i] = (
                    np.where(at >= 0, self._edges.data[at], 0) if len(self._edges.data) else 0
                )
        value = times * 0.5 ** np.arange(len(sources))[::-1, None]
        # of equals the newest
        best = len(sources) - 1 - np.argmax(value[::-1], axis=0)
        return best.astype(np.int32), times[best, np.arange(len(targets))]
