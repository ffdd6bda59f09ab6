"""The ranker: candidates of many paths and models, judged together by boosted trees.

No path is best for every product: one with a long list is answered by what its list has in common
with others, one that was only viewed by what goes with what it is viewed with, one that nobody
knows yet by its attributes. The trees learn from edges taken out of the graph (`folds`) which
evidence to trust for which product, and give the probability that a pair goes together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, block_size
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.data.catalog import Catalog
from goeswith.features.product_vectors import SentenceVectors
from goeswith.models.base import Recommender, VectorModel
from goeswith.models.paths import path_scores
from goeswith.models.registry import model_name
from goeswith.ranking import candidate_paths as features
from goeswith.ranking.attribute_features import AttributeReader, Attributes
from goeswith.ranking.candidate_paths import Member
from goeswith.ranking.candidate_pool import Targets, of_one_type
from goeswith.ranking.config import RankerConfig
from goeswith.ranking.gradient_trees import Trees
from goeswith.ranking.item_features import Askers, Facts, is_counted
from goeswith.ranking.pair_classifier import PairJudge, leads_nowhere
from goeswith.ranking.pair_features import PairColumns
from goeswith.ranking.pipelines import KINDS
from goeswith.ranking.ranker_training import BLOCK_MB, Learner
from goeswith.relations.graph import RelationGraph

_TAIL: Final = np.float32(1e-6)
"""Probability of the best that is no candidate: they keep an order below all candidates."""


class Ranker(Recommender):
    """Boosted trees over paths, attributes, types and member models; scores are probabilities."""

    name: ClassVar[str] = "ranker"
    probabilities: ClassVar[bool] = True
    Config = RankerConfig
    config: RankerConfig
    _checkpoints: Path | None = None
    _tell: Callable[[str], None] | None = None

    def follow(self, checkpoints: Path, tell: Callable[[str], None]) -> None:
        self._checkpoints, self._tell = checkpoints, tell

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self._say("reading attributes")
        self.reader = self._reader(catalog, graph)
        attributes = self.reader.read(catalog, known=True)
        self.trees: dict[bool, Trees] = {}
        self.members: list[Member] = []
        self.pairs: PairJudge | None = None
        if leads_nowhere(graph):
            self._say("judging pairs by their attributes")
            self.pairs = self._judge(catalog, attributes, graph)
        else:

            def members(graph: RelationGraph, what: str) -> list[Member]:
                return self._fit_members(catalog, graph, what)

            self.trees = Learner(self.config, attributes, members, self._say).grow(graph)
            self.members = members(graph, "all edges")
        self.facts = Facts.of(attributes, graph, counted=is_counted(graph))
        return self

    def _reader(self, catalog: Catalog, graph: RelationGraph) -> AttributeReader:
        if len(catalog) <= self.config.whole or leads_nowhere(graph):
            return AttributeReader.fit(catalog)
        # of a large shop, only those that have something to say for others
        known = np.zeros(len(catalog), dtype=bool)
        for relation in graph.relations.values():
            known[relation.sources] = known[relation.targets] = True
        return AttributeReader.fit(catalog, np.flatnonzero(known).astype(np.int32))

    def _judge(self, catalog: Catalog, attributes: Attributes, graph: RelationGraph) -> PairJudge:
        seed, vocabulary = self.config.seed, self.reader.encoder.vocabulary
        sentences = self._sentences(catalog)
        return PairJudge.fit(PairColumns.fit(attributes, vocabulary, graph, sentences, seed), seed)

    def _sentences(self, catalog: Catalog) -> Floats | None:
        named = self.config.sentence_encoder
        return None if named is None else SentenceVectors(named).encode(catalog)

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        # trees know of paths and degrees, not of products or tokens: those may be read anew
        self.reader = self._reader(catalog, graph)
        known = self.reader.read(catalog, known=True)
        self.facts = Facts.of(known, graph, counted=self.facts.counted)
        self.members = [member.padded(len(catalog)) for member in self.members]
        if self.pairs is not None:
            self.pairs = self._judge(catalog, known, graph)
        return self

    def _say(self, what: str) -> None:
        if self._tell is not None:
            self._tell(f"fitting {self.name}: {what}")

    def _fit_members(self, catalog: Catalog, graph: RelationGraph, what: str) -> list[Member]:
        from goeswith.models import make_model, model_class

        members = []
        for spec in self.config.members:
            name = model_name(spec)
            seeded = "seed" in model_class(name).Config.model_fields
            model = make_model(spec, {name: {"seed": self.config.seed}} if seeded else None)
            if not isinstance(model, VectorModel):
                raise ConfigError(f"a member of the ranker is a model of vectors; {spec!r} is none")
            if self._checkpoints is not None and self._tell is not None:
                model.follow(self._checkpoints / what.replace(" ", "-"), self._tell)
            model.fit(catalog, graph)
            members.append(Member(model.source_vectors, model.target_vectors))
        return members

    @property
    def whole(self) -> bool:
        """Whether every product is scored for every source."""
        return self.n <= self.config.whole

    def score(self, sources: Rows) -> Floats:
        if self.pairs is not None:
            return self.pairs.score(sources)
        if not self.whole:
            return path_scores(self.score_few(sources))
        return self._dense(self.facts.askers(sources), sources)

    def score_few(self, sources: Rows) -> Sparse | None:
        if self.whole or self.pairs is not None:
            return None
        return self._few(self.facts.askers(sources), sources)

    def score_new(self, products: Catalog) -> Floats:
        """(m, n) scores for m products that were unknown at fit, from their attributes."""
        attributes = self.reader.read(products)
        if self.pairs is not None:
            return self.pairs.score_new(attributes, self._sentences(products))
        asked = self.facts.new_askers(attributes)
        return self._dense(asked, None) if self.whole else path_scores(self._few(asked, None))

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        if self.pairs is not None:
            return self.pairs.score_pairs(sources, targets)
        return super().score_pairs(sources, targets)

    def _dense(self, asked: Askers, rows: Rows | None) -> Floats:
        """(b, n) scores."""
        scores = np.empty((len(asked.degrees), self.n), dtype=np.float32)
        for here, _, found in self._parts(asked, rows):
            scores[here] = found
        return scores

    def _few(self, asked: Askers, rows: Rows | None) -> Sparse:
        """(b, n) CSR of the scores that are finite."""
        entries: list[tuple[Rows, Rows, Floats]] = []
        for here, targets, found in self._parts(asked, rows):
            row, column = np.nonzero(np.isfinite(found))
            entries.append((here[row], targets.rows[column], found[row, column]))
        if not entries:
            return sparse.csr_matrix((len(asked.degrees), self.n), dtype=np.float32)
        row, column, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        return sparse.csr_matrix((values, (row, column)), shape=(len(asked.degrees), self.n))

    def _parts(self, asked: Askers, rows: Rows | None) -> Iterator[tuple[Rows, Targets, Floats]]:
        """Some of the sources, what they are asked for, and its scores (some, c).

        Sources with edges and those without have trees of their own.
        """
        unseen = (asked.degrees == 0).all(axis=1)
        for cold in (False, True):
            places = np.flatnonzero(unseen == cold).astype(np.int32)
            if not len(places):
                continue
            types = asked.attributes.types
            for here in [places] if self.whole else of_one_type(places, types):
                known = None if rows is None else rows[here]
                targets, found = self._probabilities(asked.of(here), known, cold)
                yield here, targets, found

    def _probabilities(
        self, asked: Askers, rows: Rows | None, cold: bool
    ) -> tuple[Targets, Floats]:
        kind = KINDS[cold]
        targets, found = kind.scores(self.facts, asked, self.members, rows, whole=self.whole)
        banned = features.banned(asked, rows, targets)
        listed = np.zeros_like(banned)
        if rows is not None:
            listed = features.listed(self.facts, rows, targets)
        chosen = kind.candidates(found, banned) | listed
        table = kind.pairs(self.facts, asked, targets, found, chosen)
        tail = sum((found[name] for name in kind.tail), np.zeros(banned.shape, np.float32))
        tail = tail / (1 + tail)
        scores: Floats = np.where(tail > 0, _TAIL * tail, -np.inf).astype(np.float32)
        scores[banned] = -np.inf
        at = table.place, table.column
        # without trees, for want of edges to learn from, the order of the tail is all there is
        p = 0.1 * tail[at]
        if cold in self.trees:
            p = self.trees[cold].probabilities(table.columns)
        # a list that names a pair is no guess; among its pairs the trees choose
        p = np.where(listed[at], 0.99 + 0.01 * p, p)
        # the tail orders what the trees cannot tell apart
        scores[at] = (1 - 2 * _TAIL) * p + _TAIL * (1 + tail[at])
        return targets, scores

    @property
    def block(self) -> int:
        return block_size(self.n, BLOCK_MB)

    @property
    def n(self) -> int:
        return self.facts.n

    def importances(self) -> dict[str, float]:
        if self.pairs is not None:
            return self.pairs.trees.importances()
        return self.trees[min(self.trees)].importances() if self.trees else {}

    def arrays(self) -> Arrays:
        found = {**self.reader.arrays(), **self.facts.arrays()}
        for cold, trees in self.trees.items():
            kind = "cold" if cold else "warm"
            found |= {f"{kind}_{name}": array for name, array in trees.arrays().items()}
        for i, member in enumerate(self.members):
            found[f"member_{i}_source"] = member.source_vectors
            found[f"member_{i}_target"] = member.target_vectors
        if self.pairs is not None:
            found |= {f"pairs_{name}": array for name, array in self.pairs.arrays().items()}
        return found

    def restore(self, arrays: Arrays) -> None:
        self.reader = AttributeReader.restore(arrays)
        self.facts = Facts.restore(arrays, arrays["content"])
        self.trees = {
            cold: Trees.restore(_named(arrays, f"{kind}_"))
            for cold, kind in ((False, "warm"), (True, "cold"))
            if f"{kind}_trees" in arrays
        }
        self.members = [
            Member(arrays[f"member_{i}_source"], arrays[f"member_{i}_target"])
            for i in range(len(self.config.members))
            if f"member_{i}_source" in arrays
        ]
        kept = _named(arrays, "pairs_")
        self.pairs = PairJudge.restore(self.facts.attributes, kept) if kept else None


def _named(arrays: Arrays, prefix: str) -> Arrays:
    """Arrays by what their names have behind a prefix."""
    return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}
