"""The order of lists: read from `rank`, kept with the edges, and a weight in closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.data.catalog import Catalog
from goeswith.models import make_model
from goeswith.models.paths import edge_weights, place_weights
from goeswith.relations.graph import RelationGraph
from goeswith.relations.graph_files import load_graph, save_graph
from goeswith.relations.relation import CO_PURCHASE
from goeswith.relations.relation_lists import graph_from_lists

N = 9
ROWS = st.lists(
    st.tuples(
        st.integers(0, N - 1), st.integers(0, N - 1), st.one_of(st.none(), st.integers(-3, 100))
    ),
    max_size=40,
)


def lists(rows: list[tuple[int, int, int | None]]) -> RelationGraph:
    schema = {"source": pl.Int32, "target": pl.Int32, "rank": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return graph_from_lists(frame.with_columns(relation=pl.lit(CO_PURCHASE)), N)


@given(rows=ROWS)
def test_every_edge_has_the_lowest_of_its_ranks(rows: list[tuple[int, int, int | None]]) -> None:
    edges = lists(rows)[CO_PURCHASE]
    known = any(rank is not None for *_, rank in rows)
    assert (edges.place is None) == (not known)
    if edges.place is None:
        return
    expected: dict[tuple[int, int], float] = {}
    for u, v, rank in rows:
        if u != v:
            expected[u, v] = min(expected.get((u, v), np.inf), np.inf if rank is None else rank)
    pairs = zip(edges.sources.tolist(), edges.targets.tolist(), strict=True)
    assert dict(zip(pairs, edges.place.tolist(), strict=True)) == expected


@given(rows=ROWS, seed=st.integers(0, 99))
def test_edges_that_stay_keep_their_place(
    rows: list[tuple[int, int, int | None]], seed: int
) -> None:
    edges = lists(rows)[CO_PURCHASE]
    mask = np.random.default_rng(seed).random(len(edges)) < 0.5
    left = edges.filter(mask)
    if edges.place is None:
        assert left.place is None
    else:
        np.testing.assert_array_equal(left.place, edges.place[mask])


def test_places_are_stored_with_the_graph(tmp_path: Path) -> None:
    graph = lists([(0, 1, 2), (0, 2, 1), (3, 4, None)])
    save_graph(graph, tmp_path)
    np.testing.assert_array_equal(load_graph(tmp_path, N)[CO_PURCHASE].place, [2, 1, np.inf])


@given(rows=ROWS)
def test_weights_fall_with_the_place_and_only_the_order_counts(
    rows: list[tuple[int, int, int | None]],
) -> None:
    edges = lists(rows)[CO_PURCHASE]
    weights = place_weights(edges)
    if edges.place is None or not len(edges):
        assert (weights != edge_weights(edges, "binary")).nnz == 0
        return
    np.testing.assert_allclose(np.mean(weights.data**2), 1, rtol=1e-5)
    for u in range(N):
        row = slice(*edges.count.indptr[u : u + 2])
        order = np.argsort(edges.place[row], kind="stable")
        place, value = edges.place[row][order], weights.data[row][order]
        later = place[1:] > place[:-1]
        assert (np.diff(value)[later] < 0).all()
        np.testing.assert_allclose(np.diff(value)[~later], 0)
    scaled = lists([(u, v, None if rank is None else 7 * rank + 50) for u, v, rank in rows])
    np.testing.assert_allclose(place_weights(scaled[CO_PURCHASE]).data, weights.data)


@pytest.mark.parametrize("name", ["ease", "slim"])
def test_what_goes_with_the_first_of_a_list_comes_first(name: str) -> None:
    # 0 lists 1 first and 2 last; 1 is listed with 5 and 2 with 6, equally often
    rows: list[tuple[int, int, int | None]] = [(0, 1, 1), (0, 2, 30)]
    rows += [pair for u in (3, 4) for pair in ((u, 1, 1), (u, 5, 2))]
    rows += [pair for u in (7, 8) for pair in ((u, 2, 1), (u, 6, 2))]
    catalog = Catalog.from_records({"product_id": f"p{i}"} for i in range(N))

    def scores(order: str) -> np.ndarray:
        model = make_model(f"{name}:relation=co_purchase,order={order},l2=1")
        return model.fit(catalog, lists(rows)).score(np.array([0], dtype=np.int32))[0]

    assert scores("true")[5] > 1.05 * scores("true")[6]
    assert scores("false")[5] == pytest.approx(scores("false")[6], rel=1e-5)
