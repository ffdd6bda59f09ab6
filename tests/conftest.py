"""Small tables that the tests make, and where the real slices are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.relations.graph import RelationGraph

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; tests that ask for it are named as left out where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("real data slices (../shared/data) are not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def shop() -> tuple[Catalog, RelationGraph]:
    """A hundred products of five types with planted, directed complements between types.

    phone -> case -> screen protector, and camera -> tripod: products of one brand go together, in
    that direction only; products of one type are viewed together. The last product of each type
    has no edges: cold.
    """
    types = ["phone", "case", "screen protector", "camera", "tripod"]
    brands = [f"brand {b}" for b in range(4)]
    frame = pl.DataFrame(
        [
            {
                "product_id": f"{kind}-{i}",
                "type": kind,
                "title": f"{brands[i % 4]} {kind} model {i}",
                "categories": ["electronics", kind],
                "brand": brands[i % 4],
                "price": 10.0 + i,
            }
            for kind in types
            for i in range(20)
        ]
    )
    rng = np.random.default_rng(7)
    first = {kind: 20 * t for t, kind in enumerate(types)}
    edges: list[tuple[int, int, str]] = []
    flows = [("phone", "case"), ("case", "screen protector"), ("camera", "tripod")]
    for source, target in flows:
        edges += [
            (first[source] + i, first[target] + j, "co_purchase")
            for i in range(19)
            for j in range(19)
            if i % 4 == j % 4 and rng.random() < 0.8
        ]
    for start in first.values():
        edges += [
            (start + i, start + j, "co_view")
            for i in range(19)
            for j in range(19)
            if i != j and rng.random() < 0.3
        ]
    return Catalog(frame), RelationGraph.from_edges(len(frame), edges)
