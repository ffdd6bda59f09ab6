"""Every answer of a bundle as rows of one table, a block of products at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from goeswith.core.errors import ConfigError
from goeswith.core.progress import StepProgress
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints

BLOCK_ROWS: Final = 50_000
"""Rows computed at a time, which limits memory for bundles of any size."""


class RecommendationRows:
    """The first k complements of every product; iterate over it once, block by block.

    Attributes:
        bundle: whose answers.
        k: maximum number of recommendations per product.
        schema: the columns, as docs/how-to/export.md describes them.
        rows: how many were given out so far.
        products: how many products those are of.
    """

    def __init__(
        self,
        bundle: Bundle,
        k: int,
        constraints: Constraints | None = None,
        explain: bool = False,
        *,
        progress: StepProgress = lambda done, total, what: None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        """Answers of a bundle.

        Args:
            bundle: whose.
            k: answers a product, at most.
            constraints: as for `Bundle.complements`; None for the bundle's own settings.
            explain: add the sentence `why`.
            progress: called with products done, all products, and what is done.
            part: which of how many like parts of the products, in their order.

        Raises:
            BundleError: the bundle holds fewer than k answers a product.
            ConfigError: there is no such part.
        """
        bundle.check_k(k)
        number, parts = part
        if not 0 <= number < parts:
            raise ConfigError(f"of {parts} parts the first is 0 and the last {parts - 1}: {number}")
        n = len(bundle)
        self._sources = range(n * number // parts, n * (number + 1) // parts)
        self.bundle, self.k = bundle, k
        self.schema = pa.schema(
            [
                pa.field("source_id", pa.string(), nullable=False),
                pa.field("rank", pa.int32(), nullable=False),
                pa.field("target_id", pa.string(), nullable=False),
                pa.field("score", pa.float64(), nullable=False),
                pa.field("probability", pa.float64()),
                pa.field("model", pa.string(), nullable=False),
                pa.field("fallback", pa.bool_(), nullable=False),
                pa.field("bought_together", pa.int32(), nullable=False),
                *([pa.field("why", pa.string(), nullable=False)] if explain else []),
                pa.field("bundle", pa.string(), nullable=False),
            ],
            metadata={"goeswith.bundle": bundle.id},
        )
        self.rows = self.products = 0
        self._constraints, self._explain, self._progress = constraints, explain, progress
        # by index, without looking up the name of each model
        probability_models = bundle.manifest.get("probabilities", [])
        self._is_probability = np.array(
            [name in probability_models for name in bundle.models], dtype=bool
        )
        ids = bundle.products.ids
        self._ids = pa.LargeStringArray.from_buffers(
            len(ids), pa.py_buffer(ids.offsets), pa.py_buffer(ids.data)
        )
        self._models = pa.array(bundle.models, pa.string())

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.bundle.refresh()
        is_ranking = self.bundle.keeps_ranking and self.bundle.is_as_fitted
        precomputed = self._constraints is None and is_ranking
        make_columns = (
            self._precomputed_columns
            if precomputed and not self._explain
            else self._selected_columns
        )
        sources, size = self._sources, max(BLOCK_ROWS // self.k, 1)
        for start in range(0, len(sources), size):
            self._progress(start, len(sources), "exporting")
            columns = make_columns(sources[start : start + size])
            ranks = columns["rank"]
            columns["bundle"] = pa.repeat(self.bundle.id, len(ranks))
            self.rows += len(ranks)
            self.products += int(np.count_nonzero(np.asarray(ranks) == 1))
            yield pa.RecordBatch.from_pydict(columns, schema=self.schema)

    def _precomputed_columns(self, sources: range) -> dict[str, Any]:
        """Columns of the precomputed recommendations."""
        bundle = self.bundle
        lists = [bundle.top_k_lists.for_product(source, self.k) for source in sources]
        counts = np.array([len(targets) for targets, _, _ in lists], dtype=np.int64)
        model_index = np.concatenate([place for _, _, place in lists])
        scores = np.concatenate([score for _, score, _ in lists]).astype(np.float64)
        bought = [
            bundle.evidence.bought_together(source, targets)
            for source, (targets, _, _) in zip(sources, lists, strict=True)
        ]
        first = np.repeat(counts.cumsum() - counts, counts)
        return {
            "source_id": self._ids_of(np.repeat(np.array(sources), counts)),
            "rank": np.arange(1, len(model_index) + 1, dtype=np.int32) - first.astype(np.int32),
            "target_id": self._ids_of(np.concatenate([targets for targets, _, _ in lists])),
            "score": scores,
            "probability": pa.array(scores, mask=~self._is_probability[model_index]),
            "model": self._models.take(pa.array(model_index)),
            "fallback": model_index > 0,
            "bought_together": np.concatenate(bought),
        }

    def _ids_of(self, rows: Any) -> pa.Array:
        return self._ids.take(pa.array(rows)).cast(pa.string())

    def _selected_columns(self, sources: range) -> dict[str, Any]:
        """Columns of the answers as `Bundle.complements` gives them, one product after another."""
        probability_models = set(self.bundle.manifest.get("probabilities", []))
        columns: dict[str, list[Any]] = {name: [] for name in self.schema.names}
        for source in sources:
            source_id = self.bundle.products.ids[source]
            recommendations = self.bundle.complements(source_id, self.k, self._constraints)
            for rank, recommendation in enumerate(recommendations, start=1):
                row = {
                    "source_id": source_id,
                    "rank": rank,
                    "target_id": recommendation.product_id,
                    "score": recommendation.score,
                    "probability": recommendation.score
                    if recommendation.model in probability_models
                    else None,
                    "model": recommendation.model,
                    "fallback": recommendation.fallback,
                    "bought_together": recommendation.evidence.bought_together,
                    "why": recommendation.why,
                }
                for name, values in columns.items():
                    values.append(row.get(name))
        return dict(columns)
