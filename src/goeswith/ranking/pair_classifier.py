"""Pairs judged by what two products are: for shops in which edges lead nowhere.

Where few products were ever seen together (bundles made in single sessions, a shop of last week),
a walk along edges ends where it began, and most products have no edge at all. What can be learned
is which of the products that people saw together they took together, from the attributes of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, block_size, blocks, top_k
from goeswith.core.arrays_file import Arrays
from goeswith.ranking.attribute_features import Attributes
from goeswith.ranking.gradient_trees import Trees
from goeswith.ranking.pair_features import Described, PairColumns, Places, entries
from goeswith.relations.graph import RelationGraph

_SHARE: Final = 0.15
"""Of the products with complements: of how many a walk may end where it began."""
_ASKED: Final = 500
"""Products that are asked for it."""
_RANDOM: Final = 0.5
"""Pairs of any two products to learn from, which do not go together, for one that was judged."""
_TREES: Final = (200, 8, 0.05)
"""Trees, leaves and learning rate: small, as there is little to learn from."""
_BLOCK_MB: Final = 1
_MOST: Final = 5000
"""Products that are judged for a source: the most alike where there are more."""


def leads_nowhere(graph: RelationGraph) -> bool:
    """Whether there is more to learn from pairs than from edges.

    That is where something was seen and left, edges have no direction, and co-citation tells
    nothing new of one in seven of the products with complements.
    """
    edges = (graph.complements.count > 0).astype(np.float32).tocsr()
    known = np.flatnonzero(np.diff(edges.indptr))
    if not len(graph.similars) or not len(known) or (edges != edges.T).nnz:
        return False
    rows = np.sort(np.random.default_rng(0).permutation(known)[:_ASKED])
    itself = sparse.csr_matrix(
        (np.ones(len(rows), np.float32), (np.arange(len(rows)), rows)), shape=(len(rows), graph.n)
    )
    own = (edges[rows] + itself).tocsr()
    reached = (edges[rows] @ edges @ edges + own).tocsr()
    return bool(np.mean(np.diff(reached.indptr) == np.diff(own.indptr)) > _SHARE)


@dataclass
class PairJudge:
    """Boosted trees over columns of pairs.

    Attributes:
        columns: of pairs.
        trees: over them.
    """

    columns: PairColumns
    trees: Trees

    @classmethod
    def fit(cls, columns: PairColumns, seed: int) -> Self:
        """Learn from what was seen together and taken, or left; and from random pairs."""
        rng = np.random.default_rng(seed)
        judged = sparse.triu(columns.all.seen, 1).tocoo()
        one, other = judged.row.astype(np.int32), judged.col.astype(np.int32)
        table = _tables(columns, one, other)
        extra = int(_RANDOM * len(one))
        drawn = rng.integers(columns.n, size=(2, extra)).astype(np.int32)
        random = _tables(columns, drawn[0], drawn[1])
        # rates leave out what both ends were seen with, here nothing: those of judged pairs, drawn
        # at random, keep trees from telling the two kinds of pairs apart by that
        rates = [i for i, name in enumerate(columns.names) if name.endswith("rate")]
        random[:, rates] = table[rng.integers(len(table), size=extra)][:, rates]
        labels = np.concatenate(
            [entries(columns.all.bought, one, other) > 0, np.zeros(extra, dtype=bool)]
        )
        trees = Trees.fit(np.concatenate([table, random]), labels, columns.names, *_TREES, seed)
        return cls(columns, trees)

    def score(self, rows: Rows) -> Floats:
        """(b, n) probability that people who see both take both; -inf of what is not judged."""
        scores = self._score(self.columns.all.of(rows))
        scores[np.arange(len(rows)), rows] = -np.inf
        return scores

    def score_new(self, attributes: Attributes, sentences: Floats | None) -> Floats:
        """(m, n) the same for products that were unknown at fit."""
        return self._score(self.columns.new(attributes, sentences))

    def _score(self, asked: Described) -> Floats:
        scores = np.full((len(asked), self.columns.n), -np.inf, dtype=np.float32)
        alike, _ = top_k(self.columns.alike(asked), _MOST)
        place, targets = np.repeat(np.arange(len(asked)), alike.shape[1]), alike.ravel()
        scores[place, targets] = self._probabilities(asked, place, targets)
        return scores

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        """(m,) the same of single pairs, all of which are judged."""
        scores = np.empty(len(sources), dtype=np.float32)
        for here, asked, place in _by_source(self.columns, sources):
            scores[here] = self._probabilities(asked, place, targets[here])
        return scores

    def _probabilities(self, asked: Described, place: Places, targets: Places) -> Floats:
        """(m,) what was taken with a product comes first, what was seen and left is no answer."""
        p = self.trees.probabilities(self.columns.table(asked, place, targets))
        taken = entries(asked.bought, place, targets) > 0
        left = (entries(asked.seen, place, targets) > 0) & ~taken
        scores: Floats = np.where(taken, 0.99 + 0.01 * p, p)
        scores[left] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        """What `restore` needs beside the attributes."""
        return {**self.columns.arrays(), **self.trees.arrays()}

    @classmethod
    def restore(cls, attributes: Attributes, arrays: Arrays) -> Self:
        """Take back what `arrays` gave."""
        return cls(PairColumns.restore(attributes, arrays), Trees.restore(arrays))


def _tables(columns: PairColumns, sources: Rows, targets: Rows) -> Floats:
    """(m, c) columns of pairs of the catalogue."""
    found = np.empty((len(sources), len(columns.names)), dtype=np.float32)
    for here, asked, place in _by_source(columns, sources):
        found[here] = columns.table(asked, place, targets[here])
    return found


def _by_source(columns: PairColumns, sources: Rows) -> Iterator[tuple[Places, Described, Places]]:
    """A block of sources at a time: which pairs, the sources, and which of them each has."""
    rows, row = np.unique(sources, return_inverse=True)
    for block in blocks(np.arange(len(rows), dtype=np.int32), block_size(columns.n, _BLOCK_MB)):
        here = np.flatnonzero((row >= block[0]) & (row <= block[-1]))
        yield here, columns.all.of(rows[block]), row[here] - block[0]
