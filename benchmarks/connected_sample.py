"""Connected products of a data set with the relations between them, for what is slow on all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from goeswith.data.dataset import Dataset


def sampled_data(folder: Path, count: int, seed: int = 0) -> Dataset:
    """The data of a folder, of `count` connected products."""
    frames = (pl.read_parquet(folder / f"{table}.parquet") for table in ("products", "relations"))
    products, relations = connected_sample(*frames, count, seed)
    return Dataset.from_frames(products=products, relations=relations, name=folder.name)


def connected_sample(
    products: pl.DataFrame, relations: pl.DataFrame, count: int, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first `count` products of a walk in breadth along any relation, and those between them.

    Where a walk ends early, another begins at a product that is not reached yet.
    """
    ids = products["product_id"]
    row = pl.DataFrame({"product_id": ids, "row": np.arange(len(ids))})
    ends = [
        relations.join(row, left_on=side, right_on="product_id", how="left")["row"].to_numpy()
        for side in ("source", "target")
    ]
    graph = sparse.csr_matrix((np.ones(len(ends[0])), ends), shape=(len(ids), len(ids)))
    reached: dict[int, None] = {}
    for start in np.random.default_rng(seed).permutation(len(ids)):
        if len(reached) < count and int(start) not in reached:
            walk = sparse.csgraph.breadth_first_order(graph, start, False, False)
            reached |= dict.fromkeys(walk.tolist())
    chosen = ids.gather(np.sort(list(reached)[:count]))
    return (
        products.filter(pl.col("product_id").is_in(chosen.implode())),
        relations.filter(pl.all_horizontal(pl.col("source", "target").is_in(chosen.implode()))),
    )
