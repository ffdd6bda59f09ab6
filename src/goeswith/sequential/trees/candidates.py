"""Candidates of the next product, and what the models that propose them say about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from goeswith.core.arrays import Floats
from goeswith.sequential.base import SessionModel
from goeswith.sequential.prefix_scores import PrefixScores
from goeswith.sequential.sequences import Ints, Sequences

_UNRANKED: Final = 999
"""Rank of a candidate without a score."""


@dataclass(frozen=True)
class SessionCandidates:
    """Pairs of a prefix and a product, in order of the prefix and then of the product.

    Attributes:
        row: (m,) prefix.
        product: (m,) row of the catalogue.
        columns: (m, 3 c + 3) of c members; `member_names`.
    """

    row: Ints
    product: Ints
    columns: Floats


def member_names(members: Sequence[str]) -> list[str]:
    """Names of the columns of `find_candidates`."""
    parts = ("score / best", "share", "rank")
    names = [f"{part} of member {place + 1}" for place in range(len(members)) for part in parts]
    return [*names, "best rank", "mean reciprocal rank", "mean share"]


def find_candidates(
    members: Sequence[SessionModel], prefixes: Sequences, top: int, *, only_new: bool
) -> SessionCandidates:
    """The best products of each member, and the products of the prefix.

    Args:
        members: fitted.
        prefixes: b of them.
        top: products of each member.
        only_new: leave the products of a prefix out.
    """
    n, b = members[0].n, len(prefixes)
    parts: list[PrefixScores] = []
    own = np.unique(prefixes.run_index * np.int64(n) + prefixes.products)
    keys = [own]
    for member in members:
        scores = member.few_scores(prefixes)
        if scores is None:
            scores = PrefixScores.from_dense(member.shares(prefixes))
        best, _ = scores.top(top)
        row, place = np.nonzero(best >= 0)
        keys.append(row * np.int64(n) + best[row, place])
        parts.append(scores)
    pairs = np.unique(np.concatenate(keys))
    if only_new:
        pairs = np.setdiff1d(pairs, own, assume_unique=True)
    row, product = np.divmod(pairs, n)
    starts = np.searchsorted(row, np.arange(b + 1))
    columns = [_member_columns(scores.take(row, product), row, starts) for scores in parts]
    ranks = np.stack([one[2] for one in columns], axis=1)
    shares = np.stack([one[1] for one in columns], axis=1)
    flat = [column for one in columns for column in one]
    flat += [ranks.min(axis=1), (1 / (1 + ranks)).mean(axis=1), shares.mean(axis=1)]
    return SessionCandidates(row, product, np.stack(flat, axis=1).astype(np.float32))


def _member_columns(scores: Floats, row: Ints, starts: Ints) -> list[Floats]:
    """Scores over the best one, over their sum, and ranks from 0, each within a prefix."""
    best = np.zeros(len(starts) - 1, dtype=np.float32)
    total = best.copy()
    filled = np.flatnonzero(np.diff(starts))
    if len(filled):
        best[filled] = np.maximum.reduceat(scores, starts[filled])
        total[filled] = np.add.reduceat(scores, starts[filled])
    order = np.lexsort((-scores, row))
    rank = np.empty(len(scores), dtype=np.float32)
    rank[order] = np.arange(len(scores)) - starts[row[order]]
    return [
        scores / np.maximum(best[row], 1e-20),
        scores / np.maximum(total[row], 1e-20),
        np.where(scores > 0, rank, np.float32(_UNRANKED)),
    ]
