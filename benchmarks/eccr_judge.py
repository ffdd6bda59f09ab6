"""The relation judge on what each model shows: `python benchmarks/eccr_judge.py JUDGE WORK DATA`.

JUDGE is the folder of a relevance model of pairs of products (docs/models/salam.md). It reads type
and categories, which it was trained on. Of the first 50 test sources of seed 0, what each model
shows and what re-ranking chooses from is judged, and left in WORK for `eccr.py report`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.language.salam.judge import Judge
from goeswith.text.product_text import product_texts

SOURCES = 50
SHOWN = ("raw co-purchase", "copurchase", "p_companion", "daemon", "ranker")


def main(folder: Path, work: Path, data: Path) -> None:
    judge = Judge(folder)
    for case in ("bundles-clothing-0", "bundles-electronic-0"):
        catalog = load_data(data / case.rpartition("-")[0]).catalog
        texts = np.array(product_texts(Catalog(catalog.frame.drop("title"))), dtype=object)
        kept = np.load(work / f"{case}-kept.npz")
        queries = np.load(work / f"{case}.npz")["slate_sources"][:SOURCES]
        tops = {model: kept[f"top|{model}"][:SOURCES, :5] for model in SHOWN}
        top_lists = [*tops.values(), kept["top|ranker"][:SOURCES, :10]]
        pairs = sorted(
            {
                (int(q), int(t))
                for top in top_lists
                for q, row in zip(queries, top, strict=True)
                for t in row
                if t >= 0
            }
        )
        one, other = np.array(pairs).T
        said = judge.texts(texts[one].tolist(), texts[other].tolist())
        np.savez(work / f"{case}-judged.npz", source=one, target=other, said=said)
        print(case, len(pairs), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
