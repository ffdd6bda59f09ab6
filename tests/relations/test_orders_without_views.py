"""Orders that hold no view, and views of a handful, make no substitute of a complement."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from goeswith.relations.config import MiningConfig
from goeswith.relations.mine import mine

CAMERA, LENS, STRAP, CAP = range(4)
START = datetime(2024, 1, 1)
COLUMNS = ("session_id", "user_id", "basket_id", "product", "event", "timestamp")


def orders(sessions: bool, together: int = 150) -> list[tuple]:
    """600 orders of two products; camera and lens are in 200 each."""
    rows = []
    for order in range(600):
        if order < together:
            pair = (CAMERA, LENS)
        elif order < 200:
            pair = (CAMERA, STRAP)
        elif order < 400 - together:
            pair = (LENS, CAP)
        else:
            pair = (STRAP, CAP)
        when = START + timedelta(hours=order)
        session = f"o{order}" if sessions else None
        rows += [(session, f"u{order}", f"b{order}", p, "purchase", when) for p in pair]
    return rows


def visits(sessions: bool, number: int = 100, both: int = 10) -> list[tuple]:
    """Sessions that hold views alone: 40 % of the camera, 20 % of the lens."""
    rows = []
    for visit in range(number):
        viewed = {
            CAMERA: visit < 0.4 * number,
            LENS: visit < both or 0.4 * number <= visit < 0.6 * number - both,
            CAP: visit >= 0.6 * number - both,
        }
        when = START + timedelta(days=60, hours=visit)
        session = f"v{visit}" if sessions else None
        rows += [
            (session, f"v{visit}", None, p, "view", when) for p, is_in in viewed.items() if is_in
        ]
    return rows


def clicks(number: int) -> list[tuple]:
    """Sessions of a camera and a lens alone."""
    pair = (CAMERA, LENS)
    return [(f"f{i}", f"f{i}", None, p, "view", START) for i in range(number) for p in pair]


def graph_of(rows, **config):
    events = pl.DataFrame(rows, schema=list(COLUMNS), orient="row", infer_schema_length=None)
    empty = [name for name in events.columns if not events[name].count()]
    events = events.drop(empty).with_columns(pl.col("product").cast(pl.Int32))
    return mine(events, 4, MiningConfig(**config))


def pairs(relation):
    return set(zip(relation.sources.tolist(), relation.targets.tolist(), strict=True))


@pytest.mark.parametrize("config", [{}, {"per_user_cap": 1}, {"half_life_days": 365}])
@pytest.mark.parametrize(("ordered", "viewed"), [(True, True), (False, True), (False, False)])
def test_orders_without_a_view_say_nothing_about_views(ordered, viewed, config):
    graph = graph_of(orders(ordered) + visits(viewed), **config)
    assert graph["co_view"].contexts == pytest.approx(100, rel=0.2)
    assert {(CAMERA, LENS), (LENS, CAMERA)} <= pairs(graph.complements)
    assert not pairs(graph.similars)


@pytest.mark.parametrize("more", [0, 600, 6000])
def test_carts_and_purchases_alone_are_no_contexts_of_views(more):
    rows = orders(sessions=True) + visits(sessions=True)
    rows += [(f"c{i}", f"c{i}", None, CAP, "cart", START) for i in range(more)]
    rows += [(f"p{i}", f"p{i}", f"p{i}", CAP, "purchase", START) for i in range(more)]
    assert graph_of(rows)["co_view"].contexts == 100


@pytest.mark.parametrize(("sessions", "both"), [(2, 2), (3, 3), (30, 30), (149, 149)])
@pytest.mark.parametrize("honest", [0, 100, 20_000])
def test_fewer_sessions_than_baskets_remove_no_complement(sessions, both, honest):
    rows = orders(sessions=False)
    if honest:
        rows += [(f"h{i}", f"h{i}", None, CAP, "view", START) for i in range(honest)]
    rows += [
        (f"f{i}", f"f{i}", None, p, "view", START) for i in range(both) for p in (CAMERA, LENS)
    ]
    graph = graph_of(rows)
    assert {(CAMERA, LENS), (LENS, CAMERA)} <= pairs(graph.complements)
    assert not pairs(graph.similars)


@pytest.mark.parametrize("taken", [2, 5, 20])
def test_a_purchase_after_a_view_in_a_few_sessions_removes_no_complement(taken):
    rows = orders(sessions=False) + visits(sessions=True, both=0)
    for i in range(taken):
        rows += [
            (f"t{i}", f"t{i}", None, LENS, "view", START),
            (f"t{i}", f"t{i}", f"t{i}", CAMERA, "purchase", START + timedelta(minutes=5)),
        ]
    graph = graph_of(rows)
    assert (LENS, CAMERA) in pairs(graph["view_then_purchase"])
    assert {(CAMERA, LENS), (LENS, CAMERA)} <= pairs(graph.complements)


@pytest.mark.parametrize("views", [60, 300])
def test_what_is_viewed_together_far_more_than_bought_is_an_alternative(views):
    rows = orders(sessions=False, together=6)
    rows += [
        (f"f{i}", f"f{i}", None, p, "view", START) for i in range(views) for p in (CAMERA, LENS)
    ]
    rows += [(f"h{i}", f"h{i}", None, CAP, "view", START) for i in range(10 * views)]
    graph = graph_of(rows)
    assert not {(CAMERA, LENS), (LENS, CAMERA)} & pairs(graph.complements)
    assert {(CAMERA, LENS), (LENS, CAMERA)} == pairs(graph.similars)
