"""A shop in which shoppers have favourites, some of them a rhythm, and groups share products."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.shoppers.histories import Histories

N = 40


def products(n: int = N) -> Catalog:
    return Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(n)]}))


def shoppers(count: int, seed: int = 0) -> list[list[list[int]]]:
    rng = np.random.default_rng(seed)
    found = []
    for shopper in range(count):
        favourites = rng.choice(N, 5, replace=False)
        group = 20 * (shopper % 2)
        found.append(
            [
                [*map(int, rng.choice(favourites, 2, replace=False)), group + int(rng.integers(20))]
                for _ in range(int(rng.integers(1, 6)))
            ]
        )
    return found


@pytest.fixture(scope="session")
def histories() -> Histories:
    return Histories.from_rows(shoppers(120), N)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return products()
