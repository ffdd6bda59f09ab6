"""Fake shoppers against a defence by likelihood: `python benchmarks/account_likelihood.py -o FILE`.

In the manner of LoRec (2024), but by counts: the likelihood of an account is how much more often
the pairs of its baskets are bought together by all other accounts than by chance (mean logarithm).
The twentieth of the accounts with the lowest likelihood is left out. The attacks and figures are
those of `fake_shoppers.py`; the default cap holds.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from scipy import sparse

from fake_shoppers import (
    ATTACKS,
    ONLINE_RETAIL,
    Attack,
    Log,
    fakes,
    lists_of,
    online_retail,
    simulated,
)
from goeswith.core.atomic_files import write_json
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.time_protocol import TimeCase, time_protocol
from goeswith.evaluation.splits import time_split
from goeswith.models import make_model
from goeswith.relations.config import MiningConfig
from goeswith.relations.mine import mine
from goeswith.settings.sections import EvaluationSettings, Settings

MODELS: Final = ("copurchase:measure=count", "copurchase:measure=llr", "cocitation")
PRIOR: Final = 0.5
"""Baskets added to the count of a pair and to what chance gives."""
MAX_BASKET: Final = 100
SHARE: Final = 0.05
"""Of the accounts that are left out."""


def likelihoods(events: pl.DataFrame, n: int) -> pl.DataFrame:
    """Columns user_id and likelihood; NaN for accounts without a basket of two products."""
    lines = events.select("user_id", "basket_id", "product").unique(maintain_order=True)
    sizes = pl.len().over("basket_id")
    lines = lines.filter(sizes.is_between(2, MAX_BASKET))
    codes = lines.select(
        pl.col("user_id").rank("dense") - 1, pl.col("basket_id").rank("dense") - 1, "product"
    )
    user, basket, product = (codes[name].cast(pl.Int64).to_numpy() for name in codes.columns)
    ones = np.ones(len(basket), dtype=np.float32)
    baskets = sparse.csr_matrix((ones, (basket, product)), shape=(int(basket.max()) + 1, n))
    together = (baskets.T @ baskets).toarray()
    held = together.diagonal().copy()
    owner = np.zeros(baskets.shape[0], dtype=np.int64)
    owner[basket] = user
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(int(user.max()) + 2))
    found = np.full(int(user.max()) + 1, np.nan)
    for one in range(len(found)):
        own = baskets[order[starts[one] : starts[one + 1]]]
        columns = np.unique(own.indices)
        mine_own = own[:, columns].toarray()
        pairs = mine_own.T @ mine_own
        mine_held = pairs.diagonal()
        others = held[columns] - mine_held
        chance = np.outer(others, others) / max(baskets.shape[0] - own.shape[0], 1)
        lift = (together[np.ix_(columns, columns)] - pairs + PRIOR) / (chance + PRIOR)
        np.fill_diagonal(pairs, 0)
        if pairs.sum():
            found[one] = float((pairs * np.log(np.maximum(lift, 1e-6))).sum() / pairs.sum())
    names = lines.select("user_id").unique().sort("user_id")["user_id"]
    return pl.DataFrame({"user_id": names, "likelihood": found})


def suspicious(events: pl.DataFrame, n: int) -> set[str]:
    """The accounts with the lowest likelihood."""
    scores = likelihoods(events, n).filter(pl.col("likelihood").is_finite()).sort("likelihood")
    low = scores.head(round(SHARE * scores.height))
    return set(low["user_id"].cast(pl.String).to_list())


def without(events: pl.DataFrame, users: set[str]) -> pl.DataFrame:
    """The events of all other users."""
    return events.filter(~pl.col("user_id").cast(pl.String).is_in(list(users)))


def benchmark(log: Log, attacks: list[Attack], seeds: list[int]) -> dict[str, Any]:
    """All of it, as the JSON that is written."""
    n, catalog = len(log.dataset.catalog), log.dataset.catalog
    honest = log.events.select("product", "user_id", "basket_id", "timestamp")
    rows = []
    for attack in attacks:
        lists = {(model, d): [] for model in MODELS for d in ("default", "likelihood")}
        caught, wrong = [], []
        for seed in seeds:
            pushed = log.pushed(np.random.default_rng(seed))
            false = fakes(log, attack, pushed, np.random.default_rng([seed, 1]))
            both = pl.concat([honest, false.cast(dict(honest.schema))])
            out = suspicious(both, n)
            fake_users = set(false["user_id"].to_list())
            caught.append(len(out & fake_users) / len(fake_users))
            wrong.append(len(out - fake_users) / log.users)
            for defence, events in (("default", both), ("likelihood", without(both, out))):
                graph = mine(events, n, MiningConfig())
                for model in MODELS:
                    fitted = make_model(model).fit(catalog, graph)
                    lists[model, defence].append(lists_of(fitted, log.measured, pushed))
        row = {
            "attack": attack.name,
            "share": attack.share,
            "fake accounts left out": round(float(np.mean(caught)), 3),
            "honest accounts left out": round(float(np.mean(wrong)), 4),
            "lists": {f"{m}, {d}": round(float(np.mean(v)), 1) for (m, d), v in lists.items()},
        }
        print(row, flush=True)
        rows.append(row)
    return {"data": log.dataset.name, "seeds": seeds, "results": rows, "accuracy": accuracy(log)}


def accuracy(log: Log) -> list[dict[str, Any]]:
    """The time protocol on the honest log, with and without the accounts that are left out."""
    settings = Settings(relations=MiningConfig(per_user_cap=10**9), evaluation=EvaluationSettings())
    (case,) = time_protocol(BenchmarkData(log.dataset, settings), 0)
    assert isinstance(case, TimeCase)
    earlier, _ = time_split(log.events, settings.evaluation.time_share)
    n = len(case.catalog)
    rows = []
    for defence in ("default", "likelihood"):
        events = earlier if defence == "default" else without(earlier, suspicious(earlier, n))
        train = mine(events, n, MiningConfig())
        here = replace(case, train=train)
        for model in MODELS:
            values = here.measure(here.answer(make_model(model).fit(case.catalog, train))).values()
            row = {"model": model, "defence": defence, "ndcg@10": round(values["ndcg@10"] or 0, 4)}
            print(row, flush=True)
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ONLINE_RETAIL, help="a file of online-retail")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--attacks", nargs="+", type=int, default=range(len(ATTACKS)))
    parser.add_argument("--simulated", action="store_true", help="a small synthetic log instead")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    dataset = simulated() if given.simulated else online_retail(given.data)
    log = Log.of(dataset, 20)
    write_json(benchmark(log, [ATTACKS[i] for i in given.attacks], given.seeds), given.out)


if __name__ == "__main__":
    main()
