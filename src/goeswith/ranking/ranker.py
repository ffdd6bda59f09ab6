"""The ranker: candidates of many paths and models, judged together by boosted trees.

No path is best for every product: one with a long list is answered by what its list has in common
with others, one that was only viewed by what goes with what it is viewed with, one that nobody
knows yet by its attributes. The trees learn from edges taken out of the graph (`folds`) which
evidence to trust for which product, and give the probability that a pair goes together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from goeswith.arrays import Floats, Rows, block_size, blocks
from goeswith.arrays_file import Arrays
from goeswith.data.catalog import Catalog
from goeswith.encode.vectors import SentenceVectors
from goeswith.errors import ConfigError
from goeswith.models.base import ModelConfig, Recommender, VectorModel
from goeswith.ranking import cold as cold_paths
from goeswith.ranking import features
from goeswith.ranking.attributes import AttributeReader, Attributes
from goeswith.ranking.facts import Askers, Facts, is_counted
from goeswith.ranking.features import OF_MEMBER, Member, Pairs, known_pairs, places
from goeswith.ranking.folds import Fold, cold_folds, folds
from goeswith.ranking.pair_columns import PairColumns
from goeswith.ranking.pairs import PairJudge, leads_nowhere
from goeswith.ranking.trees import Trees
from goeswith.relations.graph import RelationGraph

_CHECKED: Final = 0.15
"""Share of the sources that the trees do not see: they say what a score is worth."""
_CALIBRATED: Final = 1000
"""Sources that say so for lists, of a graph in which every product keeps most of its edges."""
_SHOWN: Final = 20
"""Of whose candidates the best are asked: those that people would see."""
_LAST: Final = 7919
"""Added to the seed for their draws."""
_BLOCK_MB: Final = 1
"""Of each of some thirty dense scores of a block of sources."""
_TAIL: Final = np.float32(1e-6)
"""Probability of the best that is no candidate: they keep an order below all candidates."""
_TAILS: Final = {
    False: ("bought_cocitation", "type_popularity", "similar_both_ends"),
    True: ("type_complements", "similar_both_ends"),
}
"""Paths that give that order, of sources with and without edges."""


class RankerConfig(ModelConfig):
    """Settings of the ranker."""

    seed: int = Field(0, ge=0, description="Seed of every random draw; same seed, same answers.")
    members: tuple[str, ...] = Field(
        (),
        description="Trained models whose scores are candidates and evidence too; joined by + in a "
        "specification.",
    )
    folds: int = Field(
        3, ge=1, le=20, description="Times that edges are taken out of the graph to learn from."
    )
    held_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the complement pairs taken out in a fold."
    )
    missing: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of all complement pairs that lists are taken to lack: sets the level "
        "of probabilities, never the order.",
    )
    cold_share: float = Field(
        0.15, ge=0, lt=1, description="Share of the products that lose all their edges in a fold."
    )
    sources: int = Field(4000, ge=1, description="Sources to learn from in a fold, at most.")
    negatives: int = Field(
        60, ge=1, description="Candidates that do not go with a source to learn from, at most."
    )
    trees: int = Field(150, ge=1, description="Boosted trees.")
    leaves: int = Field(15, ge=2, description="Leaves of a tree, at most.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Weight of a tree.")
    sentence_encoder: str | None = Field(
        None,
        description="Folder or hub id of a sentence encoder, read where pairs are judged by their "
        "attributes alone.",
    )

    @field_validator("members", mode="before")
    @classmethod
    def _written_with_plus(cls, value: Any) -> Any:
        return tuple(filter(None, value.split("+"))) if isinstance(value, str) else value


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
            self._learn(catalog, graph, attributes)
            if False in self.trees and not is_counted(graph):
                self._calibrate(catalog, graph, attributes)
            self.members = self._fit_members(catalog, graph, "all edges")
        self.facts = Facts.of(attributes, graph, counted=is_counted(graph))
        return self

    def _judge(self, catalog: Catalog, attributes: Attributes, graph: RelationGraph) -> PairJudge:
        seed, vocabulary = self.config.seed, self.reader.encoder.vocabulary
        sentences = self._sentences(catalog)
        return PairJudge.fit(PairColumns.fit(attributes, vocabulary, graph, sentences, seed), seed)

    def _sentences(self, catalog: Catalog) -> Floats | None:
        named = self.config.sentence_encoder
        return None if named is None else SentenceVectors(named).encode(catalog)

    def _learn(self, catalog: Catalog, graph: RelationGraph, attributes: Attributes) -> None:
        """Grow trees for sources with edges, and others for sources without any."""
        config = self.config
        kinds = {
            False: folds(graph, config.folds, config.held_share, config.cold_share, config.seed),
            True: cold_folds(graph, config.folds, config.cold_share, config.seed),
        }
        for cold, drawn in kinds.items():
            learned, checked = _Examples(), _Examples()
            for number, fold in enumerate(drawn, start=1):
                what = f"{'cold ' if cold else ''}fold {number}"
                members = [] if cold else self._fit_members(catalog, fold.graph, what)
                self._say(f"{what} of {config.folds}: features")
                facts = Facts.of(attributes, fold.graph, counted=is_counted(graph))
                for table, labels, taught in self._tables(fold, facts, members, cold):
                    (learned if taught else checked).add(table, labels)
                del facts, fold, members
            if learned.some:
                self._say("growing trees")
                self.trees[cold] = Trees.fit(
                    *learned.all(),
                    learned.names,
                    config.trees,
                    config.leaves,
                    config.learning_rate,
                    config.seed,
                )
                if checked.some:
                    self.trees[cold].calibrate(*checked.all())

    def _calibrate(self, catalog: Catalog, graph: RelationGraph, attributes: Attributes) -> None:
        """Probabilities of lists, on a graph that lacks pairs but no product's edges.

        The folds that trees learn from also lack those of cold products: what is likely there is
        likelier where they are known.
        """
        config = self.config
        share = config.held_share / 2
        (fold,) = folds(graph, 1, share, 0.0, config.seed + _LAST)
        self._say("calibrating")
        members = self._fit_members(catalog, fold.graph, "calibration")
        checked = _Examples()
        for table, labels, taught in self._tables(
            fold,
            Facts.of(attributes, fold.graph, counted=is_counted(graph)),
            members,
            False,
            checked=1.0,
        ):
            if not taught:
                p = self.trees[False].probabilities(table.columns)
                shown = places(table.place, p) < _SHOWN
                checked.add(table.part(shown), labels[shown])
        if not checked.some:
            return
        self.trees[False].calibrate(*checked.all())
        self.trees[False].expect(share, config.missing)

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

    def _tables(
        self,
        fold: Fold,
        facts: Facts,
        members: Sequence[Member],
        cold: bool,
        *,
        checked: float = _CHECKED,
    ) -> Iterator[tuple[Pairs, npt.NDArray[np.bool_], bool]]:
        """Candidates of a fold's sources, labels, and whether to learn from them or to check."""
        rng = np.random.default_rng([self.config.seed, cold, fold.number])
        asking = (np.diff(fold.labels.indptr) > 0) & (fold.cold == cold)
        sources = np.flatnonzero(asking).astype(np.int32)
        most = self.config.sources if checked < 1 else _CALIBRATED
        sources = np.sort(rng.permutation(sources)[:most])
        for block in blocks(sources, block_size(facts.n, _BLOCK_MB)):
            asked = facts.askers(block)
            without = features.banned(asked, block) | known_pairs(facts, block)
            found = _paths(facts, asked, members, block, cold)
            table = _pairs(facts, asked, found, _candidates(found, cold, without), cold)
            labels = fold.labels[block].toarray()[table.place, table.targets] > 0
            aside = (rng.random(len(block)) < checked)[table.place]
            yield table.part(aside), labels[aside], False
            # a source none of whose edges is a candidate teaches nothing
            some = (np.bincount(table.place, labels, len(block)) > 0)[table.place]
            wrong = np.bincount(table.place, ~labels, len(block))[table.place]
            drawn = rng.random(len(labels)) * wrong < self.config.negatives
            taught = some & ~aside & (labels | drawn)
            yield table.part(taught), labels[taught], True
            del without, found, table  # before the next block's are made

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
        found = _paths(self.facts, asked, self.members, rows, cold)
        table = _pairs(self.facts, asked, found, _candidates(found, cold, banned) | listed, cold)
        tail = sum((found[name] for name in _TAILS[cold]), np.zeros(banned.shape, np.float32))
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
        return block_size(self.n, _BLOCK_MB)

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


def _paths(
    facts: Facts, asked: Askers, members: Sequence[Member], rows: Rows | None, cold: bool
) -> dict[str, Floats]:
    """Path or member -> (b, n) scores; members, which rest on edges, say nothing without."""
    if cold:
        return cold_paths.paths(facts, asked)
    found = features.paths(facts, asked)
    for i, member in enumerate(members):
        found[f"member_{i}"] = (
            np.zeros_like(found["cocitation"]) if rows is None else member.score(rows)
        )
    return found


def _candidates(
    found: dict[str, Floats], cold: bool, without: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(b, n) mask of the best by each path and member."""
    counts = cold_paths.CANDIDATES if cold else features.CANDIDATES
    members = {name: OF_MEMBER for name in found if name.startswith("member_")}
    return features.candidates(found, {**counts, **members}, without)


def _pairs(
    facts: Facts,
    asked: Askers,
    found: dict[str, Floats],
    chosen: npt.NDArray[np.bool_],
    cold: bool,
) -> Pairs:
    """The columns of candidates."""
    pairs = cold_paths.pairs if cold else features.pairs
    return pairs(facts, asked, found, chosen)


@dataclass
class _Examples:
    """Columns and labels, gathered block by block."""

    columns: list[Floats] = field(default_factory=list)
    labels: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def some(self) -> bool:
        """Whether there are examples of both kinds."""
        return any(part.any() for part in self.labels) and not all(
            part.all() for part in self.labels
        )

    def add(self, table: Pairs, labels: npt.NDArray[np.bool_]) -> None:
        """Take candidates and whether each goes with its source."""
        self.columns.append(table.columns)
        self.labels.append(labels)
        self.names = table.names

    def all(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(m, c) columns and (m,) labels."""
        return np.concatenate(self.columns), np.concatenate(self.labels)
