"""SQL of a report: impressions, what followed them, and sums by dimension."""

from __future__ import annotations

from typing import Final

BUCKETS: Final = 200
"""Random groups of shoppers, from whose spread the errors are estimated."""

DIMENSIONS: Final = (
    "all", "day", "model", "fallback", "type_pair", "rank", "market", "variant", "rule",
)  # fmt: skip

LINES: Final = """
CREATE TEMP TABLE events AS
SELECT event, recommendation_id, product_id, order_id, currency, price, market,
       coalesce(quantity, 1) AS quantity,
       coalesce(user_id, session_id) AS unit, session_id, user_id,
       CASE WHEN occurred_at <= timestamp THEN occurred_at ELSE timestamp END AS happened
FROM log
WHERE event IN ('impression', 'click', 'cart', 'purchase')
QUALIFY event_id IS NULL
     OR row_number() OVER (PARTITION BY event_id, session_id, event ORDER BY timestamp) = 1
"""
"""Each event once. Events without an id are all of their own: their window holds one partition."""

LINES_WITHOUT_IDS: Final = LINES.split("QUALIFY", maxsplit=1)[0]

EXPOSURES: Final = """
CREATE TEMP TABLE exposures AS
SELECT a.recommendation_id, a.happened, a.unit, a.source_id, a.market, a.variant, a.rules,
       a.products[i] AS product_id, i AS rank, a.models[i] AS model, a.fallbacks[i] AS fallback,
       coalesce(a.source_type, '?') || ' -> ' || coalesce(a.types[i], '?') AS type_pair
FROM (
    SELECT recommendation_id, timestamp AS happened, coalesce(user_id, session_id) AS unit,
           source_id, source_type, market, coalesce(variant, '') AS variant, rules, products, types,
           models, fallbacks, unnest(range(1, len(products) + 1)) AS i
    FROM log WHERE event = 'answer' AND coalesce(variant, '') <> 'holdout'
) a
"""

SEEN: Final = """
CREATE TEMP TABLE shown AS
SELECT e.* FROM exposures e SEMI JOIN (
    SELECT recommendation_id, product_id FROM events WHERE event IN ('impression', 'click')
) i USING (recommendation_id, product_id)
"""

TOUCHES: Final = {
    "click": """
CREATE TEMP TABLE touches AS
SELECT s.unit, s.product_id, s.recommendation_id, c.happened
FROM shown s JOIN (
    SELECT recommendation_id, product_id, min(happened) AS happened FROM events
    WHERE event = 'click' GROUP BY ALL
) c USING (recommendation_id, product_id)
""",
    "view": """
CREATE TEMP TABLE touches AS SELECT unit, product_id, recommendation_id, happened FROM shown
""",
}

ATTRIBUTED: Final = """
CREATE TEMP TABLE attributed AS
SELECT recommendation_id, product_id, count(*) FILTER (event = 'cart') AS carts,
       coalesce(sum(quantity) FILTER (event = 'purchase'), 0) AS units,
       coalesce(sum(quantity * price) FILTER (
           event = 'purchase' AND currency IS NOT DISTINCT FROM ?), 0) AS revenue
FROM (
    SELECT t.recommendation_id, e.product_id, e.event, e.quantity, e.price, e.currency
    FROM (SELECT * FROM events WHERE event IN ('cart', 'purchase')) e
    ASOF JOIN touches t
      ON e.unit = t.unit AND e.product_id = t.product_id AND e.happened >= t.happened
    WHERE e.happened <= t.happened + to_hours(?)
)
GROUP BY ALL
"""
"""The last touch of the product by the shopper, within the window, gets the cart or purchase."""

FACTS: Final = f"""
CREATE TEMP TABLE facts AS
SELECT strftime(s.happened, '%Y-%m-%d') AS day, s.model, CAST(s.fallback AS VARCHAR) AS fallback,
       s.type_pair, CAST(s.rank AS VARCHAR) AS rank, coalesce(s.market, '') AS market, s.variant,
       s.rules, hash(s.unit) % {BUCKETS} AS bucket,
       CAST(c.product_id IS NOT NULL AS INTEGER) AS clicked,
       CAST(coalesce(b.carts, 0) > 0 AS INTEGER) AS carted,
       coalesce(b.units, 0) AS units, coalesce(b.revenue, 0) AS revenue
FROM shown s
LEFT JOIN (
    SELECT DISTINCT recommendation_id, product_id FROM events WHERE event = 'click'
) c USING (recommendation_id, product_id)
LEFT JOIN attributed b USING (recommendation_id, product_id)
"""  # noqa: S608

_SUMS: Final = (
    "bucket, count(*) AS impressions, sum(clicked) AS clicks, sum(carted) AS carts, "
    "sum(units) AS units, sum(revenue) AS revenue"
)


def sums_query(dimension: str) -> str:
    """Sums by value of a dimension and by bucket."""
    if dimension == "all":
        return f"SELECT '' AS value, {_SUMS} FROM facts GROUP BY ALL"  # noqa: S608
    if dimension == "rule":
        return (
            f"SELECT value, {_SUMS} FROM (SELECT *, unnest(rules) AS value FROM facts "  # noqa: S608
            "WHERE len(rules) > 0) GROUP BY ALL"
        )
    return f"SELECT {dimension} AS value, {_SUMS} FROM facts GROUP BY ALL"  # noqa: S608


COUNTS: Final = """
SELECT count(*) FILTER (event = 'answer') AS answers,
       count(*) FILTER (event IS NULL) AS unreadable,
       count(*) FILTER (event = 'click') AS clicks,
       count(*) FILTER (event = 'click' AND recommendation_id IS NULL) AS clicks_without_answer,
       count(*) FILTER (event = 'purchase') AS purchases,
       count(*) FILTER (event = 'purchase' AND price IS NULL) AS purchases_without_price,
       count(*) FILTER (event = 'purchase' AND user_id IS NULL AND session_id IS NULL)
           AS purchases_without_shopper,
       list(DISTINCT counted) FILTER (counted IS NOT NULL) AS counted,
       count(event_id) AS with_id,
       min(timestamp) AS first_at, max(timestamp) AS last_at
FROM log
"""

ATTACH: Final = """
WITH orders AS (
    SELECT coalesce(order_id, session_id, unit) AS basket, unit, product_id
    FROM events WHERE event = 'purchase' AND unit IS NOT NULL
), sources AS (
    SELECT DISTINCT o.basket, o.unit, s.source_id
    FROM orders o JOIN (SELECT DISTINCT unit, source_id FROM shown) s
      ON o.unit = s.unit AND o.product_id = s.source_id
), attached AS (
    SELECT DISTINCT r.basket, r.unit FROM sources r
    JOIN shown s ON s.unit = r.unit AND s.source_id = r.source_id
    JOIN orders o ON o.basket = r.basket AND o.unit = r.unit AND o.product_id = s.product_id
)
SELECT (SELECT count(*) FROM (SELECT DISTINCT basket, unit FROM sources)),
       (SELECT count(*) FROM attached)
"""
"""Orders that hold a product whose recommendations the shopper was shown, and those of them that
also hold a recommended product."""

HOLDOUT: Final = """
WITH units AS (
    SELECT coalesce(user_id, session_id) AS unit, min(timestamp) AS since,
           bool_or(coalesce(variant, '') = 'holdout') AS held_out,
           count(DISTINCT coalesce(variant, '') = 'holdout') AS groups
    FROM log WHERE event = 'answer' GROUP BY ALL
), spent AS (
    SELECT u.unit, u.held_out, coalesce(sum(e.quantity * e.price), 0) AS revenue
    FROM units u LEFT JOIN events e
      ON e.unit = u.unit AND e.event = 'purchase' AND e.happened >= u.since
     AND e.currency IS NOT DISTINCT FROM ?
    WHERE u.groups = 1 GROUP BY ALL
)
SELECT held_out, count(*), avg(revenue), var_samp(revenue) FROM spent GROUP BY held_out
"""
