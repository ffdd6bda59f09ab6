from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.relations.config import MiningConfig
from goeswith.relations.mine import mine
from goeswith.relations.mining_report import MiningReport, read_mined_relations

NOON = datetime(2024, 5, 1, 12)
A, B, C, D = range(4)
ONCE = {"min_co_purchase": 1, "min_co_view": 1, "min_view_then_purchase": 1}


def log(rows, *columns):
    """Events from tuples; `minute` and `day` become timestamps."""
    frame = pl.DataFrame(rows, schema=list(columns), orient="row")
    for column, unit in (("minute", "minutes"), ("day", "days")):
        if column in columns:
            times = [None if x is None else NOON + timedelta(**{unit: x}) for x in frame[column]]
            frame = frame.drop(column).with_columns(
                pl.Series("timestamp", times, dtype=pl.Datetime("us"))
            )
    return frame.with_columns(pl.col("product").cast(pl.Int32))


def edges(relation):
    """(source, target) -> (count, source_first)."""
    frame = relation.frame()
    if "source_first" not in frame.columns:
        frame = frame.with_columns(source_first=None)
    return {
        (u, v): (count, first)
        for u, v, count, first in frame.select("source", "target", "count", "source_first").rows()
    }


def mined(events, name, **config):
    return mine(events, 4, MiningConfig(**ONCE | config))[name]


def test_products_of_one_basket_go_together_in_both_directions():
    baskets = log([("x", A), ("x", B), ("y", A), ("y", B), ("y", C)], "basket_id", "product")
    found = mined(baskets, "co_purchase")
    assert edges(found) == {
        (A, B): (2, None),
        (B, A): (2, None),
        (A, C): (1, None),
        (C, A): (1, None),
        (B, C): (1, None),
        (C, B): (1, None),
    }
    assert found.contexts == 2
    assert found.source_contexts.tolist() == found.target_contexts.tolist() == [2, 2, 1, 0]


def test_a_product_that_lies_in_a_basket_twice_has_one_vote():
    baskets = log([("x", A), ("x", A), ("x", B), ("x", B)], "basket_id", "product")
    found = mined(baskets, "co_purchase")
    assert edges(found) == {(A, B): (1, None), (B, A): (1, None)}
    assert found.source_contexts.tolist() == [1, 1, 0, 0]


def test_order_is_that_of_the_first_purchases_and_ties_have_none():
    baskets = log(
        [
            *[("x", B, 0), ("x", A, 1), ("x", B, 2)],
            *[("y", A, 0), ("y", B, 5)],
            *[("z", A, 3), ("z", B, 3)],
        ],
        *("basket_id", "product", "minute"),
    )
    assert edges(mined(baskets, "co_purchase")) == {(A, B): (3, 1), (B, A): (3, 1)}


def test_position_breaks_ties_of_time():
    baskets = log(
        [("x", B, 0, 2), ("x", A, 0, 1), ("x", C, 1, 0)],
        *("basket_id", "product", "minute", "position"),
    )
    found = edges(mined(baskets, "co_purchase"))
    assert (found[A, B], found[B, A]) == ((1, 1), (1, 0))
    assert (found[A, C], found[C, A]) == ((1, 1), (1, 0))


def test_the_order_of_rows_is_never_taken_for_an_order_in_time():
    same_day = log(
        [("x", A, 0), ("x", B, 0), ("y", A, 1), ("y", B, 1)], "user_id", "product", "day"
    )
    assert mined(same_day, "co_purchase").source_first is None


def test_a_missing_time_leaves_the_order_of_that_pair_open():
    baskets = log([("x", A, 0), ("x", B, None), ("x", C, 1)], *("basket_id", "product", "minute"))
    found = edges(mined(baskets, "co_purchase"))
    assert (found[A, B], found[B, A]) == ((1, 0), (1, 0))
    assert found[A, C] == (1, 1)


def test_purchases_of_a_user_go_together_within_the_window_of_days():
    events = log(
        [("u", A, 0), ("u", B, 7), ("u", C, 15), ("v", A, 3), ("v", C, 1)],
        *("user_id", "product", "day"),
    )
    found = mined(events, "co_purchase", window_days=7)
    assert edges(found) == {(A, B): (1, 1), (B, A): (1, 0), (A, C): (1, 0), (C, A): (1, 1)}
    assert found.contexts == 2
    assert found.source_contexts.tolist() == [2, 1, 2, 0]


def test_a_user_has_one_vote_and_only_purchases_within_the_window_tell_the_order():
    events = log(
        [("u", A, 0), ("u", B, 50), ("u", A, 51), ("u", B, 52)], *("user_id", "product", "day")
    )
    found = mined(events, "co_purchase", window_days=5)
    assert edges(found) == {(A, B): (1, 0), (B, A): (1, 1)}
    assert found.source_contexts.tolist() == [1, 1, 0, 0]


def test_baskets_come_before_days_where_the_data_have_both():
    events = log([("u", "x", A, 0), ("u", "y", B, 1)], *("user_id", "basket_id", "product", "day"))
    assert len(mined(events, "co_purchase")) == 0
    assert len(mined(events, "co_purchase", purchase_window="days")) == 2


def test_a_window_of_days_without_times_is_refused():
    events = log([("u", A), ("u", B)], "user_id", "product")
    with pytest.raises(DataError, match="needs purchases with user_id and timestamp"):
        mined(events, "co_purchase", purchase_window="days")


def test_without_baskets_and_times_a_whole_history_is_one_basket_and_a_note_says_so():
    report = MiningReport()
    events = log([("u", B, 2), ("u", A, 1)], "user_id", "product", "position")
    graph = mine(events, 4, MiningConfig(**ONCE), report)
    assert edges(graph["co_purchase"]) == {(A, B): (1, 1), (B, A): (1, 0)}
    assert "all purchases of one user count as one basket" in report.notes[0]


def test_events_without_any_id_are_refused():
    with pytest.raises(DataError, match="no basket_id, session_id or user_id"):
        mined(log([(A, 0), (B, 1)], "product", "minute"), "co_purchase")


SESSION = ("session_id", "product", "event", "minute")


def test_products_viewed_in_one_session_are_alternatives():
    events = log([("s", A, "view", 0), ("s", B, "view", 1), ("t", A, "view", 0)], *SESSION)
    found = mined(events, "co_view")
    assert edges(found) == {(A, B): (1, 1), (B, A): (1, 0)}
    assert found.contexts == 2
    assert found.source_contexts.tolist() == [2, 1, 0, 0]


def test_products_that_were_both_bought_are_no_alternatives():
    events = log(
        [
            *[("s", A, "view", 0), ("s", B, "view", 1), ("s", C, "view", 2)],
            *[("s", A, "purchase", 3), ("s", B, "purchase", 3)],
        ],
        *SESSION,
    )
    assert set(edges(mined(events, "co_view"))) == {(A, C), (C, A), (B, C), (C, B)}


def test_a_cart_is_neither_a_view_nor_a_purchase():
    events = log([("s", A, "view", 0), ("s", B, "cart", 1), ("s", C, "purchase", 2)], *SESSION)
    graph = mine(events, 4, MiningConfig(**ONCE))
    assert len(graph["co_view"]) == len(graph["co_purchase"]) == 0
    assert edges(graph["view_then_purchase"]) == {(A, C): (1, 1)}
    assert graph["view_then_purchase"].target_contexts.tolist() == [0, 0, 1, 0]


def test_what_was_viewed_but_not_bought_leads_to_what_was_bought_later():
    events = log(
        [
            *[("s", A, "view", 0), ("s", B, "view", 1), ("s", B, "purchase", 2)],
            *[("s", C, "view", 3), ("s", D, "view", 2)],
        ],
        *SESSION,
    )
    found = mined(events, "view_then_purchase")
    assert edges(found) == {(A, B): (1, 1)}  # C was seen after, D at the same minute
    assert found.source_contexts.tolist() == [1, 1, 1, 1]
    assert found.target_contexts.tolist() == [0, 1, 0, 0]


def test_without_times_nothing_is_viewed_before_a_purchase():
    report = MiningReport()
    events = log([("s", A, "view"), ("s", B, "purchase")], "session_id", "product", "event")
    graph = mine(events, 4, MiningConfig(**ONCE), report)
    assert "view_then_purchase" not in graph.relations
    assert any("view_then_purchase: not counted" in note for note in report.notes)


def test_a_silence_longer_than_the_gap_opens_a_session():
    visits = [("u", A, "view", 0), ("u", B, "view", 30), ("u", C, "view", 60.5)]
    events = log([*visits, ("v", D, "view", 0)], "user_id", "product", "event", "minute")
    found = mined(events, "co_view")
    assert set(edges(found)) == {(A, B), (B, A)}
    assert found.contexts == 3
    assert len(mined(events, "co_view", session_gap_minutes=31)) == 6
    assert len(mined(events, "co_view", session_gap_minutes=29)) == 0


def test_a_cart_keeps_a_session_open():
    rows = [("u", A, "view", 0), ("u", C, "cart", 20), ("u", B, "view", 40)]
    assert len(mined(log(rows, "user_id", "product", "event", "minute"), "co_view")) == 2


def test_session_ids_of_the_data_come_before_gaps():
    rows = [("u", "s", A, "view", 0), ("u", "s", B, "view", 500), ("u", "t", C, "view", 501)]
    events = log(rows, "user_id", "session_id", "product", "event", "minute")
    assert set(edges(mined(events, "co_view"))) == {(A, B), (B, A)}


def test_a_pair_below_its_minimum_support_is_no_edge_and_is_counted():
    report = MiningReport()
    rows = [(str(i), p) for i in range(3) for p in (A, B)] + [("9", A), ("9", C)]
    found = mine(log(rows, "basket_id", "product"), 4, MiningConfig(min_co_purchase=3), report)
    assert set(edges(found["co_purchase"])) == {(A, B), (B, A)}
    assert (report.relations[0].pairs, report.relations[0].below_support) == (2, 1)
    assert found["co_purchase"].source_contexts.tolist() == [4, 3, 1, 0]


def test_in_a_thin_log_a_pair_of_one_basket_is_an_edge_and_in_a_thick_one_of_three() -> None:
    # pairs of one basket, of two and of three
    rows = [("1", A), ("1", B), *((str(i), p) for i in (2, 3) for p in (B, C))]
    rows += [(str(i), p) for i in (4, 5, 6) for p in (A, C)]
    thin, thick = MiningReport(), MiningReport()
    found = mine(log(rows, "basket_id", "product"), 3, report=thin)
    assert len(found["co_purchase"]) == 6
    assert thin.relations[0].least == 1
    assert any("minimum support in baskets is 1" in note for note in thin.notes)
    rows += [(f"more {i}", p) for i in range(60) for p in (A, C)]
    found = mine(log(rows, "basket_id", "product"), 3, report=thick)
    assert set(edges(found["co_purchase"])) == {(A, C), (C, A)}
    assert thick.relations[0].least == 3
    assert not thick.notes


def test_a_basket_of_a_hundred_thousand_products_is_left_out_and_counted():
    many = 100_000
    report = MiningReport()
    giant = pl.DataFrame({"basket_id": "giant", "product": np.arange(many, dtype=np.int32)})
    small = log([("x", A), ("x", B)], "basket_id", "product")
    graph = mine(pl.concat([giant, small]), many, MiningConfig(**ONCE), report)
    found = graph["co_purchase"]
    assert set(edges(found)) == {(A, B), (B, A)}
    assert (report.relations[0].contexts, report.relations[0].oversized) == (1, 1)
    assert found.source_contexts.sum() == 2


def test_a_basket_at_the_cap_is_kept_and_repeats_do_not_fill_it():
    rows = [("x", A), ("x", A), ("x", B), ("y", A), ("y", B), ("y", C)]
    found = mined(log(rows, "basket_id", "product"), "co_purchase", max_basket=2)
    assert edges(found) == {(A, B): (1, None), (B, A): (1, None)}
    assert found.contexts == 1


def test_a_user_is_too_large_for_one_busy_window_but_not_for_a_long_history():
    slow = [("slow", p, day) for day, p in enumerate((A, B, C, D))]
    busy = [("busy", p, 0) for p in (A, B, C)]
    report = MiningReport()
    config = MiningConfig(**ONCE, max_basket=2, window_days=1)
    graph = mine(log(slow + busy, "user_id", "product", "day"), 4, config, report)
    assert set(edges(graph["co_purchase"])) == {(A, B), (B, A), (B, C), (C, B), (C, D), (D, C)}
    assert (report.relations[0].contexts, report.relations[0].oversized) == (1, 1)


def test_events_without_an_id_or_a_time_are_counted_as_without_a_place():
    report = MiningReport()
    rows = [("u", A, 0), ("u", B, 1), (None, C, 1), ("u", C, None)]
    graph = mine(log(rows, "user_id", "product", "day"), 4, MiningConfig(**ONCE), report)
    assert set(edges(graph["co_purchase"])) == {(A, B), (B, A)}
    assert report.relations[0].without_context == 2


def test_an_empty_log_leaves_an_empty_graph():
    events = log([], "basket_id", "product").with_columns(pl.col("basket_id").cast(pl.String))
    assert mine(events, 4).relations == {}


def test_of_everything_bought_was_viewed_complements_remain_and_look_alikes_do_not():
    rows = []
    for visit in range(200):
        session, phone = f"s{visit}", visit % 2  # two phones, A and B; a case, C
        rows += [(session, A, "view", 0), (session, B, "view", 1)]
        if visit % 10 < 3:
            rows += [(session, phone, "purchase", 5)]
        if visit % 10 < 2:
            rows += [(session, C, "view", 4), (session, C, "purchase", 5)]
        if visit % 50 == 0:
            rows += [(session, 1 - phone, "purchase", 6)]
    rows += [(f"d{i}", D, event, 0) for i in range(300) for event in ("view", "purchase")]
    graph = mine(
        log(rows, *SESSION).with_columns(basket_id=pl.col("session_id")), 4, MiningConfig()
    )
    together = set(zip(graph.complements.sources, graph.complements.targets, strict=True))
    alike = set(zip(graph.similars.sources, graph.similars.targets, strict=True))
    assert together == {(A, C), (C, A), (B, C), (C, B)}
    assert alike == {(A, B), (B, A)}


def test_former_keys_of_a_manifest_are_read_with_a_warning() -> None:
    entry = {"relation": "co_purchase", "giants": 2, "unplaced": 3, "contexts": 5}
    with pytest.warns(FutureWarning) as warned:
        (found,) = read_mined_relations([entry])
    assert ["oversized" in str(one.message) for one in warned] == [True, False]
    assert found == {
        "relation": "co_purchase",
        "oversized": 2,
        "without_context": 3,
        "contexts": 5,
    }
    assert read_mined_relations([found]) == [found]
