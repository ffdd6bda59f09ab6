"""The ranker: candidates of many paths and models, judged together by boosted trees.

No path is best for every product: one with a long list is answered by what its list has in common
with others, one that was only viewed by what goes with what it is viewed with, one that nobody
knows yet by its attributes. The trees learn from edges taken out of the graph (`folds`) which
evidence to trust for which product, and give the probability that a pair goes together.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np

from goeswith.arrays import Floats, Rows, block_size
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.encode.vectors import SentenceVectors
from goeswith.errors import ConfigError
from goeswith.models.base import Recommender, VectorModel
from goeswith.ranking import features
from goeswith.ranking.attributes import AttributeReader, Attributes
from goeswith.ranking.config import RankerConfig
from goeswith.ranking.facts import Askers, Facts, is_counted
from goeswith.ranking.features import Member
from goeswith.ranking.kinds import KINDS
from goeswith.ranking.learning import BLOCK_MB, Learner
from goeswith.ranking.pair_columns import PairColumns
from goeswith.ranking.pairs import PairJudge, leads_nowhere
from goeswith.ranking.trees import Trees
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
        self.reader = AttributeReader.fit(catalog)
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

    def _judge(self, catalog: Catalog, attributes: Attributes, graph: RelationGraph) -> PairJudge:
        seed, vocabulary = self.config.seed, self.reader.encoder.vocabulary
        sentences = self._sentences(catalog)
        return PairJudge.fit(PairColumns.fit(attributes, vocabulary, graph, sentences, seed), seed)

    def _sentences(self, catalog: Catalog) -> Floats | None:
        named = self.config.sentence_encoder
        return None if named is None else SentenceVectors(named).encode(catalog)

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        # trees know of paths and degrees, not of products or tokens: those may be read anew
        self.reader = AttributeReader.fit(catalog)
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
            name = spec.partition(":")[0]
            seeded = "seed" in model_class(name).Config.model_fields
            model = make_model(spec, {name: {"seed": self.config.seed}} if seeded else None)
            if not isinstance(model, VectorModel):
                raise ConfigError(f"a member of the ranker is a model of vectors; {spec!r} is none")
            if self._checkpoints is not None and self._tell is not None:
                model.follow(self._checkpoints / what.replace(" ", "-"), self._tell)
            model.fit(catalog, graph)
            members.append(Member(model.source_vectors, model.target_vectors))
        return members

    def score(self, sources: Rows) -> Floats:
        if self.pairs is not None:
            return self.pairs.score(sources)
        return self._score(self.facts.askers(sources), sources)

    def score_new(self, products: Catalog) -> Floats:
        """(m, n) scores for m products that were unknown at fit, from their attributes."""
        attributes = self.reader.read(products)
        if self.pairs is not None:
            return self.pairs.score_new(attributes, self._sentences(products))
        return self._score(self.facts.new_askers(attributes), None)

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        if self.pairs is not None:
            return self.pairs.score_pairs(sources, targets)
        return super().score_pairs(sources, targets)

    def _score(self, asked: Askers, rows: Rows | None) -> Floats:
        """(b, n) scores, of sources with edges and of those without, each by their own trees."""
        unseen = (asked.degrees == 0).all(axis=1)
        scores = np.empty((len(unseen), self.n), dtype=np.float32)
        for cold in (False, True):
            here = np.flatnonzero(unseen == cold)
            if len(here):
                scores[here] = self._probabilities(
                    asked.of(here), None if rows is None else rows[here], cold
                )
        return scores

    def _probabilities(self, asked: Askers, rows: Rows | None, cold: bool) -> Floats:
        banned = features.banned(asked, rows)
        listed = np.zeros_like(banned) if rows is None else features.listed(self.facts, rows)
        kind = KINDS[cold]
        found = kind.scores(self.facts, asked, self.members, rows)
        table = kind.pairs(self.facts, asked, found, kind.candidates(found, banned) | listed)
        tail = sum((found[name] for name in kind.tail), np.zeros(banned.shape, np.float32))
        tail = tail / (1 + tail)
        scores: Floats = np.where(tail > 0, _TAIL * tail, -np.inf).astype(np.float32)
        scores[banned] = -np.inf
        # without trees, for want of edges to learn from, the order of the tail is all there is
        p = 0.1 * tail[table.place, table.targets]
        if cold in self.trees:
            p = self.trees[cold].probabilities(table.columns)
        known = listed[table.place, table.targets]
        # a list that names a pair is no guess; among its pairs the trees choose
        p = np.where(known, 0.99 + 0.01 * p, p)
        # the tail orders what the trees cannot tell apart
        scores[table.place, table.targets] = (1 - 2 * _TAIL) * p + _TAIL * (
            1 + tail[table.place, table.targets]
        )
        return scores

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
