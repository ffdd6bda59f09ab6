import ibis
import pytest

from goeswith.relations import expressions

MINUTE = 60_000_000
EVENTS = ibis.table(
    {
        "user_id": "int32",
        "product": "int32",
        "event": "string",
        "time": "int64",
        "position": "int64",
    },
    name="events",
)


def relations():
    """Every expression that mining runs, by name."""
    sessions = expressions.with_moment(expressions.sessions_by_gap(EVENTS, 30 * MINUTE))
    visited = expressions.visits(sessions)
    visited = expressions.limit_size(visited, expressions.context_sizes(visited), 100)
    users = expressions.with_moment(EVENTS.rename(context="user_id"))
    dated = expressions.dated_purchases(users)
    dated = expressions.limit_size(dated, expressions.window_sizes(dated, 60 * MINUTE), 100)
    owned = expressions.context_owners(EVENTS.mutate(context="product"))
    few = expressions.cap_per_user(expressions.purchases(users), owned, 3)
    aged = expressions.weighted_by_age(few, owned, 10 * MINUTE, 60 * MINUTE)
    return {
        "capped": expressions.co_occurrences(few, ordered=True),
        "aged": expressions.co_occurrences(aged, ordered=False),
        "total": expressions.totals(aged),
        "co_view": expressions.co_view_pairs(visited, ordered=True),
        "view_then_purchase": expressions.view_then_purchase_pairs(visited),
        "baskets": expressions.co_occurrences(expressions.purchases(users), ordered=True),
        "days": expressions.co_occurrences_within(dated, 60 * MINUTE, ordered=True),
        "holders": expressions.contexts_per_product(visited),
        "viewers": expressions.viewers_and_buyers(visited),
    }


@pytest.mark.parametrize("backend", ["duckdb", "pyspark", "bigquery", "snowflake"])
def test_relations_can_be_said_in_the_sql_of_other_engines(backend):
    for name, expression in relations().items():
        if backend == "pyspark" and name in ("aged", "total"):
            continue  # Ibis compiles a column of fractions for Spark only where Spark is installed
        sql = ibis.to_sql(expression, dialect=backend)
        assert "GROUP BY" in sql, name


@pytest.mark.parametrize("ordered", [True, False])
def test_pairs_carry_their_order_only_where_it_is_requested(ordered):
    users = expressions.with_moment(EVENTS.rename(context="user_id"))
    pairs = expressions.co_occurrences(expressions.purchases(users), ordered=ordered)
    order = ("source_first", "target_first") if ordered else ()
    assert pairs.columns == ("source", "target", "count", *order)
