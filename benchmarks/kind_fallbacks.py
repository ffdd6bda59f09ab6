"""Fallback models behind product kinds on held-out baskets: `python benchmarks/kind_fallbacks.py`.

    python benchmarks/kind_fallbacks.py [DATA]

The last fifth of the time is held out. Each chain is `knowledge_ranker`, `kinds`, the models that
are compared, and the usual fallback models; truth is what was bought together in held-out baskets.
Processor seconds are of fitting and precomputing the chain.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from goeswith.models.base import Recommender
    from goeswith.relations.graph import RelationGraph

RESULT: Final = Path(__file__).parent / "results" / "kind-fallbacks.json"
DATA: Final = Path(__file__).parents[2] / "shared" / "data" / "online-retail"
CHAINS: Final = (["basket_ranker"], ["copurchase", "cocitation"])
K: Final = 50


def bought_with(events: Any, n: int) -> Any:
    """(n, n) CSR: products of one basket."""
    from goeswith.relations.baskets.basket_matrix import basket_matrix, with_baskets

    held = basket_matrix(with_baskets(events), n, 100)
    pairs = (held.T @ held).tocsr()
    pairs.setdiag(0)
    pairs.eliminate_zeros()
    return pairs


def measure(products: Any, truth: Any) -> dict[str, float]:
    """nDCG@10 and recall@50 over the products that have a truth."""
    gains = 1 / np.log2(np.arange(2, 12))
    ndcg, recall = [], []
    for row in np.flatnonzero(np.diff(truth.indptr)):
        right = truth.indices[truth.indptr[row] : truth.indptr[row + 1]]
        found = np.isin(products[row], right)
        ndcg.append((found[:10] * gains).sum() / gains[: len(right)].sum())
        recall.append(found.sum() / min(K, len(right)))
    return {"ndcg_at_10": float(np.mean(ndcg)), "recall_at_50": float(np.mean(recall))}


def main() -> None:
    from goeswith.data.folder import load_data
    from goeswith.evaluation.splits import time_split
    from goeswith.models import make_model
    from goeswith.pipeline.fit_progress import FitProgress
    from goeswith.pipeline.kind_tags import tag_products
    from goeswith.pipeline.precompute import precompute
    from goeswith.relations.mine import mine
    from goeswith.settings.sections import FitSettings, KindSettings

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    given = parser.parse_args()
    data, kinds = tag_products(load_data(given.data), KindSettings())
    if data.events is None:
        raise SystemExit("the data have no events")
    train, test = time_split(data.events, 0.2)
    n = len(data.catalog)
    graph: RelationGraph = mine(train, n)
    truth = bought_with(test, n)

    def fitted(spec: str) -> Recommender:
        return make_model(spec, {}).fit(data.catalog, graph)

    result: dict[str, Any] = {"data": given.data.name}
    for compared in CHAINS:
        specs = ["knowledge_ranker", "kinds", *compared, *FitSettings().fallbacks]
        started = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            table = precompute(
                specs,
                fitted,
                data.catalog,
                graph,
                FitProgress(n, len(specs), None),
                build=Path(folder),
                k=K,
                by_kinds=kinds["exclude"],
            )
        places = [table.models.index(spec) for spec in compared]
        filled = table.products >= 0
        result[", ".join(compared)] = {
            "processor_seconds": round(time.process_time() - started, 1),
            "share_of_ranks": float(np.isin(table.model_index[filled], places).mean()),
            **measure(table.products, truth),
        }
    text = json.dumps(result, indent=2)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
