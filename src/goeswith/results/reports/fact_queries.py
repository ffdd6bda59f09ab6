"""SQL of a report: impressions, what followed them, and sums by dimension."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Touch: TypeAlias = Literal["click", "view"]

BUCKETS: Final = 200
"""Random groups of shoppers, from whose spread the errors are estimated."""

DIMENSIONS: Final = (
    "all", "day", "model", "fallback", "type_pair", "rank", "market", "variant", "rule",
)  # fmt: skip

_TOUCHED: Final = """
CREATE OR REPLACE TEMP TABLE touched AS
SELECT answer, product, min(happened) FILTER (clicked) AS clicked_at
FROM touches {part} GROUP BY ALL
"""
TOUCHED: Final = _TOUCHED.format(part="WHERE answer IS NOT NULL")
"""Products of answers that were seen, and when they were clicked first. Repeats do not count."""
TOUCHED_BY_CLICK: Final = _TOUCHED.format(part="WHERE answer IS NOT NULL AND clicked")
TOUCHED_OF_SUMMED: Final = _TOUCHED.format(
    part="SEMI JOIN (SELECT answer FROM summed_answers UNION SELECT answer FROM answered) "
    "USING (answer)"
)
"""Of the answers whose days are summed, and of those that the attach rate needs."""

BOUGHT: Final = """
CREATE TEMP TABLE bought AS
SELECT event, happened, product_id, hash(product_id) AS product, quantity, price, currency,
       {unit} AS unit, session_id, order_id
FROM actions
WHERE event IS NOT NULL
QUALIFY event_id IS NULL
     OR row_number() OVER (
            PARTITION BY event_id, session_id, event
            ORDER BY happened, product_id, quantity, price, currency, order_id, user_id
        ) = 1
"""
"""Each cart and purchase once. Those without an id are all of their own."""

SHOWN: Final = f"""
CREATE TEMP VIEW shown AS
SELECT answer, unnest(products) AS product_id, hash(unnest(products)) AS product, happened, unit,
       CAST(hash(unit) % {BUCKETS} AS SMALLINT) AS bucket, source_id, source_type, market, variant,
       uncounted, rules, CAST(generate_subscripts(products, 1) AS SMALLINT) AS rank,
       unnest(types) AS type, unnest(models) AS model, unnest(fallbacks) AS fallback
FROM (SELECT *, coalesce(user_id, session_id) AS unit FROM summed_answers)
WHERE coalesce(variant, '') <> 'holdout'
"""  # noqa: S608
"""Each product of each answer of the view `summed_answers`."""

SEEN: Final = """
CREATE TEMP VIEW impressions AS
SELECT s.*, t.clicked_at FROM shown s {join} JOIN touched t USING (answer, product)
"""

TOUCHES: Final = {
    "click": """
CREATE TEMP TABLE credited AS
SELECT coalesce(a.user_id, a.session_id) AS unit, c.product, max(answer) AS answer,
       c.clicked_at AS happened
FROM touched c JOIN answers a USING (answer)
WHERE c.clicked_at IS NOT NULL AND coalesce(a.variant, '') <> 'holdout'
GROUP BY ALL
""",
    "view": """
CREATE TEMP TABLE credited AS
SELECT unit, product, max(answer) AS answer, happened FROM impressions
WHERE product IN (SELECT product FROM bought) GROUP BY ALL
""",
}
"""Of several touches at the same time one counts, the same one in every report."""

ATTRIBUTED: Final = """
CREATE TEMP TABLE attributed AS
SELECT answer, product, count(*) FILTER (event = 'cart') AS carts,
       coalesce(sum(quantity) FILTER (event = 'purchase'), 0) AS units,
       coalesce(sum(quantity * price) FILTER (
           event = 'purchase' AND currency IS NOT DISTINCT FROM ?), 0) AS revenue
FROM (
    SELECT t.answer, e.product, e.event, e.quantity, e.price, e.currency
    FROM bought e ASOF JOIN credited t
      ON e.unit = t.unit AND e.product = t.product AND e.happened >= t.happened
    WHERE e.happened <= t.happened + to_hours(?)
)
GROUP BY ALL
"""
"""The last touch of the product by the shopper, within the window, gets the cart or purchase."""

_SUMS: Final = """count(*) AS impressions, count(*) FILTER (s.clicked_at IS NOT NULL) AS clicks,
       count(*) FILTER (b.carts > 0) AS carts, coalesce(sum(b.units), 0) AS units,
       coalesce(sum(b.revenue), 0) AS revenue"""

DAY: Final = "CAST(happened AS DATE)"

CELLS: Final = f"""
CREATE TEMP TABLE cells AS
SELECT bucket, {DAY} AS day, model, fallback, rank, market, variant, source_type,
       type, {_SUMS}
FROM impressions s LEFT JOIN attributed b USING (answer, product) GROUP BY ALL
"""  # noqa: S608
"""All dimensions but rules together: far fewer rows than impressions, which are never stored."""

RULE_CELLS: Final = f"""
CREATE TEMP TABLE rule_cells AS
SELECT bucket, {DAY} AS day, rule, {_SUMS}
FROM (SELECT *, unnest(rules) AS rule FROM impressions WHERE len(rules) > 0) s
LEFT JOIN attributed b USING (answer, product) GROUP BY ALL
"""  # noqa: S608
_FROM_CELLS: Final = (
    "SELECT {value} AS value, bucket, sum(impressions), sum(clicks), sum(carts), sum(units), "
    "sum(revenue) FROM {cells} GROUP BY ALL"
)


def sums_query(dimension: str) -> str:
    """Sums by value of a dimension, as text, and by bucket."""
    cells, value = "cells", f"coalesce(CAST({dimension} AS VARCHAR), '')"
    if dimension == "rule":
        cells = "rule_cells"
    elif dimension == "all":
        value = "''"
    elif dimension == "type_pair":
        value = "coalesce(source_type, '?') || ' -> ' || coalesce(type, '?')"
    return _FROM_CELLS.format(value=value, cells=cells)


COUNTS: Final = """
SELECT a.* EXCLUDE (first_at, last_at), t.* EXCLUDE (first_at, last_at),
       b.* EXCLUDE (first_at, last_at),
       (SELECT files FROM unfinished) AS unfinished,
       least(a.first_at, t.first_at, b.first_at) AS first_at,
       greatest(a.last_at, t.last_at, b.last_at) AS last_at
FROM (
    SELECT count(*) AS answers, list(DISTINCT counted) AS counted, min(happened) AS first_at,
           max(happened) AS last_at FROM answers
) a, (
    SELECT count(*) FILTER (clicked) AS clicks,
           count(*) FILTER (clicked AND answer IS NULL) AS clicks_without_answer,
           min(happened) AS first_at, max(happened) AS last_at FROM touches
) t, (
    SELECT count(*) FILTER (event IS NULL) AS unreadable,
           count(*) FILTER (event = 'purchase') AS purchases,
           count(*) FILTER (event = 'purchase' AND price IS NULL) AS purchases_without_price,
           count(*) FILTER (event = 'purchase' AND user_id IS NULL AND session_id IS NULL)
               AS purchases_without_shopper,
           min(happened) AS first_at, max(happened) AS last_at FROM actions
) b
"""

CURRENCIES: Final = """
SELECT currency, count(*) FROM bought WHERE event = 'purchase' AND price IS NOT NULL
GROUP BY ALL ORDER BY 2 DESC, 1
"""

ORDERS: Final = """
CREATE TEMP TABLE orders AS
SELECT coalesce(order_id, session_id, unit) AS basket, unit, product_id, product
FROM bought WHERE event = 'purchase' AND unit IS NOT NULL
"""

ANSWERED: Final = """
CREATE TEMP TABLE answered AS
SELECT answer, unit, source_id, hash(unnest(products)) AS product FROM (
    SELECT *, coalesce(user_id, session_id) AS unit FROM answers
    WHERE coalesce(variant, '') <> 'holdout'
) a SEMI JOIN orders o ON o.unit = a.unit AND o.product_id = a.source_id
"""
"""Products of answers to shoppers who ordered the queried product."""

ATTACH: Final = """
WITH beside AS (
    SELECT DISTINCT o.basket, o.unit, s.product
    FROM answered s {join} JOIN touched t USING (answer, product)
    JOIN orders o ON s.unit = o.unit AND s.source_id = o.product_id
), sources AS (
    SELECT DISTINCT basket, unit FROM beside
), attached AS (
    SELECT DISTINCT b.basket, b.unit FROM beside b
    JOIN orders o ON o.basket = b.basket AND o.unit = b.unit AND o.product = b.product
)
SELECT (SELECT count(*) FROM sources), (SELECT count(*) FROM attached)
"""
"""Orders that hold a product whose recommendations the shopper was shown, and those of them that
also hold a recommended product."""

HOLDOUT: Final = """
WITH units AS (
    SELECT coalesce(user_id, session_id) AS unit, min(happened) AS since,
           bool_or(coalesce(variant, '') = 'holdout') AS held_out,
           bool_and(coalesce(variant, '') = 'holdout') AS only_held_out
    FROM answers GROUP BY ALL
), spent AS (
    SELECT u.unit, coalesce(sum(e.quantity * e.price), 0) AS revenue
    FROM units u JOIN bought e
      ON e.unit = u.unit AND e.event = 'purchase' AND e.happened >= u.since
     AND e.currency IS NOT DISTINCT FROM ?
    GROUP BY ALL
)
SELECT held_out, count(*), avg(coalesce(revenue, 0)), var_samp(coalesce(revenue, 0))
FROM units LEFT JOIN spent USING (unit) WHERE held_out = only_held_out GROUP BY held_out
"""
