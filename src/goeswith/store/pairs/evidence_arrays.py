"""What fitting leaves for evidence to be looked up in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.relations.graph import RelationGraph
from goeswith.relations.measures import Measure


def evidence_arrays(catalog: Catalog, graph: RelationGraph) -> dict[str, npt.NDArray[Any]]:
    """What `EvidenceIndex` reads, from a relation graph.

    A complement edge links by the lower bound of its PMI, and not at all where that is not
    positive: what everybody buys links nothing. In lists without counts it links by its lift.
    """
    bought = graph["co_purchase"]
    complements = graph.complements
    measure: Measure = "lift" if bought.contexts is None else "pmi_lower"
    weights = complements.weighted(complements.measure(measure))
    into = weights.T.tocsr()
    into.sort_indices()
    views = graph["co_view"].weighted(graph["co_view"].times_seen)
    views = views.maximum(views.T).tocsr()
    similar = graph.similars.count
    similar = similar.maximum(similar.T).tocsr()
    similar.sort_indices()
    codes = catalog.type_codes
    typed = (codes[bought.sources] >= 0) & (codes[bought.targets] >= 0)
    flow = (
        codes[bought.sources[typed]].astype(np.int64) * len(catalog.type_names)
        + codes[bought.targets[typed]]
    )
    keys, at = np.unique(flow, return_inverse=True)
    purchases: npt.NDArray[Any] = (
        np.bincount(bought.targets, minlength=graph.n)
        if bought.target_contexts is None
        else bought.target_contexts
    )
    arrays = {
        **_csr_arrays("bought", bought.weighted(bought.times_seen)),
        **_csr_arrays("out", weights),
        **_csr_arrays("into", into),
        **_csr_arrays("viewed", views),
        **_csr_arrays("similar", similar),
        **_best_of_type_arrays(into, codes),
        "types.keys": keys,
        "types.count": np.bincount(at, bought.times_seen[typed], minlength=len(keys)),
        "purchases": purchases.astype(np.float64),
    }
    if bought.source_first is not None:
        arrays["bought.source_first"] = bought.source_first.astype(np.float32)
    if bought.customers is not None:
        arrays["bought.customers"] = bought.customers.astype(np.float32)
    if bought.seen is not None:
        arrays["bought.weight"] = bought.count.data.astype(np.float32)
    if bought.source_contexts is not None and bought.contexts is not None:
        arrays["source_contexts"] = bought.source_contexts.astype(np.float64)
        arrays["contexts"] = np.array([bought.contexts], dtype=np.float64)
    return arrays


def _best_of_type_arrays(into: Any, codes: Rows) -> dict[str, npt.NDArray[Any]]:
    """For every target and source type: the source of that type with the heaviest edge.

    Computed at fit: a popular product has too many sources for a look-up per request.
    """
    target = np.repeat(np.arange(into.shape[0]), np.diff(into.indptr))
    kind = codes[into.indices]
    order = np.lexsort((into.indices, -into.data, kind, target))
    order = order[kind[order] >= 0]
    pairs = np.stack([target[order], kind[order]])
    is_first = np.append(True, (pairs[:, 1:] != pairs[:, :-1]).any(axis=0))[: len(order)]
    best = order[is_first]
    counts = np.bincount(target[best], minlength=into.shape[0])
    return {
        "alike.indptr": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "alike.indices": kind[best].astype(np.int32),
        "alike.data": into.indices[best].astype(np.int32),
    }


def _csr_arrays(name: str, matrix: Any) -> dict[str, npt.NDArray[Any]]:
    return {
        f"{name}.indptr": matrix.indptr.astype(np.int64),
        f"{name}.indices": matrix.indices.astype(np.int32),
        f"{name}.data": matrix.data.astype(np.float32),
    }
