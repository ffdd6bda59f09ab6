"""Impressions of a feedback log: all of them for reports, and those that a learner counts.

Whoever can request lists and send clicks decides what is learned from them, unless the influence of
one shopper is bounded. A learner counts a queried and a shown product once a day for a shopper, and
of one shopper only the latest impressions. Shoppers beyond those that one client may have in a day
(`serve/limits/shopper_bound.py`) are not counted.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from goeswith.results.reports import fact_queries as sql

MAX_OF_ARM: Final = 2
"""Impressions of one shopper that count for an arm: fewer than the clicks of a label."""
MAX_OF_SHOPPER: Final = 1000
"""Impressions of one shopper that count."""

ArmColumn: TypeAlias = Literal["product_id", "type"]

_BY_DAY: Final = """
CREATE TEMP VIEW by_day AS
SELECT unit, source_id, source_type, product_id, type, CAST(happened AS DATE) AS day,
       min(rank) AS rank, bool_or(clicked_at IS NOT NULL) AS clicked, {bought} AS bought
FROM impressions {join} WHERE uncounted IS NOT TRUE
GROUP BY unit, source_id, source_type, product_id, type, day
"""
_COUNTED: Final = """
CREATE TEMP TABLE counted AS
WITH latest AS (
    SELECT *, row_number() OVER (
        PARTITION BY unit, source_type, {arm} ORDER BY day DESC, hash(source_id, product_id)
    ) AS of_arm FROM by_day
)
SELECT source_id, source_type, product_id, type, day, rank, clicked, bought,
       1 / count(*) OVER (PARTITION BY unit, source_type, {arm}) AS share
FROM latest WHERE of_arm <= {max_of_arm}
QUALIFY row_number() OVER (
    PARTITION BY unit ORDER BY day DESC, hash(source_id, product_id)
) <= {max_of_shopper}
"""


def create_impressions(db: Any, *, seen: bool) -> None:
    """The table `touched` and the views `shown` and `impressions` of a feedback connection.

    Args:
        db: a feedback connection.
        seen: an impression is what the shop reports as seen, not what was sent.
    """
    db.execute(sql.TOUCHED)
    db.execute("CREATE TEMP VIEW summed_answers AS FROM answers")
    create_impression_views(db, seen=seen)


def create_impression_views(db: Any, *, seen: bool) -> None:
    """The views `shown` and `impressions`, of `summed_answers` and `touched`."""
    db.execute(sql.SHOWN)
    db.execute(sql.SEEN.format(join=seen_join(seen=seen)))


def seen_join(*, seen: bool) -> str:
    """The join of answers with what was touched of them."""
    return "INNER" if seen else "LEFT"


def has_seen(db: Any) -> bool:
    """Whether a log has answers that count as seen."""
    (seen,) = db.execute(
        "SELECT coalesce(bool_or(counted = 'seen'), false) FROM answers"
    ).fetchone()
    return bool(seen)


def create_counted_impressions(db: Any, arm: ArmColumn, *, attributed: bool = False) -> None:
    """The table `counted`: what a learner counts of `impressions`.

    One row for a shopper, a queried and a shown product, and a day, at the first of its ranks,
    with `clicked` and `bought`. Impressions without an id are those of one shopper. The `share` of
    all of a shopper for an arm are 1 together.

    Args:
        db: a feedback connection with `impressions`.
        arm: what is learned beside a type of queried products.
        attributed: whether there is the table `attributed`; else nothing is bought.
    """
    db.execute(
        _BY_DAY.format(
            bought="bool_or(coalesce(units, 0) > 0)" if attributed else "false",
            join="LEFT JOIN attributed USING (answer, product)" if attributed else "",
        )
    )
    db.execute(_COUNTED.format(arm=arm, max_of_arm=MAX_OF_ARM, max_of_shopper=MAX_OF_SHOPPER))
