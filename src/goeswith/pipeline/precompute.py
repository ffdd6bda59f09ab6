"""Precomputation of recommendations: the first model, then fallbacks for empty ranks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.core.arrays import Floats, Rows, blocks
from goeswith.core.errors import GoesWithError
from goeswith.models.registry import model_name
from goeswith.pipeline.demotion import demote_unsupported
from goeswith.pipeline.exclusion_index import ExclusionIndex
from goeswith.pipeline.fit_progress import FitProgress
from goeswith.pipeline.top_k_table import TopKTable

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.models.base import Recommender
    from goeswith.relations.graph import RelationGraph

_BATCH: Final = 2048
_POPULARITY_MODELS: Final = frozenset({"popularity", "type_popularity"})
"""First models that are to show what is popular."""
_MAX_THREADS: Final = 4
"""Scoring threads; each holds a block of scores in memory."""


def precompute(
    specs: list[str],
    make_fitted: Callable[[str], Recommender],
    catalog: Catalog,
    graph: RelationGraph,
    progress: FitProgress,
    *,
    build: Path,
    k: int,
    by_kinds: bool = False,
) -> TopKTable:
    """Compute the recommendations of every model, and save it; unsuitable fallbacks are skipped.

    Args:
        specs: the models, in order.
        make_fitted: the fitted model of a spec.
        catalog: the products.
        graph: the relations, for exclusions.
        progress: of the fit.
        build: folder to save models in.
        k: recommendations per product.
        by_kinds: whether products of one kind are substitutes.
    """
    exclusions = ExclusionIndex(catalog, graph, by_kinds=by_kinds)
    table = TopKTable(len(catalog), k, exclusions.groups)
    for place, spec in enumerate(specs):
        name = re.sub(r"[^\w.-]", "-", model_name(spec))
        folder = build / "model" if not place else build / "fallbacks" / f"{place}-{name}"
        with progress.model_steps(place, spec) as on_batch:
            try:
                model = make_fitted(spec)
            except GoesWithError as error:
                if not place:
                    raise
                table.left_out[spec] = str(error)
                continue
            table.models.append(spec)
            if model.probabilities:
                table.probabilities.append(spec)
            # products of one type together, so that models reuse what they compute for a type
            rows = table.open_rows()
            rows = rows[np.argsort(catalog.type_codes[rows], kind="stable")]
            _recommend_batches(model, rows, table, exclusions, on_batch)
            model.save(folder)
    if model_name(specs[0]) not in _POPULARITY_MODELS:
        table.hubs = demote_unsupported(table, catalog, graph)
    return table


def _recommend_batches(
    model: Recommender,
    rows: Rows,
    table: TopKTable,
    exclusions: ExclusionIndex,
    on_batch: Callable[[int], None],
) -> None:
    """Fill in the recommendations of a model for `rows`; numpy and scipy release the GIL."""
    model.prepare_batch(rows)
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS))
    try:
        batches = list(blocks(rows, _BATCH))
        # products of one kind and variants are dropped afterwards: there may be many
        depth = exclusions.depth(table.k)

        def recommend(batch: Rows) -> tuple[Rows, Floats]:
            products, scores = model.recommend(batch, depth, exclusions.for_products(batch))
            return exclusions.drop(batch, products, scores, table.k)

        results = pool.map(recommend, batches)
        done = 0
        for batch in batches:
            on_batch(done)
            table.fill(batch, *next(results))
            done += len(batch)
    finally:
        # an interrupt must not wait for every product
        pool.shutdown(cancel_futures=True)
