"""`mine` against a count in plain Python, pair by pair and context by context."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import combinations, permutations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.relations.config import MiningConfig
from goeswith.relations.mine import mine
from goeswith.relations.relation import csr

PRODUCTS = 5
DAY = 24 * 60
START = datetime(2024, 1, 1)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "product": st.integers(0, PRODUCTS - 1),
            "user_id": st.sampled_from(["u", "v", "w"]),
            "group": st.sampled_from("abcdefgh"),
            "event": st.sampled_from(["view", "purchase", "purchase", "cart"]),
            "minute": st.integers(0, 4).map(lambda x: 20 * x)
            | st.sampled_from([DAY, 2 * DAY, 4 * DAY]),
            "position": st.integers(0, 2) | st.none(),
        }
    ),
    min_size=1,
    max_size=60,
)
COLUMNS = st.sampled_from([("minute",), ("position",), ("minute", "position"), ()])
CONFIGS = st.builds(
    MiningConfig,
    max_basket=st.integers(2, 5),
    per_user_cap=st.just(100),
    min_customers=st.just(1),
    window_days=st.sampled_from([0.03, 1, 2]),
    min_co_purchase=st.integers(1, 2),
    min_co_view=st.integers(1, 2),
    min_view_then_purchase=st.integers(1, 2),
)


def frame_of(events, ids, order):
    frame = pl.DataFrame(events, schema_overrides={"product": pl.Int32, "position": pl.Int64})
    minutes = [START + timedelta(minutes=m) for m in frame["minute"]]
    frame = frame.with_columns(
        pl.Series("timestamp", minutes, dtype=pl.Datetime("us")),
        basket_id=pl.col("group"),
        session_id=pl.col("group"),
    )
    kept = [{"minute": "timestamp"}.get(name, name) for name in order]
    return frame.select("product", "event", *ids, *kept)


def moment(event, order):
    """What orders an event, or None: by time, then position, of the columns that the log has."""
    parts = tuple(event[name] for name in order)
    return None if not parts or None in parts else parts


def first(moments, pick=min):
    known = [m for m in moments if m is not None]
    return pick(known) if known else None


def before(a, b):
    return a is not None and b is not None and a < b


def counted(votes, least):
    """(source, target) -> (count, source first) from (u, v, u first, v first) votes."""
    count, ahead = Counter(), Counter()
    for u, v, u_first, v_first in votes:
        count.update([(u, v), (v, u)])
        ahead.update({(u, v): u_first, (v, u): v_first})
    return {pair: (c, ahead[pair]) for pair, c in count.items() if c >= least}


def edges(relation):
    frame = relation.frame()
    first_of = frame["source_first"] if "source_first" in frame.columns else [0] * len(frame)
    rows = zip(frame["source"], frame["target"], frame["count"], first_of, strict=True)
    return {(u, v): (count, ahead) for u, v, count, ahead in rows}


def check(relation, expected, held_by_source, held_by_target, contexts):
    assert edges(relation) == expected
    assert relation.source_contexts.tolist() == [held_by_source[p] for p in range(PRODUCTS)]
    assert relation.target_contexts.tolist() == [held_by_target[p] for p in range(PRODUCTS)]
    assert relation.contexts == contexts
    matrix = relation.count
    again = csr(PRODUCTS, relation.sources, relation.targets, matrix.data)
    assert matrix.has_sorted_indices
    assert (matrix != again).nnz == 0


def grouped(events, key):
    groups = defaultdict(list)
    for event in events:
        groups[key(event)].append(event)
    return list(groups.values())


@settings(max_examples=15, deadline=None)
@given(events=EVENTS, order=COLUMNS, config=CONFIGS)
def test_baskets_are_counted_as_by_hand(events, order, config):
    bought = [e for e in events if e["event"] == "purchase"]
    # a column without a value in any purchase is none
    known = tuple(name for name in order if any(e[name] is not None for e in bought))
    votes, held, contexts = [], Counter(), 0
    for basket in grouped(bought, lambda e: e["group"]):
        products = sorted({e["product"] for e in basket})
        if len(products) > config.max_basket:
            continue
        contexts += 1
        held.update(products)
        at = {p: first(moment(e, known) for e in basket if e["product"] == p) for p in products}
        votes += [
            (u, v, before(at[u], at[v]), before(at[v], at[u])) for u, v in combinations(products, 2)
        ]
    graph = mine(frame_of(events, ["user_id", "basket_id"], order), PRODUCTS, config)
    if bought:
        expected = counted(votes, config.min_co_purchase)
        check(graph["co_purchase"], expected, held, held, contexts)
    else:
        assert "co_purchase" not in graph.relations


@settings(max_examples=15, deadline=None)
@given(events=EVENTS, order=st.sampled_from([("minute",), ("minute", "position")]), config=CONFIGS)
def test_windows_of_days_are_counted_as_by_hand(events, order, config):
    window = config.window_days * DAY
    votes, held, contexts = [], Counter(), 0
    for mine_own in grouped(
        [e for e in events if e["event"] == "purchase"], lambda e: e["user_id"]
    ):
        purchases = {(e["product"], e["minute"], moment(e, order)) for e in mine_own}
        busiest = max(
            sum(0 <= t - other <= window for _, other, _ in purchases) for _, t, _ in purchases
        )
        if busiest > config.max_basket:
            continue
        contexts += 1
        products = sorted({p for p, _, _ in purchases})
        held.update(products)
        for u, v in combinations(products, 2):
            near = [
                (a, b)
                for p, t, a in purchases
                for q, s, b in purchases
                if (p, q) == (u, v) and abs(t - s) <= window
            ]
            if near:
                at_u, at_v = first(a for a, _ in near), first(b for _, b in near)
                votes.append((u, v, before(at_u, at_v), before(at_v, at_u)))
    graph = mine(
        frame_of(events, ["user_id"], order),
        PRODUCTS,
        config.model_copy(update={"purchase_window": "days"}),
    )
    if contexts or "co_purchase" in graph.relations:
        expected = counted(votes, config.min_co_purchase)
        check(graph["co_purchase"], expected, held, held, contexts)


def sessions_of(events, by_gap):
    if not by_gap:
        return grouped(events, lambda e: e["group"])
    sessions = []
    for own in grouped(events, lambda e: e["user_id"]):
        in_time = sorted(own, key=lambda e: e["minute"])
        current = in_time[:1]
        for event in in_time[1:]:
            if event["minute"] - current[-1]["minute"] > 30:
                sessions.append(current)
                current = []
            current.append(event)
        sessions.append(current)
    return sessions


@settings(max_examples=25, deadline=None)
@given(events=EVENTS, order=COLUMNS, config=CONFIGS, by_gap=st.booleans())
def test_views_are_counted_as_by_hand(events, order, config, by_gap):
    if by_gap and "minute" not in order:
        order = ("minute", *order)
    compared, followed = [], Counter()
    viewers, buyers, contexts = Counter(), Counter(), 0
    for session in sessions_of(events, by_gap):
        views, purchases = (
            {
                p: [moment(e, order) for e in session if (e["product"], e["event"]) == (p, kind)]
                for p in {e["product"] for e in session if e["event"] == kind}
            }
            for kind in ("view", "purchase")
        )
        if not views or len(views.keys() | purchases.keys()) > config.max_basket:
            continue
        contexts += 1
        viewers.update(views.keys())
        buyers.update(purchases.keys())
        seen = {p: first(moments) for p, moments in views.items()}
        paid = {p: first(moments, max) for p, moments in purchases.items()}
        compared += [
            (u, v, before(seen[u], seen[v]), before(seen[v], seen[u]))
            for u, v in combinations(sorted(views), 2)
            if not (u in purchases and v in purchases)
        ]
        followed.update(
            (u, v)
            for u, v in permutations(range(PRODUCTS), 2)
            if u in views and u not in purchases and v in purchases and before(seen[u], paid[v])
        )
    ids = ["user_id"] if by_gap else ["user_id", "session_id"]
    graph = mine(frame_of(events, ids, order), PRODUCTS, config)
    if not any(e["event"] == "view" for e in events):
        assert graph.relations.keys() <= {"co_purchase"}
        return
    check(graph["co_view"], counted(compared, config.min_co_view), viewers, viewers, contexts)
    if "view_then_purchase" in graph.relations:
        least = config.min_view_then_purchase
        expected = {pair: (c, c) for pair, c in followed.items() if c >= least}
        check(graph["view_then_purchase"], expected, viewers, buyers, contexts)
    else:
        assert not followed
