"""Quantisers side by side: `python benchmarks/eccr_codes.py DATA`, of bundles-electronic, seed 0.

Product2Vec vectors cut into three levels of 256 by residual k-means and by RQ-VAE, with last
numbers spread and not: collisions, use of the books, and how often the ten nearest of a product
(of 400, by 32 of 128 dimensions) have its first code. Into results/eccr-codes.json.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

from eccr_data import read, split
from goeswith.features.semantic_codes import Codes, codebook_use, collision_rate
from goeswith.language.eccr.item_tokens import CodeSettings, Quantiser, quantise
from goeswith.models.neural.product2vec import Product2Vec

RESULTS = Path(__file__).parent / "results"


def code_report(codes: Codes) -> dict[str, Any]:
    """Share of products that collide, and how evenly each level is used."""
    return {"collisions": round(collision_rate(codes), 5), "levels": codebook_use(codes)}


def main(data: Path) -> None:
    case = split(read(data / "bundles-electronic"), 0)
    vectors = Product2Vec().fit(case.pairs.catalog, case.train).encode(case.pairs.catalog)
    distance = ((vectors[:, None, :32] - vectors[None, :400, :32]) ** 2).sum(axis=2)
    np.fill_diagonal(distance[:400], np.inf)
    nearest = np.argsort(distance, axis=0)[:10].T
    table: dict[str, Any] = {}
    for quantiser in get_args(Quantiser):
        for spread in (False, True):
            started = time.perf_counter()
            codes = quantise(vectors, CodeSettings(quantiser, spread=spread))
            first = (codes[nearest, 0] == codes[:400, None, 0]).mean()
            table[f"{quantiser}, {'spread' if spread else 'plain'}"] = {
                **code_report(codes),
                "nearest_share_first": float(first),
                "seconds": round(time.perf_counter() - started, 1),
            }
    text = json.dumps({"command": f"python {Path(__file__).name} DATA", "results": table}, indent=1)
    (RESULTS / "eccr-codes.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
