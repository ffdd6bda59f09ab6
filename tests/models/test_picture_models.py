"""Models that read attributes read pictures: cold products that only a picture describes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.data.dataset import Dataset
from goeswith.models import make_model
from goeswith.models.base import Recommender
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph

KINDS, EACH, WARM = 6, 15, 12


@pytest.fixture(scope="module")
def shop() -> tuple[Catalog, RelationGraph]:
    """Kinds 2i and 2i + 1 are bought together; the last three products of a kind never are."""
    rng = np.random.default_rng(0)
    centres = 0.6 * rng.standard_normal((KINDS, 32)) + 1.5 * rng.standard_normal(32)
    kind = np.repeat(np.arange(KINDS), EACH)
    vectors = centres[kind] + 0.5 * rng.standard_normal((len(kind), 32))
    products = pl.DataFrame(
        {"product_id": [f"p{row}" for row in range(len(kind))], "picture_vector": vectors}
    )
    first = 2 * rng.integers(KINDS // 2, size=1500)
    pairs = np.stack([first, first + 1], axis=1) * EACH + rng.integers(WARM, size=(1500, 2))
    events = pl.DataFrame(
        {
            "basket_id": np.repeat(np.arange(1500), 2),
            "product_id": [f"p{row}" for row in pairs.ravel()],
        }
    )
    data = Dataset.from_frames(events=events, products=products)
    return data.catalog, build_graph(data)


def share_of_partners(scores: np.ndarray, sources: np.ndarray) -> float:
    """Share of the first five that are of the kind that goes with the source's."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    finite = np.isfinite(np.take_along_axis(scores, best, axis=1))
    return float((finite & (best // EACH == (sources // EACH ^ 1)[:, None])).mean())


@pytest.mark.parametrize("name", ["similar_complements", "ranker:trees=20,folds=1,slim=0"])
def test_cold_products_get_the_complements_of_products_that_look_alike(
    shop: tuple[Catalog, RelationGraph], name: str
) -> None:
    catalog, graph = shop
    cold = np.flatnonzero(np.arange(len(catalog)) % EACH >= WARM).astype(np.int32)
    model = make_model(name).fit(catalog, graph)
    assert isinstance(model, Recommender)
    assert share_of_partners(model.score(cold), cold) > 0.95
    renamed = Catalog(catalog.frame[cold].with_columns(product_id="new" + pl.col("product_id")))
    assert share_of_partners(model.score_new(renamed), cold) > 0.95
    if name != "similar_complements":
        return
    blind = Catalog(catalog.frame.select("product_id"))
    without = make_model(name).fit(blind, graph)
    assert share_of_partners(without.score(cold), cold) < 0.5
