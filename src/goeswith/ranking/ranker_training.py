"""Training of the ranker's trees on held-out pairs, and their calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, block_size, blocks
from goeswith.core.progress import MessageProgress
from goeswith.features.pair_clicks import PairClicks
from goeswith.ranking import candidate_paths
from goeswith.ranking.attribute_features import AttributeFeatures
from goeswith.ranking.candidate_paths import Member, listed_in_any_relation
from goeswith.ranking.candidate_pool import blocks_by_type
from goeswith.ranking.feature_matrix import FeatureMatrix, rank_within_source
from goeswith.ranking.fold_splits import Fold, cold_folds, folds
from goeswith.ranking.gradient_trees import GradientTrees
from goeswith.ranking.item_features import ItemFeatures, QueryBatch, is_counted
from goeswith.ranking.pipelines import PIPELINES
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE

if TYPE_CHECKING:
    from goeswith.ranking.config import RankerConfig

BLOCK_MB: Final = 1
"""Memory of each of some thirty dense score arrays of a block of sources."""
_CALIBRATION_SHARE: Final = 0.15
"""Share of the sources held out for calibration."""
_CALIBRATION_SOURCES: Final = 1000
"""Sources for the calibration of lists, on a graph in which every product keeps most edges."""
_CALIBRATION_RANKS: Final = 20
"""Best candidates of these sources that calibration uses: those that people would see."""
_UNNUMBERED_SHARE: Final = 0.2
"""Share of the cold sources that trees learn to rank without a product number."""
_CLICK_SEED: Final = 6
_CALIBRATION_SEED: Final = 7919
"""Offset of the seed of these draws."""

FitMembers: TypeAlias = Callable[[RelationGraph, str], list[Member]]
"""Fits the member models on a graph; the second argument names the fit."""


@dataclass(frozen=True)
class RankerTrainer:
    """Trains the trees of the ranker for a shop.

    Attributes:
        config: of the ranker.
        attributes: of all products.
        members: fits member models.
        on_progress: called with messages.
        clicks: what followed the impressions of pairs; None without feedback.
        numbered: whether trees for cold sources read product numbers.
    """

    config: RankerConfig
    attributes: AttributeFeatures
    members: FitMembers
    on_progress: MessageProgress
    clicks: PairClicks | None = None
    numbered: bool = False

    def grow(self, graph: RelationGraph) -> dict[bool, GradientTrees]:
        """Trees for warm (False) and cold sources (True), if there are examples."""
        config, counted = self.config, is_counted(graph)
        ordered = graph[CO_PURCHASE].has_informative_order
        folds_by_kind = {
            False: folds(graph, config.folds, config.held_share, config.cold_share, config.seed),
            True: cold_folds(graph, config.folds, config.cold_share, config.seed),
        }
        trees = {}
        for cold, parts in folds_by_kind.items():
            training, calibration = _ExampleBuffer(), _ExampleBuffer()
            for number, fold in enumerate(parts, start=1):
                what = f"{'cold ' if cold else ''}fold {number}"
                members = self.members(fold.graph, what) if PIPELINES[cold].uses_members else []
                self.on_progress(f"{what} of {config.folds}: features")
                slim = 0 if counted or cold else config.slim
                labelled, evidence = self._with_clicks(fold, cold)
                items = ItemFeatures.from_graph(
                    self.attributes,
                    fold.graph,
                    counted=counted,
                    slim=slim,
                    ordered=ordered and not cold,
                    clicks=evidence,
                    numbered=cold and self.numbered,
                )
                for table, labels, is_training in self._tables(labelled, items, members, cold):
                    (training if is_training else calibration).add(table, labels)
                del items, fold, labelled, members
            if training.has_both_labels:
                self.on_progress("growing trees")
                trees[cold] = GradientTrees.fit(
                    *training.arrays(),
                    training.names,
                    config.trees,
                    config.leaves,
                    config.learning_rate,
                    config.seed,
                )
                if calibration.has_both_labels:
                    trees[cold].calibrate(*calibration.arrays())
        if False in trees and not counted:
            self._calibrate(trees[False], graph)
        return trees

    def _with_clicks(self, fold: Fold, cold: bool) -> tuple[Fold, dict[str, Sparse] | None]:
        """The fold with surely clicked pairs among its labels, and the evidence of other clicks.

        The labels are from one half of the impressions, the evidence from the other, so that no
        click is evidence of itself. Sources without edges of their own have labels in cold folds.
        """
        if self.clicks is None:
            return fold, None
        rng = np.random.default_rng([self.config.seed, cold, fold.number, _CLICK_SEED])
        for_evidence, for_labels = self.clicks.split(rng)
        has_edges = fold.cold if cold else np.diff(fold.graph.complements.count.indptr) > 0
        labels = sparse.diags(has_edges.astype(np.float32)) @ for_labels.labels()
        labels = fold.labels.maximum(labels).tocsr()
        return replace(fold, labels=labels), for_evidence.evidence()

    def _calibrate(self, trees: GradientTrees, graph: RelationGraph) -> None:
        """Calibrate probabilities of lists, on a graph without some pairs but no cold products.

        The folds of training also lack the edges of cold products, which lowers probabilities
        there.
        """
        config = self.config
        share = config.held_share / 2
        (fold,) = folds(graph, 1, share, 0.0, config.seed + _CALIBRATION_SEED)
        self.on_progress("calibrating")
        members = self.members(fold.graph, "calibration")
        evidence = None if self.clicks is None else self.clicks.evidence()
        items = ItemFeatures.from_graph(
            self.attributes,
            fold.graph,
            counted=False,
            slim=config.slim,
            ordered=graph[CO_PURCHASE].has_informative_order,
            clicks=evidence,
        )
        calibration = _ExampleBuffer()
        for table, labels, is_training in self._tables(
            fold, items, members, cold=False, calibration_share=1.0
        ):
            if not is_training:
                is_shown = (
                    rank_within_source(table.place, trees.probabilities(table.columns))
                    < _CALIBRATION_RANKS
                )
                calibration.add(table.filter(is_shown), labels[is_shown])
        if calibration.has_both_labels:
            trees.calibrate(*calibration.arrays())
            trees.set_missing_rate(share, config.missing)

    def _tables(
        self,
        fold: Fold,
        items: ItemFeatures,
        members: Sequence[Member],
        cold: bool,
        *,
        calibration_share: float = _CALIBRATION_SHARE,
    ) -> Iterator[tuple[FeatureMatrix, npt.NDArray[np.bool_], bool]]:
        """Candidates of a fold's sources, labels, and whether they are for training."""
        pipeline = PIPELINES[cold]
        rng = np.random.default_rng([self.config.seed, cold, fold.number])
        is_source = (np.diff(fold.labels.indptr) > 0) & (fold.cold == cold)
        sources = np.flatnonzero(is_source).astype(np.int32)
        max_sources = self.config.sources if calibration_share < 1 else _CALIBRATION_SOURCES
        sources = np.sort(rng.permutation(sources)[:max_sources])
        all_products = items.n <= self.config.whole
        for block in self._blocks(sources, all_products):
            queries = items.queries(block)
            if cold and items.numbered:
                queries = _without_some_numbers(queries, rng)
            pool, scores = pipeline.scores(
                items, queries, members, block, all_products=all_products
            )
            excluded = candidate_paths.excluded_mask(queries, block, pool) | listed_in_any_relation(
                items, block, pool
            )
            is_candidate = pipeline.candidates(scores, excluded)
            matrix = pipeline.build_features(items, queries, pool, scores, is_candidate)
            labels = pool.dense(fold.labels[block])[matrix.place, matrix.column] > 0
            is_calibration = (rng.random(len(block)) < calibration_share)[matrix.place]
            yield matrix.filter(is_calibration), labels[is_calibration], False
            # a source without a positive candidate is no training example
            has_positive = (np.bincount(matrix.place, labels, len(block)) > 0)[matrix.place]
            n_negatives = np.bincount(matrix.place, ~labels, len(block))[matrix.place]
            is_sampled = rng.random(len(labels)) * n_negatives < self.config.negatives
            is_training = has_positive & ~is_calibration & (labels | is_sampled)
            yield matrix.filter(is_training), labels[is_training], True
            del excluded, scores, matrix  # before the next block's are made

    def _blocks(self, sources: Rows, all_products: bool) -> Iterator[Rows]:
        if all_products:
            return blocks(sources, block_size(len(self.attributes.types), BLOCK_MB))
        return blocks_by_type(sources, self.attributes.types)


def _without_some_numbers(queries: QueryBatch, rng: np.random.Generator) -> QueryBatch:
    """Sources of which a share has no product number, as a product described by hand may not."""
    attributes = queries.attributes
    is_hidden = rng.random(len(attributes.numbers)) < _UNNUMBERED_SHARE
    numbers = np.where(is_hidden, np.nan, attributes.numbers)
    return replace(queries, attributes=replace(attributes, numbers=numbers))


@dataclass
class _ExampleBuffer:
    """Features and labels, gathered block by block."""

    columns: list[Floats] = field(default_factory=list)
    labels: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def has_both_labels(self) -> bool:
        """Whether there are examples of both labels."""
        return any(part.any() for part in self.labels) and not all(
            part.all() for part in self.labels
        )

    def add(self, table: FeatureMatrix, labels: npt.NDArray[np.bool_]) -> None:
        """Add candidates and whether each goes with its source."""
        self.columns.append(table.columns)
        self.labels.append(labels)
        self.names = table.names

    def arrays(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(m, c) columns and (m,) labels."""
        return np.concatenate(self.columns), np.concatenate(self.labels)
