"""Two kinds of sources: those with edges, and those that nobody has bought or viewed yet.

Each has its own paths, candidates and columns, and trees of its own (`learning`) that read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.ranking import candidate_paths as features
from goeswith.ranking import cold_sources as cold
from goeswith.ranking import feature_matrix as columns
from goeswith.ranking.candidate_paths import OF_MEMBER, Along, Member, Scores
from goeswith.ranking.candidate_pool import Targets, along, along_few, near
from goeswith.ranking.feature_matrix import Pairs
from goeswith.ranking.item_features import Askers, Facts

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kind:
    """How sources of one kind are asked.

    Attributes:
        walks: scores of every product by path along edges, see `features.walks`.
        paths: scores by all paths, see `features.paths`.
        counts: path -> how many of its best are candidates.
        pairs: the columns of candidates, see `columns.pairs`.
        tail: paths that order what is no candidate.
        has_members: whether member models, which rest on edges, say anything of them.
    """

    walks: Callable[[Facts, Askers, Along], dict[str, Any]]
    paths: Callable[[Facts, Askers, Targets, Mapping[str, Any]], Scores]
    counts: Mapping[str, int]
    pairs: Callable[[Facts, Askers, Targets, Scores, Chosen], Pairs]
    tail: tuple[str, ...]
    has_members: bool

    def scores(
        self,
        facts: Facts,
        asked: Askers,
        members: Sequence[Member],
        rows: Rows | None,
        *,
        whole: bool,
    ) -> tuple[Targets, Scores]:
        """The products that b sources are asked for, and their (b, c) scores by path and member.

        Args:
            facts: of the shop.
            asked: b sources of this kind.
            members: trained models.
            rows: (b,) of the sources; None for new products, which have no edges.
            whole: all products are asked for; else those near the sources.
        """
        walked = self.walks(facts, asked, along if whole else along_few)
        targets = Targets(facts)
        if not whole:
            reached = {name: walked[name] for name in walked if name in self.counts}
            known = {"listed": asked.listed, "bought": asked.any_bought}
            targets = near(facts, reached | known, asked.attributes.types)
        found = self.paths(facts, asked, targets, walked)
        if self.has_members and rows is not None:
            found |= {f"member_{i}": one.score(rows, targets) for i, one in enumerate(members)}
        return targets, found

    def candidates(self, found: Scores, without: Chosen) -> Chosen:
        """(b, c) mask of the best by each path and member, but for those of `without` (b, c)."""
        members = {name: OF_MEMBER for name in found if name.startswith("member_")}
        return features.candidates(found, {**self.counts, **members}, without)


KINDS: Final[Mapping[bool, Kind]] = {
    False: Kind(
        features.walks,
        features.paths,
        features.CANDIDATES,
        columns.pairs,
        ("bought_cocitation", "type_popularity", "similar_both_ends"),
        has_members=True,
    ),
    True: Kind(
        cold.walks,
        cold.paths,
        cold.CANDIDATES,
        cold.pairs,
        ("type_complements", "similar_both_ends"),
        has_members=False,
    ),
}
"""By whether sources are cold: without any edge."""
