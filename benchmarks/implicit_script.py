"""The shortest script that writes ten products a product with polars and implicit.

    python benchmarks/implicit_script.py EVENTS.parquet OUT.parquet

What `item_to_item.py` holds `goeswith fit` and `export` against: no quarantine, no directions, no
subtraction of alternatives, no fallback, no evidence, nothing that is served.
"""

import sys

import numpy as np
import polars as pl
from implicit.nearest_neighbours import CosineRecommender
from scipy.sparse import csr_matrix

bought = pl.read_parquet(sys.argv[1], columns=["basket_id", "product_id"]).drop_nulls().unique()
rows, names = [], []
for name in ("basket_id", "product_id"):
    names.append(bought[name].unique())
    rows.append(bought[name].cast(pl.Enum(names[-1])).to_physical().to_numpy())
ids = names[1]
model = CosineRecommender(K=11, num_threads=1)
model.fit(csr_matrix((np.ones(len(bought)), tuple(rows))), show_progress=False)
found, scores = model.similar_items(np.arange(len(ids)), N=11)
source = np.repeat(np.arange(len(ids)), 11).reshape(found.shape)
kept = (found >= 0) & (found != source)
kept &= np.cumsum(kept, axis=1) <= 10
pl.DataFrame(
    {
        "source_id": ids.gather(source[kept]),
        "target_id": ids.gather(found[kept]),
        "rank": np.cumsum(kept, axis=1)[kept],
        "score": scores[kept],
    }
).write_parquet(sys.argv[2])
