"""What comes next in a session: the session model and the slate of complements, as one ranking.

Both rankings are fused by reciprocal ranks. A session has an order, which a basket has not: the
complements of a product count `RECENCY` to the power of its places back. docs/how-to/sessions.md tells how
that, the weight and the constant were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows, top_k
from goeswith.core.errors import ConfigError
from goeswith.query.answer import Answer
from goeswith.query.select import (
    Candidates,
    Chosen,
    Wanted,
    answers,
    fuse,
    probable_models,
    slate,
)
from goeswith.sequential.sequences import Sequences
from goeswith.store.evidence import Edges, Evidence
from goeswith.text.evidence_text import why_next

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
class Next(Answer):
    """What may come next in a session.

    `relation` is `complement` where the slate of complements proposes it, `similar` where it stands
    for a product of the session, else `next`. `model` is the one that adds most to its place.

    Attributes:
        proposed_by: the models that propose it, the session model first; none for a mere pin.
        after: the product of the session that it most often came after; None where it never did.
        followed: how often, in the events of the fit, it came at most five places after that one.
    """

    proposed_by: tuple[str, ...] = ()
    after: str | None = None
    followed: int = 0


def session(
    bundle: QueryContext, product_ids: Sequence[str], k: int, constraints: Constraints | None
) -> list[Next]:
    """See `Bundle.session`."""
    check_session(bundle)
    rows = [bundle.products.row(product_id) for product_id in product_ids]
    sources = newest_last(rows)
    wanted = Wanted.of(bundle, constraints, sources)
    complements = complements_of(bundle, sources, wanted, k)
    likeliest = next_by_model(bundle, rows, wanted.allowed, bundle.k)
    candidates = both(likeliest, complements)
    chosen = slate(bundle, candidates, wanted, wanted.allowed, k)
    shown = chosen.candidates
    after, times = Followed(bundle).of(sources, shown.products)
    # what the session model alone proposes is explained beside the product that it came after
    explained = replace(shown, best=np.where(shown.origin >= 0, shown.best, after))
    names = [bundle.products.name(row) for row in sources]
    ids = [bundle.products.ids[row] for row in sources]

    def evidence(best: int, targets: Rows, origin: Rows) -> list[Evidence]:
        return bundle.evidence_of(sources[best], targets, origin)

    told = answers(bundle, Chosen(explained, chosen.pinned), evidence, names, ids)
    by_model = {row: place for place, row in enumerate(likeliest.tolist())}
    by_slate = {row: place for place, row in enumerate(complements.products.tolist())}
    stands = {int(row) for source in sources for row in bundle.evidence.substitutes(source)}
    found = []
    for row, answer, source, count in zip(
        shown.products.tolist(), told, after.tolist(), times.tolist(), strict=True
    ):
        model_first = by_model.get(row, np.inf) <= by_slate.get(row, np.inf)
        proposed_by = [str(bundle.session_model)] if row in by_model else []
        said = [why_next(names[source], count)] if count or row in by_model else []
        if row in by_slate:
            proposed_by.append(answer.model)
        if row in by_slate or not said:
            said.append(answer.why)
        plain = "complement" if row in by_slate else "next"
        changed = {
            "relation": "similar" if row in stands else plain,
            "model": proposed_by[0] if proposed_by and model_first else answer.model,
            "fallback": answer.fallback and row not in by_model,
            "why": " ".join(said),
            "proposed_by": tuple(proposed_by),
            "after": ids[source] if count else None,
            "followed": count,
            # a sentence about what goes together is of no use for what stands for it
            "explanation": answer.explanation
            if plain == "complement" and row not in stands
            else None,
        }
        found.append(Next(**{**vars(answer), **changed}))
    return found


def check_session(bundle: QueryContext) -> None:
    """Refuse a bundle that has no model of the next product.

    Raises:
        ConfigError: says why it has none, and what to do.
    """
    if bundle.session_model is None:
        told = bundle.manifest.get("session", {}).get("why_not")
        why_not = (
            told or f"it was fitted by goeswith {bundle.manifest['goeswith']}, which made none"
        )
        raise ConfigError(
            f"this bundle has no session model: {why_not}. Fit it from events with a session_id, "
            "user_id or basket_id, or ask for the products as a basket"
        )
    if not bundle.online:
        raise ConfigError(
            "sessions are answered by a model, and models are not kept in memory here; set "
            "serve.live = true"
        )


def newest_last(rows: list[int]) -> list[int]:
    """Distinct rows in the order in which each was looked at last."""
    return list(dict.fromkeys(reversed(rows)))[::-1]


def complements_of(
    bundle: QueryContext, sources: list[int], wanted: Wanted, k: int, recency: float = RECENCY
) -> Candidates:
    """What goes with the products of a session, most with the newest; no substitute of any.

    Args:
        bundle: whose answers.
        sources: distinct rows, newest last.
        wanted: what may be shown.
        k: how many are needed; saved models are asked where filters leave fewer.
        recency: see `RECENCY`.
    """
    allowed = wanted.allowed.copy()
    for row in sources:
        allowed[bundle.evidence.substitutes(row)] = False
    weights = recency ** np.arange(len(sources), dtype=np.float64)[::-1]
    probable = probable_models(bundle)
    found = fuse([bundle.ranked.of(row, bundle.k) for row in sources], probable, weights)
    if wanted.narrow and np.count_nonzero(allowed[found.products]) < k:
        lists = [bundle.scorer.top_k(row, allowed, bundle.k) for row in sources]
        found = fuse(lists, probable, weights)
    return _take(found, np.flatnonzero(allowed[found.products]))


def next_by_model(
    bundle: QueryContext, rows: list[int], allowed: npt.NDArray[np.bool_], k: int
) -> Rows:
    """The k likeliest allowed products by the session model; fewer where it knows fewer."""
    model = bundle.scorer.session()
    scores = np.full((1, len(bundle)), -np.inf, dtype=np.float32)
    # products that came after the fit are not known to it
    known = [row for row in rows if row < model.n]
    if known:
        scores[:, : model.n] = model.score(Sequences.of_rows([known]))
    scores[0, ~allowed] = -np.inf
    products: Rows = top_k(scores, k)[0][0]
    return products[products >= 0]


def both(
    likeliest: Rows,
    complements: Candidates,
    weight: float = SESSION_WEIGHT,
    constant: float = RANK_CONSTANT,
) -> Candidates:
    """One ranking out of two; what only the session model proposes has the origin -1."""
    c, s = complements.goes_with.shape
    more = likeliest[~np.isin(likeliest, complements.products)]
    products = np.concatenate([complements.products, more])
    points = np.zeros(len(products))
    points[:c] = (1 - weight) / (constant + 1 + np.arange(c))
    at = {row: place for place, row in enumerate(products.tolist())}
    ranks = weight / (constant + 1 + np.arange(len(likeliest)))
    points[[at[row] for row in likeliest.tolist()]] += ranks
    everything = Candidates(
        products=products,
        scores=points,
        origin=np.concatenate([complements.origin, np.full(len(more), -1, dtype=np.int32)]),
        best=np.concatenate([complements.best, np.full(len(more), s - 1, dtype=np.int32)]),
        goes_with=np.concatenate([complements.goes_with, np.zeros((len(more), s), dtype=bool)]),
        comparable=False,
    )
    return _take(everything, np.argsort(-points, kind="stable"))


def _take(candidates: Candidates, places: npt.NDArray[np.int64]) -> Candidates:
    arrays: dict[str, Any] = {
        name: value[places] for name, value in vars(candidates).items() if name != "comparable"
    }
    return Candidates(**arrays, comparable=candidates.comparable)


class Followed:
    """What came after what in the events of the fit, of those that came most often."""

    def __init__(self, bundle: QueryContext) -> None:
        self._edges = Edges(bundle.followed_arrays, "followed")

    def of(self, sources: list[int], targets: Rows) -> tuple[Rows, Rows]:
        """Which source each target came after, and how often.

        Of several, the one with the most, each place back counting half; the newest where none.

        Returns:
            (t,) places in `sources`, and (t,) times.
        """
        times = np.zeros((len(sources), len(targets)), dtype=np.int32)
        for i, source in enumerate(sources):
            if source < self._edges.rows:
                at = self._edges.find(source, targets)
                times[i] = (
                    np.where(at >= 0, self._edges.data[at], 0) if len(self._edges.data) else 0
                )
        value = times * 0.5 ** np.arange(len(sources))[::-1, None]
        # of equals the newest
        best = len(sources) - 1 - np.argmax(value[::-1], axis=0)
        return best.astype(np.int32), times[best, np.arange(len(targets))]
