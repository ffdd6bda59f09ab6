"""Answers that a relevance model judges: substitutes and what is unrelated are left out.

If the settings say so, the rest is re-ranked by P(complement), within bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goeswith.pipeline.top_k_table import TopKTable
from goeswith.ranking.rerank import rerank_positions

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.settings.sections import RelevanceSettings


def filter_by_relevance(
    table: TopKTable,
    catalog: Catalog,
    settings: RelevanceSettings,
    out: Path,
    on_progress: Callable[[str], None],
) -> dict[str, Any] | None:
    """Score the first recommendations of every product, remove refused ones, and re-rank.

    Probabilities are stored beside the bundle, so that the next fit scores new pairs alone.

    Args:
        table: of all products; changed in place.
        catalog: the products.
        settings: which model, how many answers, and what is too likely.
        out: the bundle's folder.
        on_progress: called with the current step.

    Returns:
        how many pairs were judged and left out; None where none were judged.

    Raises:
        BundleError, ConfigError: there is no such model, or it does not judge products.
    """
    if settings.model is None or not settings.judged_top_k:
        return None
    from goeswith.language.salam.judge import PAIR_CLASSES, Judge

    cache = out.absolute().with_name(f".{out.name}.judged.parquet")
    judge = Judge(Path(settings.model), cache)
    top = table.products[:, : settings.judged_top_k]
    rows, places = np.nonzero(top >= 0)
    probabilities = judge.pairs(catalog, rows.astype(np.int32), top[rows, places], on_progress)
    by_class = dict(zip(PAIR_CLASSES, probabilities.T, strict=True))
    refused = {
        "substitute": by_class["substitute"] > settings.max_substitute,
        "irrelevant": by_class["irrelevant"] > settings.max_irrelevant,
    }
    removed = np.zeros(table.products.shape, dtype=bool)
    removed[rows, places] = refused["substitute"] | refused["irrelevant"]
    if settings.weight:
        complement_scores = np.full(top.shape, -np.inf, dtype=np.float32)
        complement_scores[rows, places] = by_class["complement"]
        removed_top = removed[:, : top.shape[1]]
        complement_scores[removed_top] = -np.inf
        order = rerank_positions(
            complement_scores, weight=settings.weight, max_shift=settings.reach
        )
        table.reorder(order)
        removed_top[:] = np.take_along_axis(removed_top, order, axis=1)
    table.remove(removed)
    return {
        "model": settings.model,
        "pairs": len(rows),
        "left_out": {name: int(mask.sum()) for name, mask in refused.items()},
    }
