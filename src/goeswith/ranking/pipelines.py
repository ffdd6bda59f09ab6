"""Ranking pipelines of warm sources, with edges, and cold sources, without edges.

Each has its own paths, candidates, features and trees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.ranking import candidate_paths, cold_sources, feature_matrix
from goeswith.ranking.candidate_paths import MEMBER_CANDIDATES, Member, Propagate, Scores
from goeswith.ranking.candidate_pool import (
    CandidatePool,
    propagate,
    propagate_sparse,
    reachable_pool,
)
from goeswith.ranking.feature_matrix import FeatureMatrix
from goeswith.ranking.item_features import ItemFeatures, QueryBatch

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SourcePipeline:
    """The steps of ranking for sources of one kind.

    Attributes:
        walks: scores of every product by path along edges, see `candidate_paths.walks`.
        paths: scores by all paths, see `candidate_paths.paths`.
        counts: path -> number of its best products that are candidates.
        build_features: the columns of candidates, see `feature_matrix.build_feature_matrix`.
        tail: paths that order the products that are no candidates.
        uses_members: whether member models, which need edges, score these sources.
    """

    walks: Callable[[ItemFeatures, QueryBatch, Propagate], dict[str, Any]]
    paths: Callable[[ItemFeatures, QueryBatch, CandidatePool, Mapping[str, Any]], Scores]
    counts: Mapping[str, int]
    build_features: Callable[[ItemFeatures, QueryBatch, CandidatePool, Scores, Mask], FeatureMatrix]
    tail: tuple[str, ...]
    uses_members: bool

    def scores(
        self,
        items: ItemFeatures,
        queries: QueryBatch,
        members: Sequence[Member],
        rows: Rows | None,
        *,
        all_products: bool,
    ) -> tuple[CandidatePool, Scores]:
        """The candidate pool of b sources, and its (b, c) scores by path and member.

        Args:
            items: of the shop.
            queries: b sources of this kind.
            members: trained models.
            rows: (b,) of the sources; None for new products, which have no edges.
            all_products: whether the pool holds all products, or those near the sources.
        """
        walk_scores = self.walks(items, queries, propagate if all_products else propagate_sparse)
        pool = CandidatePool(items)
        if not all_products:
            candidate_walks = {
                name: walk_scores[name] for name in walk_scores if name in self.counts
            }
            direct_edges = {"listed": queries.listed, "bought": queries.any_bought}
            pool = reachable_pool(items, candidate_walks | direct_edges, queries.attributes.types)
        scores = self.paths(items, queries, pool, walk_scores)
        if self.uses_members and rows is not None:
            scores |= {f"member_{i}": one.score(rows, pool) for i, one in enumerate(members)}
        return pool, scores

    def candidates(self, scores: Scores, without: Mask) -> Mask:
        """(b, c) mask of the best by each path and member, but for those of `without` (b, c)."""
        members = {name: MEMBER_CANDIDATES for name in scores if name.startswith("member_")}
        return candidate_paths.candidates(scores, {**self.counts, **members}, without)


WARM_SOURCES: Final = SourcePipeline(
    candidate_paths.walks,
    candidate_paths.paths,
    candidate_paths.CANDIDATES,
    feature_matrix.build_feature_matrix,
    ("bought_cocitation", "type_popularity", "similar_both_ends"),
    uses_members=True,
)
"""The pipeline of sources with edges."""

COLD_SOURCES: Final = SourcePipeline(
    cold_sources.walks,
    cold_sources.paths,
    cold_sources.CANDIDATES,
    cold_sources.build_feature_matrix,
    ("type_complements", "similar_both_ends"),
    uses_members=False,
)
"""The pipeline of sources without edges."""

PIPELINES: Final[Mapping[bool, SourcePipeline]] = {False: WARM_SOURCES, True: COLD_SOURCES}
"""By whether sources are cold, that is without edges."""
