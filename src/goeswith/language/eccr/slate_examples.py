"""A catalogue and its relations -> what each task learns from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.language.eccr.candidate_lists import CandidateLists, make_candidate_lists
from goeswith.language.eccr.coherence import Coherence
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE


@dataclass(frozen=True)
class SlateExamples:
    """What is learned of one shop.

    Attributes:
        rules: of coherence.
        lists: one for each coherent complement.
        yes_no: task -> sources, targets, whether the answer is yes.
        generation: sources and targets of coherent complements.
    """

    rules: Coherence
    lists: CandidateLists
    yes_no: dict[str, tuple[Rows, Rows, npt.NDArray[np.bool_]]]
    generation: tuple[Rows, Rows]


def make_slate_examples(
    catalog: Catalog, graph: RelationGraph, *, negatives: int, seed: int
) -> SlateExamples | None:
    """Examples of every task; none where no complement coheres.

    Complements are edges of the graph between products of different types, if types are recorded.

    Args:
        catalog: of n products.
        graph: its relations.
        negatives: of a list.
        seed: of every draw.
    """
    n, codes, rng = len(catalog), catalog.type_codes, np.random.default_rng(seed)
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
    lists = make_candidate_lists(
        u[coherent],
        v[coherent],
        excluded=_by_product(n, u[coherent], v[coherent]),
        incoherent=_by_product(n, bought.sources[odd], bought.targets[odd]),
        substitutes=substitutes,
        alike=alike,
        popularity=np.bincount(bought.targets, minlength=n).astype(np.float32),
        negatives=min(negatives, n - 2),
        seed=seed,
    )
    pairs = [(row, rng.choice(s)) for row, s in enumerate(substitutes) if len(s)]
    instead = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    yes_no = {}
    for task, yes, no in (("complement", (u, v), instead), ("substitute", instead, (u, v))):
        if not len(yes[0]):
            continue
        some = rng.permutation(len(no[0]))[: max(len(yes[0]) // 2, 1)]
        random = rng.integers(n, size=(2, max(len(yes[0]) // 2, 1))).astype(np.int32)
        sources = np.concatenate([yes[0], no[0][some], random[0]])
        targets = np.concatenate([yes[1], no[1][some], random[1]])
        yes_no[task] = (sources, targets, np.arange(len(sources)) < len(yes[0]))
    return SlateExamples(rules, lists, yes_no, (u[coherent], v[coherent]))


def _of_two_types(codes: Rows, u: Rows, v: Rows) -> tuple[Rows, Rows]:
    two = (codes[u] != codes[v]) | (codes[u] < 0)
    return u[two], v[two]


def _by_product(n: int, u: Rows, v: Rows) -> list[Rows]:
    order = np.lexsort((v, u))
    starts = np.searchsorted(u[order], np.arange(n + 1))
    return [v[order[a:b]] for a, b in pairwise(starts)]
