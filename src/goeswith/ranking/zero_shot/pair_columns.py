"""Features of a pair of products that mean the same in every shop.

None of them names a product, a word or a type: they say how the two kinds relate in the table of
kinds, how much of the titles, categories, types and brands is shared, and how prices compare. What
is learned from them in one shop therefore holds in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.data.catalog import Catalog
from goeswith.models.kind_links import KindLinks
from goeswith.ranking.zero_shot.pair_kinds import kind_relations
from goeswith.relations.graph import RelationGraph

DEARER: Final = "dearer"
"""Feature: by how much a target costs more than its source, in natural logarithms."""
_Dot: TypeAlias = Callable[[Sparse, Rows, Rows], Floats]
"""Inner products of rows of a matrix, for pairs or for all."""
_AUDIENCES: Final = {
    "men": ("men", "mens", "man", "male", "him", "boys"),
    "women": ("women", "womens", "woman", "female", "her", "ladies", "girls"),
    "children": ("kids", "boys", "girls", "baby", "toddler", "infant", "children", "child"),
}
"""Audience -> words of titles and categories that name it."""


@dataclass(frozen=True)
class PairColumns:
    """The products of a shop, and the features of pairs of them.

    Attributes:
        kinds: (n,) codes of kinds, -1 for none.
        words: (n, v) CSR unit rows, words that name no kind.
        title: (n, v) CSR unit rows, all words of the title.
        text: (n, v) CSR unit rows, words of the description.
        categories: (n, c) CSR unit rows; a rare category counts more.
        types: (n,) codes, -1 for none.
        brands: (n,) codes, -1 for none.
        log_price: (n,) NaN for none.
        audiences: (n, 3) bool: see `_AUDIENCES`.
        substitutes: (K + 1, K + 1) bool, whether two kinds are the same or alternatives.
        relations: name -> (K + 1, K + 1) of the table of kinds, the last row and column for no
            kind; empty once their weighted sum is known.
    """

    kinds: Rows
    words: Sparse
    title: Sparse
    text: Sparse
    categories: Sparse
    types: Rows
    brands: Rows
    log_price: Floats
    audiences: npt.NDArray[np.bool_]
    substitutes: npt.NDArray[np.bool_]
    relations: Mapping[str, Floats] = field(default_factory=dict)

    @classmethod
    def of_catalog(cls, catalog: Catalog) -> Self:
        """Read a catalogue; columns that it lacks give features of 0."""
        kinds = KindLinks().fit(catalog, RelationGraph(len(catalog), {}))
        n = len(catalog)
        titles = [title or "" for title in catalog.text("title") or [""] * n]
        texts = [text or "" for text in catalog.text("description") or [""] * n]
        categories = _categories(catalog)
        price = (
            catalog.frame["price"].cast(pl.Float64).to_numpy()
            if "price" in catalog.frame.columns
            else np.full(n, np.nan)
        )
        membership = _membership(categories)
        share = np.asarray(membership.sum(axis=0)).ravel() / max(n, 1)
        weighted = membership.multiply(-np.log(np.maximum(share, 1e-9))).tocsr()
        relations = kind_relations(kinds.kind_ids)
        return cls(
            kinds.codes,
            kinds.words,
            _tfidf(titles),
            _tfidf(texts),
            _unit(weighted),
            catalog.type_codes,
            _codes(catalog.text("brand") or [None] * n),
            np.log(np.where(price > 0, price, np.nan)).astype(np.float32),
            _audiences(titles, categories),
            _substitutes(relations),
            relations,
        )

    def of_pairs(self, sources: Rows, targets: Rows) -> dict[str, Floats]:
        """Feature -> (m,) values of m pairs."""
        one, other = self.kinds[sources], self.kinds[targets]
        found = {name: matrix[one, other] for name, matrix in self.relations.items()}
        return found | dict(self._attributes(sources, targets, _pair_products))

    def kind_scores(self, weights: Mapping[str, float]) -> Floats:
        """(K + 1, K + 1) weighted sum of the features of kinds."""
        size = int(self.kinds.max(initial=-1)) + 2
        total = np.zeros((size, size), dtype=np.float32)
        for name, matrix in self.relations.items():
            total += np.float32(weights.get(name, 0)) * matrix
        return total

    def scores(self, sources: Rows, kind_scores: Floats, weights: Mapping[str, float]) -> Floats:
        """(b, n) weighted sums of the features of b sources and every product.

        Args:
            sources: (b,) rows.
            kind_scores: see the method of this name.
            weights: of the features.
        """
        targets = np.arange(len(self.kinds), dtype=np.int32)
        scores = kind_scores[self.kinds[sources][:, None], self.kinds[targets]]
        for name, values in self._attributes(sources[:, None], targets[None], _all_products):
            if weights.get(name):
                scores += np.float32(weights[name]) * values
        return scores

    def replace_each_other(self, sources: Rows, targets: Rows) -> npt.NDArray[np.bool_]:
        """Whether products are of one kind or of kinds that replace each other.

        The shapes of sources and targets are broadcast.
        """
        return self.substitutes[self.kinds[sources], self.kinds[targets]]

    def _attributes(self, sources: Rows, targets: Rows, dot: _Dot) -> Iterator[tuple[str, Floats]]:
        """Features apart from those of kinds; the shapes of sources and targets are broadcast."""
        types = self.types[sources], self.types[targets]
        brands = self.brands[sources], self.brands[targets]
        has_types = (types[0] >= 0) & (types[1] >= 0)
        price = self.log_price[targets] - self.log_price[sources]
        a, b = self.audiences[sources], self.audiences[targets]
        shared = (a & b).any(axis=-1)
        first, second = a.any(axis=-1), b.any(axis=-1)
        replace = self.replace_each_other(sources, targets)
        for name in ("words", "title", "categories"):
            values = dot(getattr(self, name), sources, targets)
            yield f"shared {name}", np.where(replace, np.float32(0), values)
            yield f"shared {name} of substitutes", np.where(replace, values, np.float32(0))
        yield "shared text", dot(self.text, sources, targets)
        masks = {
            "same type": has_types & (types[0] == types[1]),
            "other type": has_types & (types[0] != types[1]),
            "same brand": (brands[0] == brands[1]) & (brands[0] >= 0),
            "same audience": shared,
            "other audience": first & second & ~shared,
            "target for all": first & ~second,
            "source for all": second & ~first,
        }
        for name, mask in masks.items():
            yield name, mask.astype(np.float32)
        yield DEARER, np.maximum(np.nan_to_num(price), 0).astype(np.float32)


def _substitutes(relations: Mapping[str, Floats]) -> npt.NDArray[np.bool_]:
    """(K + 1, K + 1) whether two kinds are the same or alternatives."""
    found: npt.NDArray[np.bool_] = (relations["same kind"] + relations["alternative"]) > 0
    return found


def _pair_products(vectors: Sparse, sources: Rows, targets: Rows) -> Floats:
    """(m,) inner products of rows of a CSR matrix."""
    parts = [np.zeros(0)]
    for start in range(0, len(sources), 1 << 16):
        block = slice(start, start + (1 << 16))
        product = vectors[sources[block]].multiply(vectors[targets[block]])
        parts.append(np.asarray(product.sum(axis=1)).ravel())
    return np.concatenate(parts).astype(np.float32)


def _all_products(vectors: Sparse, sources: Rows, targets: Rows) -> Floats:
    """(b, n) inner products of b rows of a CSR matrix with all of its rows."""
    return np.asarray((vectors[sources[:, 0]] @ vectors.T).toarray(), dtype=np.float32)


def _categories(catalog: Catalog) -> list[list[str]]:
    """Categories of each product, its type among them."""
    n = len(catalog)
    lists: list[list[str]] = [[] for _ in range(n)]
    frame = catalog.frame
    if "categories" in frame.columns and isinstance(frame["categories"].dtype, pl.List):
        lists = [list(filter(None, one or [])) for one in frame["categories"].to_list()]
    types = catalog.text("type") or [None] * n
    return [
        sorted({*one, *([type_] if type_ else [])}) for one, type_ in zip(lists, types, strict=True)
    ]


def _membership(categories: list[list[str]]) -> Sparse:
    """(n, c) CSR of ones."""
    names = sorted({name for one in categories for name in one})
    code = {name: i for i, name in enumerate(names)}
    indices = np.array([code[name] for one in categories for name in one], dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in categories])])
    ones = np.ones(len(indices), dtype=np.float32)
    shape = (len(categories), max(len(names), 1))
    return sparse.csr_matrix((ones, indices, starts), shape=shape)


def _audiences(titles: list[str], categories: list[list[str]]) -> npt.NDArray[np.bool_]:
    """(n, 3) whether title or categories name the audience."""
    found = np.zeros((len(titles), len(_AUDIENCES)), dtype=bool)
    for row, (title, names) in enumerate(zip(titles, categories, strict=True)):
        text = " ".join([title, *names]).lower().replace("'", "").replace("\u2019", "")
        words = set("".join(c if c.isalnum() else " " for c in text).split())
        for column, of in enumerate(_AUDIENCES.values()):
            found[row, column] = not words.isdisjoint(of)
    return found


def _tfidf(texts: list[str]) -> Sparse:
    """(n, v) CSR unit rows of the words of more than one text; zeros where there are none."""
    try:
        return TfidfVectorizer(min_df=2, stop_words="english").fit_transform(texts).tocsr()
    except ValueError:  # no word is left
        return sparse.csr_matrix((len(texts), 1), dtype=np.float64)


def _unit(matrix: Sparse) -> Sparse:
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    return (sparse.diags(scale) @ matrix).tocsr()


def _codes(texts: list[str | None]) -> Rows:
    """(n,) codes of distinct texts, -1 for none."""
    code: dict[str, int] = {}
    return np.array(
        [-1 if text is None else code.setdefault(text.lower(), len(code)) for text in texts],
        dtype=np.int32,
    )
