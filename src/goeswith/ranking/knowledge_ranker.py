"""A log and the table of product kinds together: complements first, substitutes never."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.kinds.table import ONE_WAY
from goeswith.kinds.table_reader import load_table
from goeswith.models.base import ModelConfig, Recommender
from goeswith.models.basket_counts import BasketCounts
from goeswith.models.kind_links import KindLinks
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, Relation

_SMOOTHING: Final = 2
"""Contexts added to what is seen and to what is expected of a pair: with less, what was bought
together three times by chance comes first."""
_DENSE_COSINES: Final = 2_000_000
"""Pairs of products up to which all cosines of a block of sources are computed."""


class KnowledgeRanker(Recommender):
    """What a log says of a pair, and what the table of kinds says of the two kinds.

        S(i, j) = strength(i, j) + a lift(i, j) + b shared(i, j) + c bought(j) - place(i, j)

    strength is that of the link between the kinds (3 to 1), the density of links between their
    groups where there is none, and 0 where a kind is unknown. lift is the logarithm of how much
    more often than by chance the pair was bought together, log (n_ij + 2) / (n_i n_j / N + 2):
    evidence of hundreds of baskets outweighs a missing link. shared is the cosine of the words that
    name no kind. bought is log (1 + n_j / 2): the knob between what is special to i and what most
    baskets hold. Without a link a counts half, and b a quarter. Where a kind is unknown, all words
    count against the pair, for they may be one product in two designs; unless the shop's types
    differ: then a counts fully, and b not at all. place is 1 - 1 / p for the p-th best of a kind.

    Products of one kind, of kinds that replace each other and of kinds that are never shown
    together have no score, and neither have products that do not fit, a device after what belongs
    to it (a phone for its case, where the table links them in the other direction only), and
    products of which neither the log nor the table says anything.
    """

    class Config(ModelConfig):
        lift: float = Field(1.0, ge=0, description="Weight of the logarithm of the lift.")
        shared: float = Field(
            1.5, ge=0, description="Weight of the words that both titles contain."
        )
        popularity: float = Field(
            0.1,
            ge=0,
            description="Weight of the logarithm of popularity. A low value favours products "
            "that are specific to the source, a high value favours best sellers.",
        )
        unknown: float = Field(
            4.0,
            ge=0,
            description="Penalty for words that both titles contain, if the kind of a product is "
            "unknown.",
        )
        place: float = Field(
            2.0, ge=0, description="Penalty for each further product of the same kind."
        )

        @model_validator(mode="before")
        @classmethod
        def _without_base(cls, values: Any) -> Any:
            """Read a model of an earlier version, whose base model proposed candidates."""
            former = [name for name in ("base", "candidates", "rank") if name in values]
            if former:
                warnings.warn(
                    f"knowledge_ranker has no {', '.join(former)} any more: fallback models fill "
                    "what it leaves empty (fit.fallbacks); the next version refuses them",
                    FutureWarning,
                    stacklevel=2,
                )
            return {name: value for name, value in values.items() if name not in former}

    name: ClassVar[str] = "knowledge_ranker"
    config: Config

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self._make_parts()
        self._learn(catalog, graph)
        return self

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self._learn(catalog, graph)
        return self

    def _make_parts(self) -> None:
        # places and popularity are decided here, once the log has had its say
        self.kinds = KindLinks(place=0, shared=0)

    def _learn(self, catalog: Catalog, graph: RelationGraph) -> None:
        self.kinds.fit(catalog, graph)
        self.lift, self.bought = _log_lift(graph)
        self.types = catalog.type_codes
        self._prepare()

    def _prepare(self) -> None:
        """Which kinds replace each other or are never together, by code; one more for none."""
        table, ids = load_table(), self.kinds.kind_ids
        size = len(ids) + 1
        self._apart = np.zeros((size, size), dtype=bool)
        code = {kind: i for i, kind in enumerate(ids)}
        for kind, i in code.items():
            self._apart[i, i] = True
            for other in table.alternatives.get(kind, ()):
                if other in code:
                    self._apart[i, code[other]] = True
        # the table links the two in the other direction only: a phone is no accessory of its case
        self._reversed = np.zeros((size, size), dtype=bool)
        # of these alone the titles are compared
        self._has_to_match = np.zeros((size, size), dtype=bool)
        for kind, i in code.items():
            for link in table.links.get(kind, ()):
                j = code.get(link.target)
                if j is None:
                    continue
                self._has_to_match[i, j] = bool(link.match)
                if link.reason in ONE_WAY and table.link(link.target, kind) is None:
                    self._reversed[j, i] = True
        for first, second in table.forbidden_pairs(ids):
            self._apart[code[first], code[second]] = True
            self._apart[code[second], code[first]] = True

    def score_sparse(self, sources: Rows) -> Sparse:
        sources = np.asarray(sources, dtype=np.int32)
        b = len(sources)
        linked = self.kinds.score_sparse(sources)
        # a link of popularity alone may be 0: what is stored counts, not its value
        row, target, value, is_linked = _union(linked, self.lift[sources])
        codes = self.kinds.codes
        one, other = codes[sources[row]], codes[target]
        is_allowed = ~self._apart[one, other] & (sources[row] < self.n) & (sources[row] != target)
        # a candidate of which neither the log nor the table says anything is none
        is_allowed &= is_linked | (value[1] > 0)
        is_allowed &= ~self._reversed[one, other]
        # what the table links and does not fit was left out of the links: it stays out
        compare = is_allowed & ~is_linked & self._has_to_match[one, other]
        is_allowed &= ~self._misfits(sources, row, target, compare)
        row, target, one, other = (part[is_allowed] for part in (row, target, one, other))
        value = value[:, is_allowed]
        unknown = (one < 0) | (other < 0)
        shared = self._shared(sources, row, target, unknown)
        config = self.config
        types = self.types[sources[row]], self.types[target]
        of_other_types = (types[0] >= 0) & (types[1] >= 0) & (types[0] != types[1])
        # what is bought together, or of one theme, is less of a reason where no link says why
        linked_kinds = value[0] >= 1
        full = linked_kinds | (unknown & of_other_types)
        score = value[0] + np.where(full, config.lift, config.lift / 2) * value[1]
        worth = np.where(linked_kinds, config.shared, config.shared / 4)
        worth = np.where(unknown, np.where(of_other_types, 0, -config.unknown), worth)
        score += worth * shared + config.popularity * self.bought[target]
        score = self._less_by_place(row, other, score)
        scores = sparse.csr_matrix((score, (row, target)), shape=(b, self.n), dtype=np.float32)
        scores.sort_indices()
        return scores

    def _shared(
        self, sources: Rows, row: Rows, target: Rows, unknown: npt.NDArray[np.bool_]
    ) -> Floats:
        """(m,) cosine of the words of pairs: of all words where a kind is unknown."""
        shared = np.empty(len(row), dtype=np.float32)
        for words, mask in ((self.kinds.words, ~unknown), (self.kinds.all_words, unknown)):
            places = np.flatnonzero(mask)
            if len(sources) * self.n <= _DENSE_COSINES:
                of_all = (words[sources] @ words.T).toarray()
                shared[places] = of_all[row[places], target[places]]
                continue
            for start in range(0, len(places), 1 << 17):
                part = places[start : start + (1 << 17)]
                product = words[sources[row[part]]].multiply(words[target[part]])
                shared[part] = np.asarray(product.sum(axis=1)).ravel()
        return shared

    def _misfits(
        self, sources: Rows, row: Rows, target: Rows, ask: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """(m,) pairs of linked kinds of which one does not fit the other."""
        found = np.zeros(len(row), dtype=bool)
        for place in np.flatnonzero(ask).tolist():
            found[place] = self.kinds.misfit(int(sources[row[place]]), int(target[place]))
        return found

    def _less_by_place(self, row: Rows, code: Rows, score: Floats) -> Floats:
        """Scores less what each further product of one kind loses."""
        group = row.astype(np.int64) * (len(self.kinds.kind_ids) + 1) + code
        alone = code < 0
        group[alone] = -1 - np.arange(int(alone.sum()))
        # of one group from the best to the worst: the bits of a positive float sort as it does
        bits = score.astype(np.float32).view(np.int32).astype(np.int64)
        falling = np.where(bits < 0, bits & 0x7FFFFFFF, -bits)
        order = np.argsort((group << 32) + falling, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0][: len(order)])
        run = np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        place = np.empty(len(order), dtype=np.float32)
        place[order] = 1 - 1 / (np.arange(len(order)) - run + 1)
        found: Floats = (score - np.float32(self.config.place) * place).astype(np.float32)
        return found

    def score(self, sources: Rows) -> Floats:
        few = self.score_sparse(sources)
        scores = np.full(few.shape, -np.inf, dtype=np.float32)
        rows = np.repeat(np.arange(few.shape[0]), np.diff(few.indptr))
        scores[rows, few.indices] = few.data
        return scores

    def score_new(self, products: Catalog) -> Floats:
        return KindLinks.score_new(self.kinds, products)

    @property
    def n(self) -> int:
        return self.kinds.n

    def arrays(self) -> Arrays:
        return {
            "lift": self.lift,
            "bought": self.bought,
            "types": self.types,
            **{f"kinds_{name}": array for name, array in self.kinds.arrays().items()},
        }

    def restore(self, arrays: Arrays) -> None:
        self._make_parts()
        self.lift = arrays["lift"]
        # bundles of earlier versions have neither of the two
        self.bought = arrays.get("bought", np.zeros(self.lift.shape[0], dtype=np.float32))
        none = np.full(self.lift.shape[0], -1, dtype=np.int32)
        self.types = arrays.get("types", none)
        prefix = "kinds_"
        self.kinds.restore(
            {
                key.removeprefix(prefix): array
                for key, array in arrays.items()
                if key.startswith(prefix)
            }
        )
        self._prepare()


def _log_lift(graph: RelationGraph) -> tuple[Sparse, Floats]:
    """What the log says of pairs and of products.

    Of all baskets where the graph has them, each with one vote; else of its edges.

    Returns:
        (n, n) CSR of the smoothed logarithm of the lift of every pair bought together, and (n,) the
        logarithm of how often each product was bought, smoothed alike, 0 for never.
    """
    if graph.baskets is not None:
        counts = BasketCounts.count(graph.baskets, by_basket=True)
        pairs, baskets = counts.pairs, counts.baskets
        smoothing = _SMOOTHING * counts.mean_weight
        source = target = counts.products
    else:
        bought, smoothing = graph[CO_PURCHASE], _SMOOTHING
        pairs = bought.count
        source, target, baskets = _contexts(bought)
    expected = source[entry_rows(pairs)] * target[pairs.indices] / max(baskets, 1e-12)
    lift = pairs.astype(np.float32)
    lift.data = np.log((pairs.data + smoothing) / (expected + smoothing)).astype(np.float32)
    return lift, np.log1p(target / smoothing).astype(np.float32)


def _contexts(
    bought: Relation,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Contexts of each source, of each target, and of all; sums of counts where unknown."""
    source, target, contexts = bought.source_contexts, bought.target_contexts, bought.contexts
    if source is not None and target is not None and contexts is not None:
        return source, target, contexts
    source = np.asarray(bought.count.sum(axis=1), dtype=np.float64).ravel()
    target = np.asarray(bought.count.sum(axis=0), dtype=np.float64).ravel()
    return source, target, float(source.sum())


def _union(linked: Sparse, lift: Sparse) -> tuple[Rows, Rows, Floats, npt.NDArray[np.bool_]]:
    """The entries of two CSR matrices of one shape, in order of row and column.

    Returns:
        (m,) rows, (m,) columns, (2, m) values in either matrix, 0 where it has no entry, and (m,)
        whether the first one has it.
    """
    n = linked.shape[1]
    keys = [entry_rows(part).astype(np.int64) * n + part.indices for part in (linked, lift)]
    both = np.concatenate(keys)
    order = np.argsort(both, kind="stable")  # of two sorted parts: it merges them
    is_first = np.append(True, np.diff(both[order]) != 0)[: len(order)]
    place = np.empty(len(both), dtype=np.int64)
    place[order] = np.cumsum(is_first) - 1
    at = place[: linked.nnz], place[linked.nnz :]
    keys = both[order][is_first]
    value = np.zeros((2, len(keys)), dtype=np.float32)
    value[0, at[0]], value[1, at[1]] = linked.data, lift.data
    is_linked = np.zeros(len(keys), dtype=bool)
    is_linked[at[0]] = True
    return (keys // n).astype(np.int32), (keys % n).astype(np.int32), value, is_linked
