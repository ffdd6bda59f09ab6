"""The ranker: candidates of many paths and models, scored by boosted trees.

No path is best for every product: a product with many edges is ranked by what its edges share
with others, one with views only by the complements of the products viewed with it, one without
edges by its attributes. The trees learn from edges removed from the graph (`fold_splits`) which
evidence to trust for which product, and give the probability that a pair goes together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, block_size
from goeswith.core.arrays_file import Arrays
from goeswith.core.errors import ConfigError
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.features.pair_clicks import PairClicks, padded
from goeswith.features.product_numbers import ProductNumbers
from goeswith.features.product_vectors import SentenceVectors
from goeswith.models.base import Recommender, VectorModel
from goeswith.models.paths import path_scores
from goeswith.models.registry import model_name
from goeswith.ranking import candidate_paths
from goeswith.ranking.attribute_features import AttributeFeatures, AttributeReader
from goeswith.ranking.candidate_paths import Member
from goeswith.ranking.candidate_pool import CandidatePool, blocks_by_type
from goeswith.ranking.config import RankerConfig
from goeswith.ranking.gradient_trees import GradientTrees
from goeswith.ranking.item_features import ItemFeatures, QueryBatch, is_counted
from goeswith.ranking.pair_classifier import PairClassifier, has_no_paths
from goeswith.ranking.pair_features import PairFeatures
from goeswith.ranking.pipelines import PIPELINES
from goeswith.ranking.ranker_training import BLOCK_MB, RankerTrainer
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE

_MAX_TAIL: Final = np.float32(1e-6)
"""Maximum score of products that are no candidates, which rank below all candidates."""


class Ranker(Recommender):
    """Boosted trees over paths, attributes, types and member models; scores are probabilities."""

    name: ClassVar[str] = "ranker"
    probabilities: ClassVar[bool] = True
    Config = RankerConfig
    config: RankerConfig
    _checkpoints: Path | None = None
    _on_progress: MessageProgress | None = None
    clicks: PairClicks | None = None
    """What followed the impressions of pairs, for the fit; None without feedback."""

    def set_checkpoints(self, checkpoints: Path, on_progress: MessageProgress) -> None:
        self._checkpoints, self._on_progress = checkpoints, on_progress

    def fit(self, catalog: Catalog, graph: RelationGraph) -> Self:
        self._report("reading attributes")
        numbers = (
            None
            if has_no_paths(graph)
            else ProductNumbers.fit(catalog.ids, graph.complements.count)
        )
        if numbers is not None:
            self._report("products with close numbers have alike complements: numbers are evidence")
        self.reader = self._reader(catalog, graph, numbers)
        attributes = self.reader.read(catalog, is_catalog=True)
        self.trees: dict[bool, GradientTrees] = {}
        self.members: list[Member] = []
        self.pair_classifier: PairClassifier | None = None
        if has_no_paths(graph):
            self._report("classifying pairs by their attributes")
            self.pair_classifier = self._fit_pair_classifier(catalog, attributes, graph)
        else:

            def members(graph: RelationGraph, what: str) -> list[Member]:
                return self._fit_members(catalog, graph, what)

            self.trees = RankerTrainer(
                self.config,
                attributes,
                members,
                self._report,
                self.clicks,
                numbered=numbers is not None,
            ).grow(graph)
            self.members = members(graph, "all edges")
        counted = is_counted(graph)
        ordered = False in self.trees and graph[CO_PURCHASE].has_informative_order
        slim = self.config.slim if False in self.trees and not counted else 0
        evidence = None if self.clicks is None or not self.trees else self.clicks.evidence()
        self.items = ItemFeatures.from_graph(
            attributes,
            graph,
            counted=counted,
            slim=slim,
            ordered=ordered,
            clicks=evidence,
            numbered=numbers is not None,
        )
        return self

    def _reader(
        self, catalog: Catalog, graph: RelationGraph, numbers: ProductNumbers | None
    ) -> AttributeReader:
        if len(catalog) <= self.config.whole or has_no_paths(graph):
            return AttributeReader.fit(catalog, numbers=numbers)
        # in a large shop, only products with edges are neighbours
        has_edges = np.zeros(len(catalog), dtype=bool)
        for relation in graph.relations.values():
            has_edges[relation.sources] = has_edges[relation.targets] = True
        return AttributeReader.fit(catalog, np.flatnonzero(has_edges).astype(np.int32), numbers)

    def _fit_pair_classifier(
        self, catalog: Catalog, attributes: AttributeFeatures, graph: RelationGraph
    ) -> PairClassifier:
        seed, vocabulary = self.config.seed, self.reader.encoder.vocabulary
        sentences = self._sentences(catalog)
        return PairClassifier.fit(
            PairFeatures.fit(attributes, vocabulary, graph, sentences, seed), seed
        )

    def _sentences(self, catalog: Catalog) -> Floats | None:
        encoder = self.config.sentence_encoder
        return None if encoder is None else SentenceVectors(encoder).encode(catalog)

    def refresh(self, catalog: Catalog, graph: RelationGraph) -> Self:
        # trees depend on paths and degrees, not on products or tokens: these may change
        numbers = ProductNumbers.of(catalog.ids) if self.items.numbered else None
        self.reader = self._reader(catalog, graph, numbers)
        attributes = self.reader.read(catalog, is_catalog=True)
        self.items = ItemFeatures.from_graph(
            attributes,
            graph,
            counted=self.items.counted,
            evidence_names=self.items.evidence,
            clicks=padded(self.items.evidence, len(catalog)),
            slim=0 if self.items.slim is None else self.config.slim,
            ordered=self.items.places is not None,
            numbered=self.items.numbered,
        )
        self.members = [member.padded(len(catalog)) for member in self.members]
        if self.pair_classifier is not None:
            self.pair_classifier = self._fit_pair_classifier(catalog, attributes, graph)
        return self

    def _report(self, what: str) -> None:
        if self._on_progress is not None:
            self._on_progress(f"fitting {self.name}: {what}")

    def _fit_members(self, catalog: Catalog, graph: RelationGraph, stage: str) -> list[Member]:
        from goeswith.models import make_model, model_class

        members = []
        for spec in self.config.members:
            name = model_name(spec)
            has_seed = "seed" in model_class(name).Config.model_fields
            model = make_model(spec, {name: {"seed": self.config.seed}} if has_seed else None)
            if not isinstance(model, VectorModel):
                raise ConfigError(
                    f"a member of the ranker must be an embedding model, which {spec!r} is not"
                )
            if self._checkpoints is not None and self._on_progress is not None:
                model.set_checkpoints(
                    self._checkpoints / stage.replace(" ", "-"), self._on_progress
                )
            model.fit(catalog, graph)
            members.append(Member(model.source_vectors, model.target_vectors))
        return members

    @property
    def scores_all(self) -> bool:
        """Whether every product is scored for every source."""
        return self.n <= self.config.whole

    def score(self, sources: Rows) -> Floats:
        if self.pair_classifier is not None:
            return self.pair_classifier.score(sources)
        if not self.scores_all:
            return path_scores(self.score_sparse(sources))
        return self._dense(self.items.queries(sources), sources)

    def score_sparse(self, sources: Rows) -> Sparse | None:
        if self.scores_all or self.pair_classifier is not None:
            return None
        return self._sparse(self.items.queries(sources), sources)

    def score_new(self, products: Catalog) -> Floats:
        """(m, n) scores for m new products, from their attributes."""
        attributes = self.reader.read(products)
        if self.pair_classifier is not None:
            return self.pair_classifier.score_new(attributes, self._sentences(products))
        queries = self.items.new_queries(attributes)
        return (
            self._dense(queries, None)
            if self.scores_all
            else path_scores(self._sparse(queries, None))
        )

    def score_pairs(self, sources: Rows, targets: Rows) -> Floats:
        if self.pair_classifier is not None:
            return self.pair_classifier.score_pairs(sources, targets)
        return super().score_pairs(sources, targets)

    def _dense(self, queries: QueryBatch, rows: Rows | None) -> Floats:
        """(b, n) scores."""
        scores = np.empty((len(queries.degrees), self.n), dtype=np.float32)
        for positions, _, block_scores in self._parts(queries, rows):
            scores[positions] = block_scores
        return scores

    def _sparse(self, queries: QueryBatch, rows: Rows | None) -> Sparse:
        """(b, n) CSR of the scores that are finite."""
        entries: list[tuple[Rows, Rows, Floats]] = []
        for positions, pool, scores in self._parts(queries, rows):
            row, column = np.nonzero(np.isfinite(scores))
            entries.append((positions[row], pool.rows[column], scores[row, column]))
        if not entries:
            return sparse.csr_matrix((len(queries.degrees), self.n), dtype=np.float32)
        row, column, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        return sparse.csr_matrix((values, (row, column)), shape=(len(queries.degrees), self.n))

    def _parts(
        self, queries: QueryBatch, rows: Rows | None
    ) -> Iterator[tuple[Rows, CandidatePool, Floats]]:
        """Blocks of sources, their candidate pools, and the scores of these.

        Warm and cold sources have separate trees.
        """
        is_cold = (queries.degrees == 0).all(axis=1)
        for cold in (False, True):
            positions = np.flatnonzero(is_cold == cold).astype(np.int32)
            if not len(positions):
                continue
            types = queries.attributes.types
            for block in [positions] if self.scores_all else blocks_by_type(positions, types):
                block_rows = None if rows is None else rows[block]
                pool, scores = self._probabilities(queries.take(block), block_rows, cold)
                yield block, pool, scores

    def _probabilities(
        self, queries: QueryBatch, rows: Rows | None, cold: bool
    ) -> tuple[CandidatePool, Floats]:
        pipeline = PIPELINES[cold]
        pool, path_scores_by_name = pipeline.scores(
            self.items, queries, self.members, rows, all_products=self.scores_all
        )
        excluded = candidate_paths.excluded_mask(queries, rows, pool)
        is_listed = np.zeros_like(excluded)
        if rows is not None:
            is_listed = candidate_paths.listed_mask(self.items, rows, pool)
        is_candidate = pipeline.candidates(path_scores_by_name, excluded) | is_listed
        matrix = pipeline.build_features(
            self.items, queries, pool, path_scores_by_name, is_candidate
        )
        tail = sum(
            (path_scores_by_name[name] for name in pipeline.tail),
            np.zeros(excluded.shape, np.float32),
        )
        tail = tail / (1 + tail)
        scores: Floats = np.where(tail > 0, _MAX_TAIL * tail, -np.inf).astype(np.float32)
        scores[excluded] = -np.inf
        entries = matrix.place, matrix.column
        # without trees, for lack of edges to learn from, only the tail orders the candidates
        p = 0.1 * tail[entries]
        if cold in self.trees:
            p = self.trees[cold].probabilities(matrix.columns)
        # listed pairs come first; the trees order them
        p = np.where(is_listed[entries], 0.99 + 0.01 * p, p)
        # the tail breaks ties of the trees
        scores[entries] = (1 - 2 * _MAX_TAIL) * p + _MAX_TAIL * (1 + tail[entries])
        return pool, scores

    @property
    def block(self) -> int:
        return block_size(self.n, BLOCK_MB)

    @property
    def n(self) -> int:
        return self.items.n

    def importances(self) -> dict[str, float]:
        if self.pair_classifier is not None:
            return self.pair_classifier.trees.importances()
        return self.trees[min(self.trees)].importances() if self.trees else {}

    def arrays(self) -> Arrays:
        arrays = {**self.reader.arrays(), **self.items.arrays()}
        for cold, trees in self.trees.items():
            kind = "cold" if cold else "warm"
            arrays |= {f"{kind}_{name}": array for name, array in trees.arrays().items()}
        for i, member in enumerate(self.members):
            arrays[f"member_{i}_source"] = member.source_vectors
            arrays[f"member_{i}_target"] = member.target_vectors
        if self.pair_classifier is not None:
            arrays |= {
                f"pairs_{name}": array for name, array in self.pair_classifier.arrays().items()
            }
        return arrays

    def restore(self, arrays: Arrays) -> None:
        self.reader = AttributeReader.restore(arrays)
        self.items = ItemFeatures.restore(arrays, arrays["content"])
        self.trees = {
            cold: GradientTrees.restore(_with_prefix(arrays, f"{kind}_"))
            for cold, kind in ((False, "warm"), (True, "cold"))
            if f"{kind}_trees" in arrays
        }
        self.members = [
            Member(arrays[f"member_{i}_source"], arrays[f"member_{i}_target"])
            for i in range(len(self.config.members))
            if f"member_{i}_source" in arrays
        ]
        classifier_arrays = _with_prefix(arrays, "pairs_")
        self.pair_classifier = (
            PairClassifier.restore(self.items.attributes, classifier_arrays)
            if classifier_arrays
            else None
        )


def _with_prefix(arrays: Arrays, prefix: str) -> Arrays:
    """The arrays whose names have a prefix, without the prefix."""
    return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}
