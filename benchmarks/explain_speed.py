"""How fast answers of a bundle are explained, checks and further tries included.

    OMP_NUM_THREADS=2 python benchmarks/explain_speed.py BUNDLE --explainers FOLDER ...

The first three answers of some products; `hours_for_10_000_products` is for their first three.
"""

from __future__ import annotations

import argparse
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.atomic_files import write_json
from goeswith.query.bundle import Bundle
from goeswith.text.explain_pairs import explain_pairs
from goeswith.text.explanation import Explainer, ProductPair
from goeswith.text.local_explainer import LocalExplainer

RESULTS = Path(__file__).parent / "results"
TOP = 3


def pairs_of(bundle: Bundle, products: int) -> list[ProductPair]:
    """The first answers of products drawn at random."""
    rows = np.random.default_rng(0).permutation(len(bundle))[:products].tolist()
    found: list[ProductPair] = []
    for row in rows:
        targets, _, origin = bundle.top_k_lists.for_product(row, TOP)
        evidence = bundle.pair_evidence(row, targets, origin.astype(np.int32))
        found += [
            ProductPair(bundle.table.attributes(row), bundle.table.attributes(target), known)
            for target, known in zip(targets.tolist(), evidence, strict=True)
        ]
    return found


def speed(pairs: list[ProductPair], explainer: Explainer | None) -> dict[str, float]:
    """Pairs a second by the clock, and what the processor worked for it."""
    started, worked = time.perf_counter(), time.process_time()
    found = explain_pairs(pairs, explainer)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    return {
        "pairs": len(pairs),
        "pairs_a_second": len(pairs) / seconds,
        "processor_seconds": worked,
        "seconds": seconds,
        "by_template": sum(one.by == "template" for one in found) / len(pairs),
        "tries_a_pair": sum(one.tries for one in found) / len(pairs),
        "hours_for_10_000_products": 10_000 * TOP * seconds / len(pairs) / 3600,
        "processor_hours_for_10_000_products": 10_000 * TOP * worked / len(pairs) / 3600,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--explainers", nargs="*", default=[])
    parser.add_argument("--products", type=int, default=100)
    options = parser.parse_args()
    bundle = Bundle.open(options.bundle)
    names = [Path(name).name for name in options.explainers]
    results: dict[str, Any] = {
        "command": "OMP_NUM_THREADS=2 python benchmarks/explain_speed.py BUNDLE --explainers "
        + f"{' '.join(names)} --products {options.products}",
        "data": bundle.manifest["data"]["name"],
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "template": speed(pairs_of(bundle, 1000), None),
    }
    pairs = pairs_of(bundle, options.products)
    for name in options.explainers:
        explainer = LocalExplainer(name)
        explainer.write(pairs[:8], 0)  # the first use is slower
        results[Path(name).name] = speed(pairs, explainer)
        print(name, results[Path(name).name], flush=True)
    write_json(results, RESULTS / "explain-speed.json")


if __name__ == "__main__":
    main()
