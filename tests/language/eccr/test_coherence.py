from __future__ import annotations

import numpy as np

from goeswith.data.catalog import Catalog
from goeswith.language.eccr.coherence import Coherence
from goeswith.relations.graph import RelationGraph


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int32)


def test_an_attribute_that_complements_share_matters(shop: tuple[Catalog, RelationGraph]) -> None:
    catalog, graph = shop
    rules = Coherence.fit(catalog, graph.complements.sources, graph.complements.targets)
    assert "brand" in rules.attributes
    canon, nikon = (catalog.row(f"{b}-lens-red") for b in ("canon", "nikon"))
    camera = catalog.row("canon-camera-blue")
    assert rules.relevant(rows(camera, camera), rows(canon, nikon)).tolist() == [True, False]


def test_an_attribute_that_complements_share_no_more_than_others_does_not() -> None:
    records = [{"product_id": str(i), "brand": f"b{i % 4}", "title": "thing"} for i in range(40)]
    catalog = Catalog.from_records(records)
    sources = np.arange(0, 36, dtype=np.int32)
    same = Coherence.fit(catalog, sources, (sources + 4).astype(np.int32))
    another = Coherence.fit(catalog, sources, (sources + 1).astype(np.int32))
    assert same.attributes == ["brand"]
    assert another.attributes == []


def test_what_is_made_for_a_brand_fits_what_is_of_it() -> None:
    titles = [
        "nikon d3000 body",
        "nikon d90 body",
        "battery for nikon cameras",
        "battery for canon cameras",
        "canon body",
        "canon lens",
    ]
    catalog = Catalog.from_records(
        {"product_id": str(i), "title": title} for i, title in enumerate(titles)
    )
    rules = Coherence.fit(catalog, rows(), rows())
    assert rules.compatible(rows(0, 0, 2), rows(2, 3, 1)).tolist() == [True, False, True]


def test_products_that_name_one_model_or_measure_fit() -> None:
    titles = ["charger en-el15", "battery en-el15", "lens cap 52mm", "filter 52 mm", "sock"]
    catalog = Catalog.from_records(
        {"product_id": str(i), "title": title} for i, title in enumerate(titles)
    )
    rules = Coherence.fit(catalog, rows(), rows())
    assert rules.compatible(rows(0, 2, 0), rows(1, 3, 3)).tolist() == [True, True, False]


def test_nothing_coheres_in_a_catalogue_of_ids_alone() -> None:
    catalog = Catalog.from_records([{"product_id": "a"}, {"product_id": "b"}])
    rules = Coherence.fit(catalog, rows(0), rows(1))
    assert not rules.coherent(rows(0, 1), rows(1, 0)).any()
