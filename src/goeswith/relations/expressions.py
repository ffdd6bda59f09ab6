"""Relations as Ibis expressions, so that DuckDB, Spark or another backend of Ibis counts the same.

Each function takes and returns Ibis tables and runs nothing. Their columns:

    context   integer: the basket, session or user that has one vote for a pair
    product   integer: row in the catalogue
    event     "view" or "purchase"
    time      integer, microseconds; null where unknown
    position  integer; null where unknown
    moment    integer that orders the events of one context; events of equal or null moment have no
              known order
    user_id   integer: whose context it is; null where unknown
    weight    what a context's vote counts for, in (0, 1]; without the column each counts 1
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
        size=_.count(), ordered=(_.moment.min() < _.moment.max()).fill_null(False)
    )


def window_sizes(dated: Table, window: int) -> Table:
    """Like `context_sizes` of `dated_purchases`; size: the most purchases within one window."""
    past = ibis.range_window(group_by="context", order_by="time", preceding=window, following=0)
    return (
        dated.mutate(within=_.count().over(past))
        .group_by("context")
        .agg(size=_.within.max(), ordered=(_.moment.min() < _.moment.max()).fill_null(False))
    )


def kept(occurrences: Table, sizes: Table, cap: int) -> Table:
    """The rows of contexts whose size is at most `cap`."""
    return occurrences.semi_join(sizes.filter(_.size <= cap), "context")


def owners(events: Table) -> Table:
    """context, and of what the events know: user_id, and time, when the context ended.

    Of a context that several users share the least id owns it.
    """
    known = {"user_id": _.user_id.min(), "time": _.time.max()}
    return events.group_by("context").agg(
        **{name: value for name, value in known.items() if name in events.columns}
    )


def contexts_of_users(owned: Table) -> Table:
    """user_id, contexts: how many each known user has; see `owners`."""
    return owned.filter(_.user_id.notnull()).group_by("user_id").agg(contexts=_.count())


def at_most_per_user(occurrences: Table, owned: Table, cap: int) -> Table:
    """Of one user's contexts that hold a product, the latest `cap`; those of no known user all.

    What is left is itself a log, in which no user has more than `cap` votes for a pair: pairs, the
    contexts of each product and all contexts are counted in it, so that every measure holds.

    Args:
        occurrences: context, product and more.
        owned: context, user_id and, where known, time.
        cap: of contexts.
    """
    ended = _.time if "time" in owned.columns else ibis.null("int64")
    theirs = occurrences.join(owned.select("context", owner="user_id", ended=ended), "context")
    latest = ibis.window(
        group_by=["owner", "product"], order_by=[_.ended.desc(nulls_first=False), "context"]
    )
    ranked = theirs.mutate(later_ones=ibis.row_number().over(latest))
    few = ranked.filter(_.owner.isnull() | (_.later_ones < cap))
    return few.select(*occurrences.columns)


def weighted_by_age(occurrences: Table, owned: Table, newest: int, half_life: int) -> Table:
    """Occurrences with the `weight` of their context: halved by every half-life of its age.

    Args:
        occurrences: context and more.
        owned: context, time (never null).
        newest: microseconds, of the newest event: of age 0.
        half_life: microseconds.
    """
    theirs = occurrences.join(owned.select("context", ended="time"), "context")
    return theirs.select(*occurrences.columns, weight=_half_lives(_.ended, newest, half_life))


def purchases_by_age(dated: Table, newest: int, half_life: int) -> Table:
    """Like `weighted_by_age` for `dated_purchases`, in which each purchase has its own age."""
    return dated.mutate(weight=_half_lives(_.time, newest, half_life))


def _half_lives(time: Table, newest: int, half_life: int) -> Table:
    return (((time - newest) / half_life) * ibis.literal(2).ln()).exp()


def holders(occurrences: Table) -> Table:
    """product, contexts: in how many contexts each product occurs, by weight where they have one.

    A product that a context holds more than once has the largest of its weights.
    """
    once = _heaviest(occurrences, "context", "product")
    return once.group_by("product").agg(contexts=_.weight.sum())


def total_weight(occurrences: Table) -> Table:
    """One row, weight: how many contexts hold anything, by weight where they have one."""
    return _heaviest(occurrences, "context").aggregate(weight=_.weight.sum())


def _heaviest(occurrences: Table, *keys: str) -> Table:
    """The keys once each, with the largest of their weights, 1 where there are none."""
    if "weight" in occurrences.columns:
        return occurrences.group_by(*keys).agg(weight=_.weight.max())
    return occurrences.select(*keys).distinct().mutate(weight=1)


def together(occurrences: Table, *, ordered: bool) -> Table:
    """Unordered pairs (source < target) of one context.

    Args:
        occurrences: context, product, moment: each product once in a context.
        ordered: also count the order; left out, counting is faster by a third.

    Returns:
        source, target, count; if ordered, source_first and target_first: contexts in which that
        product's moment is strictly the earlier; and where contexts have a weight, its sum. Counts
        are of contexts, whatever they weigh.
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
    weight = {"weight": _.weight.max()} if "weight" in pairs.columns else {}
    once = pairs.group_by("context", "source", "target").agg(
        source_moment=_.source_moment.min(), target_moment=_.target_moment.min(), **weight
    )
    return _count(once, ordered=ordered)


def viewed_then_bought(visited: Table) -> Table:
    """source, target, count: sessions in which the source was viewed, not bought, and the target
    was bought strictly later than that.
    """
    weight = [name for name in ("weight",) if name in visited.columns]
    viewed = visited.filter(_.viewed & ~_.bought)
    viewed = viewed.select("context", *weight, source="product", seen="moment")
    bought = visited.filter(_.bought).view()
    bought = bought.select("context", target="product", paid="last_purchase")
    pairs = viewed.join(bought, ["context", viewed.seen < bought.paid])
    return _count(pairs, ordered=False)


def _pairs(occurrences: Table) -> Table:
    """Self-join: context, source, target, and every other column c as source_c and target_c.

    A pair weighs what the lighter of its two occurrences does.
    """
    rest = [name for name in occurrences.columns if name not in ("context", "product")]
    left = occurrences.select(
        "context", source="product", **{f"source_{name}": name for name in rest}
    )
    right = occurrences.view().select(
        "context", target="product", **{f"target_{name}": name for name in rest}
    )
    pairs = left.join(right, ["context", left.source < right.target])
    if "weight" in rest:
        pairs = pairs.mutate(weight=ibis.least(_.source_weight, _.target_weight))
    return pairs


def _count(pairs: Table, *, ordered: bool) -> Table:
    # an unknown order is none: Spark would count a group of nothing else as null
    earlier = (_.source_moment < _.target_moment).fill_null(False)
    later = (_.source_moment > _.target_moment).fill_null(False)
    order = {"source_first": _.count(where=earlier), "target_first": _.count(where=later)}
    sums = {"count": _.count(), **(order if ordered else {})}
    if "weight" in pairs.columns:
        sums["weight"] = _.weight.sum()
    return pairs.group_by("source", "target").agg(**sums)
