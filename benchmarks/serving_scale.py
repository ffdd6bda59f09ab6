"""A bundle of a million products: time until it is served, and memory of all workers together.

    python benchmarks/serving_scale.py [--products 1000000] [--workers 4]

The bundle is synthetic: made-up titles, ten random complements a product with counts, fifty random
answers a product; co-citation and its fallbacks are fitted and saved, so that filters and new
products can be answered. It is made in a temporary folder and removed. Then `goeswith serve` is
started on it, all files checked as ever, and asked until every worker has answered.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.relations.graph import RelationGraph

RESULT = Path(__file__).parent / "results" / "serving-scale.json"
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
MODELS = ["cocitation", "similar_complements", "type_popularity", "popularity"]
EDGES = 10
ANSWERS = 50


def made_up(path: Path, n: int) -> None:
    """Write a bundle of n products."""
    from goeswith.bundle.answering import Answers
    from goeswith.bundle.build import answer_facts, version_facts, write_build
    from goeswith.bundle.publish import new_build, publish
    from goeswith.config import FitSettings, Settings
    from goeswith.models import make_model

    rng = np.random.default_rng(0)
    catalog, graph = made_up_catalog(n, rng), made_up_graph(n, rng)
    answers = Answers(n, ANSWERS)
    answers.models = list(MODELS)
    steps = rng.integers(1, max(n // ANSWERS, 2), (n, ANSWERS), dtype=np.int32).cumsum(axis=1)
    answers.products[:] = (np.arange(n)[:, None] + steps) % n
    answers.scores[:] = np.sort(rng.random((n, ANSWERS), dtype=np.float32))[:, ::-1]
    answers.origin[:] = 0
    with new_build(path) as build:
        for place, spec in enumerate(MODELS):
            folder = build / (f"fallbacks/{place}-{spec}" if place else "model")
            make_model(spec, {}).fit(catalog, graph).save(folder)
        write_build(build, catalog, graph, answers)
        settings = Settings(fit=FitSettings(model=MODELS[0], fallbacks=MODELS[1:]))
        data = {"name": "made up", "fingerprint": "0", "quarantine": [], "rows": {"products": n}}
        facts = {"settings": settings.model_dump(mode="json"), "data": data, "metrics": None}
        publish(build, {**version_facts(), **facts, **answer_facts(graph, answers)})


def made_up_catalog(n: int, rng: np.random.Generator) -> Catalog:
    """Titles of six words, of which some are in very many; ids as marketplaces have them."""
    import polars as pl

    from goeswith.data.catalog import Catalog

    words = np.array([a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES])
    chosen = np.minimum(rng.pareto(0.8, (n, 6)) * 20, len(words) - 1).astype(int)
    return Catalog(
        pl.DataFrame(
            {
                "product_id": [f"B{i:09d}" for i in rng.permutation(n).tolist()],
                "title": [" ".join(row) for row in words[chosen].tolist()],
                "type": [f"type {t}" for t in rng.integers(0, 500, n).tolist()],
                "brand": [f"brand {b}" for b in rng.integers(0, 5000, n).tolist()],
                "price": rng.uniform(1, 100, n).round(2),
            }
        )
    )


def made_up_graph(n: int, rng: np.random.Generator) -> RelationGraph:
    """Ten counted purchases a product, some products in very many of them."""
    from goeswith.relations.graph import Relation, RelationGraph, csr

    source = np.repeat(np.arange(n), EDGES)
    target = np.minimum(rng.pareto(1.0, len(source)) * 200, n - 1).astype(np.int64)
    count = csr(n, source, (target * 7919 + 1) % n, rng.integers(2, 50, len(source)))
    held = np.asarray(count.sum(axis=1)).ravel() + np.asarray(count.sum(axis=0)).ravel()
    held = held.astype(np.float64)
    first = (count.data // 2).astype(np.float32)
    bought = Relation(count, first, held, held, float(held.sum()))
    return RelationGraph(n, {"co_purchase": bought})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--make", type=Path, help="only make the bundle, here, and keep it")
    parser.add_argument("--bundle", type=Path, help="a bundle made before with --make")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    if given.make:
        made_up(given.make, given.products)
        return


if __name__ == "__main__":
    main()
