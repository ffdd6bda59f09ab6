"""Closed forms over everything bought together, with the alternatives left out of the answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.data.catalog import Catalog
from goeswith.models import make_model, model_class
from goeswith.models.slim import SLIM, sparse_weights
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW

N = 8
MASKED = "relation=co_purchase,alternatives=false"
CLOSED = ("cocitation", "ease", "katz", "slim")
adjacency = arrays(np.int8, (N, N), elements=st.integers(0, 1)).map(
    lambda a: (a * (1 - np.eye(N))).astype(np.float64)
)
CATALOG = Catalog.from_records({"product_id": f"p{i}"} for i in range(N))


def graph(bought: npt.NDArray[np.float64], viewed: npt.NDArray[np.float64]) -> RelationGraph:
    return RelationGraph.from_edges(
        N, {CO_PURCHASE: np.nonzero(bought), CO_VIEW: np.nonzero(viewed)}
    )


def everything(spec: str, of: RelationGraph) -> npt.NDArray[np.float32]:
    return make_model(spec).fit(CATALOG, of).score(np.arange(N, dtype=np.int32))


@pytest.mark.parametrize("name", CLOSED)
@settings(max_examples=8, deadline=None)
@given(bought=adjacency, viewed=adjacency)
def test_alternatives_teach_and_are_not_recommended(
    name: str, bought: npt.NDArray[np.float64], viewed: npt.NDArray[np.float64]
) -> None:
    masked = everything(f"{name}:{MASKED}", graph(bought, viewed))
    # the same edges where nothing was viewed: all of them are complements
    free = everything(name, graph(bought, np.zeros((N, N))))
    alternative = (viewed + viewed.T) > 0
    assert np.isneginf(masked[alternative]).all()
    np.testing.assert_array_equal(masked[~alternative], free[~alternative])


@pytest.mark.parametrize("name", ["ease", "katz"])
def test_a_model_of_an_earlier_version_leaves_nothing_out(name: str, tmp_path: Path) -> None:
    bought = np.ones((N, N)) - np.eye(N)
    model = make_model(name).fit(CATALOG, graph(bought, np.zeros((N, N))))
    model.save(tmp_path)
    path = tmp_path / "model.safetensors"
    older = {key: value for key, value in load_arrays(path).items() if key != "excluded"}
    save_arrays(older, path)
    loaded = model_class(name).load(tmp_path)
    rows = np.arange(N, dtype=np.int32)
    np.testing.assert_array_equal(loaded.score(rows), model.score(rows))


@settings(max_examples=40, deadline=None)
@given(adjacency, st.floats(1, 100))
def test_slim_over_all_targets_is_the_regression_of_each(
    a: npt.NDArray[np.float64], l2: float
) -> None:
    model = SLIM(l2=l2).fit(CATALOG, graph(a, np.zeros((N, N))))
    gram = a.T @ a
    for target in range(N):
        others = np.flatnonzero((gram[:, target] > 0) & (np.arange(N) != target))
        expected = np.zeros(N)
        block = gram[np.ix_(others, others)] + l2 * np.eye(len(others))
        expected[others] = np.linalg.solve(block, gram[others, target])
        column = model.weights[:, [target]].toarray().ravel()
        np.testing.assert_allclose(column, expected, rtol=1e-4, atol=1e-6)


def test_slim_keeps_the_neighbours_of_the_largest_cosine() -> None:
    # target 0 is listed with 1 in three of the lists of 1, and with 2 in four of eleven
    lists = np.zeros((14, 4))
    lists[:7, 0] = 1
    lists[:3, 1] = 1
    lists[3:, 2] = 1
    weights = sparse_weights(_csr(lists), l2=0.01, neighbours=1).toarray()
    assert np.flatnonzero(weights[:, 0]).tolist() == [1]
    assert np.count_nonzero(weights[:, 3]) == 0


def _csr(dense: npt.NDArray[np.float64]) -> object:
    from scipy import sparse

    return sparse.csr_matrix(dense.astype(np.float32))
