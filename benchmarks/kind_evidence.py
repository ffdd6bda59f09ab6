"""What counts say of labelled pairs of one kind: `python benchmarks/kind_evidence.py JUDGED DATA`.

Products of one kind, or of kinds that replace each other, are never recommended together, however
often they are bought together. Counted here is how many labelled pairs of this sort are complements
and how many are look-alikes, from each lower bound of the lift upwards. JUDGED holds the labels and
DATA a folder of tables for each set. Figures go to benchmarks/results/kind-evidence.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.kinds.catalog_kinds import tag_catalog
from goeswith.kinds.table_reader import load_table
from goeswith.relations.build_graph import build_graph
from goeswith.relations.relation import CO_PURCHASE

RESULT: Final = Path(__file__).parent / "results" / "kind-evidence.json"
SETS: Final = ("online-retail", "complete-journey", "amazon-office", "bundles-electronic")
BOUNDS: Final = (0.0, 1.5, 3.0, 6.0, 12.0, 20.0)
"""Lower 95 % bounds of the lift."""
MIN_CONTEXTS: Final = 10


def pairs_of_one_kind(judged: Path, data: Path) -> pl.DataFrame:
    """complement, substitute, contexts and lower (bound of the lift) of one set."""
    pairs = pl.read_parquet(judged)
    dataset = load_data(data, max_bad_share=1)
    catalog, bought = dataset.catalog, build_graph(dataset)[CO_PURCHASE]
    source, target = (catalog.rows(pairs[end]) for end in ("source", "target"))
    rows = np.unique(np.concatenate([source, target]))
    rows = rows[rows >= 0]
    tags = tag_catalog(Catalog(catalog.frame[rows.tolist()]))
    kinds = dict(zip(rows.tolist(), (tag.kind for tag in tags), strict=True))
    table, lower = load_table(), bought.count.astype(np.float64)
    lower.data = np.exp(bought.measure("pmi_lower")) if bought.counted else lower.data * 0
    seen = bought.weighted(bought.times_seen) if bought.counted else bought.count * 0
    ends = zip(source.tolist(), target.tolist(), strict=True)
    of_pairs = [(kinds.get(one), kinds.get(other)) for one, other in ends]
    held = pairs.with_columns(
        contexts=pl.Series(np.asarray(seen[source, target]).ravel()),
        lower=pl.Series(np.asarray(lower[source, target]).ravel()),
        one_kind=pl.Series(
            [bool(a and b and (a == b or table.replaces(a, b))) for a, b in of_pairs]
        ),
    )
    return held.filter("one_kind").select("complement", "substitute", "contexts", "lower")


def figures(pairs: pl.DataFrame) -> dict[str, Any]:
    """Number of pairs, complements and look-alikes: of all, and of those with evidence."""

    def counts(part: pl.DataFrame) -> dict[str, int]:
        sums = part.select("complement", "substitute").cast(pl.Int64).sum().row(0)
        return {"pairs": part.height, "complements": sums[0], "look-alikes": sums[1]}

    often = pairs.filter(pl.col("contexts") >= MIN_CONTEXTS)
    by_bound = {f"{bound:g}": counts(often.filter(pl.col("lower") > bound)) for bound in BOUNDS}
    return {"all": counts(pairs), "by lower bound of the lift": by_bound}


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("judged", type=Path)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    of_sets = {
        name: pairs_of_one_kind(options.judged / f"{name}.parquet", options.data / name)
        for name in SETS
    }
    found = {name: figures(pairs) for name, pairs in of_sets.items()}
    found["together"] = figures(pl.concat(of_sets.values()))
    write_json({"contexts": MIN_CONTEXTS, **found}, RESULT)
    print(found["together"])


if __name__ == "__main__":
    main()
