"""Pair classifier: complements from the attributes of both products, for shops without paths.

Where few products were ever seen together (bundles of single sessions, a new shop), a walk along
edges ends where it began, and most products have no edge. The classifier learns from the pairs that
people saw together which of them they took together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, block_size, blocks, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.ranking.attribute_features import AttributeFeatures
from goeswith.ranking.gradient_trees import GradientTrees
from goeswith.ranking.pair_features import Indices, PairFeatures, ProductDescriptions, entries
from goeswith.relations.graph import RelationGraph

_MIN_CLOSED_SHARE: Final = 0.15
"""Minimum share of products with complements whose walks reach nothing new."""
_SAMPLE_SOURCES: Final = 500
"""Products of the sample for that share."""
_RANDOM_PER_PAIR: Final = 0.5
"""Random pairs as negatives, for each labelled pair."""
_TREE_SETTINGS: Final = (200, 8, 0.05)
"""Trees, leaves and learning rate: small, as there is little to learn from."""
_BLOCK_MB: Final = 1
_MAX_PAIRS_PER_SOURCE: Final = 5000
"""Products to score for a source: the most similar ones."""


def has_no_paths(graph: RelationGraph) -> bool:
    """Whether a graph has too few paths, so that pairs are classified by attributes.

    That is, products were seen but not taken, edges have no direction, and co-citation reaches
    nothing new for one in seven of the products with complements.
    """
    edges = (graph.complements.count > 0).astype(np.float32).tocsr()
    sources = np.flatnonzero(np.diff(edges.indptr))
    if not len(graph.similars) or not len(sources) or (edges != edges.T).nnz:
        return False
    rows = np.sort(np.random.default_rng(0).permutation(sources)[:_SAMPLE_SOURCES])
    itself = sparse.csr_matrix(
        (np.ones(len(rows), np.float32), (np.arange(len(rows)), rows)), shape=(len(rows), graph.n)
    )
    one_step = (edges[rows] + itself).tocsr()
    three_steps = (edges[rows] @ edges @ edges + one_step).tocsr()
    return bool(
        np.mean(np.diff(three_steps.indptr) == np.diff(one_step.indptr)) > _MIN_CLOSED_SHARE
    )


@dataclass
class PairClassifier:
    """Boosted trees over features of pairs.

    Attributes:
        columns: of pairs.
        trees: over them.
    """

    columns: PairFeatures
    trees: GradientTrees

    @classmethod
    def fit(cls, columns: PairFeatures, seed: int) -> Self:
        """Learn from pairs seen together and taken or not, and from random pairs."""
        rng = np.random.default_rng(seed)
        seen_pairs = sparse.triu(columns.products.seen, 1).tocoo()
        first, second = seen_pairs.row.astype(np.int32), seen_pairs.col.astype(np.int32)
        table = _tables(columns, first, second)
        n_random = int(_RANDOM_PER_PAIR * len(first))
        random_rows = rng.integers(columns.n, size=(2, n_random)).astype(np.int32)
        random_table = _tables(columns, random_rows[0], random_rows[1])
        # rates exclude the products seen with both, here none: those of labelled pairs, drawn
        # at random, keep trees from recognising random pairs by them
        rates = [i for i, name in enumerate(columns.names) if name.endswith("rate")]
        random_table[:, rates] = table[rng.integers(len(table), size=n_random)][:, rates]
        labels = np.concatenate(
            [entries(columns.products.bought, first, second) > 0, np.zeros(n_random, dtype=bool)]
        )
        trees = GradientTrees.fit(
            np.concatenate([table, random_table]), labels, columns.names, *_TREE_SETTINGS, seed
        )
        return cls(columns, trees)

    def score(self, rows: Rows) -> Floats:
        """(b, n) probability that people who see both take both; -inf of pairs without a score."""
        scores = self._score(self.columns.products.take(rows))
        scores[np.arange(len(rows)), rows] = -np.inf
        return scores

    def score_new(self, attributes: AttributeFeatures, sentences: Floats | None) -> Floats:
        """(m, n) the same for new products."""
        return self._score(self.columns.describe_new(attributes, sentences))

    def _score(self, descriptions: ProductDescriptions) -> Floats:
        scores = np.full((len(descriptions), self.columns.n), -np.inf, dtype=np.float32)
        nearest, _ = top_k(self.columns.cosines(descriptions), _MAX_PAIRS_PER_SOURCE)
        place, targets = np.repeat(np.arange(len(descriptions)), nearest.shape[1]), nearest.ravel()
        scores[place, targets] = self._probabilities(descriptions, place, targets)
        return scores

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        """(m,) the same of single pairs, all of which have a score."""
        scores = np.empty(len(sources), dtype=np.float32)
        for positions, descriptions, place in _by_source(self.columns, sources):
            scores[positions] = self._probabilities(descriptions, place, targets[positions])
        return scores

    def _probabilities(
        self, descriptions: ProductDescriptions, place: Indices, targets: Indices
    ) -> Floats:
        """(m,) probabilities: pairs taken together first, pairs seen but not taken -inf."""
        p = self.trees.probabilities(self.columns.table(descriptions, place, targets))
        was_bought = entries(descriptions.bought, place, targets) > 0
        was_left = (entries(descriptions.seen, place, targets) > 0) & ~was_bought
        scores: Floats = np.where(was_bought, 0.99 + 0.01 * p, p)
        scores[was_left] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        """The arrays of `restore`, without the attributes."""
        return {**self.columns.arrays(), **self.trees.arrays()}

    @classmethod
    def restore(cls, attributes: AttributeFeatures, arrays: Arrays) -> Self:
        """Restore from `arrays`."""
        return cls(PairFeatures.restore(attributes, arrays), GradientTrees.restore(arrays))


def _tables(columns: PairFeatures, sources: Rows, targets: Rows) -> Floats:
    """(m, c) features of pairs of the catalogue."""
    table = np.empty((len(sources), len(columns.names)), dtype=np.float32)
    for positions, descriptions, place in _by_source(columns, sources):
        table[positions] = columns.table(descriptions, place, targets[positions])
    return table


def _by_source(
    columns: PairFeatures, sources: Rows
) -> Iterator[tuple[Indices, ProductDescriptions, Indices]]:
    """Blocks of sources: positions of their pairs, the sources, and the source of each pair."""
    rows, row = np.unique(sources, return_inverse=True)
    for block in blocks(np.arange(len(rows), dtype=np.int32), block_size(columns.n, _BLOCK_MB)):
        positions = np.flatnonzero((row >= block[0]) & (row <= block[-1]))
        yield positions, columns.products.take(rows[block]), row[positions] - block[0]
