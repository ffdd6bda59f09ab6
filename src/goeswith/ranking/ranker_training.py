"""What the ranker's trees learn from: pairs taken out of the graph, and how sure they may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, block_size, blocks
from goeswith.ranking import candidate_paths as features
from goeswith.ranking.attribute_features import Attributes
from goeswith.ranking.candidate_paths import Member, known_pairs
from goeswith.ranking.candidate_pool import of_one_type
from goeswith.ranking.feature_matrix import Pairs, places
from goeswith.ranking.fold_splits import Fold, cold_folds, folds
from goeswith.ranking.gradient_trees import Trees
from goeswith.ranking.item_features import Facts, is_counted
from goeswith.ranking.pipelines import KINDS
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    from goeswith.ranking.config import RankerConfig

BLOCK_MB: Final = 1
"""Of each of some thirty dense scores of a block of sources."""
_CHECKED: Final = 0.15
"""Share of the sources that the trees do not see: they say what a score is worth."""
_CALIBRATED: Final = 1000
"""Sources that say so for lists, of a graph in which every product keeps most of its edges."""
_SHOWN: Final = 20
"""Of whose candidates the best are asked: those that people would see."""
_LAST: Final = 7919
"""Added to the seed for their draws."""

FitMembers: TypeAlias = Callable[[RelationGraph, str], list[Member]]
"""Fits the member models on a graph; the second argument tells one fit from another."""


@dataclass(frozen=True)
class Learner:
    """Grows trees for a shop.

    Attributes:
        config: of the ranker.
        attributes: of all products.
        members: fits member models.
        say: told of progress.
    """

    config: RankerConfig
    attributes: Attributes
    members: FitMembers
    say: Callable[[str], None]

    def grow(self, graph: RelationGraph) -> dict[bool, Trees]:
        """Trees for sources with edges (False) and without any (True), where there are examples."""
        config, counted = self.config, is_counted(graph)
        drawn = {
            False: folds(graph, config.folds, config.held_share, config.cold_share, config.seed),
            True: cold_folds(graph, config.folds, config.cold_share, config.seed),
        }
        grown = {}
        for cold, parts in drawn.items():
            learned, checked = _Examples(), _Examples()
            for number, fold in enumerate(parts, start=1):
                what = f"{'cold ' if cold else ''}fold {number}"
                members = self.members(fold.graph, what) if KINDS[cold].has_members else []
                self.say(f"{what} of {config.folds}: features")
                facts = Facts.of(self.attributes, fold.graph, counted=counted)
                for table, labels, taught in self._tables(fold, facts, members, cold):
                    (learned if taught else checked).add(table, labels)
                del facts, fold, members
            if learned.some:
                self.say("growing trees")
                grown[cold] = Trees.fit(
                    *learned.all(),
                    learned.names,
                    config.trees,
                    config.leaves,
                    config.learning_rate,
                    config.seed,
                )
                if checked.some:
                    grown[cold].calibrate(*checked.all())
        if False in grown and not counted:
            self._calibrate(grown[False], graph)
        return grown

    def _calibrate(self, trees: Trees, graph: RelationGraph) -> None:
        """Probabilities of lists, on a graph that lacks pairs but no product's edges.

        The folds that trees learn from also lack those of cold products: what is likely there is
        likelier where they are known.
        """
        config = self.config
        share = config.held_share / 2
        (fold,) = folds(graph, 1, share, 0.0, config.seed + _LAST)
        self.say("calibrating")
        members = self.members(fold.graph, "calibration")
        facts = Facts.of(self.attributes, fold.graph, counted=False)
        checked = _Examples()
        for table, labels, taught in self._tables(fold, facts, members, cold=False, checked=1.0):
            if not taught:
                shown = places(table.place, trees.probabilities(table.columns)) < _SHOWN
                checked.add(table.part(shown), labels[shown])
        if checked.some:
            trees.calibrate(*checked.all())
            trees.expect(share, config.missing)

    def _tables(
        self,
        fold: Fold,
        facts: Facts,
        members: Sequence[Member],
        cold: bool,
        *,
        checked: float = _CHECKED,
    ) -> Iterator[tuple[Pairs, npt.NDArray[np.bool_], bool]]:
        """Candidates of a fold's sources, labels, and whether to learn from them or to check."""
        kind = KINDS[cold]
        rng = np.random.default_rng([self.config.seed, cold, fold.number])
        asking = (np.diff(fold.labels.indptr) > 0) & (fold.cold == cold)
        sources = np.flatnonzero(asking).astype(np.int32)
        most = self.config.sources if checked < 1 else _CALIBRATED
        sources = np.sort(rng.permutation(sources)[:most])
        whole = facts.n <= self.config.whole
        for block in self._blocks(sources, whole):
            asked = facts.askers(block)
            targets, found = kind.scores(facts, asked, members, block, whole=whole)
            without = features.banned(asked, block, targets) | known_pairs(facts, block, targets)
            chosen = kind.candidates(found, without)
            table = kind.pairs(facts, asked, targets, found, chosen)
            labels = targets.dense(fold.labels[block])[table.place, table.column] > 0
            aside = (rng.random(len(block)) < checked)[table.place]
            yield table.part(aside), labels[aside], False
            # a source none of whose edges is a candidate teaches nothing
            some = (np.bincount(table.place, labels, len(block)) > 0)[table.place]
            wrong = np.bincount(table.place, ~labels, len(block))[table.place]
            drawn = rng.random(len(labels)) * wrong < self.config.negatives
            taught = some & ~aside & (labels | drawn)
            yield table.part(taught), labels[taught], True
            del without, found, table  # before the next block's are made

    def _blocks(self, sources: Rows, whole: bool) -> Iterator[Rows]:
        if whole:
            return blocks(sources, block_size(len(self.attributes.types), BLOCK_MB))
        return of_one_type(sources, self.attributes.types)


@dataclass
class _Examples:
    """Columns and labels, gathered block by block."""

    columns: list[Floats] = field(default_factory=list)
    labels: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def some(self) -> bool:
        """Whether there are examples of both kinds."""
        return any(part.any() for part in self.labels) and not all(
            part.all() for part in self.labels
        )

    def add(self, table: Pairs, labels: npt.NDArray[np.bool_]) -> None:
        """Take candidates and whether each goes with its source."""
        self.columns.append(table.columns)
        self.labels.append(labels)
        self.names = table.names

    def all(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(m, c) columns and (m,) labels."""
        return np.concatenate(self.columns), np.concatenate(self.labels)
