"""The language model of benchmarks/eccr.py on one core: one data set, one seed, a cut plan.

    python benchmarks/eccr_cpu.py WORK PACKED OUT

WORK and PACKED are what `eccr.py prepare` and `pack` leave. The whole model, titles of 12 tokens,
50 steps of 8 lists of 8 and a subset of the test lists: a quarter of an hour where the whole
benchmark is for a GPU. That is too little to learn from, which is what it shows. Every row of its
table, baselines too, is of that subset.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eccr_train import VARIANTS, Case, _backbone, _model, all_of, list_scores, ragged
from goeswith.language.eccr.attack import STRATEGIC, random_search
from goeswith.language.eccr.lists import Lists
from goeswith.language.eccr.prompts import Prompts, Ragged, code_ids
from goeswith.language.eccr.torch_backbone import Backbone
from goeswith.language.eccr.torch_training import Plan, train, with_tail

NAME = "bundles-clothing-0"
LIMIT = 12
SUBSET = 100
PLAN = Plan(steps=50, lists=8, negatives=7, batch=3, learning_rate=1e-3, tails=0.15, checks=5)
ATTACKED, ROUNDS, TAIL = 30, 10, 6


class Short(Case):
    """A case whose titles are cut."""

    def __init__(self, packed: Path, name: str, shared: Any) -> None:
        super().__init__(packed, name, shared)
        self.titles = Ragged.of([t[:LIMIT].tolist() for t in all_of(self.titles)])

    def prompts(self, codes: np.ndarray | None) -> Prompts:
        """Prompts of the limit."""
        whole = super().prompts(codes)
        return Prompts(whole.words, whole.titles, whole.codes, whole.end, LIMIT)


def subset(lists: Lists) -> np.ndarray:
    """One list of each of SUBSET sources."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(lists.sources))
    _, first = np.unique(lists.sources[rows], return_index=True)
    return np.sort(rng.permutation(rows[first])[:SUBSET])


def main(work: Path, packed: Path, out: Path) -> None:
    torch.set_num_threads(1)
    shared, base = np.load(packed / "shared.npz"), _model(packed, tiny=False)
    found: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {"plan": vars(PLAN), "limit": LIMIT, "case": NAME, "runs": {}}
    out.mkdir(parents=True, exist_ok=True)
    for name in ("whole",):
        started, variant = time.monotonic(), VARIANTS[name]
        case = Short(packed, NAME, shared)
        backbone, codes = _backbone(base), None
        backbone.bf16 = True
        torch.manual_seed(0)
        if variant.codes is not None:
            raw = case.arrays[f"codes_{variant.codes}"].astype(np.int64)
            codes = code_ids(raw, backbone.words)
            backbone.add_codes(codes, all_of(case.titles))
        prompts = case.prompts(codes)
        history = train(
            backbone,
            prompts,
            case.tasks(prompts, variant),
            PLAN,
            check=lambda: 0.0,  # the last weights are kept: validation costs as much as training
            tell=lambda line: print(line, f"{time.monotonic() - started:.0f} s", flush=True),  # noqa: B023
        )
        trained = time.monotonic() - started
        lists = case.lists("test")
        rows = subset(lists)
        found[f"{name}|test"] = list_scores(backbone, prompts, lists.of(rows))
        found["rows"] = rows
        facts["runs"][name] = {
            "history": history,
            "train_seconds": round(trained),
            "seconds": round(time.monotonic() - started),
        }
        _save(found, facts, out)
        print(name, "lists", f"{time.monotonic() - started:.0f} s", flush=True)
        if name == "whole":
            found |= {f"whole|{k}": v for k, v in attacked(case, prompts, backbone).items()}
            slates, queries = case.arrays["slates"][:50, :10], case.arrays["slate_sources"][:50]
            pairs = prompts.pairs("listwise", np.repeat(queries, 10), slates.clip(min=0).ravel())
            begun = time.monotonic()
            found["whole|slates"] = backbone.scored(pairs, batch=64).reshape(slates.shape)
            facts["pairs_per_second"] = len(pairs) / (time.monotonic() - begun)
            _save(found, facts, out)
            print("slates", f"{time.monotonic() - started:.0f} s", flush=True)


def attacked(case: Case, prompts: Prompts, backbone: Backbone) -> dict[str, np.ndarray]:
    """Scores of slates of ten, and of one product of each under strategic text."""
    a = case.arrays
    some = slice(0, ATTACKED)
    sources, slates, place = (a[f"attack_{k}"][some] for k in ("sources", "slates", "place"))
    targets = slates[np.arange(len(slates)), place]
    asked = prompts.pairs("listwise", np.repeat(sources, slates.shape[1]), slates.ravel())
    out = {"attack|slates": backbone.scored(asked, batch=64).reshape(slates.shape)}

    def attempt(which: np.ndarray, tails: list[np.ndarray]) -> np.ndarray:
        return backbone.scored(
            [
                prompts.pair(
                    "listwise",
                    int(sources[i]),
                    int(targets[i]),
                    with_tail(prompts.titles[targets[i]], tail, LIMIT),
                )
                for i, tail in zip(which, tails, strict=True)
            ],
            batch=64,
        )

    every = np.arange(len(targets))
    for key in STRATEGIC:
        tail = ragged(a, f"tail_{key.replace(' ', '_')}")[0]
        out[f"attack|in place|{key}"] = attempt(every, [tail] * len(targets))
    words = np.unique(prompts.titles.ids[prompts.titles.ids > 2])
    _, best = random_search(attempt, len(targets), words, length=TAIL, rounds=ROUNDS, seed=0)
    return out | {"attack|in place|random search": best}


def _save(found: dict[str, np.ndarray], facts: dict[str, Any], out: Path) -> None:
    np.savez_compressed(out / "results.npz", **found)
    (out / "results.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
