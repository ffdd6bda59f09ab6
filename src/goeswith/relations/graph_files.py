"""A RelationGraph on disk: one safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from goeswith.core.arrays import Sparse
from goeswith.core.arrays_file import Arrays, load_arrays, save_arrays
from goeswith.core.errors import BundleError
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import Relation

GRAPH_FILE: Final = "relations.safetensors"
_TYPES: Final = "products/types"
_BASKETS: Final = "log/baskets"

_PER_EDGE: Final = ("source_first", "seen", "customers", "place")
_PER_PRODUCT: Final = ("source_contexts", "target_contexts", "companions")
_TOTALS: Final = ("contexts", "companions_total")


def save_graph(graph: RelationGraph, folder: Path) -> None:
    """Write `relations.safetensors`, atomically; creates the folder if needed."""
    arrays: Arrays = {} if graph.types is None else {_TYPES: graph.types}
    if graph.baskets is not None:
        arrays[_BASKETS] = graph.baskets
    for name, relation in graph.relations.items():
        arrays[name] = relation.count
        for part in (*_PER_EDGE, *_PER_PRODUCT):
            values = getattr(relation, part)
            if values is not None:
                arrays[f"{name}/{part}"] = values
        for part in _TOTALS:
            total = getattr(relation, part)
            if total is not None:
                arrays[f"{name}/{part}"] = np.array([total])
    save_arrays(arrays, folder / GRAPH_FILE)


def load_graph(folder: Path, n: int) -> RelationGraph:
    """Read a graph that `save_graph` wrote.

    Args:
        folder: holds `relations.safetensors`.
        n: products in the catalogue that the graph belongs to.

    Raises:
        BundleError: the file is missing or damaged, or belongs to another catalogue.
    """
    arrays = load_arrays(folder / GRAPH_FILE)
    names = [name for name in arrays if "/" not in name]
    types = arrays.get(_TYPES)
    if types is not None and types.shape != (n,):
        raise BundleError(
            f"{folder / GRAPH_FILE}: {_TYPES} has the shape {types.shape} instead of ({n},); the "
            "file is damaged"
        )
    relations = {name: _relation(arrays, name, n, folder) for name in sorted(names)}
    return RelationGraph(n, relations, types=types, baskets=_baskets(arrays, n, folder))


def _baskets(arrays: Arrays, n: int, folder: Path) -> Sparse | None:
    baskets = arrays.get(_BASKETS)
    if baskets is None:
        return None
    try:
        baskets.check_format(full_check=True)
    except (AttributeError, ValueError) as error:
        raise BundleError(f"{folder / GRAPH_FILE}: {_BASKETS} is damaged: {error}") from error
    if baskets.shape[1] != n:
        raise BundleError(
            f"{folder / GRAPH_FILE}: {_BASKETS} holds {baskets.shape[1]:,} products, but the "
            f"catalogue {n:,}; the two do not match"
        )
    return baskets


def _relation(arrays: Arrays, name: str, n: int, folder: Path) -> Relation:
    count = arrays[name]
    if count.shape != (n, n):
        raise BundleError(
            f"{folder / GRAPH_FILE}: {name} lies between {count.shape[0]:,} products, but the "
            f"catalogue holds {n:,}; the two do not match"
        )
    try:
        count.check_format(full_check=True)
    except ValueError as error:
        raise BundleError(f"{folder / GRAPH_FILE}: {name} is damaged: {error}") from error
    parts = {part: arrays.get(f"{name}/{part}") for part in (*_PER_EDGE, *_PER_PRODUCT)}
    for part, values in parts.items():
        length = count.nnz if part in _PER_EDGE else n
        if values is not None and values.shape != (length,):
            raise BundleError(
                f"{folder / GRAPH_FILE}: {name}/{part} has the shape {values.shape} instead of "
                f"({length},); the file is damaged"
            )
    contexts, companions_total = (
        None if (total := arrays.get(f"{name}/{part}")) is None else float(total[0])
        for part in _TOTALS
    )
    return Relation(count, **parts, contexts=contexts, companions_total=companions_total)
