"""Hubs and products of one type move down where no counts support them."""

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.pipeline.demotion import demote_unsupported
from goeswith.pipeline.signal_notes import hub_notes, signal_notes
from goeswith.pipeline.top_k_table import TopKTable
from goeswith.relations.graph import RelationGraph
from goeswith.relations.mine import mine
from goeswith.relations.relation import Relation, csr

N, K, HUB = 200, 12, 0
KINDS = {"exclude": False, "share": None, "why_not": "the products have no titles"}


def catalog_of(types=None):
    columns = {"product_id": [f"p{i}" for i in range(N)]}
    return Catalog(pl.DataFrame(columns if types is None else columns | {"type": types}))


def graph_of(pairs, views=False):
    rows = [(f"b{i}", p, "purchase") for i, basket in enumerate(pairs) for p in basket]
    rows += [(f"a{i}", p, "purchase") for i in range(900) for p in (HUB, i % N)]
    rows += [(f"s{i}", i % N, "purchase") for i in range(900)]
    if views:
        rows += [(f"x{i}", p, "view") for i in range(99) for p in (3, 4)]
        rows += [(f"y{i}", 5, "view") for i in range(9900)]
    events = pl.DataFrame(rows, schema=["basket_id", "product", "event"], orient="row").unique()
    events = events.with_columns(pl.col("product").cast(pl.Int32), session_id=pl.col("basket_id"))
    return mine(events, N)


def table_of(hub_rank=0):
    table = TopKTable(N, K)
    others = (np.arange(N)[:, None] + 1 + np.arange(K)) % N
    others[others == HUB] = N - 1
    others[:, hub_rank] = HUB
    others[HUB, hub_rank] = 20
    table.products = others.astype(np.int32)
    table.scores = np.tile(np.linspace(1, 0.1, K, dtype=np.float32), (N, 1))
    table.model_index[:] = 0
    return table


def test_a_hub_stays_where_its_pair_is_supported_and_moves_down_elsewhere():
    graph = graph_of([(HUB, 7)] * 60)
    table = table_of()
    hubs = demote_unsupported(table, catalog_of(), graph)
    assert hubs.tolist() == [HUB]
    head = table.products[:, :5]
    assert np.flatnonzero((head == HUB).any(axis=1)).tolist() == [7]
    # nothing is lost, and scores order every list
    assert (np.sort(table.products, axis=1) == np.sort(table_of().products, axis=1)).all()
    assert (np.diff(table.scores, axis=1) <= 0).all()
    assert hub_notes(catalog_of(), hubs)[0].startswith("p0: among the first five of more than 5 %")


def test_one_list_of_seventy_products_starts_differently_for_some_of_them():
    table = table_of(hub_rank=8)
    table.products[130:] = np.arange(1, K + 1)
    demote_unsupported(table, catalog_of(), graph_of([]))
    head = np.bincount(table.products[:, :5].ravel(), minlength=N)
    assert head.max() <= 50
    assert (np.sort(table.products[130:], axis=1) == np.arange(1, K + 1)).all()
    assert (np.diff(table.scores, axis=1) <= 0).all()


@pytest.mark.parametrize("hub_rank", [5, 8])
def test_beyond_the_first_five_nothing_is_a_hub(hub_rank):
    table = table_of(hub_rank)
    assert not len(demote_unsupported(table, catalog_of(), graph_of([])))
    assert (table.products == table_of(hub_rank).products).all()


def test_lists_without_counts_stay():
    graph = RelationGraph.from_edges(N, [(i, HUB, "co_purchase") for i in range(1, N)])
    table = table_of()
    assert not len(demote_unsupported(table, catalog_of(), graph))
    assert (table.products == table_of().products).all()


@pytest.mark.parametrize("views", [False, True])
def test_without_views_products_of_one_type_need_evidence(views):
    types = ["shirt" if i < 50 else None if i > 190 else f"other {i}" for i in range(N)]
    graph = graph_of([(10, 12)] * 8, views=views)
    table = table_of(hub_rank=8)
    demote_unsupported(table, catalog_of(types), graph)
    if views:
        assert (table.products == table_of(8).products).all()
        return
    # of the shirts, p10 goes with p12 by its baskets; its other shirts come last, in order
    assert table.products[10].tolist() == [12, 11, *range(13, 19), 0, 20, 21, 22]
    assert table.products[45, :5].tolist() == [50, 51, 52, 53, 55]
    assert table.products[45, -5:].tolist() == [46, 47, 48, 49, 0]
    assert set(table.products[45].tolist()) == set(table_of(8).products[45].tolist())
    assert (table.products[192] == table_of(8).products[192]).all()


def test_fit_says_what_it_could_not_tell_apart():
    without = graph_of([(1, 2)] * 8)
    (note,) = signal_notes(without, KINDS)
    assert note == (
        "no views, and no kinds (the products have no titles): alternatives cannot be separated "
        "from complements; add views, titles or types"
    )
    (note,) = signal_notes(without.with_types(np.zeros(N, dtype=np.int32)), KINDS)
    assert "products of one type are recommended only after others" in note
    (note,) = signal_notes(without, {"exclude": True, "share": 0.62, "why_not": None})
    assert "38% of the products have no kind" in note
    (note,) = signal_notes(graph_of([(3, 4)] * 6, views=True), KINDS)
    assert note.startswith("1 of ")
    rare = RelationGraph(N, {**without.relations, "co_view": RelationGraph(N)["co_view"]})
    assert signal_notes(rare, KINDS) == [
        "no two products are viewed together often enough to count as alternatives"
    ]
    assert not signal_notes(RelationGraph.from_edges(3, [(0, 1, "co_purchase")]), KINDS)


def test_of_a_hub_that_is_supported_everywhere_the_strongest_pairs_stay():
    sources = np.arange(1, N)
    held = np.full(N, 300.0)
    held[HUB] = 1000
    count = csr(N, sources, np.zeros(N - 1), sources)
    graph = RelationGraph(N, {"co_purchase": Relation(count, None, held, held, 1e6)})
    table = table_of()
    assert demote_unsupported(table, catalog_of(), graph).tolist() == [HUB]
    shown = np.flatnonzero((table.products[:, :5] == HUB).any(axis=1))
    assert shown.tolist() == list(range(N - 50, N))
