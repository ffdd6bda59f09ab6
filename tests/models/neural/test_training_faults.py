"""What makes a graph model learn nothing that holds: each fault is planted, and must show.

A random graph holds nothing to learn: an edge is explained by nothing but itself. Parameters that
do not move (a step size of nearly 0) then score an edge like any other pair, unless the edge is
seen in its own messages. The tests hold the faulty forms against the same measures, so that a
measure which no longer sees a fault fails, too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.models import make_model
from goeswith.models.neural.training import TrainedVectors
from goeswith.relations.graph import RelationGraph

N, OUT, NEVER = 240, 4, 80
STILL = "max_epochs=1,learning_rate=1e-9"
FAULTY_DAEMON = "daemon:id_vectors=true,self_term=true,last_relu=false,temperature=.1,dimension=16"

Vectors = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def random_graph() -> tuple[Catalog, RelationGraph]:
    """Edges at random; the first products are never a target, and nothing is known of any."""
    rng = np.random.default_rng(0)
    sources = np.repeat(np.arange(N), OUT)
    targets = NEVER + rng.integers(0, N - NEVER, len(sources))
    edges = {(int(u), int(v)) for u, v in zip(sources, targets, strict=True) if u != v}
    one_way = [(u, v) for u, v in sorted(edges) if (v, u) not in edges]
    catalog = Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(N)]}))
    return catalog, RelationGraph.from_edges(N, [(u, v, "co_purchase") for u, v in one_way])


def fitted(spec: str, shop: tuple[Catalog, RelationGraph]) -> TrainedVectors:
    model = make_model(spec).fit(*shop)
    assert isinstance(model, TrainedVectors)
    return model


def softmax_loss(model: TrainedVectors, graph: RelationGraph, pairs: Vectors) -> float:
    """Mean of log(1 + sum over non-targets of exp(x_uw - x_uv)) in the vectors that answer."""
    edges = graph.complements.count.toarray() > 0
    x = model.source_vectors @ model.target_vectors.T / model.training.temperature
    rival = ~edges & ~np.eye(N, dtype=bool) & model.target_vectors.any(axis=1)
    total = np.log(np.where(rival, np.exp(x), 0).sum(axis=1))
    u, v = pairs.T
    return float(np.logaddexp(0, total[u] - x[u, v]).mean())


def pair_loss(model: TrainedVectors, graph: RelationGraph, pairs: Vectors) -> float:
    """Equation 2 of DAEMON where all edges are one-way, and every negative is a random pair."""
    x = model.source_vectors @ model.target_vectors.T / model.training.temperature
    u, v = pairs.T
    return float(2 * np.logaddexp(0, -x[u, v]).mean() + 6 * np.logaddexp(0, x[u, v]).mean())


def non_edges(graph: RelationGraph) -> Vectors:
    """Random pairs that are no edges in either direction, of sources and targets of edges."""
    edges = graph.complements.count.toarray() > 0
    free = ~edges & ~edges.T & ~np.eye(N, dtype=bool)
    free[:, :NEVER] = False
    return np.argwhere(free)


@pytest.mark.parametrize(
    ("spec", "loss_of", "sees_itself"),
    [
        (f"daemon_full_graph:dimension=32,{STILL}", softmax_loss, False),
        (f"daemon_full_graph:dimension=32,own_edge=true,{STILL}", softmax_loss, True),
        (f"typed_towers:dimension=32,id_dropout=0,{STILL}", softmax_loss, False),
        (f"directed_propagation:dimension=32,id_dropout=0,{STILL}", softmax_loss, True),
        (
            f"directed_propagation:dimension=32,id_dropout=0,own_edge=false,{STILL}",
            softmax_loss,
            False,
        ),
        (f"{FAULTY_DAEMON},{STILL}", pair_loss, True),
    ],
)
def test_where_the_own_edge_is_the_only_signal_training_is_at_chance(
    random_graph: tuple[Catalog, RelationGraph],
    spec: str,
    loss_of: Callable[[TrainedVectors, RelationGraph, Vectors], float],
    sees_itself: bool,
) -> None:
    model, graph = fitted(spec, random_graph), random_graph[1]
    below_chance = loss_of(model, graph, non_edges(graph)) - model.history[0]["loss"]
    assert (below_chance > 0.5) == sees_itself


@pytest.mark.parametrize(
    ("spec", "loss_of", "differs"),
    [
        ("daemon_full_graph:dimension=16,batch=48,max_epochs=4", softmax_loss, False),
        (
            "directed_propagation:dimension=16,batch=48,max_epochs=4,id_dropout=0",
            softmax_loss,
            False,
        ),
        ("typed_towers:dimension=16,batch=48,max_epochs=4,id_dropout=0", softmax_loss, False),
        (f"{FAULTY_DAEMON},fan_outs=2-2-2,batch=64,max_epochs=4", pair_loss, True),
    ],
)
def test_training_pairs_cost_as_much_in_the_vectors_that_answer(
    random_graph: tuple[Catalog, RelationGraph],
    spec: str,
    loss_of: Callable[[TrainedVectors, RelationGraph, Vectors], float],
    differs: bool,
) -> None:
    model, graph = fitted(spec, random_graph), random_graph[1]
    edges = np.column_stack([graph.complements.sources, graph.complements.targets])
    best = min(epoch["loss"] for epoch in model.history)
    assert (loss_of(model, graph, edges) > 1.2 * best) == differs


def test_pairs_that_cost_little_as_inner_products_have_the_higher_cosines(
    random_graph: tuple[Catalog, RelationGraph],
) -> None:
    spec = "dual_embedding:dimension=16,batch=48,max_epochs=20,validation_share=.001"
    model, graph = fitted(spec, random_graph), random_graph[1]
    assert model.history[-1]["loss"] < 0.3 * model.history[0]["loss"]
    cosines = model.source_vectors @ model.target_vectors.T
    known = cosines[graph.complements.sources, graph.complements.targets]
    other = cosines[tuple(non_edges(graph).T)]
    assert (known > np.quantile(other, 0.9)).mean() > 0.9


@pytest.mark.parametrize(
    "spec",
    [
        "daemon_full_graph:dimension=16,batch=48,max_epochs=30,patience=30",
        "directed_propagation:dimension=16,batch=48,max_epochs=30,patience=30",
        "typed_towers:dimension=16,batch=48,max_epochs=30,patience=30",
        "dual_embedding:dimension=16,batch=48,max_epochs=10",
        f"{FAULTY_DAEMON},max_epochs=4,only_targets=true",
    ],
)
def test_products_that_are_never_a_target_do_not_fill_the_answers(
    random_graph: tuple[Catalog, RelationGraph], spec: str
) -> None:
    products, _ = fitted(spec, random_graph).recommend(np.arange(N, dtype=np.int32), 10)
    share = (products < NEVER)[products >= 0].mean()
    assert share < 0.1  # they are a third of the catalogue
