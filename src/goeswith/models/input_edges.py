"""What a closed form learns from, and which answers it leaves out: settings that several share."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from goeswith.core.arrays import Floats, Rows, Sparse, entry_rows
from goeswith.core.arrays_file import Arrays
from goeswith.models.base import ModelConfig
from goeswith.models.paths import edge_weights, place_weights
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import CO_PURCHASE, CO_VIEW, Relation, csr


class InputConfig(ModelConfig):
    """Settings of a closed form over edges.

    What is viewed as an alternative and bought together with a product, too, is no complement. It
    still shows what goes together: `relation = "co_purchase", alternatives = false` learns from it
    and leaves it out of the answers.
    """

    relation: Literal["complements", "co_purchase"] = Field(
        "complements",
        description="Edges to learn from: the complement signal, or all co-purchases, including "
        "alternatives.",
    )
    alternatives: bool = Field(
        True,
        description="Whether products viewed as alternatives to the source are recommended.",
    )


class ListConfig(InputConfig):
    """Settings of a closed form over lists."""

    order: bool = Field(
        False,
        description="Whether the first products of a list count more than the last ones; needs "
        "the column rank of the table relations.",
    )


def list_weights(graph: RelationGraph, config: ListConfig) -> Sparse:
    """(n, n) CSR of the lists to learn from."""
    edges = input_edges(graph, config)
    return place_weights(edges) if config.order else edge_weights(edges, "binary")


def input_edges(graph: RelationGraph, config: InputConfig) -> Relation:
    """The edges that `relation` names."""
    return graph.complements if config.relation == "complements" else graph[CO_PURCHASE]


def excluded_alternatives(graph: RelationGraph, config: InputConfig) -> Sparse:
    """(n, n) CSR with an entry for each alternative that is not recommended.

    A complement that is also viewed as an alternative stays. Empty if `alternatives` is set.
    """
    if config.alternatives:
        return csr(graph.n, [], [], [])
    viewed = graph[CO_VIEW].count
    excluded = viewed.maximum(viewed.T).tocsr()
    excluded = (excluded - excluded.multiply(graph.complements.count > 0)).tocsr()
    excluded.eliminate_zeros()
    return excluded


def stored_alternatives(arrays: Arrays, n: int) -> Sparse:
    """Those of a saved model; none in a model of a version that could not leave them out."""
    return arrays["excluded"] if "excluded" in arrays else csr(n, [], [], [])


def drop_alternatives(scores: Floats, sources: Rows, excluded: Sparse) -> Floats:
    """(b, n) scores with -inf, in place, where `excluded` has an entry."""
    out = excluded[sources]
    scores[entry_rows(out), out.indices] = -np.inf
    return scores


def drop_alternatives_sparse(scores: Sparse, sources: Rows, excluded: Sparse) -> Sparse:
    """(b, n) CSR of positive scores without the entries of `excluded`."""
    out = excluded[sources]
    if out.nnz:
        scores = (scores - scores.multiply(out != 0)).tocsr()
    scores.data[~(scores.data > 0)] = 0
    scores.eliminate_zeros()
    return scores
