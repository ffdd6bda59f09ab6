"""P-Companion with softmaxes: how frequent a type is counts, and the answers are of its types."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.models.neural.p_companion_config import PCompanionSoftmaxConfig
from goeswith.models.neural.p_companion_softmax import PCompanionSoftmax
from goeswith.relations.graph import RelationGraph

KINDS, EACH = ["phone", "case", "cable", "stand", "lamp"], 20
SHARES = [0, 0.6, 0.25, 0.1, 0.05]


@pytest.fixture(scope="module")
def fitted() -> tuple[PCompanionSoftmax, RelationGraph]:
    """Phones go with cases more often than with cables, and so on, whichever they are."""
    rng = np.random.default_rng(0)
    names = [(f"{kind}-{i}", f"{kind} of {i}", kind) for kind in KINDS for i in range(EACH)]
    catalog = Catalog(pl.DataFrame(names, ["product_id", "title", "type"], orient="row"))
    pairs = {
        (int(phone), int(EACH * kind + rng.integers(EACH)))
        for phone in range(EACH)
        for kind in rng.choice(len(KINDS), 12, p=SHARES)
    }
    # none of so few pairs is held back: the epoch of least loss is used
    graph = RelationGraph.from_edges(100, [(u, v, "co_purchase") for u, v in sorted(pairs)])
    config = PCompanionSoftmaxConfig(
        dimension=16, max_epochs=40, patience=40, step_size=0.02, dropout=0, validation_share=0.001
    )
    return PCompanionSoftmax(config).fit(catalog, graph), graph


def test_the_type_that_follows_most_often_is_first_and_one_that_never_does_is_late(
    fitted: tuple[PCompanionSoftmax, RelationGraph],
) -> None:
    model, _ = fitted
    order = np.argsort(-model.type_scores(np.arange(EACH, dtype=np.int32)), axis=1)
    names = [[model.type_names[code] for code in row] for row in order]
    assert {row[0] for row in names} == {"case"}
    assert not any("phone" in row[:3] for row in names)


def test_a_slate_has_products_of_its_types_without_those_excluded(
    fitted: tuple[PCompanionSoftmax, RelationGraph],
) -> None:
    model, graph = fitted
    slate = model.slate(np.array([3], dtype=np.int32), 2, 5, exclude=graph.complements.count)
    there = slate.products[0] >= 0
    assert there.all()
    assert np.array_equal(model.types[slate.products[0]], slate.product_types[0])
    assert not np.isin(slate.products[0], graph.complements.count[3].indices).any()


def test_a_new_phone_is_answered_as_phones_are(
    fitted: tuple[PCompanionSoftmax, RelationGraph],
) -> None:
    model, _ = fitted
    new = Catalog.from_records([{"product_id": "n", "title": "phone of 3", "type": "phone"}])
    best = np.argsort(-model.score_new(new)[0])[:5]
    assert "phone" not in [model.type_names[code] for code in model.types[best]]
