"""Relations as Ibis expressions, so that DuckDB, Spark or another backend of Ibis counts the same.

Each function takes and returns Ibis tables and runs nothing. Their columns:

    context   integer: the basket, session or user that has one vote for a pair
    product   integer: row in the catalogue
    event     "view" or "purchase"
    time      integer, microseconds; null where unknown
    position  integer; null where unknown
    moment    integer that orders the events of one context; events of equal or null moment have no
              known order
    line      integer: the order of a log without times and positions, for the cap of a user alone
    user_id   integer: whose context it is; null where unknown
    customer  integer: the same, and one of its own where unknown; no column where no user is known
    weight    what a context's vote counts for, in (0, 1]; without the column each counts 1
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import ibis
from ibis import _

Table: TypeAlias = Any
"""An Ibis table expression (Ibis ships no types for its columns)."""

_SESSIONS_OF_A_USER: Final = 2**31
_ORDERS: Final = ("time", "position", "line")


def sessions_by_gap(events: Table, gap: int) -> Table:
    """Add `context` to events: a user's events without a silence longer than the gap.

    Args:
        events: user_id (integer below 2 ** 31), time; both never null.
        gap: microseconds; a silence of exactly the gap does not end a session.
    """
    after_silence = (_.time - _.time.lag()) > gap
    by_user = ibis.window(group_by="user_id", order_by="time")
    # a range, not rows: events at one time share a session in any sort order
    until_now = ibis.range_window(group_by="user_id", order_by="time", following=0)
    with_opens = events.mutate(opens=after_silence.over(by_user).fill_null(False).cast("int64"))
    session_number = _.opens.sum().over(until_now)
    return with_opens.select(
        *events.columns, context=_.user_id.cast("int64") * _SESSIONS_OF_A_USER + session_number
    )


def with_a_view(events: Table) -> Table:
    """The events of the contexts that hold a view."""
    return events.semi_join(events.filter(_.event == "view").select("context"), "context")


def with_moment(events: Table) -> Table:
    """Add `moment` to events with a `context`: by time, then position, as far as present."""
    order = [name for name in ("time", "position") if name in events.columns]
    if not order:
        return events.mutate(moment=ibis.null("int64"))
    if len(order) == 1:
        return events.mutate(moment=_[order[0]].cast("int64"))
    rank = ibis.dense_rank().over(group_by="context", order_by=order)
    has_moment = _.time.notnull() & _.position.notnull()
    return events.mutate(moment=has_moment.ifelse(rank, ibis.null("int64")))


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
    """Context (user), product, time, moment: distinct purchases with a time."""
    bought = events.filter((_.event == "purchase") & _.time.notnull())
    return bought.select("context", "product", "time", "moment").distinct()


def context_sizes(occurrences: Table) -> Table:
    """context, size (rows, that is distinct products), ordered (whether it has any order)."""
    return occurrences.group_by("context").agg(
        size=_.count(), ordered=(_.moment.min() < _.moment.max()).fill_null(False)
    )


def window_sizes(dated_events: Table, window: int) -> Table:
    """Like `context_sizes` for `dated_purchases`; size: the maximum of purchases in a window."""
    past = ibis.range_window(group_by="context", order_by="time", preceding=window, following=0)
    return (
        dated_events.mutate(within=_.count().over(past))
        .group_by("context")
        .agg(size=_.within.max(), ordered=(_.moment.min() < _.moment.max()).fill_null(False))
    )


def limit_size(occurrences: Table, sizes: Table, cap: int) -> Table:
    """The rows of contexts whose size is at most `cap`."""
    return occurrences.semi_join(sizes.filter(_.size <= cap), "context")


def context_owners(events: Table) -> Table:
    """context, and as far as present: user_id, and its end by time, position and line.

    A context with several users belongs to the lowest id.
    """
    columns = {"user_id": _.user_id.min()} | {name: _[name].max() for name in _ORDERS}
    return events.group_by("context").agg(
        **{name: value for name, value in columns.items() if name in events.columns}
    )


def with_customers(occurrences: Table, owner_table: Table) -> Table:
    """Add `customer` to occurrences: the user of a context; each context without one is its own."""
    owner = _.user_id.cast("int64")
    of_context = owner_table.select(
        "context", customer=ibis.coalesce(owner, -1 - _.context.cast("int64"))
    )
    return occurrences.join(of_context, "context")


def companions_per_product(occurrences: Table) -> Table:
    """product, contexts: the other products in the contexts of each, added up over the contexts.

    By weight if contexts have one.
    """
    sizes = occurrences.group_by("context").agg(others=_.count() - 1)
    weight = _.weight if "weight" in occurrences.columns else 1
    with_size = occurrences.join(sizes, "context").mutate(share=_.others * weight)
    return with_size.group_by("product").agg(contexts=_.share.sum())


def contexts_of_users(owner_table: Table) -> Table:
    """user_id, contexts: number of contexts of each user; see `context_owners`."""
    return owner_table.filter(_.user_id.notnull()).group_by("user_id").agg(contexts=_.count())


def cap_per_user(occurrences: Table, owner_table: Table, cap: int) -> Table:
    """The latest `cap` contexts of each user and product, and all contexts without a user.

    The result is itself a log, in which no user has more than `cap` votes for a pair: pairs, the
    contexts of each product and all contexts are counted in it, so that every measure holds.

    Args:
        occurrences: context, product and more.
        owner_table: context, user_id and, if present, time, position and line: the first of them
            orders the contexts.
        cap: number of contexts.
    """
    order = next((name for name in _ORDERS if name in owner_table.columns), None)
    ended = ibis.null("int64") if order is None else _[order]
    with_owner = occurrences.join(
        owner_table.select("context", owner="user_id", ended=ended), "context"
    )
    latest = ibis.window(
        group_by=["owner", "product"], order_by=[_.ended.desc(nulls_first=False), "context"]
    )
    numbered = with_owner.mutate(later_ones=ibis.row_number().over(latest))
    capped = numbered.filter(_.owner.isnull() | (_.later_ones < cap))
    return capped.select(*occurrences.columns)


def weighted_by_age(occurrences: Table, owner_table: Table, newest: int, half_life: int) -> Table:
    """Add `weight` to occurrences: 1 for the newest context, halved with every half-life.

    Args:
        occurrences: context and more.
        owner_table: context, time (never null).
        newest: microseconds, of the newest event: of age 0.
        half_life: microseconds.
    """
    with_time = occurrences.join(owner_table.select("context", ended="time"), "context")
    return with_time.select(*occurrences.columns, weight=_half_lives(_.ended, newest, half_life))


def purchases_by_age(dated_events: Table, newest: int, half_life: int) -> Table:
    """Like `weighted_by_age` for `dated_purchases`, in which each purchase has its own age."""
    return dated_events.mutate(weight=_half_lives(_.time, newest, half_life))


def _half_lives(time: Table, newest: int, half_life: int) -> Table:
    return (((time - newest) / half_life) * ibis.literal(2).ln()).exp()


def contexts_per_product(occurrences: Table) -> Table:
    """product, contexts: number of contexts of each product, by weight if they have one.

    A product that occurs repeatedly in a context has the largest of its weights there.
    """
    keys = ("context", "product")
    if "weight" in occurrences.columns:
        deduplicated = occurrences.group_by(*keys).agg(weight=_.weight.max())
    else:
        deduplicated = occurrences.select(*keys).distinct().mutate(weight=1)
    return deduplicated.group_by("product").agg(contexts=_.weight.sum())


def viewers_and_buyers(visit_table: Table) -> Table:
    """product, viewers, buyers: number of sessions in which each was viewed, and bought.

    By weight if sessions have one.

    Args:
        visit_table: of `visits`: each product once in a session.
    """
    kinds = {"viewers": _.viewed, "buyers": _.bought}
    if "weight" in visit_table.columns:
        sums = {name: _.weight.sum(where=kind).fill_null(0) for name, kind in kinds.items()}
    else:
        sums = {name: _.count(where=kind) for name, kind in kinds.items()}
    return visit_table.group_by("product").agg(**sums)


def totals(occurrences: Table) -> Table:
    """One row. contexts: their number, by weight if they have one; rows: of the occurrences.

    With a column `viewed`, also seen: rows in which it is true.
    """
    seen = {"seen": _.count(where=_.viewed)} if "viewed" in occurrences.columns else {}
    weight = {"contexts": _.weight.max()} if "weight" in occurrences.columns else {}
    each = occurrences.group_by("context").agg(rows=_.count(), **seen, **weight)
    if not weight:
        each = each.mutate(contexts=1)
    return each.aggregate(**{name: _[name].sum() for name in ("contexts", "rows", *seen)})


def co_occurrences(occurrences: Table, *, ordered: bool) -> Table:
    """Unordered pairs (source < target) of one context.

    Args:
        occurrences: context, product, moment: each product once in a context.
        ordered: whether to count the order, which takes half as long again.

    Returns:
        source, target, count; if ordered, source_first and target_first: contexts in which that
        product's moment is strictly the earlier; and where contexts have a weight, its sum. Counts
        are of contexts, whatever they weigh.
    """
    return _count(_pairs(occurrences), ordered=ordered)


def co_view_pairs(visit_table: Table, *, ordered: bool) -> Table:
    """Like `co_occurrences`: pairs of products viewed in one session, but not both bought."""
    pairs = _pairs(visit_table.filter(_.viewed))
    return _count(pairs.filter(~(_.source_bought & _.target_bought)), ordered=ordered)


def co_occurrences_within(dated_events: Table, window: int, *, ordered: bool) -> Table:
    """Like `co_occurrences`: products that a user bought at most `window` microseconds apart.

    The first of the purchases of each product within the window decides the order.
    """
    pairs = _pairs(dated_events).filter(
        (_.source_time - _.target_time <= window) & (_.target_time - _.source_time <= window)
    )
    weight = {"weight": _.weight.max()} if "weight" in pairs.columns else {}
    deduplicated = pairs.group_by("context", "source", "target").agg(
        source_moment=_.source_moment.min(), target_moment=_.target_moment.min(), **weight
    )
    return _count(deduplicated, ordered=ordered)


def view_then_purchase_pairs(visit_table: Table) -> Table:
    """source, target, count: sessions in which the source was viewed, not bought, and the target
    was bought strictly later than that.
    """
    weight = [name for name in ("weight",) if name in visit_table.columns]
    viewed = visit_table.filter(_.viewed & ~_.bought)
    viewed = viewed.select("context", *weight, source="product", seen="moment")
    bought = visit_table.filter(_.bought).view()
    bought = bought.select("context", target="product", paid="last_purchase")
    pairs = viewed.join(bought, ["context", viewed.seen < bought.paid])
    return _count(pairs, ordered=False)


def _pairs(occurrences: Table) -> Table:
    """Self-join: context, source, target, and every other column c as source_c and target_c.

    A pair has the lower weight of its two occurrences.
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
    # an unknown order counts as none: Spark would return null for a group of nulls
    earlier = (_.source_moment < _.target_moment).fill_null(False)
    later = (_.source_moment > _.target_moment).fill_null(False)
    order = {"source_first": _.count(where=earlier), "target_first": _.count(where=later)}
    sums = {"count": _.count(), **(order if ordered else {})}
    if "weight" in pairs.columns:
        sums["weight"] = _.weight.sum()
    if "source_customer" in pairs.columns:
        sums["customers"] = _.source_customer.nunique()
    return pairs.group_by("source", "target").agg(**sums)
