"""The graph branch: an end of a pair hears its neighbours, and never the other end as one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from goeswith.language.salam.behaviour_graph import BehaviourGraph
from goeswith.language.salam.torch_graph import GraphBranch, NeighbourSampler

OTHERS = [(0, 1), (2, 3)]
OWN = [(1, 2)]


def ends_of_pair(edges: dict[str, list[tuple[int, int]]], unseen: list[int]) -> torch.Tensor:
    """Products 1 and 2 of four, none of whose edges to `unseen` is walked."""
    torch.manual_seed(0)
    branch = GraphBranch(inputs=5, dimension=6, relations=2, paths=0, dropout=0)
    columns = {name: np.array(ends, dtype=np.int32).T for name, ends in edges.items()}
    behaviour = BehaviourGraph.from_edges(
        4, {k: (one, other) for k, (one, other) in columns.items()}
    )
    found = branch.around(
        torch.tensor([1, 2]),
        torch.tensor(unseen),
        5 * torch.randn(4, 5),
        NeighbourSampler(behaviour, torch.device("cpu")),
        # each product has at most two neighbours: so many draws hold both
        counts=(40, 1),
        generator=torch.Generator().manual_seed(2),
    )
    return found.detach()


@pytest.mark.parametrize(
    "own",
    [
        {"viewed": OWN, "bought": []},
        {"viewed": [], "bought": OWN},
        dict.fromkeys(("viewed", "bought"), OWN),
    ],
)
def test_the_ends_are_the_same_with_the_pairs_own_edge_and_without(
    own: dict[str, list[tuple[int, int]]],
) -> None:
    without = ends_of_pair(dict.fromkeys(own, OTHERS), [2, 1])
    with_own = {name: OTHERS + edges for name, edges in own.items()}
    torch.testing.assert_close(ends_of_pair(with_own, [2, 1]), without)
    # an edge that is heard shows in this measure
    assert ((ends_of_pair(with_own, [3, 0]) - without).abs().amax(dim=1) > 0.05).all()
