"""Lists to learn from and to be judged by: a coherent complement among negatives of three kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows
from goeswith.core.ndcg import single_target_ndcg

KINDS: Final = ("complement", "incoherent", "substitute", "unrelated", "alike")
"""What a candidate is; its number is its place here."""


@dataclass(frozen=True)
class CandidateLists:
    """Lists of one coherent complement, first, and its negatives.

    Attributes:
        sources: (m,) rows.
        candidates: (m, 1 + negatives) rows, distinct in each list.
        kinds: like `candidates`, places in `KINDS`.
    """

    sources: Rows
    candidates: Rows
    kinds: npt.NDArray[np.int8]

    def take(self, rows: npt.NDArray[np.int64]) -> CandidateLists:
        """Some of the lists."""
        return CandidateLists(self.sources[rows], self.candidates[rows], self.kinds[rows])


def make_candidate_lists(
    sources: Rows,
    targets: Rows,
    *,
    excluded: list[Rows],
    incoherent: list[Rows],
    substitutes: list[Rows],
    alike: list[Rows],
    popularity: Floats,
    negatives: int,
    seed: int,
) -> CandidateLists:
    """A list for each pair: a third of its negatives of each kind, as far as there are enough.

    If a source has too few of a kind, the rest is unrelated. Half of these satisfy the rules of
    coherence without purchases (`alike`), so that the rules alone do not identify a complement;
    half are drawn by popularity or at random, so that popularity does not either.

    Args:
        sources: (m,) of coherent complement pairs.
        targets: (m,).
        excluded: of each product, what is no negative: all its complements.
        incoherent: of each product, what is bought with it and does not cohere.
        substitutes: of each product, alternatives to it.
        alike: of each product, what shares attributes with it.
        popularity: (n,) not negative.
        negatives: of a list, at most n - 2.
        seed: the same seed draws the same lists.
    """
    rng, n = np.random.default_rng(seed), len(popularity)
    chance = np.cumsum(popularity.astype(np.float64) + 1e-3 * popularity.mean() + 1e-9)
    candidates = np.empty((len(sources), negatives + 1), dtype=np.int32)
    kinds = np.empty((len(sources), negatives + 1), dtype=np.int8)
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        used_or_excluded = {int(source), int(target), *map(int, excluded[source])}
        selected_products, kind = [int(target)], [0]
        for number, pool in (
            (1, incoherent[source]),
            (2, substitutes[source]),
            (4, alike[source]),
        ):
            free = [int(t) for t in rng.permutation(pool) if int(t) not in used_or_excluded]
            limit = (negatives + 1 - len(selected_products)) // 2 if number == 4 else negatives // 3
            selected = free[:limit]
            selected_products, kind = selected_products + selected, kind + [number] * len(selected)
            used_or_excluded.update(selected)
        tries = 0
        while len(selected_products) <= negatives:
            tries += 1
            popular = tries % 2 == 0 and tries < 50 * negatives
            drawn = int(
                chance.searchsorted(rng.random() * chance[-1]) if popular else rng.integers(n)
            )
            # where hardly a product is no complement, complements have to serve
            used = (
                {int(source), *selected_products} if tries > 200 * negatives else used_or_excluded
            )
            if drawn < n and drawn not in used:
                selected_products, kind = [*selected_products, drawn], [*kind, 3]
                used_or_excluded.add(drawn)
        candidates[row], kinds[row] = selected_products, kind
    return CandidateLists(np.asarray(sources, dtype=np.int32), candidates, kinds)


def first_ranks(scores: Floats) -> npt.NDArray[np.float64]:
    """(m,) place of the first of each list by its scores (m, c), from 1; ties share the middle.

    >>> first_ranks(np.array([[2.0, 3.0, 1.0], [0.0, 0.0, 0.0]])).tolist()
    [2.0, 2.0]
    """
    right = scores[:, :1]
    others = scores[:, 1:]
    ranks: npt.NDArray[np.float64] = (
        1 + (others > right).sum(axis=1) + (others == right).sum(axis=1) / 2
    )
    return ranks


def candidate_list_metrics(scores: Floats, k: int = 5) -> dict[str, npt.NDArray[np.float64]]:
    """hr@k and ndcg@k of each list; with ties, that of the middle place.

    >>> metrics = candidate_list_metrics(np.array([[1.0, 2.0]]))
    >>> {name: value.tolist() for name, value in metrics.items()}
    {'hr@5': [1.0], 'ndcg@5': [0.6309297535714575]}
    """
    place = first_ranks(scores)
    hit = (place <= k).astype(np.float64)
    return {f"hr@{k}": hit, f"ndcg@{k}": single_target_ndcg(place, k)}
