"""The ten best of every product by goeswith and by libraries of item-to-item neighbours.

What `item_to_item.py` runs, each in a process of its own. All take the same columns: `basket` and
`product` (int32, each product once a basket), and `log`, the path of a parquet file of integers
with views too, as `mine_table` reads it. All leave an array (n, K) of rows, best first, -1 in
places without an answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

K = 10


def matrix(columns: Any, n: int, kind: Any) -> Any:
    """(baskets, n) which basket holds which product."""
    from scipy import sparse

    basket, product = columns["basket"], columns["product"]
    ones = np.ones(len(basket), dtype=kind)
    return sparse.csr_matrix((ones, (basket, product)), shape=(int(basket.max()) + 1, n))


def pairs(columns: Any, n: int, least: int) -> Any:
    """The relation of goeswith of products in one basket, both ways round."""
    from goeswith.relations.edge_counts import edge_counts
    from goeswith.relations.pair_counts import count_pairs
    from goeswith.relations.relation import Relation

    basket, product = columns["basket"], columns["product"]
    edges = edge_counts(count_pairs(basket, product, n, least), n, symmetric=True)
    held = np.bincount(product, minlength=n).astype(np.float64)
    return Relation(edges.count, edges.source_first, held, held, float(basket.max() + 1))


def best(weights: Any, n: int) -> Any:
    from goeswith.models.sparse_topk import sparse_top_k

    return sparse_top_k(weights, np.arange(n, dtype=np.int32), K, None)[0]


def goeswith_count(columns: Any, n: int) -> Any:
    return best(pairs(columns, n, 1).count, n)


def goeswith_cosine(columns: Any, n: int) -> Any:
    edges = pairs(columns, n, 1)
    held = edges.source_contexts
    root = np.sqrt(held[edges.sources] * held[edges.targets])
    return best(edges.weighted(edges.count.data / root), n)


def goeswith_llr(columns: Any, n: int) -> Any:
    edges = pairs(columns, n, 3)
    return best(edges.weighted(np.maximum(edges.measure("llr"), 0)), n)


def graph_of(columns: Any, n: int, least: int) -> Any:
    """Views and purchases mined; pairs of fewer than `least` baskets are left out."""
    from goeswith.relations.config import MiningConfig
    from goeswith.relations.engines import duckdb_engine
    from goeswith.relations.mine import mine_table

    config = MiningConfig(min_co_purchase=least)
    with duckdb_engine(config.memory_mb) as engine:
        return mine_table(engine.read(str(columns["log"])), n, engine, config)


def by_model(name: str, least: int = 3) -> Any:
    def work(columns: Any, n: int) -> Any:
        import polars as pl

        from goeswith.data.catalog import Catalog
        from goeswith.models import make_model

        catalog = Catalog(pl.DataFrame({"product_id": np.arange(n).astype(str)}))
        model = make_model(name, {}).fit(catalog, graph_of(columns, n, least))
        return model.recommend(np.arange(n, dtype=np.int32), K)[0]

    return work


def implicit(name: str) -> Any:
    def work(columns: Any, n: int) -> Any:
        from implicit import nearest_neighbours

        model = getattr(nearest_neighbours, name)(K=K + 1, num_threads=1)
        model.fit(matrix(columns, n, np.float64), show_progress=False)
        found = model.similar_items(np.arange(n), N=K + 1)[0]
        return without_itself(found, n)

    return work


def without_itself(found: Any, n: int) -> Any:
    """(n, K) of (n, K + 1): the product itself taken out, places without an answer -1."""
    kept = np.full((n, K), -1, dtype=np.int32)
    other = (found != np.arange(n)[:, None]) & (found >= 0)
    other &= np.cumsum(other, axis=1) <= K
    row, place = np.nonzero(other)
    kept[row, np.cumsum(other, axis=1)[row, place] - 1] = found[row, place]
    return kept


def rectools(columns: Any, n: int) -> Any:
    import pandas as pd
    from implicit.nearest_neighbours import CosineRecommender
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import ImplicitItemKNNWrapperModel

    frame = pd.DataFrame({Columns.User: columns["basket"], Columns.Item: columns["product"]})
    frame[Columns.Weight], frame[Columns.Datetime] = 1.0, pd.Timestamp("2026-01-01")
    dataset = Dataset.construct(frame)
    model = ImplicitItemKNNWrapperModel(CosineRecommender(K=K + 1, num_threads=1))
    model.fit(dataset)
    found = model.recommend_to_items(frame[Columns.Item].unique(), dataset, K)
    kept = np.full((n, K), -1, dtype=np.int32)
    kept[found[Columns.TargetItem], found[Columns.Rank] - 1] = found[Columns.Item]
    return kept


def lenskit(columns: Any, n: int) -> Any:
    import pandas as pd
    from lenskit.data import from_interactions_df
    from lenskit.knn import ItemKNNScorer

    frame = pd.DataFrame({"user_id": columns["basket"], "item_id": columns["product"]})
    model = ItemKNNScorer(max_nbrs=K, save_nbrs=K, min_sim=1e-9, feedback="implicit")
    model.train(from_interactions_df(frame))
    near, ids = model.sim_matrix.to_scipy().tocsr(), model.items.ids()
    kept = np.full((n, K), -1, dtype=np.int32)
    for row, start, end in zip(ids, near.indptr, near.indptr[1:], strict=False):
        order = np.argsort(-near.data[start:end], kind="stable")[:K]
        kept[row, : len(order)] = ids[near.indices[start:end][order]]
    return kept


def rusket(method: str) -> Any:
    def work(columns: Any, n: int) -> Any:
        import os

        os.environ["RAYON_NUM_THREADS"] = "1"
        from rusket import ItemKNN

        model = ItemKNN(method, k=K + 1).fit(matrix(columns, n, np.float32))
        found = np.full((n, K + 1), -1, dtype=np.int32)
        for row, (start, end) in enumerate(zip(model.w_indptr, model.w_indptr[1:], strict=False)):
            order = start + np.argsort(-model.w_data[start:end], kind="stable")
            found[row, : end - start] = model.w_indices[order]
        return without_itself(found, n)

    return work


OURS = {
    "goeswith, pairs, count": goeswith_count,
    "goeswith, pairs, cosine": goeswith_cosine,
    "goeswith, pairs of 3 baskets, llr": goeswith_llr,
    "goeswith, complement signal (copurchase)": by_model("copurchase"),
    "– of pairs of one basket": by_model("copurchase", 1),
    "goeswith, two hops of it (cocitation)": by_model("cocitation"),
    "– of pairs of one basket, two hops": by_model("cocitation", 1),
}
PEERS = {
    "implicit, ItemItemRecommender": implicit("ItemItemRecommender"),
    "implicit, CosineRecommender": implicit("CosineRecommender"),
    "implicit, BM25Recommender": implicit("BM25Recommender"),
    "rectools, cosine of implicit": rectools,
    "lenskit, ItemKNNScorer": lenskit,
    "rusket, ItemKNN, count": rusket("count"),
    "rusket, ItemKNN, cosine": rusket("cosine"),
}
