"""Pairs judged by what two products are: for shops in which edges lead nowhere.

Where few products were ever seen together (bundles made in single sessions, a shop of last week),
a walk along edges ends where it began, and most products have no edge at all. What can be learned
is which of the products that people saw together they took together, from the attributes of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.arrays import Floats, Rows, Sparse, block_size, blocks, inverse_power, top_k
from goeswith.arrays import scale_rows as rows_by
from goeswith.arrays_file import Arrays
from goeswith.models.paths import walk
from goeswith.ranking.attributes import Attributes
from goeswith.ranking.trees import Trees
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    import polars as pl

_SHARE: Final = 0.15
"""Of the products with complements: of how many a walk may end where it began."""
_ASKED: Final = 500
"""Products that are asked for it."""
_LATENT: Final = 64
"""Directions of the attributes."""
_SHOWN: Final = 16
"""The first of them, which are columns of their own."""
_RANDOM: Final = 0.5
"""Pairs of any two products to learn from, which do not go together, for one that was judged."""
_PRIOR: Final = 3
"""Pairs at the average rate that are added to what is known of a product."""
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


@dataclass(frozen=True)
class Described:
    """b products as columns of pairs read them.

    Attributes:
        tokens: (b, v) CSR TF-IDF of tokens that several products have, rows of length 1.
        parts: of each attribute, (b, v) CSR likewise.
        latent: (b, 64) directions that hold most of `tokens`, not scaled.
        prices: (b,) NaN for none.
        bought: (b, n) CSR of ones: what people took with each, and
        seen: (b, n) CSR of ones: what they saw with it.
    """

    tokens: Sparse
    parts: list[Sparse]
    latent: Floats
    prices: Floats
    bought: Sparse
    seen: Sparse


class PairJudge:
    """Boosted trees over what two products have in common and how they differ; without direction.

    Attributes:
        columns: (k,) columns of TF-IDF tokens that several products have.
        part: (k,) which attribute each is of.
        components: (64, k) of the truncated SVD.
        bought: (n, n) CSR, symmetric, of ones.
        seen: (n, n) CSR, symmetric, of ones; all that were bought among them.
        trees: over `table`.
    """

    trees: Trees

    def __init__(  # noqa: PLR0917
        self,
        attributes: Attributes,
        columns: npt.NDArray[np.int64],
        part: npt.NDArray[np.int64],
        components: Floats,
        bought: Sparse,
        seen: Sparse,
    ) -> None:
        self.columns, self.part, self.components = columns, part, components
        self.bought, self.seen = bought, seen
        self.rate = bought.nnz / max(seen.nnz, 1)
        self.all = self.described(attributes, bought, seen)
        self.by_token = self.all.tokens.T.tocsr()
        self.by_part = [tokens.T.tocsr() for tokens in self.all.parts]

    @classmethod
    def fit(
        cls, attributes: Attributes, vocabulary: pl.Series, graph: RelationGraph, seed: int
    ) -> Self:
        """Learn from what was seen together and taken, or left.

        Args:
            attributes: of all products.
            vocabulary: names of the columns of their tokens.
            graph: the relations.
            seed: of all draws.
        """
        from sklearn.utils.extmath import randomized_svd

        frequency = np.bincount(attributes.content.indices, minlength=len(vocabulary))
        columns = np.flatnonzero(frequency > 1)  # what one product alone has says nothing of pairs
        # a word of a text has no column of its own, any other token is column=value
        names = vocabulary.gather(columns).str.extract("^([^=]*)=").fill_null("")
        part = names.rank("dense").to_numpy().astype(np.int64) - 1
        tokens = _length_one(attributes.content[:, columns])
        kept = min(_LATENT, *tokens.shape)
        components = np.zeros((_LATENT, len(columns)), dtype=np.float32)
        if kept:
            components[:kept] = randomized_svd(tokens, kept, n_iter=5, random_state=seed)[2]
        bought = _ones(graph.complements.count)
        # who disagree say nothing
        seen = (bought + _ones(graph.similars.count)).tocsr()
        judge = cls(attributes, columns, part, components, bought, seen)
        judge.trees = judge._grow(seed)
        return judge

    def _grow(self, seed: int) -> Trees:
        rng = np.random.default_rng(seed)
        judged = sparse.triu(self.seen, 1).tocoo()
        one, other = judged.row.astype(np.int32), judged.col.astype(np.int32)
        labels = _at(self.bought, one, other) > 0
        table = self.tables(one, other)
        extra = int(_RANDOM * len(one))
        random = self.tables(*rng.integers(self.seen.shape[0], size=(2, extra)).astype(np.int32))
        # rates leave out what both ends were seen with, here nothing: those of judged pairs, drawn
        # at random, keep trees from telling the two kinds of pairs apart by that
        rates = [i for i, name in enumerate(self.names) if name.endswith("rate")]
        random[:, rates] = table[rng.integers(len(table), size=extra)][:, rates]
        labels = np.concatenate([labels, np.zeros(extra, dtype=bool)])
        return Trees.fit(np.concatenate([table, random]), labels, self.names, *_TREES, seed)

    def tables(self, sources: Rows, targets: Rows) -> Floats:
        """(m, c) columns of pairs of the catalogue, see `table`."""
        found = np.empty((len(sources), len(self.names)), dtype=np.float32)
        for here, asked, place in self._by_source(sources):
            found[here] = self.table(asked, place, targets[here])
        return found

    def _by_source(
        self, sources: Rows
    ) -> Iterator[tuple[npt.NDArray[np.int64], Described, npt.NDArray[np.int64]]]:
        """A block of sources at a time: which pairs, the sources, and which of them each has."""
        rows, row = np.unique(sources, return_inverse=True)
        for block in blocks(np.arange(len(rows), dtype=np.int32), block_size(self.n, _BLOCK_MB)):
            here = np.flatnonzero((row >= block[0]) & (row <= block[-1]))
            yield here, self.known(rows[block]), row[here] - block[0]

    def described(self, attributes: Attributes, bought: Sparse, seen: Sparse) -> Described:
        """Products, known or new, as columns read them."""
        tokens = _length_one(attributes.content[:, self.columns])
        parts = [
            _length_one(tokens[:, self.part == part])
            for part in range(int(self.part.max(initial=-1)) + 1)
        ]
        latent = np.asarray(tokens @ self.components.T, dtype=np.float32)
        return Described(tokens, parts, latent, attributes.prices, bought, seen)

    def known(self, rows: Rows) -> Described:
        """Products of the catalogue."""
        found = self.all
        return Described(
            found.tokens[rows],
            [part[rows] for part in found.parts],
            found.latent[rows],
            found.prices[rows],
            found.bought[rows],
            found.seen[rows],
        )

    def new(self, attributes: Attributes) -> Described:
        """Products of which only attributes are known."""
        nothing = sparse.csr_matrix((len(attributes.types), self.seen.shape[0]), dtype=np.float32)
        return self.described(attributes, nothing, nothing)

    @property
    def n(self) -> int:
        """Products."""
        return int(self.seen.shape[0])

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        parts = [f"cosine of attribute {i}" for i in range(len(self.all.parts))]
        ends = ["lower rate", "higher rate"]
        latent = [f"{how} {i}" for how in ("sum", "difference") for i in range(_SHOWN)]
        return ["cosine", "latent cosine", *parts, "price ratio", "price", *ends, *latent]

    def table(self, asked: Described, place: npt.NDArray[np.int64], targets: Rows) -> Floats:
        """(m, c) columns of pairs, in the order of `names`.

        Args:
            asked: b sources.
            place: (m,) which of them.
            targets: (m,) rows.
        """
        found = self.all
        columns = [walk(asked.tokens, self.by_token)[place, targets]]
        mine, theirs = _unit(asked.latent), _unit(found.latent)
        columns.append((mine @ theirs.T)[place, targets])
        for part, by_token in zip(asked.parts, self.by_part, strict=True):
            columns.append(walk(part, by_token)[place, targets])
        prices, target_prices = asked.prices[place], found.prices[targets]
        columns += [np.abs(np.log(target_prices / prices)), np.fmax(prices, target_prices)]
        columns += self._rates(asked, place, targets)
        one = _unit(asked.latent[:, :_SHOWN])[place]
        other = _unit(found.latent[:, :_SHOWN])[targets]
        return np.column_stack([*columns, one + other, np.abs(one - other)]).astype(np.float32)

    def _rates(
        self, asked: Described, place: npt.NDArray[np.int64], targets: Rows
    ) -> tuple[Floats, Floats]:
        """How often each end was taken when it was seen, the average rate where little is known.

        Without what both were seen with: what happened in one session is no evidence for that
        session's other pairs.
        """
        bought = _at(asked.bought, place, targets)
        both = walk(asked.seen, self.seen)[place, targets] + _at(asked.seen, place, targets)
        mine = _degrees(asked.bought)[place] - walk(asked.bought, self.seen)[place, targets]
        theirs = _degrees(self.bought)[targets] - walk(asked.seen, self.bought)[place, targets]
        rates = [
            (np.maximum(taken - bought, 0) + _PRIOR * self.rate)
            / (np.maximum(seen - both, 0) + _PRIOR)
            for taken, seen in (
                (mine, _degrees(asked.seen)[place]),
                (theirs, _degrees(self.seen)[targets]),
            )
        ]
        return np.minimum(*rates), np.maximum(*rates)

    def score(self, asked: Described, rows: Rows | None) -> Floats:
        """(b, n) probability that people who see both take both; -inf of what is not judged.

        Args:
            asked: b sources.
            rows: (b,) of the sources; None for new products.
        """
        b = len(asked.latent)
        scores = np.full((b, self.n), -np.inf, dtype=np.float32)
        alike, _ = top_k(_unit(asked.latent) @ _unit(self.all.latent).T, _MOST)
        place, targets = np.repeat(np.arange(b), alike.shape[1]), alike.ravel()
        scores[place, targets] = self._probabilities(asked, place, targets)
        if rows is not None:
            scores[np.arange(b), rows] = -np.inf
        return scores

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        """(m,) the same of single pairs."""
        scores = np.empty(len(sources), dtype=np.float32)
        for here, asked, place in self._by_source(sources):
            scores[here] = self._probabilities(asked, place, targets[here])
        return scores

    def _probabilities(
        self, asked: Described, place: npt.NDArray[np.int64], targets: Rows
    ) -> Floats:
        """(m,) what was taken with a product comes first, what was seen and left is no answer."""
        p = self.trees.probabilities(self.table(asked, place, targets))
        taken = _at(asked.bought, place, targets) > 0
        left = (_at(asked.seen, place, targets) > 0) & ~taken
        scores: Floats = np.where(taken, 0.99 + 0.01 * p, p)
        scores[left] = -np.inf
        return scores

    def arrays(self) -> Arrays:
        """What `restore` needs beside the attributes."""
        return {
            "columns": self.columns,
            "part": self.part,
            "components": self.components,
            "bought": self.bought,
            "seen": self.seen,
            **self.trees.arrays(),
        }

    @classmethod
    def restore(cls, attributes: Attributes, arrays: Arrays) -> Self:
        """Take back what `arrays` gave."""
        names = ("columns", "part", "components", "bought", "seen")
        judge = cls(attributes, *(arrays[name] for name in names))
        judge.trees = Trees.restore(arrays)
        return judge


def _at(matrix: Sparse, rows: Rows, columns: Rows) -> Floats:
    """(m,) entries of a matrix."""
    return np.asarray(matrix[rows, columns], dtype=np.float32).ravel()


def _degrees(edges: Sparse) -> npt.NDArray[np.float64]:
    return np.diff(edges.indptr).astype(np.float64)


def _ones(matrix: Sparse) -> Sparse:
    """Symmetric, 1 wherever there is an entry in either direction."""
    either = matrix.maximum(matrix.T).tocsr().astype(np.float32)
    either.eliminate_zeros()
    either.data[:] = 1
    return either


def _length_one(matrix: Sparse) -> Sparse:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return rows_by(matrix.tocsr(), inverse_power(length, 1))


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return unit
