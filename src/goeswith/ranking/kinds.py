"""Two kinds of sources: those with edges, and those that nobody has bought or viewed yet.

Each has its own paths, candidates and columns, and trees of its own (`learning`) that read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.arrays import Floats, Rows
from goeswith.ranking import cold, features
from goeswith.ranking.facts import Askers, Facts
from goeswith.ranking.features import OF_MEMBER, Member, Pairs

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kind:
    """How sources of one kind are asked.

    Attributes:
        paths: scores of every product by path, see `features.paths`.
        counts: path -> how many of its best are candidates.
        pairs: the columns of candidates, see `features.pairs`.
        tail: paths that order what is no candidate.
        has_members: whether member models, which rest on edges, say anything of them.
    """

    paths: Callable[[Facts, Askers], dict[str, Floats]]
    counts: Mapping[str, int]
    pairs: Callable[[Facts, Askers, Mapping[str, Floats], Chosen], Pairs]
    tail: tuple[str, ...]
    has_members: bool

    def scores(
        self, facts: Facts, asked: Askers, members: Sequence[Member], rows: Rows | None
    ) -> dict[str, Floats]:
        """Path or member -> (b, n) scores.

        Args:
            facts: of the shop.
            asked: b sources of this kind.
            members: trained models.
            rows: (b,) of the sources; None for new products, which have no edges.
        """
        found = self.paths(facts, asked)
        if self.has_members and rows is not None:
            found |= {f"member_{i}": member.score(rows) for i, member in enumerate(members)}
        return found

    def candidates(self, found: Mapping[str, Floats], without: Chosen) -> Chosen:
        """(b, n) mask of the best by each path and member, but for those of `without` (b, n)."""
        members = {name: OF_MEMBER for name in found if name.startswith("member_")}
        return features.candidates(found, {**self.counts, **members}, without)


KINDS: Final[Mapping[bool, Kind]] = {
    False: Kind(
        features.paths,
        features.CANDIDATES,
        features.pairs,
        ("bought_cocitation", "type_popularity", "similar_both_ends"),
        has_members=True,
    ),
    True: Kind(
        cold.paths,
        cold.CANDIDATES,
        cold.pairs,
        ("type_complements", "similar_both_ends"),
        has_members=False,
    ),
}
"""By whether sources are cold: without any edge."""
