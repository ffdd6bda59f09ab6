"""Clicks and purchases of each pair of queried and shown product, from the feedback log."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.features.pair_clicks import PairClicks
from goeswith.results.exploration.click_counts import position_based
from goeswith.results.reports import fact_queries as sql
from goeswith.results.reports.feedback_tables import feedback_connection
from goeswith.results.reports.impression_tables import (
    create_counted_impressions,
    create_impressions,
    has_seen,
)

WINDOW_HOURS: Final = 24
_PRIOR: Final = 100.0
"""Examined impressions with the mean rate that the rate of a pair of types starts with."""
_MAX_RANK: Final = 100

_CELLS: Final = """
SELECT source_id, product_id, least(rank, ?) AS rank, count(*) AS shown,
       count(*) FILTER (clicked) AS clicks, count(*) FILTER (bought) AS attached
FROM counted WHERE source_id IS NOT NULL AND product_id IS NOT NULL
GROUP BY ALL
"""

Numbers = npt.NDArray[np.float64]


def read_pair_clicks(folder: Path, catalog: Catalog) -> PairClicks:
    """What followed the impressions of each pair; those of products out of the catalogue count not.

    A purchase belongs to the last click of the product within a day, as in the report. One shopper
    counts a bounded number of times.

    Args:
        folder: `serve.feedback`.
        catalog: products and types.

    Raises:
        DataError: the folder has no feedback, or no answer of a product of the catalogue.
    """
    with feedback_connection(folder) as db:
        create_impressions(db, seen=has_seen(db))
        db.execute(sql.BOUGHT.format(unit="coalesce(user_id, session_id)"))
        db.execute(sql.TOUCHES["click"])
        db.execute(sql.ATTRIBUTED, [None, WINDOW_HOURS])
        create_counted_impressions(db, "product_id", attributed=True)
        cells = pl.DataFrame(db.execute(_CELLS, [_MAX_RANK]).fetchnumpy())
    source, target = catalog.rows(cells["source_id"]), catalog.rows(cells["product_id"])
    known = (source >= 0) & (target >= 0) & (source != target)
    if not known.any():
        raise DataError(
            f"{folder} has no answers for products of this catalogue; name the folder "
            "serve.feedback of this shop, or remove fit.feedback"
        )
    source, target = source[known], target[known]
    numbers = {
        name: cells[name].to_numpy().astype(np.float64)[known]
        for name in ("rank", "shown", "clicks", "attached")
    }
    types = catalog.type_codes.astype(np.int64) + 1
    # the attraction of a product beside a type, as a pair alone is shown too rarely at two ranks
    _, arm = np.unique(types[source] * len(types) + target, return_inverse=True)
    rank = numbers["rank"].astype(np.int64) - 1
    _, propensity = position_based(arm, rank, numbers["shown"], numbers["clicks"])
    examined = numbers["shown"] * propensity[rank]
    kind = types[source] * (types.max() + 1) + types[target]
    pair, of_pair = np.unique(source.astype(np.int64) * len(types) + target, return_inverse=True)

    def by_pair(values: Numbers) -> Numbers:
        return np.bincount(of_pair, values, len(pair)).astype(np.float64)

    return PairClicks(
        len(types),
        (pair // len(types)).astype(np.int32),
        (pair % len(types)).astype(np.int32),
        by_pair(numbers["clicks"]),
        by_pair(_expected(kind, examined, numbers["clicks"])),
        by_pair(numbers["attached"]),
        by_pair(_expected(kind, examined, numbers["attached"])),
    )


def _expected(kind: npt.NDArray[np.int64], examined: Numbers, seen: Numbers) -> Numbers:
    """As many as the pair of types of each cell lets expect."""
    _, kind = np.unique(kind, return_inverse=True)
    mean = seen.sum() / max(examined.sum(), 1.0)
    rate = (np.bincount(kind, seen) + _PRIOR * mean) / (np.bincount(kind, examined) + _PRIOR)
    return np.asarray(examined * rate[kind])
