"""Time to an answer, from a bundle in this process: `python benchmarks/lookup.py BUNDLE`.

`lookup` gives ten ids, scores and models, `answers` the same with evidence and a sentence, for ids
drawn with a seed; a slate has a quota and diversity; a new product is known by attributes alone; a
session is answered where the bundle has a model for it.
Without BUNDLE one of random lists is made first, of `--products` products.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import timeit
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from goeswith.query.bundle import Bundle

RESULT = Path(__file__).parent / "results" / "lookup.json"


def made_up(folder: Path, products: int) -> Path:
    """A bundle of as many products of 50 types, ten random complements each."""
    import polars as pl

    from goeswith.data.folder import load_data
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import FitSettings, Settings

    rng = np.random.default_rng(0)
    data = folder / "synthetic"
    data.mkdir()
    types = rng.integers(0, 50, products)
    words = rng.integers(0, 500, (products, 4))
    pl.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(products)],
            "title": [" ".join(f"word{w}" for w in row) for row in words],
            "type": [f"type {t}" for t in types],
            "brand": [f"brand {b}" for b in rng.integers(0, 200, products)],
            "price": rng.uniform(1, 100, products).round(2),
        }
    ).write_parquet(data / "products.parquet")
    target = np.minimum(rng.pareto(1.0, 10 * products) * 20, products - 1).astype(int)
    pl.DataFrame(
        {
            "source": [f"p{i}" for i in np.repeat(np.arange(products), 10)],
            "target": [f"p{i}" for i in target],
            "relation": "co_purchase",
        }
    ).filter(pl.col("source") != pl.col("target")).write_parquet(data / "relations.parquet")
    fit_bundle(load_data(data), folder / "bundle", Settings(fit=FitSettings()))
    return folder / "bundle"


def microseconds(ask: object, number: int, repeats: int = 7) -> dict[str, float]:
    """Least and median time of one call, over `repeats` runs of `number` calls."""
    times = timeit.repeat(ask, number=number, repeat=repeats)  # type: ignore[arg-type]
    each = np.array(times) / number * 1e6
    return {"least": round(float(each.min()), 1), "median": round(float(np.median(each)), 1)}


def some_products(bundle: Bundle, count: int) -> list[dict[str, object]]:
    """Attributes of products as new ones, none a variant of what is there."""
    frame = bundle.table.frame
    kept = [name for name in ("title", "type", "brand", "categories") if name in frame.columns]
    rows = frame.select(kept).sample(count, seed=2).to_dicts()
    return [
        {**row, "title": f"{row['title'] or ''} neu"} if "title" in row else row for row in rows
    ]


def seconds_to_add(path: Path, bundle: Bundle, count: int) -> float:
    """Time to add products to a copy of a bundle, until it is published."""
    import polars as pl

    from goeswith.pipeline.updates.update_bundle import update_bundle

    new = [{"product_id": f"new-{i}", **row} for i, row in enumerate(some_products(bundle, count))]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(path, Path(folder) / "bundle"))
        pl.DataFrame(new, infer_schema_length=None).write_parquet(Path(folder) / "new.parquet")
        started = timeit.default_timer()
        update_bundle(copy, None, Path(folder) / "new.parquet")
        return round(timeit.default_timer() - started, 2)


def measure(path: Path) -> dict[str, object]:
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints

    started = timeit.default_timer()
    bundle = Bundle.open(path)
    opened = timeit.default_timer() - started
    rng = np.random.default_rng(1)
    ids = [bundle.products.ids[int(row)] for row in rng.integers(0, len(bundle), 1000)]
    every = iter(ids * 10_000)
    plain = microseconds(lambda: bundle.lookup(next(every), 10), 1000)
    answers = microseconds(lambda: bundle.complements(next(every), 10), 500)
    baskets = microseconds(lambda: bundle.basket([next(every) for _ in range(3)], 10), 200)
    quotas = Constraints(per_type=2, diversity=0.3)
    slates = microseconds(lambda: bundle.complements(next(every), 10, quotas), 200)
    products = some_products(bundle, 50)
    started = timeit.default_timer()
    bundle.complements_of_new(products[0], 10)
    first = timeit.default_timer() - started
    more = iter(products * 100)
    again = microseconds(lambda: bundle.complements_of_new(next(more), 10), 20, repeats=5)
    sessions = {}
    if bundle.session_model is not None:
        bundle.session([next(every)], 10)  # the model is opened when it is first asked
        sessions["session_of_three_us"] = microseconds(
            lambda: bundle.session([next(every) for _ in range(3)], 10), 100
        )
    return {
        "products": len(bundle),
        "answers_kept": bundle.k,
        "models": bundle.models,
        "open_ms": round(opened * 1000, 2),
        "lookup_us": plain,
        "answers_us": answers,
        "slate_us": slates,
        "basket_of_three_us": baskets,
        **sessions,
        "session_model": bundle.session_model,
        "new_product": {"first_ms": round(first * 1000, 1), "again_us": again},
        "add_seconds": {str(count): seconds_to_add(path, bundle, count) for count in (1, 100)},
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_at_the_end": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", nargs="?", type=Path, help="a bundle [a synthetic one]")
    parser.add_argument("--products", type=int, default=10_000, help="of the synthetic bundle")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = given.bundle is None
        path = made_up(Path(folder), given.products) if made else given.bundle
        result = {"data": "synthetic" if made else given.bundle.name, **measure(path)}
    text = json.dumps(result, indent=2)
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
