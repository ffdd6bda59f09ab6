"""A catalogue and its relations -> what each task learns from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.language.eccr.candidate_lists import CandidateLists, make_candidate_lists
from goeswith.language.eccr.coherence import Coherence
from goeswith.relations.graph import RelationGraph
from goeswith.relations.pair_split import hold_out_pairs
from goeswith.relations.relation import CO_PURCHASE

MAX_VALIDATION_LISTS: Final = 64
"""Lists that a validation scores at most; the same ones each time."""


@dataclass(frozen=True)
class SlateExamples:
    """What is learned of one shop.

    Attributes:
        rules: of coherence.
        lists: one for each coherent complement.
        yes_no: task -> sources, targets, whether the answer is yes.
        generation: sources and targets of coherent complements.
        graph: the relations that they are made from, without those of `validation`.
        validation: lists of coherent complements held back; none without a share to hold back, or
            where no complement of it coheres.
    """

    rules: Coherence
    lists: CandidateLists
    yes_no: dict[str, tuple[Rows, Rows, npt.NDArray[np.bool_]]]
    generation: tuple[Rows, Rows]
    graph: RelationGraph
    validation: CandidateLists | None = None


def make_slate_examples(
    catalog: Catalog, graph: RelationGraph, *, negatives: int, seed: int, validation: float = 0.0
) -> SlateExamples | None:
    """Examples of every task; none where no complement coheres.

    Complements are edges of the graph between products of different types, if types are recorded.

    Args:
        catalog: of n products.
        graph: its relations.
        negatives: of a list.
        seed: of every draw.
        validation: share of the complement pairs that are held back from every task.
    """
    n, codes, rng = len(catalog), catalog.type_codes, np.random.default_rng(seed)
    held = hold_out_pairs(graph, validation, seed)
    graph = held.graph
    edges = graph.complements
    u, v = _of_two_types(codes, edges.sources, edges.targets)
    rules = Coherence.fit(catalog, u, v, seed)
    coherent = rules.coherent(u, v)
    if not coherent.any():
        return None
    bought = graph[CO_PURCHASE]
    odd = ~rules.coherent(bought.sources, bought.targets)
    alternatives = graph.similars
    of_type = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    same = [of_type[code] if code >= 0 else np.zeros(0, dtype=np.int64) for code in codes]
    alternatives_of = _by_product(n, alternatives.sources, alternatives.targets)
    substitutes = [
        np.setdiff1d(np.concatenate([a, b]), [row]).astype(np.int32)
        for row, (a, b) in enumerate(zip(same, alternatives_of, strict=True))
    ]
    together = _by_product(n, bought.sources, bought.targets)
    every = np.arange(n, dtype=np.int32)
    alike: list[Rows] = [np.zeros(0, dtype=np.int32)] * n
    for row in np.unique(u[coherent]):
        is_coherent = rules.coherent(np.full(n, row), every) & ~(
            (codes == codes[row]) & (codes >= 0)
        )
        alike[row] = np.setdiff1d(every[is_coherent], together[row])
    make_lists = partial(
        make_candidate_lists,
        incoherent=_by_product(n, bought.sources[odd], bought.targets[odd]),
        substitutes=substitutes,
        alike=alike,
        popularity=np.bincount(bought.targets, minlength=n).astype(np.float32),
        negatives=min(negatives, n - 2),
        seed=seed,
    )
    sources, targets = u[coherent], v[coherent]
    lists = make_lists(sources, targets, excluded=_by_product(n, sources, targets))
    validation_lists = None
    held_u, held_v = _of_two_types(codes, held.sources, held.targets)
    is_kept = rules.coherent(held_u, held_v)
    held_u, held_v = held_u[is_kept], held_v[is_kept]
    if len(held_u):
        complements = _by_product(n, np.append(sources, held_u), np.append(targets, held_v))
        some = np.sort(rng.permutation(len(held_u))[:MAX_VALIDATION_LISTS])
        validation_lists = make_lists(held_u[some], held_v[some], excluded=complements)
    pairs = [(row, rng.choice(s)) for row, s in enumerate(substitutes) if len(s)]
    instead = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    yes_no = {}
    for task, yes, no in (("complement", (u, v), instead), ("substitute", instead, (u, v))):
        if not len(yes[0]):
            continue
        some = rng.permutation(len(no[0]))[: max(len(yes[0]) // 2, 1)]
        random = rng.integers(n, size=(2, max(len(yes[0]) // 2, 1))).astype(np.int32)
        left = np.concatenate([yes[0], no[0][some], random[0]])
        right = np.concatenate([yes[1], no[1][some], random[1]])
        yes_no[task] = (left, right, np.arange(len(left)) < len(yes[0]))
    return SlateExamples(rules, lists, yes_no, (sources, targets), graph, validation_lists)


def _of_two_types(codes: Rows, u: Rows, v: Rows) -> tuple[Rows, Rows]:
    two = (codes[u] != codes[v]) | (codes[u] < 0)
    return u[two], v[two]


def _by_product(n: int, u: Rows, v: Rows) -> list[Rows]:
    order = np.lexsort((v, u))
    starts = np.searchsorted(u[order], np.arange(n + 1))
    return [v[order[a:b]] for a, b in pairwise(starts)]
