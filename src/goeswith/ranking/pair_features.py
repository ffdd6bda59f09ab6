"""What two products have in common and how they differ: columns of pairs without direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power
from goeswith.core.arrays import scale_rows as rows_by
from goeswith.core.arrays_file import Arrays
from goeswith.models.paths import walk
from goeswith.ranking.attribute_features import Attributes
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    import polars as pl

Places = npt.NDArray[np.integer]

_LATENT: Final = 64
"""Directions of a space, at most."""
_SHOWN: Final = 16
"""The first of them, which are columns of their own."""
_PRIOR: Final = 3
"""Pairs at the average rate that are added to what is known of a product."""


@dataclass(frozen=True)
class Described:
    """b products as columns of pairs read them.

    Attributes:
        tokens: (b, v) CSR TF-IDF of tokens that several products have, rows of length 1.
        parts: of each attribute, (b, v) CSR likewise.
        spaces: (b, d) each: directions that hold most of tokens, and of sentence vectors.
        prices: (b,) NaN for none.
        bought: (b, n) CSR of ones: what people took with each, and
        seen: (b, n) CSR of ones: what they saw with it.
    """

    tokens: Sparse
    parts: list[Sparse]
    spaces: list[Floats]
    prices: Floats
    bought: Sparse
    seen: Sparse

    def of(self, rows: Rows) -> Described:
        """Some of them."""
        return Described(
            self.tokens[rows],
            [part[rows] for part in self.parts],
            [space[rows] for space in self.spaces],
            self.prices[rows],
            self.bought[rows],
            self.seen[rows],
        )

    def __len__(self) -> int:
        return len(self.prices)


@dataclass(frozen=True)
class Reading:
    """What was learned of a catalogue, to read products by.

    Attributes:
        columns: (k,) columns of TF-IDF tokens that several products have: what one product alone
            has says nothing of pairs.
        part: (k,) which attribute each is of.
        components: (d, k) of their truncated SVD.
        mean: (s,) of sentence vectors; s = 0 where no sentence encoder is named.
        directions: (d, s) of the truncated SVD of those, their mean taken off.
    """

    columns: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    components: Floats
    mean: Floats
    directions: Floats

    @classmethod
    def fit(
        cls, attributes: Attributes, vocabulary: pl.Series, sentences: Floats | None, seed: int
    ) -> Self:
        """Learn from the tokens of a catalogue's products, and from their sentence vectors."""
        frequency = np.bincount(attributes.content.indices, minlength=len(vocabulary))
        columns = np.flatnonzero(frequency > 1)
        # a word of a text has no column of its own, any other token is column=value
        names = vocabulary.gather(columns).str.extract("^([^=]*)=").fill_null("")
        part = names.rank("dense").to_numpy().astype(np.int64) - 1
        components = _directions(_length_one(attributes.content[:, columns]), seed)
        said = np.zeros((len(attributes.types), 0), np.float32) if sentences is None else sentences
        mean = said.mean(axis=0)
        return cls(columns, part, components, mean, _directions(said - mean, seed))

    def describe(
        self, attributes: Attributes, sentences: Floats | None, bought: Sparse, seen: Sparse
    ) -> Described:
        """Products, known or new."""
        tokens = _length_one(attributes.content[:, self.columns])
        parts = [
            _length_one(tokens[:, self.part == part])
            for part in range(int(self.part.max(initial=-1)) + 1)
        ]
        spaces = [np.asarray(tokens @ self.components.T, dtype=np.float32)]
        if sentences is not None:
            spaces.append(np.asarray((sentences - self.mean) @ self.directions.T, dtype=np.float32))
        return Described(tokens, parts, spaces, attributes.prices, bought, seen)


class PairColumns:
    """Columns of pairs of a catalogue's products, or of new ones with these.

    Attributes:
        reading: of products.
        all: (n,) of the catalogue.
        rate: share of the pairs seen together that were taken together.
    """

    def __init__(self, reading: Reading, known: Described) -> None:
        self.reading, self.all = reading, known
        self.rate = known.bought.nnz / max(known.seen.nnz, 1)
        self.by_token = known.tokens.T.tocsr()
        self.by_part = [tokens.T.tocsr() for tokens in known.parts]

    @classmethod
    def fit(
        cls,
        attributes: Attributes,
        vocabulary: pl.Series,
        graph: RelationGraph,
        sentences: Floats | None,
        seed: int,
    ) -> Self:
        """Of the products of a graph.

        Args:
            attributes: of every product.
            vocabulary: names of the columns of their tokens.
            graph: complements were taken together, similars seen together and not taken.
            sentences: (n, s) vectors of a sentence encoder.
            seed: of the SVDs.
        """
        reading = Reading.fit(attributes, vocabulary, sentences, seed)
        bought = _ones(graph.complements.count)
        seen = (bought + _ones(graph.similars.count)).tocsr()
        return cls(reading, reading.describe(attributes, sentences, bought, seen))

    @property
    def n(self) -> int:
        """Products."""
        return len(self.all)

    def new(self, attributes: Attributes, sentences: Floats | None) -> Described:
        """Products of which only attributes are known."""
        nothing = sparse.csr_matrix((len(attributes.types), self.n), dtype=np.float32)
        return self.reading.describe(attributes, sentences, nothing, nothing)

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        found = ["cosine", *(f"cosine of attribute {i}" for i in range(len(self.by_part)))]
        found += ["price ratio", "price", "lower rate", "higher rate"]
        for which, space in zip(("latent", "sentence"), self.all.spaces, strict=False):
            shown = range(min(_SHOWN, space.shape[1]))
            found.append(f"{which} cosine")
            found += [f"{which} {how} {i}" for how in ("sum", "difference") for i in shown]
        return found

    def table(self, asked: Described, place: Places, targets: Places) -> Floats:
        """(m, c) columns of pairs, in the order of `names`.

        Args:
            asked: b sources.
            place: (m,) which of them.
            targets: (m,) rows.
        """
        found = self.all
        columns = [walk(asked.tokens, self.by_token)[place, targets]]
        for part, by_token in zip(asked.parts, self.by_part, strict=True):
            columns.append(walk(part, by_token)[place, targets])
        prices, target_prices = asked.prices[place], found.prices[targets]
        columns += [np.abs(np.log(target_prices / prices)), np.fmax(prices, target_prices)]
        columns += self._rates(asked, place, targets)
        for mine, theirs in zip(asked.spaces, found.spaces, strict=True):
            columns.append((_unit(mine) @ _unit(theirs).T)[place, targets])
            one, other = _unit(mine[:, :_SHOWN])[place], _unit(theirs[:, :_SHOWN])[targets]
            columns += [one + other, np.abs(one - other)]
        return np.column_stack(columns).astype(np.float32)

    def _rates(self, asked: Described, place: Places, targets: Places) -> list[Floats]:
        """How often each end was taken when it was seen, the average rate where little is known.

        Without what both were seen with: what happened in one session is no evidence for that
        session's other pairs.
        """
        everyone = self.all
        bought = entries(asked.bought, place, targets)
        both = walk(asked.seen, everyone.seen)[place, targets]
        both += entries(asked.seen, place, targets)
        mine = _degrees(asked.bought)[place] - walk(asked.bought, everyone.seen)[place, targets]
        theirs = (
            _degrees(everyone.bought)[targets] - walk(asked.seen, everyone.bought)[place, targets]
        )
        first, second = (
            (np.maximum(taken - bought, 0) + _PRIOR * self.rate)
            / (np.maximum(seen - both, 0) + _PRIOR)
            for taken, seen in (
                (mine, _degrees(asked.seen)[place]),
                (theirs, _degrees(everyone.seen)[targets]),
            )
        )
        return [np.minimum(first, second), np.maximum(first, second)]

    def alike(self, asked: Described) -> Floats:
        """(b, n) cosines in the first space."""
        cosines: Floats = _unit(asked.spaces[0]) @ _unit(self.all.spaces[0]).T
        return cosines

    def arrays(self) -> Arrays:
        """What `restore` needs beside the attributes."""
        reading, known = self.reading, self.all
        return {
            "columns": reading.columns,
            "part": reading.part,
            "components": reading.components,
            "mean": reading.mean,
            "directions": reading.directions,
            "bought": known.bought,
            "seen": known.seen,
            **({"sentences": known.spaces[1]} if len(known.spaces) > 1 else {}),
        }

    @classmethod
    def restore(cls, attributes: Attributes, arrays: Arrays) -> Self:
        """Take back what `arrays` gave."""
        names = ("columns", "part", "components", "mean", "directions")
        reading = Reading(*(arrays[name] for name in names))
        known = reading.describe(attributes, None, arrays["bought"], arrays["seen"])
        if "sentences" in arrays:
            known.spaces.append(arrays["sentences"])
        return cls(reading, known)


def entries(matrix: Sparse, rows: Places, columns: Places) -> Floats:
    """(m,) entries of a matrix."""
    return np.asarray(matrix[rows, columns], dtype=np.float32).ravel()


def _directions(matrix: Sparse | Floats, seed: int) -> Floats:
    """(d, k) right singular vectors of a matrix of k columns, the largest."""
    from sklearn.utils.extmath import randomized_svd

    kept = min(_LATENT, *matrix.shape)
    if not kept:
        return np.zeros((0, matrix.shape[1]), dtype=np.float32)
    found: Floats = randomized_svd(matrix, kept, n_iter=5, random_state=seed)[2].astype(np.float32)
    return found


def _ones(matrix: Sparse) -> Sparse:
    """Symmetric, 1 wherever there is an entry in either direction."""
    either = matrix.maximum(matrix.T).tocsr().astype(np.float32)
    either.eliminate_zeros()
    either.data[:] = 1
    return either


def _degrees(edges: Sparse) -> npt.NDArray[np.float64]:
    return np.asarray(np.diff(edges.indptr), dtype=np.float64)


def _length_one(matrix: Sparse) -> Sparse:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return rows_by(matrix.tocsr(), inverse_power(length, 1))


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return unit
