"""What the table of product kinds says goes with a product: knowledge, without any log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.kinds.fit_check import mismatch
from goeswith.kinds.phrases import words
from goeswith.kinds.table_reader import load_table
from goeswith.models.base import ModelConfig, Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE

_MIN_DENSITY: Final = 0.02
"""Share of linked pairs of two groups of kinds from which the others of them are linked weakly."""


@dataclass(frozen=True)
class _Candidates:
    """What may go with the products of one kind.

    Attributes:
        products: (c,) rows.
        codes: (c,) of their kinds.
        strength: (c,) of the link, plus what popularity adds.
        words: (c, v) CSR, their words.
        match: properties that have to match -> (c,) where they have to.
    """

    products: Rows
    codes: Rows
    strength: Floats
    words: Sparse
    match: dict[tuple[str, ...], npt.NDArray[np.bool_]]


class KindLinks(Recommender):
    """Products of the kinds that go with the kind of a product, by the table of kinds.

        S(i, j) = strength(kind i, kind j) + a shared(i, j) + b popularity(j) - c place(i, j)

    shared is the cosine of the words of both titles that name no kind (a series, a brand, a
    pattern): tea plate and teapot of one design. popularity is the percentile of what is bought,
    or 0 without a log. place is 1 - 1 / p for the p-th best of its kind, so that recommendations
    are of several kinds. Kinds without a link of their own have the density of links between their
    broader kinds as strength, below 1. A product that does not fit (`kinds.fit_check`) is not
    scored; neither is one of the same or an alternative kind. Products without a kind have no
    recommendations and are never recommended.
    """

    class Config(ModelConfig):
        shared: float = Field(
            0.8, ge=0, description="Weight of the words that both titles contain."
        )
        popularity: float = Field(0.3, ge=0, description="Weight of the popularity of a product.")
        place: float = Field(
            1.0, ge=0, description="Penalty for each further product of the same kind."
        )
        per_kind: int = Field(
            100,
            ge=1,
            description="Maximum number of candidates of one kind, the most purchased ones.",
        )

    name: ClassVar[str] = "kinds"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        tags = tag_catalog(catalog)
        self._titles = _titles(catalog)
        self.kind_ids = sorted({tag.kind for tag in tags if tag.kind})
        code = {kind: i for i, kind in enumerate(self.kind_ids)}
        self.codes = np.array([code[tag.kind] if tag.kind else -1 for tag in tags], dtype=np.int32)
        bought = graph[CO_PURCHASE]
        counts = (
            np.bincount(bought.targets, minlength=graph.n)
            if bought.target_contexts is None
            else bought.target_contexts
        )
        rank = np.argsort(np.argsort(counts, kind="stable"), kind="stable")
        self.popularity = np.where(counts > 0, rank / max(len(rank), 1), 0).astype(np.float32)
        self._prepare()
        return self

    def score_sparse(self, sources: Rows) -> Sparse:
        sources = np.asarray(sources, dtype=np.int64)
        kinds = [
            self.kind_ids[code] if code >= 0 else None for code in self.codes[sources].tolist()
        ]
        titles = [self._titles[row] for row in sources.tolist()]
        return self._score(kinds, titles, self.words[sources], sources)

    def score(self, sources: Rows) -> Floats:
        return _dense(self.score_sparse(sources))

    def score_new(self, products: Catalog) -> Floats:
        kinds = [tag.kind for tag in tag_catalog(products)]
        titles = _titles(products)
        nowhere = np.full(len(products), -1, dtype=np.int64)
        return _dense(self._score(kinds, titles, self._vectors(titles), nowhere))

    def misfit(self, source: int, target: int) -> bool:
        """Whether two products of linked kinds contradict each other in what has to match."""
        one, other = int(self.codes[source]), int(self.codes[target])
        if one < 0 or other < 0:
            return False
        link = load_table().link(self.kind_ids[one], self.kind_ids[other])
        if link is None or not link.match:
            return False
        return mismatch(self._titles[source], self._titles[target], link.match) is not None

    def _score(
        self, kinds: list[str | None], titles: list[str], vectors: Sparse, sources: Any
    ) -> Sparse:
        """(b, n) CSR of scores; a source of the catalogue is never its own target."""
        rows, columns, values = [], [], []
        places: dict[str, list[int]] = {}
        for i, kind in enumerate(kinds):
            if kind is not None:
                places.setdefault(kind, []).append(i)
        for kind, at in places.items():
            found = self._candidates(kind)
            if not len(found.products):
                continue
            shared = (found.words @ vectors[at].T).toarray()
            scores = found.strength[:, None] + np.float32(self.config.shared) * shared
            for column, i in enumerate(at):
                is_allowed = found.products != sources[i]
                for match, needed in found.match.items():
                    for place in np.flatnonzero(needed & is_allowed).tolist():
                        target = self._titles[found.products[place]]
                        is_allowed[place] = mismatch(titles[i], target, match) is None
                score = self._less_by_place(scores[is_allowed, column], found.codes[is_allowed])
                rows.append(np.full(len(score), i))
                columns.append(found.products[is_allowed])
                values.append(score)
        shape = (len(kinds), self.n)
        if not rows:
            return sparse.csr_matrix(shape, dtype=np.float32)
        at_ = (np.concatenate(rows), np.concatenate(columns))
        matrix = sparse.csr_matrix((np.concatenate(values), at_), shape=shape, dtype=np.float32)
        matrix.sort_indices()
        return matrix

    def _less_by_place(self, scores: Floats, codes: Rows) -> Floats:
        """Scores less what each further product of one kind loses."""
        if not self.config.place:
            return scores
        order = np.lexsort((-scores, codes))
        starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
        run = np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        place = np.empty(len(order), dtype=np.float32)
        place[order] = 1 - 1 / (np.arange(len(order)) - run + 1)
        found: Floats = (scores - np.float32(self.config.place) * place).astype(np.float32)
        return found

    def _candidates(self, kind: str) -> _Candidates:
        if kind not in self._by_kind:
            parts = [
                (self._members[code], code, strength, match)
                for code, strength, match in self._linked(kind)
                if len(self._members[code])
            ]
            sizes = [len(rows) for rows, *_ in parts]
            empty = [np.zeros(0, dtype=np.int32)]
            products = np.concatenate([rows for rows, *_ in parts] or empty).astype(np.int32)
            strength = np.repeat([strength for _, _, strength, _ in parts], sizes)
            needed = np.repeat(np.arange(len(parts)), sizes)
            matches = {match for *_, match in parts if match}
            self._by_kind[kind] = _Candidates(
                products,
                np.repeat([code for _, code, *_ in parts], sizes).astype(np.int32),
                (strength + self.config.popularity * self.popularity[products]).astype(np.float32),
                self.words[products],
                {
                    match: np.array([parts[i][3] == match for i in needed.tolist()], dtype=bool)
                    for match in matches
                },
            )
        return self._by_kind[kind]

    def _linked(self, kind: str) -> list[tuple[int, float, tuple[str, ...]]]:
        """Code, strength and what has to match, of the catalogue's kinds that go with a kind."""
        table = load_table()
        links = {link.target: link for link in table.links.get(kind, ())}
        own = table.kinds[kind].broader
        density = {group: _group_density(own, group) for group in set(self._groups)}
        close = {group for group, share in density.items() if share >= _MIN_DENSITY}
        found = []
        for code, (target, group) in enumerate(zip(self.kind_ids, self._groups, strict=True)):
            if target in links:
                link = links[target]
                found.append((code, float(link.strength), link.match))
            elif (
                group in close
                and not table.replaces(kind, target)
                and table.forbidden(kind, target) is None
            ):
                found.append((code, density[group], ()))
        return found

    def _prepare(self) -> None:
        """The members of every kind, those bought most first, and the words of titles."""
        order = np.lexsort((np.arange(len(self.codes)), -self.popularity, self.codes))
        bounds = np.searchsorted(self.codes[order], np.arange(len(self.kind_ids) + 1))
        self._members = [
            order[start:stop][: self.config.per_kind].astype(np.int32)
            for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        ]
        kinds = load_table().kinds
        # a bundle may have a kind that this version of the table has not
        self._groups = [kinds[kind].broader if kind in kinds else None for kind in self.kind_ids]
        tokens = [set(words(title)) for title in self._titles]
        self._vocabulary, self._idf = _repeated_words(tokens, _naming_words())
        self.words = self._vectors(self._titles)
        self._by_kind: dict[str, _Candidates] = {}
        self.__dict__.pop("all_words", None)

    def _vectors(self, titles: list[str]) -> Sparse:
        """(m, v) unit vectors of the words that name no kind, by how rare they are."""
        return _unit_vectors([set(words(title)) for title in titles], self._vocabulary, self._idf)

    @cached_property
    def all_words(self) -> Sparse:
        """(n, v) unit vectors of all words of the titles, those that name a kind included."""
        tokens = [set(words(title)) for title in self._titles]
        return _unit_vectors(tokens, *_repeated_words(tokens, frozenset()))

    @property
    def n(self) -> int:
        return len(self.codes)

    def arrays(self) -> Arrays:
        return {
            "codes": self.codes,
            "popularity": self.popularity,
            **pack_texts("kinds", self.kind_ids),
            **pack_texts("titles", self._titles),
        }

    def restore(self, arrays: Arrays) -> None:
        self.codes, self.popularity = arrays["codes"], arrays["popularity"]
        self.kind_ids, self._titles = unpack_texts("kinds", arrays), unpack_texts("titles", arrays)
        self._prepare()


def _repeated_words(
    tokens: list[set[str]], without: frozenset[str]
) -> tuple[dict[str, int], Floats]:
    """Words of more than one title and their columns, and how rare each is."""
    counts = Counter(word for title in tokens for word in title - without)
    repeated_words = sorted(word for word, count in counts.items() if count > 1)
    n = max(len(tokens), 1)
    idf = np.array([np.log(n / counts[word]) for word in repeated_words], dtype=np.float32)
    return {word: i for i, word in enumerate(repeated_words)}, idf


def _unit_vectors(tokens: list[set[str]], vocabulary: dict[str, int], idf: Floats) -> Sparse:
    """(m, v) CSR of unit rows."""
    rows, columns = [], []
    for i, title in enumerate(tokens):
        for word in title:
            if word in vocabulary:
                rows.append(i)
                columns.append(vocabulary[word])
    values = idf[columns] if columns else np.zeros(0, dtype=np.float32)
    matrix = sparse.csr_matrix(
        (values, (rows, columns)), shape=(len(tokens), len(vocabulary)), dtype=np.float32
    )
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    scaled: Sparse = (sparse.diags(scale.astype(np.float32)) @ matrix).tocsr()
    return scaled


def _titles(catalog: Catalog) -> list[str]:
    return [title or "" for title in catalog.text("title") or [""] * len(catalog)]


@lru_cache(maxsize=1)
def _densities() -> dict[tuple[str | None, str | None], float]:
    """Pair of broader kinds -> share of pairs of their kinds that are linked, by strength / 3."""
    table = load_table()
    sizes = Counter(kind.broader for kind in table.kinds.values() if not kind.group)
    found: dict[tuple[str | None, str | None], float] = {}
    for links in table.links.values():
        for link in links:
            pair = (table.kinds[link.source].broader, table.kinds[link.target].broader)
            found[pair] = found.get(pair, 0.0) + link.strength / 3
    return {pair: total / (sizes[pair[0]] * sizes[pair[1]]) for pair, total in found.items()}


def _group_density(source: str | None, target: str | None) -> float:
    return min(_densities().get((source, target), 0.0), 0.9)


@lru_cache(maxsize=1)
def _naming_words() -> frozenset[str]:
    """Words of the names of kinds: they say what a product is, not which one."""
    kinds = load_table().kinds.values()
    return frozenset(word for kind in kinds for word in words(kind.name))


def _dense(scores: Sparse) -> Floats:
    found = np.full(scores.shape, -np.inf, dtype=np.float32)
    rows = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    found[rows, scores.indices] = scores.data
    return found


def pack_texts(name: str, texts: list[str]) -> dict[str, Any]:
    """Texts as bytes and ends: a model's arrays hold numbers only."""
    encoded = [text.encode() for text in texts]
    return {
        f"{name}_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}_ends": np.cumsum([len(part) for part in encoded], dtype=np.int64),
    }


def unpack_texts(name: str, arrays: Arrays) -> list[str]:
    """What `pack_texts` packed."""
    content, ends = arrays[f"{name}_bytes"].tobytes(), [0, *arrays[f"{name}_ends"].tolist()]
    return [content[a:b].decode() for a, b in pairwise(ends)]
