"""Features of pairs without direction: similarities and differences of two products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, inverse_power, scale_rows
from goeswith.core.arrays_file import Arrays
from goeswith.models.paths import walk
from goeswith.ranking.attribute_features import AttributeFeatures
from goeswith.relations.graph import RelationGraph

if TYPE_CHECKING:
    import polars as pl

Indices = npt.NDArray[np.integer]

_MAX_DIRECTIONS: Final = 64
"""Directions of a latent space, at most."""
_DIRECTION_COLUMNS: Final = 16
"""The first directions, which are columns of their own."""
_PRIOR_PAIRS: Final = 3
"""Prior of a product's rate: this number of pairs at the average rate."""


@dataclass(frozen=True)
class ProductDescriptions:
    """Descriptions of b products, the input of pair features.

    Attributes:
        tokens: (b, v) CSR TF-IDF of tokens that several products have, rows of length 1.
        parts: of each attribute, (b, v) CSR likewise.
        spaces: (b, d) each: directions that hold most of tokens, and of sentence vectors.
        prices: (b,) NaN for none.
        bought: (b, n) CSR of ones: products taken together with each, and
        seen: (b, n) CSR of ones: products seen together with it.
    """

    tokens: Sparse
    parts: list[Sparse]
    spaces: list[Floats]
    prices: Floats
    bought: Sparse
    seen: Sparse

    def take(self, rows: Rows) -> ProductDescriptions:
        """Some of the products."""
        return ProductDescriptions(
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
class DescriptionEncoder:
    """An encoder of products, learned from a catalogue.

    Attributes:
        columns: (k,) columns of TF-IDF tokens of several products: a token of a single product
            is uninformative for pairs.
        part: (k,) the attribute of each.
        components: (d, k) of their truncated SVD.
        mean: (s,) of sentence vectors; s = 0 without a sentence encoder.
        directions: (d, s) of the truncated SVD of the centred sentence vectors.
    """

    columns: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    components: Floats
    mean: Floats
    directions: Floats

    @classmethod
    def fit(
        cls,
        attributes: AttributeFeatures,
        vocabulary: pl.Series,
        sentences: Floats | None,
        seed: int,
    ) -> Self:
        """Learn from the tokens and the sentence vectors of a catalogue's products."""
        frequency = np.bincount(attributes.content.indices, minlength=len(vocabulary))
        columns = np.flatnonzero(frequency > 1)
        # a word of a text has no column of its own, any other token is column=value
        names = vocabulary.gather(columns).str.extract("^([^=]*)=").fill_null("")
        part = names.rank("dense").to_numpy().astype(np.int64) - 1
        components = _directions(_normalize_sparse_rows(attributes.content[:, columns]), seed)
        vectors = (
            np.zeros((len(attributes.types), 0), np.float32) if sentences is None else sentences
        )
        mean = vectors.mean(axis=0)
        return cls(columns, part, components, mean, _directions(vectors - mean, seed))

    def describe(
        self, attributes: AttributeFeatures, sentences: Floats | None, bought: Sparse, seen: Sparse
    ) -> ProductDescriptions:
        """Descriptions of products, also of new ones."""
        tokens = _normalize_sparse_rows(attributes.content[:, self.columns])
        parts = [
            _normalize_sparse_rows(tokens[:, self.part == part])
            for part in range(int(self.part.max(initial=-1)) + 1)
        ]
        spaces = [np.asarray(tokens @ self.components.T, dtype=np.float32)]
        if sentences is not None:
            spaces.append(np.asarray((sentences - self.mean) @ self.directions.T, dtype=np.float32))
        return ProductDescriptions(tokens, parts, spaces, attributes.prices, bought, seen)


class PairFeatures:
    """Features of pairs of a catalogue's products, or of new products with these.

    Attributes:
        encoder: of products.
        products: (n,) of the catalogue.
        rate: share of the pairs seen together that were taken together.
    """

    def __init__(self, encoder: DescriptionEncoder, products: ProductDescriptions) -> None:
        self.encoder, self.products = encoder, products
        self.rate = products.bought.nnz / max(products.seen.nnz, 1)
        self.by_token = products.tokens.T.tocsr()
        self.by_part = [tokens.T.tocsr() for tokens in products.parts]

    @classmethod
    def fit(
        cls,
        attributes: AttributeFeatures,
        vocabulary: pl.Series,
        graph: RelationGraph,
        sentences: Floats | None,
        seed: int,
    ) -> Self:
        """Learn from the products of a graph.

        Args:
            attributes: of every product.
            vocabulary: names of the columns of their tokens.
            graph: complements were taken together, similars seen together and not taken.
            sentences: (n, s) vectors of a sentence encoder.
            seed: of the SVDs.
        """
        encoder = DescriptionEncoder.fit(attributes, vocabulary, sentences, seed)
        bought = _ones(graph.complements.count)
        seen = (bought + _ones(graph.similars.count)).tocsr()
        return cls(encoder, encoder.describe(attributes, sentences, bought, seen))

    @property
    def n(self) -> int:
        """Products."""
        return len(self.products)

    def describe_new(
        self, attributes: AttributeFeatures, sentences: Floats | None
    ) -> ProductDescriptions:
        """Descriptions of new products, which have attributes only."""
        no_pairs = sparse.csr_matrix((len(attributes.types), self.n), dtype=np.float32)
        return self.encoder.describe(attributes, sentences, no_pairs, no_pairs)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        names = ["cosine", *(f"cosine of attribute {i}" for i in range(len(self.by_part)))]
        names += ["price ratio", "price", "lower rate", "higher rate"]
        for which, space in zip(("latent", "sentence"), self.products.spaces, strict=False):
            shown_directions = range(min(_DIRECTION_COLUMNS, space.shape[1]))
            names.append(f"{which} cosine")
            names += [
                f"{which} {how} {i}" for how in ("sum", "difference") for i in shown_directions
            ]
        return names

    def table(self, queries: ProductDescriptions, place: Indices, targets: Indices) -> Floats:
        """(m, c) features of pairs, in the order of `names`.

        Args:
            queries: b sources.
            place: (m,) which of them.
            targets: (m,) rows.
        """
        products = self.products
        columns = [walk(queries.tokens, self.by_token)[place, targets]]
        for part, by_token in zip(queries.parts, self.by_part, strict=True):
            columns.append(walk(part, by_token)[place, targets])
        prices, target_prices = queries.prices[place], products.prices[targets]
        columns += [np.abs(np.log(target_prices / prices)), np.fmax(prices, target_prices)]
        columns += self._rates(queries, place, targets)
        for query_space, product_space in zip(queries.spaces, products.spaces, strict=True):
            columns.append(
                (_normalize_rows(query_space) @ _normalize_rows(product_space).T)[place, targets]
            )
            first, second = (
                _normalize_rows(query_space[:, :_DIRECTION_COLUMNS])[place],
                _normalize_rows(product_space[:, :_DIRECTION_COLUMNS])[targets],
            )
            columns += [first + second, np.abs(first - second)]
        return np.column_stack(columns).astype(np.float32)

    def _rates(
        self, queries: ProductDescriptions, place: Indices, targets: Indices
    ) -> list[Floats]:
        """How often each product was taken when seen, shrunk towards the average rate.

        Products seen with both are excluded: an event of a session is no evidence for that
        session's other pairs.
        """
        products = self.products
        bought = entries(queries.bought, place, targets)
        both_seen = walk(queries.seen, products.seen)[place, targets]
        both_seen += entries(queries.seen, place, targets)
        query_bought = (
            _degrees(queries.bought)[place] - walk(queries.bought, products.seen)[place, targets]
        )
        product_bought = (
            _degrees(products.bought)[targets] - walk(queries.seen, products.bought)[place, targets]
        )
        first, second = (
            (np.maximum(bought_count - bought, 0) + _PRIOR_PAIRS * self.rate)
            / (np.maximum(seen - both_seen, 0) + _PRIOR_PAIRS)
            for bought_count, seen in (
                (query_bought, _degrees(queries.seen)[place]),
                (product_bought, _degrees(products.seen)[targets]),
            )
        )
        return [np.minimum(first, second), np.maximum(first, second)]

    def cosines(self, queries: ProductDescriptions) -> Floats:
        """(b, n) cosines in the first space."""
        cosines: Floats = (
            _normalize_rows(queries.spaces[0]) @ _normalize_rows(self.products.spaces[0]).T
        )
        return cosines

    def arrays(self) -> Arrays:
        """The arrays of `restore`, without the attributes."""
        encoder, products = self.encoder, self.products
        return {
            "columns": encoder.columns,
            "part": encoder.part,
            "components": encoder.components,
            "mean": encoder.mean,
            "directions": encoder.directions,
            "bought": products.bought,
            "seen": products.seen,
            **({"sentences": products.spaces[1]} if len(products.spaces) > 1 else {}),
        }

    @classmethod
    def restore(cls, attributes: AttributeFeatures, arrays: Arrays) -> Self:
        """Restore from `arrays`."""
        names = ("columns", "part", "components", "mean", "directions")
        encoder = DescriptionEncoder(*(arrays[name] for name in names))
        products = encoder.describe(attributes, None, arrays["bought"], arrays["seen"])
        if "sentences" in arrays:
            products.spaces.append(arrays["sentences"])
        return cls(encoder, products)


def entries(matrix: Sparse, rows: Indices, columns: Indices) -> Floats:
    """(m,) entries of a matrix."""
    return np.asarray(matrix[rows, columns], dtype=np.float32).ravel()


def _directions(matrix: Sparse | Floats, seed: int) -> Floats:
    """(d, k) right singular vectors of a matrix of k columns, the largest."""
    from sklearn.utils.extmath import randomized_svd

    rank = min(_MAX_DIRECTIONS, *matrix.shape)
    if not rank:
        return np.zeros((0, matrix.shape[1]), dtype=np.float32)
    directions: Floats = randomized_svd(matrix, rank, n_iter=5, random_state=seed)[2].astype(
        np.float32
    )
    return directions


def _ones(matrix: Sparse) -> Sparse:
    """Symmetric, 1 wherever there is an entry in either direction."""
    either = matrix.maximum(matrix.T).tocsr().astype(np.float32)
    either.eliminate_zeros()
    either.data[:] = 1
    return either


def _degrees(edges: Sparse) -> npt.NDArray[np.float64]:
    return np.asarray(np.diff(edges.indptr), dtype=np.float64)


def _normalize_sparse_rows(matrix: Sparse) -> Sparse:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scale_rows(matrix.tocsr(), inverse_power(length, 1))


def _normalize_rows(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.maximum(length, 1e-9)).astype(np.float32)
    return unit
