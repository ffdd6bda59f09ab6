"""How much one user may say, and what long ago still counts."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.data.catalog import Catalog
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph_files import load_graph, save_graph
from goeswith.relations.measures import MEASURES
from goeswith.relations.mine import mine
from goeswith.relations.mining_report import MiningReport
from goeswith.store.pairs.evidence_arrays import evidence_arrays

N = 5
START = datetime(2024, 1, 1)
ANYTHING = {"min_co_purchase": 1, "min_co_view": 1, "min_view_then_purchase": 1}
BASKETS = st.lists(
    st.tuples(st.sampled_from(["u", "v", None]), st.sets(st.integers(0, N - 1), min_size=1)),
    min_size=1,
    max_size=20,
)


def log(baskets, *, days_apart=1.0, order="timestamp"):
    """Events of (user, products) baskets; within a basket all at once.

    Their order is that of time, of positions in a file that has the last first, or of the lines.
    """
    rows = [
        (user, f"b{i}", f"b{i}", p, START + timedelta(days=i * days_apart))
        for i, (user, products) in enumerate(baskets)
        for p in sorted(products)
    ]
    names = ["user_id", "basket_id", "session_id", "product", "timestamp"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        pl.col("product").cast(pl.Int32),
        pl.col("user_id").cast(pl.String),
        pl.col("timestamp").cast(pl.Datetime("us")),
    )
    if order == "timestamp":
        return frame
    if order == "position":
        place = pl.col("timestamp").rank("dense").cast(pl.Int64).alias("position")
        frame = frame.with_columns(place).reverse()
    return frame.drop("timestamp")


def bought(baskets, days_apart=1.0, report=None, order="timestamp", **config):
    events = log(baskets, days_apart=days_apart, order=order)
    return mine(events, N, MiningConfig(**ANYTHING | config), report)["co_purchase"]


def counts(relation):
    return dict(
        zip(
            zip(relation.sources.tolist(), relation.targets.tolist(), strict=True),
            relation.count.data.tolist(),
            strict=True,
        )
    )


def by_hand(baskets, cap):
    """Votes of what is left when each user's latest `cap` baskets with a product count."""
    had, left = Counter(), []
    for user, products in reversed(baskets):
        few = {p for p in products if user is None or had[user, p] < cap}
        had.update((user, p) for p in few)
        left.append(few)
    votes = Counter(pair for few in left for pair in combinations(sorted(few), 2))
    held = Counter(p for few in left for p in few)
    return votes, held, sum(bool(few) for few in left)


@settings(max_examples=25, deadline=None)
@given(
    baskets=BASKETS,
    cap=st.integers(1, 4),
    order=st.sampled_from(["timestamp", "position", "line"]),
)
def test_the_latest_baskets_of_a_user_have_the_votes(baskets, cap, order):
    votes, held, contexts = by_hand(baskets, cap)
    found = bought(baskets, per_user_cap=cap, order=order)
    assert counts(found) == {
        **{(u, v): c for (u, v), c in votes.items()},
        **{(v, u): c for (u, v), c in votes.items()},
    }
    assert found.source_contexts.tolist() == [held[p] for p in range(N)]
    assert found.contexts == contexts


@settings(max_examples=25, deadline=None)
@given(
    baskets=BASKETS,
    cap=st.integers(1, 3),
    half_life=st.sampled_from([0.5, 3.0, 400.0, None]),
)
def test_votes_of_capped_and_aged_baskets_still_make_a_table_of_two_by_two(baskets, cap, half_life):
    found = bought(baskets, per_user_cap=cap, half_life_days=half_life)
    n_u = found.source_contexts[found.sources]
    n_v = found.target_contexts[found.targets]
    n_uv = found.count.data
    slack = 1e-5 * max(found.contexts, 1)
    assert np.all(n_uv <= np.minimum(n_u, n_v) + slack)
    assert np.all(n_u + n_v - n_uv <= found.contexts + slack)
    for measure in MEASURES:
        assert np.isfinite(found.measure(measure)).all()


def test_one_shopper_who_buys_a_pair_a_thousand_times_is_one_shopper():
    crowd = [(f"u{i}", {0, 1}) for i in range(5)]
    loud = [("loud", {0, 2})] * 1000
    found = counts(bought(crowd + loud, days_apart=0.01, per_user_cap=1))
    assert (found[0, 1], found[0, 2]) == (5, 1)


def test_the_default_cap_is_the_number_of_baskets_of_the_median_user():
    report = MiningReport()
    crowd = [(f"u{i}", {0, 1}) for i in range(4) for _ in range(2)]
    found = bought([*crowd, *[("loud", {0, 2})] * 50], days_apart=0.1, report=report)
    assert counts(found)[0, 2] == 2
    assert report.relations[0].capped == 2 * 48


def test_the_latest_baskets_of_a_user_are_the_ones_that_count():
    found = counts(bought([("u", {0, 1}), ("u", {0, 2}), ("u", {0, 3})], per_user_cap=2))
    assert {pair for pair in found if pair[0] == 0} == {(0, 2), (0, 3)}


def test_baskets_of_unknown_users_are_not_capped():
    found = bought([(None, {0, 1})] * 7 + [("u", {2})], per_user_cap=1)
    assert counts(found)[0, 1] == 7


def test_sessions_of_one_user_are_capped_too():
    events = log([("u", {0, 1})] * 6 + [("v", {0, 1})]).with_columns(event=pl.lit("view"))
    for columns in (events, events.drop("session_id", "basket_id")):
        graph = mine(columns, N, MiningConfig(**ANYTHING, per_user_cap=2))
        assert counts(graph["co_view"])[0, 1] == 3


def test_a_basket_counts_half_after_a_half_life_and_the_report_has_their_number():
    found = bought([(None, {0, 1}), (None, {0, 1}), (None, {0, 2})], half_life_days=1.0)
    assert counts(found)[0, 1] == pytest.approx(0.25 + 0.5)
    assert found.source_contexts.tolist() == pytest.approx([1.75, 0.75, 1, 0, 0])
    assert found.contexts == pytest.approx(1.75)
    seen = dict(zip(counts(found), found.times_seen.tolist(), strict=True))
    assert (seen[0, 1], seen[0, 2]) == (2, 1)


def test_support_is_counted_in_baskets_however_old_they_are():
    found = bought([(None, {0, 1})] * 3, days_apart=100, half_life_days=1.0, min_co_purchase=3)
    assert len(found) == 2


def test_purchases_within_a_window_of_days_age_one_by_one():
    events = log([("u", {0, 1}), ("v", {0, 2})], days_apart=10).drop("basket_id", "session_id")
    found = mine(events, N, MiningConfig(**ANYTHING, half_life_days=10.0))["co_purchase"]
    assert counts(found)[0, 1] == pytest.approx(0.5)
    assert counts(found)[0, 2] == pytest.approx(1)


def test_a_view_before_a_purchase_ages_too():
    rows = [("s", 0, "view", 0), ("s", 1, "purchase", 1), ("t", 2, "view", 24 * 60)]
    events = pl.DataFrame(
        [(s, p, e, START + timedelta(minutes=m)) for s, p, e, m in rows],
        schema=["session_id", "product", "event", "timestamp"],
        orient="row",
    ).with_columns(pl.col("product").cast(pl.Int32), pl.col("timestamp").cast(pl.Datetime("us")))
    found = mine(events, N, MiningConfig(**ANYTHING, half_life_days=1.0))["view_then_purchase"]
    assert counts(found)[0, 1] == pytest.approx(0.5, rel=1e-2)
    assert found.source_first.tolist() == found.times_seen.tolist() == [1]


def test_a_half_life_without_times_is_refused():
    events = log([("u", {0, 1})]).drop("timestamp")
    with pytest.raises(DataError, match="half_life_days = 30 needs events with a timestamp"):
        mine(events, N, MiningConfig(half_life_days=30))


def test_an_aged_graph_is_read_back_as_it_was(tmp_path):
    events = log([("u", {0, 1}), ("v", {0, 1, 2})])
    graph = mine(events, N, MiningConfig(**ANYTHING, half_life_days=2.0))
    save_graph(graph, tmp_path)
    again = load_graph(tmp_path, N)
    assert again["co_purchase"].frame().equals(graph["co_purchase"].frame())
    assert "seen" in again["co_purchase"].frame().columns


def test_people_read_how_often_a_pair_was_bought_and_measures_how_much_that_weighs():
    graph = mine(log([(None, {0, 1})] * 3), N, MiningConfig(**ANYTHING, half_life_days=1.0))
    catalog = Catalog(pl.DataFrame({"product_id": [str(i) for i in range(N)]}))
    arrays = evidence_arrays(catalog, graph)
    assert arrays["bought.data"].tolist() == [3, 3]
    assert arrays["bought.weight"].tolist() == pytest.approx([1.75, 1.75])
    assert arrays["contexts"].tolist() == pytest.approx([1.75])
