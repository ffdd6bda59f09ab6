"""Sets to sell as one against bundles that people made: python benchmarks/product_sets.py FOLDER...

Each folder has `products` and `bundles` (bundle_id, product_id, session_id). Sessions are split
into five folds. The bundles of four folds are the baskets; for each product of each bundle of the
fifth, a method proposes one set with that product. A hit is a set with another product of the
bundle.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.data.dataset import Dataset
from goeswith.offers.joint_baskets import JointBaskets
from goeswith.offers.propose_offers import OfferLimits, search_sets
from goeswith.offers.set_search import SearchLimits, absorbing_sets, find_sets
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.graph_files import load_graph
from goeswith.settings.sections import FitSettings, Settings
from goeswith.store.manifest import RELATIONS

FOLDS = 5
MAX_SIZE = 3
OUT = Path(__file__).parent / "results" / "product-sets.json"
Best = dict[int, tuple[int, ...]]


def best_by_product(sets: Iterable[tuple[tuple[int, ...], float]]) -> Best:
    """The first set of each product, by descending value."""
    best: Best = {}
    for rows, _ in sorted(sets, key=lambda one: (-one[1], one[0])):
        for row in rows:
            best.setdefault(row, rows)
    return best


def methods(bundle: Bundle) -> dict[str, Best]:
    """Method -> product -> its set."""
    graph = load_graph(bundle.folder / RELATIONS, len(bundle))
    joint = JointBaskets.of_graph(graph)
    assert joint is not None
    assert graph.baskets is not None
    together = (graph.baskets.T @ graph.baskets).tocsr()

    def partners(row: int) -> npt.NDArray[np.int32]:
        found = together.indices[together.indptr[row] : together.indptr[row + 1]]
        return found[found != row].astype(np.int32)

    def counted(size: int) -> list[tuple[tuple[int, ...], int]]:
        limits = SearchLimits(size, 1, lambda rows: True)
        found = find_sets(joint, np.flatnonzero(joint.counts).tolist(), partners, limits)
        return [(one.rows, one.baskets) for one in found]

    def proposed(per_type: int | None) -> Best:
        limits = OfferLimits(max_size=MAX_SIZE, min_baskets=1, per_type=per_type)
        _, found = search_sets(bundle, limits)
        absorbed = absorbing_sets(found)
        listed = [one.rows for one in found if one.rows not in absorbed]
        return best_by_product((rows, -place) for place, rows in enumerate(listed))

    def models(row: int) -> tuple[int, ...]:
        return (row, *bundle.top_k_lists.for_product(row, bundle.k)[0][:2].tolist())

    return {
        "goeswith bundles": proposed(None),
        "goeswith bundles, one of a type": proposed(1),
        "frequent itemsets": best_by_product(counted(MAX_SIZE)),
        "pairs": best_by_product(counted(2)),
        "first two complements": {row: models(row) for row in np.flatnonzero(joint.counts)},
    }


def measure(folder: Path) -> dict[str, object]:
    products = pl.read_parquet(folder / "products.parquet")
    bundles = pl.read_parquet(folder / "bundles.parquet")
    fold = bundles["session_id"].map_elements(lambda s: crc32(s.encode()) % FOLDS, pl.Int64)
    bundles = bundles.with_columns(fold=fold)
    totals: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for number in range(FOLDS):
        train = bundles.filter(pl.col("fold") != number)
        test = bundles.filter(pl.col("fold") == number)
        events = train.select(
            basket_id="bundle_id", product_id="product_id", event=pl.lit("purchase")
        )
        with tempfile.TemporaryDirectory() as out:
            data = Dataset.from_frames(products=products, events=events)
            settings = Settings(fit=FitSettings(model="copurchase", k=10))
            fit_bundle(data, Path(out) / "bundle", settings)
            bundle = Bundle.open(Path(out) / "bundle")
            found = methods(bundle)
            for _, members in test.group_by("bundle_id"):
                rows = {bundle.products.find(one) for one in members["product_id"]} - {None}
                for seed in rows:
                    for name, best in found.items():
                        proposed = set(best.get(seed, ()))
                        hit = bool((proposed & rows) - {seed})
                        jaccard = len(proposed & rows) / len(proposed | rows)
                        totals[name].append((hit, jaccard, bool(proposed)))
    return {
        name: {
            "hit": round(float(np.mean([one[0] for one in values])), 4),
            "jaccard": round(float(np.mean([one[1] for one in values])), 4),
            "coverage": round(float(np.mean([one[2] for one in values])), 4),
            "hit_where_proposed": round(
                float(np.sum([one[0] for one in values]) / max(1, sum(one[2] for one in values))),
                4,
            ),
            "queries": len(values),
        }
        for name, values in totals.items()
    }


if __name__ == "__main__":
    results = {Path(folder).name: measure(Path(folder)) for folder in sys.argv[1:]}
    OUT.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))
