"""Answers that a relevance model judges: substitutes and what is unrelated are left out.

Where the settings say so, what is left moves towards the order of P(complement), within bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goeswith.pipeline.precompute import Answers
from goeswith.ranking.rerank import new_order

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.settings.sections import RelevanceSettings


def judge_answers(
    answers: Answers,
    catalog: Catalog,
    settings: RelevanceSettings,
    out: Path,
    tell: Callable[[str], None],
) -> dict[str, Any] | None:
    """Have the first answers of every product judged, take out what is none, and re-rank.

    What was said is kept beside the bundle, so that the next fit asks of new pairs alone.

    Args:
        answers: of all products; changed in place.
        catalog: the products.
        settings: which model, how many answers, and what is too likely.
        out: the bundle's folder.
        tell: told of progress.

    Returns:
        how many pairs were judged and left out; None where none were judged.

    Raises:
        BundleError, ConfigError: there is no such model, or it does not judge products.
    """
    if settings.model is None or not settings.first:
        return None
    from goeswith.language.salam.judge import JUDGED, Judge

    cache = out.absolute().with_name(f".{out.name}.judged.parquet")
    judge = Judge(Path(settings.model), cache)
    first = answers.products[:, : settings.first]
    rows, places = np.nonzero(first >= 0)
    found = judge.pairs(catalog, rows.astype(np.int32), first[rows, places], tell)
    said = dict(zip(JUDGED, found.T, strict=True))
    wrong = {
        "substitute": said["substitute"] > settings.most_substitute,
        "irrelevant": said["irrelevant"] > settings.most_irrelevant,
    }
    out_of = np.zeros(answers.products.shape, dtype=bool)
    out_of[rows, places] = wrong["substitute"] | wrong["irrelevant"]
    if settings.weight:
        opinions = np.full(first.shape, -np.inf, dtype=np.float32)
        opinions[rows, places] = said["complement"]
        judged_out = out_of[:, : first.shape[1]]
        opinions[judged_out] = -np.inf
        order = new_order(opinions, weight=settings.weight, reach=settings.reach)
        answers.reorder(order)
        judged_out[:] = np.take_along_axis(judged_out, order, axis=1)
    answers.drop(out_of)
    return {
        "model": settings.model,
        "pairs": len(rows),
        "left_out": {name: int(mask.sum()) for name, mask in wrong.items()},
    }
