"""The relation judge on what each model shows: `python benchmarks/eccr_judge.py JUDGE WORK DATA`.

JUDGE is the folder of a relevance model of pairs of products (docs/models/salam.md). It reads type
and categories, which it was trained on. Of the first 50 test sources of seed 0: shares of the top
5 whose likeliest class is complement, substitute or irrelevant, into results/eccr-judged.json.
What it said of each pair is left in WORK, for the re-ranked slates.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from goeswith.data.catalog import Catalog
from goeswith.data.folder import load_data
from goeswith.language.salam.judge import JUDGED, Judge
from goeswith.language.text import product_texts

RESULTS = Path(__file__).parent / "results"
SOURCES = 50
SHOWN = ("raw co-purchase", "copurchase", "p_companion", "daemon", "ranker")


def main(folder: Path, work: Path, data: Path) -> None:
    judge = Judge(folder)
    table: dict[str, dict[str, dict[str, float]]] = {}
    for case in ("bundles-clothing-0", "bundles-electronic-0"):
        catalog = load_data(data / case.rpartition("-")[0]).catalog
        texts = np.array(product_texts(Catalog(catalog.frame.drop("title"))), dtype=object)
        kept = np.load(work / f"{case}-kept.npz")
        queries = np.load(work / f"{case}.npz")["slate_sources"][:SOURCES]
        tops = {model: kept[f"top|{model}"][:SOURCES, :5] for model in SHOWN}
        asked = [*tops.values(), kept["top|ranker"][:SOURCES, :10]]
        pairs = sorted(
            {
                (int(q), int(t))
                for top in asked
                for q, row in zip(queries, top, strict=True)
                for t in row
                if t >= 0
            }
        )
        one, other = np.array(pairs).T
        said = judge.texts(texts[one].tolist(), texts[other].tolist())
        np.savez(work / f"{case}-judged.npz", source=one, target=other, said=said)
        of = dict(zip(pairs, said.argmax(axis=1).tolist(), strict=True))
        table[case] = {}
        for model, top in tops.items():
            found = [
                of[int(q), int(t)]
                for q, row in zip(queries, top, strict=True)
                for t in row
                if t >= 0
            ]
            if found:
                shares = np.bincount(found, minlength=3) / len(found)
                table[case][model] = {
                    f"judge_{k}": float(s) for k, s in zip(JUDGED, shares, strict=True)
                }
        print(case, len(pairs), json.dumps(table[case]), flush=True)
    text = json.dumps(table, indent=1) + "\n"
    (RESULTS / "eccr-judged.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
