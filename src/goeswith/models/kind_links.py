"""What the table of product kinds says goes with a product: knowledge, without any log."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.kinds.fit_check import mismatch
from goeswith.kinds.phrases import words
from goeswith.kinds.table import load_table
from goeswith.models.base import ModelConfig, Recommender
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE


class KindLinks(Recommender):
    """Products of the kinds that go with the kind of a product, by the table of kinds.

        S(i, j) = strength(kind i, kind j) + a shared(i, j) + b popularity(j) - c place(j)

    shared is the cosine of the words of both titles that name no kind (a series, a brand, a
    pattern): tea plate and teapot of one design. popularity is the percentile of what is bought, or
    0 without a log. place is 1 - 1 / p for the p-th best of its kind, so that answers are of several
    kinds. Kinds without a link of their own have the density of links between their broader kinds
    as strength, below 1. A product that does not fit (`kinds.fit_check`) is not scored; neither is one
    of the same or an alternative kind. Products without a kind have no answers and are none.
    """

    class Config(ModelConfig):
        shared: float = Field(0.8, ge=0, description="Weight of words that both titles share.")
        popularity: float = Field(0.3, ge=0, description="Weight of what is bought most.")
        place: float = Field(
            1.0, ge=0, description="How much less each further product of one kind scores."
        )
        per_kind: int = Field(
            200, ge=1, description="Products of one kind that are looked at, those bought most."
        )

    name: ClassVar[str] = "kinds"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        tags = tag_catalog(catalog)
        self._titles = [title or "" for title in catalog.text("title") or [""] * len(catalog)]
        self._ids = sorted({tag.kind for tag in tags if tag.kind})
        code = {kind: i for i, kind in enumerate(self._ids)}
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

    def score_few(self, sources: Rows) -> Sparse:
        rows, columns, values = [], [], []
        for i, source in enumerate(np.asarray(sources).tolist()):
            targets, scores = self._of(
                int(self.codes[source]), self._titles[source], self.words[[source]]
            )
            kept = targets != source
            rows.append(np.full(int(kept.sum()), i))
            columns.append(targets[kept])
            values.append(scores[kept])
        at = (np.concatenate(rows), np.concatenate(columns)) if rows else ([], [])
        data = np.concatenate(values) if values else np.zeros(0, dtype=np.float32)
        found = sparse.csr_matrix((data, at), shape=(len(sources), self.n), dtype=np.float32)
        found.sort_indices()
        return found

    def score(self, sources: Rows) -> Floats:
        return _dense(self.score_few(sources))

    def score_new(self, products: Catalog) -> Floats:
        tags = tag_catalog(products)
        code = {kind: i for i, kind in enumerate(self._ids)}
        titles = [title or "" for title in products.text("title") or [""] * len(products)]
        scores = np.full((len(products), self.n), -np.inf, dtype=np.float32)
        vectors = self._vectors(titles)
        for i, (tag, title) in enumerate(zip(tags, titles, strict=True)):
            # a kind that the catalogue does not hold may still be linked to some that it does
            kind = code.get(tag.kind or "", -1)
            linked = self._linked_codes(tag.kind) if kind < 0 else None
            targets, values = self._of(kind, title, vectors[[i]], linked)
            scores[i, targets] = values
        return scores

    def _of(
        self,
        kind: int,
        title: str,
        vector: Sparse,
        linked: list[tuple[int, float, tuple[str, ...]]] | None = None,
    ) -> tuple[Rows, Floats]:
        """Targets of a product and their scores."""
        if linked is None:
            linked = self._links[kind] if kind >= 0 else []
        targets, scores = [], []
        for code, _, match in linked:
            rows = self._members[code]
            if match:
                rows = np.array(
                    [row for row in rows.tolist() if not mismatch(title, self._titles[row], match)],
                    dtype=np.int32,
                )
            targets.append(rows)
        if not targets:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        found = np.concatenate(targets)
        shared = np.asarray((self.words[found] @ vector.T).todense(), dtype=np.float32).ravel()
        within = self.config.shared * shared + self.config.popularity * self.popularity[found]
        start = 0
        for (_, strength, _), rows in zip(linked, targets, strict=True):
            part = within[start : start + len(rows)]
            place = np.empty(len(rows))
            place[np.argsort(-part, kind="stable")] = 1 - 1 / np.arange(1, len(rows) + 1)
            part += strength - self.config.place * place
            start += len(rows)
        return found, within.astype(np.float32)

    def _prepare(self) -> None:
        """Members of every kind, links between kinds that the catalogue holds, words of titles."""
        order = np.lexsort((np.arange(len(self.codes)), -self.popularity))
        self._members: list[Rows] = [np.zeros(0, dtype=np.int32)] * len(self._ids)
        for code in range(len(self._ids)):
            rows = order[self.codes[order] == code][: self.config.per_kind]
            self._members[code] = rows.astype(np.int32)
        self._links = [self._linked_codes(kind) for kind in self._ids]
        self.words = self._vectors(self._titles)

    def _linked_codes(self, kind: str | None) -> list[tuple[int, float, tuple[str, ...]]]:
        """Codes of the kinds that go with a kind, with strength and what has to match."""
        table = load_table()
        if kind is None:
            return []
        found = []
        for code, target in enumerate(self._ids):
            link = table.link(kind, target)
            if link is not None:
                found.append((code, float(link.strength), link.match))
            elif not table.replaces(kind, target):
                density = _group_density(table.kinds[kind].broader, table.kinds[target].broader)
                if density > 0:
                    found.append((code, density, ()))
        return found

    def _vectors(self, titles: list[str]) -> Sparse:
        """(m, words) unit vectors of the words that name no kind, by how rare they are."""
        if not hasattr(self, "_vocabulary"):
            naming = _naming_words()
            counts: dict[str, int] = {}
            for title in self._titles:
                for word in set(words(title)) - naming:
                    counts[word] = counts.get(word, 0) + 1
            kept = sorted(word for word, count in counts.items() if count > 1)
            self._vocabulary = {word: i for i, word in enumerate(kept)}
            n = max(len(self._titles), 1)
            self._idf = np.array([np.log(n / counts[word]) for word in kept], dtype=np.float32)
        rows, columns = [], []
        for i, title in enumerate(titles):
            for word in set(words(title)):
                if word in self._vocabulary:
                    rows.append(i)
                    columns.append(self._vocabulary[word])
        values = self._idf[columns] if columns else np.zeros(0, dtype=np.float32)
        matrix = sparse.csr_matrix(
            (values, (rows, columns)), shape=(len(titles), len(self._vocabulary)), dtype=np.float32
        )
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
        scaled: Sparse = (sparse.diags(scale.astype(np.float32)) @ matrix).tocsr()
        return scaled

    @property
    def n(self) -> int:
        return len(self.codes)

    def arrays(self) -> Arrays:
        return {
            "codes": self.codes,
            "popularity": self.popularity,
            **_packed("kinds", self._ids),
            **_packed("titles", self._titles),
        }

    def restore(self, arrays: Arrays) -> None:
        self.codes, self.popularity = arrays["codes"], arrays["popularity"]
        self._ids, self._titles = _unpacked("kinds", arrays), _unpacked("titles", arrays)
        self._prepare()


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


def _dense(scores: Sparse) -> Floats:
    found = np.full(scores.shape, -np.inf, dtype=np.float32)
    rows = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    found[rows, scores.indices] = scores.data
    return found


def _naming_words() -> frozenset[str]:
    """Words of the names of kinds: they say what a product is, not which one."""
    kinds = load_table().kinds.values()
    return frozenset(word for kind in kinds for word in words(kind.name))


def _packed(name: str, texts: list[str]) -> dict[str, Any]:
    """Texts as bytes and offsets: a model's arrays hold numbers only."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(part) for part in encoded], dtype=np.int64)
    return {
        f"{name}_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}_ends": ends if encoded else np.zeros(0, dtype=np.int64),
    }


def _unpacked(name: str, arrays: Arrays) -> list[str]:
    content, ends = arrays[f"{name}_bytes"].tobytes(), arrays[f"{name}_ends"].tolist()
    starts = [0, *ends[:-1]]
    return [content[a:b].decode() for a, b in zip(starts, ends, strict=True)]
