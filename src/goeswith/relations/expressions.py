"""Relations as Ibis expressions, so that DuckDB, Spark or another backend of Ibis counts the same.

Each function takes and returns Ibis tables and runs nothing. Their columns:

    context   integer: the basket, session or user that has one vote for a pair
    product   integer: row in the catalogue
    event     "view" or "purchase"
    time      integer, microseconds; null where unknown
    position  integer; null where unknown
    moment    integer that orders the events of one context; events of equal or null moment have no
              known order
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import ibis
from ibis import _

Table: TypeAlias = Any
"""An Ibis table expression (Ibis ships no types for its columns)."""

_SESSIONS_OF_A_USER: Final = 2**31


def sessions_by_gap(events: Table, gap: int) -> Table:
    """Give events with `user_id` and `time` a `context`: a user's events without a longer silence.

    Args:
        events: user_id (integer below 2 ** 31), time; both never null.
        gap: microseconds; a silence of exactly the gap does not part a session.
    """
    after_silence = (_.time - _.time.lag()) > gap
    by_user = ibis.window(group_by="user_id", order_by="time")
    # a range, not rows: events at one time share a session whichever of them is sorted first
    until_now = ibis.range_window(group_by="user_id", order_by="time", following=0)
    started = events.mutate(opens=after_silence.over(by_user).fill_null(False).cast("int64"))
    number = _.opens.sum().over(until_now)
    return started.select(
        *events.columns, context=_.user_id.cast("int64") * _SESSIONS_OF_A_USER + number
    )


def with_moment(events: Table) -> Table:
    """Give events with a `context` their `moment`: by time, then position, of what there is."""
    order = [name for name in ("time", "position") if name in events.columns]
    if not order:
        return events.mutate(moment=ibis.null("int64"))
    if len(order) == 1:
        return events.mutate(moment=_[order[0]].cast("int64"))
    rank = ibis.dense_rank().over(group_by="context", order_by=order)
    known = _.time.notnull() & _.position.notnull()
    return events.mutate(moment=known.ifelse(rank, ibis.null("int64")))


def purchases(events: Table) -> Table:
    """context, product, moment (of the first purchase): one row a product in a context."""
    bought = events.filter(_.event == "purchase")
    return bought.group_by("context", "product").agg(moment=_.moment.min())


def visits(events: Table) -> Table:
    """One row a product in a session.

    Returns:
        context, product, viewed, bought (booleans), moment (of the first view) and last_purchase
        (a moment).
    """
    view, purchase = _.event == "view", _.event == "purchase"
    return (
        events.filter(view | purchase)
        .group_by("context", "product")
        .agg(
            viewed=view.any(),
            bought=purchase.any(),
            moment=_.moment.min(where=view),
            last_purchase=_.moment.max(where=purchase),
        )
    )


def dated_purchases(events: Table) -> Table:
    """Context (user), product, time, moment: each purchase once; purchases without a time fall."""
    bought = events.filter((_.event == "purchase") & _.time.notnull())
    return bought.select("context", "product", "time", "moment").distinct()


def context_sizes(occurrences: Table) -> Table:
    """context, size (rows, that is distinct products), ordered (some order is known within it)."""
    return occurrences.group_by("context").agg(
        size=_.count(), ordered=_.moment.min() < _.moment.max()
    )


def window_sizes(dated: Table, window: int) -> Table:
    """Like `context_sizes` of `dated_purchases`; size: the most purchases within one window."""
    past = ibis.range_window(group_by="context", order_by="time", preceding=window, following=0)
    return (
        dated.mutate(within=_.count().over(past))
        .group_by("context")
        .agg(size=_.within.max(), ordered=_.moment.min() < _.moment.max())
    )


def kept(occurrences: Table, sizes: Table, cap: int) -> Table:
    """The rows of contexts whose size is at most `cap`."""
    return occurrences.semi_join(sizes.filter(_.size <= cap), "context")


def holders(occurrences: Table) -> Table:
    """product, contexts: in how many contexts each product occurs."""
    once = occurrences.select("context", "product").distinct()
    return once.group_by("product").agg(contexts=_.count())


def together(occurrences: Table, *, ordered: bool) -> Table:
    """Unordered pairs (source < target) of one context.

    Args:
        occurrences: context, product, moment: each product once in a context.
        ordered: also count the order; left out, counting is faster by a third.

    Returns:
        source, target, count and, if ordered, source_first and target_first: contexts in which
        that product's moment is strictly the earlier.
    """
    return _count(_pairs(occurrences), ordered=ordered)


def alternatives(visited: Table, *, ordered: bool) -> Table:
    """Like `together`: pairs of products viewed in one session, but not both bought in it."""
    pairs = _pairs(visited.filter(_.viewed))
    return _count(pairs.filter(~(_.source_bought & _.target_bought)), ordered=ordered)


def together_within(dated: Table, window: int, *, ordered: bool) -> Table:
    """Like `together`: pairs of products that a user bought at most `window` microseconds apart.

    Of the purchases that lie so near each other, the first of either product tells the order.
    """
    pairs = _pairs(dated).filter(
        (_.source_time - _.target_time <= window) & (_.target_time - _.source_time <= window)
    )
    once = pairs.group_by("context", "source", "target").agg(
        source_moment=_.source_moment.min(), target_moment=_.target_moment.min()
    )
    return _count(once, ordered=ordered)


def viewed_then_bought(visited: Table) -> Table:
    """source, target, count: sessions in which the source was viewed, not bought, and the target
    was bought strictly later than that.
    """
    viewed = visited.filter(_.viewed & ~_.bought)
    viewed = viewed.select("context", source="product", seen="moment")
    bought = visited.filter(_.bought).view()
    bought = bought.select("context", target="product", paid="last_purchase")
    pairs = viewed.join(bought, ["context", viewed.seen < bought.paid])
    return pairs.group_by("source", "target").agg(count=_.count())


def _pairs(occurrences: Table) -> Table:
    """Self-join: context, source, target, and every other column c as source_c and target_c."""
    rest = [name for name in occurrences.columns if name not in ("context", "product")]
    left = occurrences.select(
        "context", source="product", **{f"source_{name}": name for name in rest}
    )
    right = occurrences.view().select(
        "context", target="product", **{f"target_{name}": name for name in rest}
    )
    return left.join(right, ["context", left.source < right.target])


def _count(pairs: Table, *, ordered: bool) -> Table:
    order = {
        "source_first": _.count(where=_.source_moment < _.target_moment),
        "target_first": _.count(where=_.source_moment > _.target_moment),
    }
    return pairs.group_by("source", "target").agg(count=_.count(), **(order if ordered else {}))
