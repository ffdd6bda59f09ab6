"""Which complements cohere: complement and (relevant or compatible), after ECCR (CIKM 2024).

    relevant(a, c)    an attribute that matters has the same value in both
    compatible(a, c)  both name one model, measure or connector, or one is for the other's brand

In the paper, experts select ten attributes per product type, and a shop's compatibility model is
used. Here both are learned from the catalogue and the training complements: an attribute matters if
complements share its value far more often than random products, and so does a word of titles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays import Rows, Sparse
from goeswith.data.catalog import Catalog

Mask = npt.NDArray[np.bool_]

MAX_ATTRIBUTES: Final = 10
"""Attributes that matter, at most."""
_MIN_LIFT: Final = 2.0
"""How much more often complements share an attribute that matters than products at random."""
_MIN_WORD_LIFT: Final = 20.0
"""Likewise of a word of both titles."""
_MIN_PAIRS: Final = 4
"""Complements that share such a word, at least."""
_MAX_SHARE: Final = 0.05
"""Values and words of more products than this share are not used."""
_TEXT_COLUMNS: Final = frozenset(
    {"product_id", "title", "description", "asin", "image", "url", "type"}
)
_WORDS: Final = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_MEASURE: Final = re.compile(
    r"\b(\d+(?:\.\d+)?)[ -]?"
    r"(mm|cm|m|inch|in|\"|ft|feet|oz|ml|l|g|kg|lb|gb|tb|mah|v|w|watt|volt|mp)\b"
)
_FOR: Final = re.compile(
    r"\b(?:for|fits|fit|compatible with|works with|designed for)\s+([^,;()/]+)"
)
_SAME_UNIT: Final = {'"': "in", "inch": "in", "feet": "ft", "watt": "w", "volt": "v"}


@dataclass(frozen=True)
class Coherence:
    """The rules of one catalogue.

    Attributes:
        attributes: those that matter, the most telling first.
        words: words of titles that indicate a complement.
    """

    attributes: list[str]
    words: list[str]
    _values: Sparse
    _fits: Sparse
    _made_for: Sparse
    _brands: Sparse

    @classmethod
    def fit(cls, catalog: Catalog, sources: Rows, targets: Rows, seed: int = 0) -> Coherence:
        """Learn which attributes and words matter.

        Args:
            catalog: of n products.
            sources: (m,) of complements to learn from: none that is tested on.
            targets: (m,).
            seed: of the pairs at random that they are compared with.
        """
        n = len(catalog)
        rng = np.random.default_rng(seed)
        others = rng.integers(n, size=(2, max(20_000, len(sources))))
        titles = [(title or "").lower() for title in catalog.text("title") or [None] * n]
        brands = _brands(catalog, titles)
        named_values = _attribute_values(catalog) | {"brand": [{b} - {""} for b in brands]}
        lifts = []
        for name, values in named_values.items():
            matrix, _ = _matrix(values, n, n)
            matrix = matrix[:, np.flatnonzero(_informative_values(matrix, sources, targets, n))]
            at_random = float(_shares_value(matrix, others[0], others[1]).mean())
            together = (
                float(_shares_value(matrix, sources, targets).mean()) if len(sources) else 0.0
            )
            if together > at_random:
                lifts.append((together / max(at_random, 1e-6), name, matrix))
        lifts.sort(key=lambda found: (-found[0], found[1]))
        selected = lifts[:MAX_ATTRIBUTES]
        words, named = _matrix(
            [set(_WORDS.findall(title)) for title in titles], n, _max_products(n)
        )
        informative = _informative_words(words, sources, targets, named)
        # a word with digits is a model name, whether or not training complements share it
        models = [bool(re.search(r"\d", w) and re.search(r"[a-z]", w)) for w in named]
        keep = np.flatnonzero(informative | np.array(models, dtype=bool))
        measures = _matrix([_measures(title) for title in titles], n, _max_products(n))[0]
        made_for, brand = _made_for(titles, brands, n)
        return cls(
            attributes=[name for _, name, _ in selected],
            words=[named[i] for i in np.flatnonzero(informative)],
            _values=_stack_columns([matrix for _, _, matrix in selected], n),
            _fits=_stack_columns([words[:, keep], measures], n),
            _made_for=made_for,
            _brands=brand,
        )

    def relevant(self, sources: Rows, targets: Rows) -> Mask:
        """(m,) whether an attribute that matters has one value in both."""
        return _shares_value(self._values, sources, targets)

    def compatible(self, sources: Rows, targets: Rows) -> Mask:
        """(m,) whether both name one model or measure, or one is made for the other's brand."""
        one = _shares_value(self._made_for, sources, targets, self._brands)
        other = _shares_value(self._brands, sources, targets, self._made_for)
        both: Mask = _shares_value(self._fits, sources, targets) | one | other
        return both

    def coherent(self, sources: Rows, targets: Rows) -> Mask:
        """(m,) relevant or compatible: of complements, those that cohere."""
        either: Mask = self.relevant(sources, targets) | self.compatible(sources, targets)
        return either


def _max_products(n: int) -> int:
    """Products that may hold a value, at most."""
    return max(int(_MAX_SHARE * n), 3)


def _attribute_values(catalog: Catalog) -> dict[str, list[set[str]]]:
    """Attribute -> the values of each product; a level of the categories is an attribute."""
    values_of: dict[str, list[set[str]]] = {}
    for column in catalog.frame.iter_columns():
        if column.name in _TEXT_COLUMNS:
            continue
        if isinstance(column.dtype, pl.List):
            for row, values in enumerate(column.to_list()):
                for level, value in enumerate(values or ()):
                    name = f"{column.name}[{level}]"
                    if name not in values_of:
                        values_of[name] = [set() for _ in range(len(catalog))]
                    values_of[name][row].add(str(value).lower())
        elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
            values = column.cast(pl.String).to_list()
            values_of[column.name] = [{value.lower()} if value else set() for value in values]
    return values_of


def _matrix(values: Iterable[set[str]], n: int, most: int) -> tuple[Sparse, list[str]]:
    """(n, v) ones where a product has a value, of values of 2 to `most` products; their names."""
    names: dict[str, int] = {}
    rows, columns = [], []
    for row, product_values in enumerate(values):
        for value in sorted(product_values):
            rows.append(row)
            columns.append(names.setdefault(value, len(names)))
    full = sparse.csr_matrix(
        (np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=(n, len(names))
    )
    count = np.asarray(full.sum(axis=0)).ravel()
    keep = np.flatnonzero((count > 1) & (count <= most))
    every = list(names)
    return full[:, keep].tocsr(), [every[i] for i in keep]


def _stack_columns(matrices: list[Sparse], n: int) -> Sparse:
    if not matrices:
        return sparse.csr_matrix((n, 1), dtype=np.int32)
    return sparse.hstack(matrices).tocsr()


def _shares_value(
    matrix: Sparse, sources: Rows, targets: Rows, other: Sparse | None = None
) -> Mask:
    """(m,) whether two products have a value in common."""
    right = matrix if other is None else other
    both: Mask = np.asarray(matrix[sources].multiply(right[targets]).sum(axis=1)).ravel() > 0
    return both


def _informative_values(values: Sparse, sources: Rows, targets: Rows, n: int) -> Mask:
    """Values that complements share more often than chance; rare ones need not be seen to."""
    together = np.asarray(values[sources].multiply(values[targets]).sum(axis=0)).ravel()
    count = np.asarray(values.sum(axis=0)).ravel()
    expected = len(sources) * (count / max(n, 1)) ** 2
    matters: Mask = (together > _MIN_LIFT * expected) | (count <= _max_products(n))
    return matters


def _informative_words(words: Sparse, sources: Rows, targets: Rows, named: list[str]) -> Mask:
    """Words that both of a pair hold far more often in complements than by chance."""
    together = np.asarray(words[sources].multiply(words[targets]).sum(axis=0)).ravel()
    share = np.asarray(words.sum(axis=0)).ravel() / max(words.shape[0], 1)
    expected = len(sources) * share**2
    long = np.array([len(word) > 2 for word in named], dtype=bool)
    telling: Mask = (together >= _MIN_PAIRS) & (together > _MIN_WORD_LIFT * expected) & long
    return telling


def _measures(title: str) -> set[str]:
    return {f"{n}{_SAME_UNIT.get(unit, unit)}" for n, unit in _MEASURE.findall(title)}


def _brands(catalog: Catalog, titles: list[str]) -> list[str]:
    """The brand of each product; where there is no such column, the first word of its title."""
    brands = catalog.text("brand")
    if brands is None:
        return [next(iter(_WORDS.findall(title)), "") for title in titles]
    return [(brand or "").lower() for brand in brands]


def _made_for(titles: list[str], brands: list[str], n: int) -> tuple[Sparse, Sparse]:
    """(n, b) the brands that a title is for, and (n, b) the brand of each product."""
    count: dict[str, int] = {}
    for brand in brands:
        count[brand] = count.get(brand, 0) + 1
    brand_index = {b: i for i, b in enumerate(b for b, c in count.items() if len(b) > 2 and c > 1)}
    named_brands = [_brands_after_for(title, brand_index.__contains__) for title in titles]
    own = [{brand} & brand_index.keys() for brand in brands]
    both = []
    for brand_sets in (named_brands, own):
        places = [(row, brand_index[b]) for row, values in enumerate(brand_sets) for b in values]
        at = np.array(places, dtype=np.int64).reshape(-1, 2)
        ones = np.ones(len(at), dtype=np.int32)
        both.append(
            sparse.csr_matrix((ones, (at[:, 0], at[:, 1])), shape=(n, max(len(brand_index), 1)))
        )
    return both[0], both[1]


def _brands_after_for(title: str, is_brand: Callable[[str], bool]) -> set[str]:
    return {word for part in _FOR.findall(title) for word in _WORDS.findall(part) if is_brand(word)}
