"""How many questions until the wanted product is among three: a simulation.

`python benchmarks/clarifying_questions.py DATA -o FILE` fits a bundle on the catalogue of a data
set with bundles that people made (BundleRec). Of every bundle, one product is looked at and another
one is wanted, which is among the stored recommendations of the first but not its first three.
The shopper answers truthfully; a question that has no answer for the wanted product changes
nothing. Compared are the question that divides best, and one about a random attribute.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.data.folder import load_data
from goeswith.facts.filters import match_rows, parse_filter
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.questions.attribute_splits import attribute_splits
from goeswith.query.questions.split import Split
from goeswith.settings.sections import Settings

SHOWN: Final = 3
MAX_QUESTIONS: Final = 4
Choose: TypeAlias = Callable[[list[Split], np.ndarray], Split | None]


def best_split(splits: list[Split], chances: np.ndarray) -> Split | None:
    """The split that the product puts."""
    return max(splits, key=lambda split: split.gain(chances), default=None)


def random_split(rng: np.random.Generator) -> Choose:
    """A split of a random attribute."""
    return lambda splits, _: splits[int(rng.integers(len(splits)))] if splits else None


def ranks(frame: pl.DataFrame, wanted: str, choose: Choose, rng: np.random.Generator) -> list[int]:
    """Rank of the wanted product after 0, 1, ... questions.

    Args:
        frame: the catalogue's rows of the recommendations, best first.
        wanted: id of one of them.
        choose: which question is put.
        rng: draws among several answers that are true.
    """
    found, put = [], set()
    for _ in range(MAX_QUESTIONS + 1):
        place = frame["product_id"].to_list().index(wanted)
        found.append(place + 1)
        chances = 1 / np.arange(1.0, frame.height + 1)
        chances /= chances.sum()
        splits = [
            split
            for split in attribute_splits(frame, chances)
            if split.attribute not in put and split.gain(chances) > 0
        ]
        split = choose(splits, chances) if place >= SHOWN else None
        if split is None:
            continue
        put.add(split.attribute)
        true = np.flatnonzero(split.matches[place])
        where = split.filters[int(rng.choice(true))] if len(true) else split.others
        read = [parse_filter(str(condition)) for condition in where]
        frame = frame.filter(pl.Series(match_rows(frame, read)))
    return found


def cases(bundle: Bundle, data: Path, count: int, rng: np.random.Generator) -> list[Any]:
    """Recommendations and the wanted product, one case a bundle of people."""
    made = pl.read_parquet(data / "bundles.parquet").group_by("bundle_id", maintain_order=True)
    found = []
    table = bundle.table.frame
    for _, rows in made.agg("product_id").iter_rows():
        pairs = list(permutations(dict.fromkeys(rows), 2))
        for source, wanted in rng.permutation(np.array(pairs, dtype=object).reshape(-1, 2)):
            if bundle.products.find(source) is None or bundle.products.find(wanted) is None:
                continue
            shown = [hit.product_id for hit in bundle.lookup(source, bundle.k)]
            if wanted in shown[SHOWN:]:
                found.append((table[[bundle.products.row(one) for one in shown]], wanted))
                break
    order = rng.permutation(len(found))[:count]
    return [found[i] for i in order.tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder with products and bundles")
    parser.add_argument("--bundle", type=Path, help="where the fitted bundle is, or is stored")
    parser.add_argument("--cases", type=int, default=300, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    path = given.bundle or Path(tempfile.mkdtemp()) / "bundle"
    if not (path / "manifest.json").exists():
        fit_bundle(load_data(given.data), path, Settings())
    bundle = Bundle.open(path)
    rng = np.random.default_rng(given.seed)
    tests = cases(bundle, given.data, given.cases, rng)
    results = {}
    for name, choose in (("best", best_split), ("random", random_split(rng))):
        after = np.array([ranks(*case, choose, rng) for case in tests])
        in_first = after <= SHOWN
        results[name] = {
            "share in the first 3 after questions": [
                round(float(x), 3) for x in in_first.mean(axis=0)
            ],
            "median rank after questions": [float(x) for x in np.median(after, axis=0)],
            f"questions, {MAX_QUESTIONS + 1} if never": round(
                float(np.where(in_first.any(1), in_first.argmax(1), MAX_QUESTIONS + 1).mean()), 2
            ),
        }
        print(name, results[name], flush=True)
    about = {"data": given.data.name, "seed": given.seed, "cases": len(tests)}
    write_json({**about, "model": bundle.models[0], "results": results}, given.out)


if __name__ == "__main__":
    main()
