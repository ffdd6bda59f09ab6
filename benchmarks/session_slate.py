"""What a session's order adds to the slate: `python benchmarks/session_slate.py DATA`.

Of later baskets with three known products or more, the last product is to be found from those
before it, in their order. Everything is fitted on earlier events: complements, whose answers a
basket fuses; models of the next product; and both, fused as `Bundle.session` does. The settings of
the fusion are chosen on the last fifth of the earlier events, with everything fitted on what is
before that; a ranker of trees (LambdaRank) learns from the same part. Where there are no baskets,
what a user bought after the moment is one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goeswith.core.arrays import Rows, top_k
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.evaluation.splits import time_split
from goeswith.models.registry import model_name
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import MAX_BASKET, Bundle
from goeswith.query.select import Candidates, ResolvedConstraints
from goeswith.query.session import (
    RANK_CONSTANT,
    RECENCY,
    SESSION_WEIGHT,
    fuse_rankings,
    session_complements,
)
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.sequences import Sequences, sequences_from_events
from goeswith.settings.sections import FitSettings, Settings

RESULTS = Path(__file__).parent / "results"
COMPLEMENTS = ("copurchase:measure=llr", "ranker:folds=1,sources=1000")
NEXT = ("successors", "item_knn", "item_knn:window=20", "session_knn", "mixture")
RECENCIES = (1.0, 0.3, 0.1)
CONSTANTS = (10,)
WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9)
MOST = 3000


@dataclass
class Tests:
    """Prefixes, and the product that came last."""

    prefixes: list[list[int]]
    targets: Rows


def tests_of(events: pl.DataFrame, known: np.ndarray, seed: int) -> Tests:
    """Baskets, else users, of three distinct known products or more; at most `MOST`, drawn."""
    events = events.filter(pl.Series(known[events["product"].to_numpy()]))
    if "basket_id" in events.columns:
        events = events.drop("session_id", "user_id", strict=False)
    runs, _ = sequences_from_events(events)
    rows = [list(dict.fromkeys(run.tolist())) for run in runs]
    rows = [row for row in rows if len(row) >= 3]
    drawn = np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST])
    prefixes = [rows[i][:-1][-MAX_BASKET:] for i in drawn]
    return Tests(prefixes, np.array([rows[i][-1] for i in drawn], dtype=np.int32))


def places(rankings: list[Rows], targets: Rows) -> np.ndarray:
    """(t,) place of each target, from 1; 0 where it is not ranked."""
    found = [np.flatnonzero(row == target) for row, target in zip(rankings, targets, strict=True)]
    return np.array([at[0] + 1 if len(at) else 0 for at in found])


def measured(at: np.ndarray) -> dict[str, float]:
    """hit@10 and mrr@20, each with the standard error of its mean."""
    figures: dict[str, float] = {}
    for name, values in per_test(at).items():
        figures[name] = round(float(values.mean()), 4)
        figures[f"{name} error"] = round(float(values.std() / np.sqrt(len(values))), 4)
    return figures


def per_test(at: np.ndarray) -> dict[str, np.ndarray]:
    within = at > 0
    return {
        "hit@10": (within & (at <= 10)).astype(float),
        "mrr@20": np.where(within & (at <= 20), 1 / np.maximum(at, 1), 0.0),
    }


def gain(one: np.ndarray, other: np.ndarray) -> dict[str, list[float]]:
    """Difference of two rankings test by test: the mean, and its 95 % interval."""
    found = {}
    for name, values in per_test(one).items():
        apart = values - per_test(other)[name]
        error = 1.96 * apart.std() / np.sqrt(len(apart))
        found[name] = [round(float(apart.mean() + step), 4) for step in (0, -error, error)]
    return found


@dataclass
class Part:
    """What was fitted on some events, asked about the baskets after them."""

    tests: Tests
    slates: dict[tuple[str, float], list[Candidates]]
    likeliest: dict[str, list[Rows]]
    scores: dict[str, list[np.ndarray]]
    popularity: np.ndarray


def part_of(data: Dataset, train: pl.DataFrame, later: pl.DataFrame, seed: int) -> Part:
    known = np.zeros(len(data.catalog), dtype=bool)
    known[train["product"].to_numpy()] = True
    tests = tests_of(later, known, seed)
    slates: dict[tuple[str, float], list[Candidates]] = {}
    likeliest: dict[str, list[Rows]] = {}
    scored: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for spec in COMPLEMENTS:
            out = Path(folder) / model_name(spec)
            fit = FitSettings(model=spec, session_model="none")
            fit_bundle(replace(data, events=train, relations=None), out, Settings(fit=fit))
            bundle = Bundle.open(out)
            wanted = [
                ResolvedConstraints.from_constraints(bundle, None, prefix)
                for prefix in tests.prefixes
            ]
            for recency in RECENCIES:
                slates[spec, recency] = [
                    session_complements(bundle, prefix, request, 1, recency)
                    for prefix, request in zip(tests.prefixes, wanted, strict=True)
                ]
    sequences, _ = sequences_from_events(train)
    prefixes = Sequences.from_rows(tests.prefixes)
    for spec in NEXT:
        model = SESSION_MODELS.make(spec).fit(data.catalog, sequences)
        found, start = [], 0
        for block in model.in_blocks(prefixes):
            scores = model.score(block)
            for row, request in zip(scores, wanted[start : start + len(block)], strict=True):
                row[~request.allowed] = -np.inf
            rows, best = top_k(scores, bundle.k)
            found += [(r[r >= 0], s[r >= 0]) for r, s in zip(rows, best, strict=True)]
            start += len(block)
        likeliest[spec] = [rows for rows, _ in found]
        scored[spec] = [best for _, best in found]
    popularity = np.log1p(np.bincount(train["product"], minlength=len(data.catalog)))
    return Part(tests, slates, likeliest, scored, popularity)


def fused(part: Part, spec: str, model: str, setting: tuple[float, float, float]) -> np.ndarray:
    """Places of the targets in the rankings of both."""
    recency, constant, weight = setting
    pairs = zip(part.likeliest[model], part.slates[spec, recency], strict=True)
    rankings = [fuse_rankings(row, slate, weight, constant).products for row, slate in pairs]
    return places(rankings, part.tests.targets)


def grid_of(part: Part, spec: str, model: str) -> dict[tuple[float, float, float], float]:
    """mrr@20 of every recency, constant and weight."""
    grid = itertools.product(RECENCIES[1:], CONSTANTS, WEIGHTS)
    return {s: measured(fused(part, spec, model, s))["mrr@20"] for s in grid}


def columns(part: Part, spec: str, model: str) -> tuple[list[Rows], np.ndarray]:
    """Candidates of each test, and what a ranker reads of them, one below the other."""
    candidates, read = [], []
    lists = zip(
        part.likeliest[model],
        part.scores[model],
        part.slates[spec, RECENCY],
        part.tests.prefixes,
        strict=True,
    )
    for rows, scores, slate, prefix in lists:
        here = np.unique(np.concatenate([rows, slate.products]))
        values = np.full((len(here), 7), np.nan)
        at, beside = np.searchsorted(here, rows), np.searchsorted(here, slate.products)
        values[at, 0], values[at, 1] = np.arange(len(rows)), scores
        values[at, 2] = scores / scores.max(initial=1e-9)
        values[beside, 3], values[beside, 4] = np.arange(len(slate.products)), slate.scores
        values[:, 5], values[:, 6] = part.popularity[here], len(prefix)
        candidates.append(here)
        read.append(values)
    return candidates, np.concatenate(read)


def by_trees(held: Part, test: Part, spec: str, model: str, seed: int) -> np.ndarray:
    """Places of the targets by LambdaRank, learned on the earlier part's tests."""
    import lightgbm

    candidates, read = columns(held, spec, model)
    pairs = zip(candidates, held.tests.targets, strict=True)
    labels = np.concatenate([rows == target for rows, target in pairs])
    settings = {
        "objective": "lambdarank",
        "num_leaves": 15,
        "learning_rate": 0.05,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "deterministic": True,
        "verbosity": -1,
        "seed": seed,
    }
    data = lightgbm.Dataset(read, labels.astype(np.float32), group=[len(c) for c in candidates])
    trees = lightgbm.train(settings, data, 120)
    candidates, read = columns(test, spec, model)
    scores = np.split(trees.predict(read), np.cumsum([len(c) for c in candidates])[:-1])
    ranked = [c[np.argsort(-s, kind="stable")] for c, s in zip(candidates, scores, strict=True)]
    return places(ranked, test.tests.targets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of tables with events in baskets")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data = load_data(given.data)
    assert data.events is not None
    earlier, later = time_split(data.events, 0.2)
    before, after = time_split(earlier, 0.2)
    held = part_of(data, before, after, given.seed)
    test = part_of(data, earlier, later, given.seed)
    alone: dict[str, np.ndarray] = {}
    for spec, recency in test.slates:
        found = [slate.products for slate in test.slates[spec, recency]]
        name = "basket" if recency == 1 else f"newest first, recency {recency}"
        alone[f"{spec}, {name}"] = places(found, test.tests.targets)
    for model in NEXT:
        alone[model] = places(test.likeliest[model], test.tests.targets)
    together: list[dict[str, Any]] = []
    chosen_on: list[dict[str, Any]] = []
    ranked: list[dict[str, Any]] = []
    shipped = (RECENCY, RANK_CONSTANT, SESSION_WEIGHT)
    for spec, model in itertools.product(COMPLEMENTS, NEXT):
        grid = grid_of(held, spec, model)
        best = max(grid, key=lambda setting: grid[setting])
        alone_then = measured(places(held.likeliest[model], held.tests.targets))
        chosen_on.append(
            {
                "complements": spec,
                "session_model": model,
                "session model alone": alone_then["mrr@20"],
                "mrr@20": {" ".join(map(str, setting)): mrr for setting, mrr in grid.items()},
            }
        )
        trees = by_trees(held, test, spec, model, given.seed)
        shipped_places = fused(test, spec, model, shipped)
        ranked.append(
            {
                "complements": spec,
                "session_model": model,
                **measured(trees),
                "over the session model": gain(trees, alone[model]),
                "over both, as shipped": gain(trees, shipped_places),
            }
        )
        print(spec, model, "lambdarank", measured(trees), flush=True)
        for how, setting in (("chosen on the earlier part", best), ("as shipped", shipped)):
            at = fused(test, spec, model, setting)
            slate_at = alone[f"{spec}, newest first, recency {setting[0]}"]
            together.append(
                {
                    "complements": spec,
                    "session_model": model,
                    "settings": how,
                    **dict(zip(("recency", "constant", "weight"), setting, strict=True)),
                    "on the earlier part": measured(fused(held, spec, model, setting)),
                    **measured(at),
                    "over the session model": gain(at, alone[model]),
                    "over the slate, newest first": gain(at, slate_at),
                    "over the basket": gain(at, alone[f"{spec}, basket"]),
                }
            )
            print(spec, model, how, setting, measured(at), flush=True)
    result = {
        "data": data.name,
        "seed": given.seed,
        "tests": {"earlier part": len(held.tests.targets), "test": len(test.tests.targets)},
        "alone": {name: measured(at) for name, at in alone.items()},
        "both": together,
        "earlier part, by recency, constant and weight": chosen_on,
        "lambdarank": ranked,
    }
    out = RESULTS / f"session-slate-{data.name}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, at in alone.items():
        print(name, measured(at))


if __name__ == "__main__":
    main()
