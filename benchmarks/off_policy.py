"""Off-policy estimates where the truth is measured: two policies that ran side by side.

    python benchmarks/off_policy.py ../shared/data/zozo-men [--obp FOLDER] [-o FILE]

The folder has log.parquet: the column `policy` (random, bts), item_id, position, click and
propensity_score, as in the Open Bandit Dataset. From each policy's log the value of the other is
estimated, and compared with the clicks of the other's own log.

The random policy shows each item with the same probability. Of Bernoulli Thompson sampling the log
has the probability of the shown item only; as it does not depend on the shopper, the share of each
item at each position of its own log is its mean probability over the week.

--obp is a folder with the package obp (0.4.1), which is not a dependency: its IPS, SNIPS and DR run
on the same arrays, with the same expected rewards, in the same process.

--coverage N draws N synthetic logs of the same size and click rate, with a known value, and counts
how often each interval holds it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goeswith.results.policies.log_columns import LogColumns
from goeswith.results.policies.policy_log import PolicyLog, make_policy_log
from goeswith.results.policies.policy_value import evaluate_policy
from goeswith.results.policies.reward_model import expected_rewards

COLUMNS = LogColumns(
    product="item_id",
    rank="position",
    reward="click",
    propensity="propensity_score",
    context=("user_feature_0", "user_feature_1", "user_feature_2", "user_feature_3"),
)


def policy_of(log: pl.DataFrame, name: str, items: list[int]) -> pl.DataFrame:
    """The probabilities of a policy, as a table."""
    if name == "random":
        return pl.DataFrame({"item_id": items, "probability": [1 / len(items)] * len(items)})
    shown = pl.len().over("position")
    return (
        log.with_columns(shown.alias("n"))
        .group_by("item_id", "position")
        .agg((pl.len() / pl.col("n").first()).alias("probability"))
    )


def with_obp(folder: Path, log: PolicyLog) -> dict[str, dict[str, float]]:
    """Estimates of obp on the same arrays, with its bootstrap intervals."""
    sys.path.insert(0, str(folder))
    from obp.ope import (  # type: ignore[import-not-found]
        DoublyRobust,
        InverseProbabilityWeighting,
        SelfNormalizedInverseProbabilityWeighting,
    )

    n = len(log.reward)
    shown, value = expected_rewards(log, "linear", 0)
    # two actions, the shown item and all others as one: the same sums with less memory
    action = np.zeros(n, dtype=np.int64)
    others = 1 - log.target
    shares = np.stack([log.target, others], axis=1)[:, :, None]
    rewards = np.stack([shown, (value - log.target * shown) / others], axis=1)
    common = {
        "reward": log.reward,
        "action": action,
        "pscore": log.propensity,
        "action_dist": shares,
        "position": np.zeros(n, dtype=np.int64),
    }
    found = {}
    for name, estimator in (
        ("ips", InverseProbabilityWeighting()),
        ("snips", SelfNormalizedInverseProbabilityWeighting()),
        ("dr", DoublyRobust()),
    ):
        more = {"estimated_rewards_by_reg_model": rewards[:, :, None]} if name == "dr" else {}
        interval = estimator.estimate_interval(
            **common, **more, n_bootstrap_samples=1000, random_state=0
        )
        ends = {key.split()[-1].strip("()"): end for key, end in interval.items()}
        found[name] = {
            "value": float(estimator.estimate_policy_value(**common, **more)),
            "low": float(ends["lower"]),
            "high": float(ends["upper"]),
        }
    return found


def coverage(runs: int, clicks: float, items: int) -> list[dict[str, Any]]:
    """Share of synthetic logs of 10,000 rows whose intervals hold the value."""
    results = []
    for case, logged in enumerate(("uniform", "concentrated")):
        rng = np.random.default_rng(case)
        rate = clicks * np.exp(rng.normal(0, 0.6, items))
        skewed = 0.98 * rng.dirichlet(np.full(items, 0.35)) + 0.02 / items
        uniform = np.full(items, 1 / items)
        logging, evaluated = (uniform, skewed) if logged == "uniform" else (skewed, uniform)
        truth, held = float(evaluated @ rate), dict[str, list[bool]]()
        policy = pl.DataFrame({"product_id": range(items), "probability": evaluated})
        for _ in range(runs):
            item = rng.choice(items, 10_000, p=logging)
            log = pl.DataFrame(
                {
                    "product_id": item,
                    "reward": (rng.random(10_000) < rate[item]).astype(float),
                    "propensity": logging[item],
                }
            )
            checked = make_policy_log(log, LogColumns(), policy)
            for e in evaluate_policy(checked).estimates[1:]:
                held.setdefault(e.estimator, []).append(e.low <= truth <= e.high)
                plain = abs(e.value - truth) <= 1.96 * e.error
                held.setdefault(f"{e.estimator}, normal interval", []).append(plain)
        shares = {name: float(np.mean(values)) for name, values in held.items()}
        results.append({"logging": logged, "runs": runs, "value": truth, "held": shares})
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--obp", type=Path, help="folder with the package obp")
    parser.add_argument("--coverage", type=int, default=0, metavar="N")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    log = pl.read_parquet(arguments.data / "log.parquet")
    items = sorted(log["item_id"].unique())
    names = log["policy"].unique().sort().to_list()
    result: dict[str, Any] = {"data": arguments.data.name, "estimates": []}
    for logging, evaluated in ((names[0], names[1]), (names[1], names[0])):
        own = log.filter(pl.col("policy") == evaluated)
        truth = float(own["click"].mean())  # type: ignore[arg-type]
        policy = policy_of(own, evaluated, items)
        checked = make_policy_log(log.filter(pl.col("policy") == logging), COLUMNS, policy)
        evaluation = evaluate_policy(checked)
        peers = with_obp(arguments.obp, checked) if arguments.obp else {}
        print(
            f"\n{evaluated} from the log of {logging}: measured {truth:.5f} "
            f"(effective sample {evaluation.overlap.effective:,.0f}, largest weight "
            f"{evaluation.overlap.max_weight:.1f})"
        )
        for e in evaluation.estimates[1:]:
            line = {
                "logging": logging,
                "evaluated": evaluated,
                "measured": truth,
                "estimator": e.estimator,
                "value": e.value,
                "low": e.low,
                "high": e.high,
                "holds": e.low <= truth <= e.high,
                "error": abs(e.value - truth),
            }
            text = f"  {e.estimator:6} {e.value:.5f} [{e.low:.5f}, {e.high:.5f}] {line['holds']}"
            peer = peers.get(e.estimator)
            if peer:
                line["obp"] = {**peer, "holds": peer["low"] <= truth <= peer["high"]}
                text += f"   obp {peer['value']:.5f} [{peer['low']:.5f}, {peer['high']:.5f}]"
                text += f" {line['obp']['holds']}"
            print(text)
            result["estimates"].append(line)
    if arguments.coverage:
        result["coverage"] = coverage(arguments.coverage, 0.004, len(items))
        for entry in result["coverage"]:
            print(f"\ncoverage, {entry['logging']} logging policy, {entry['runs']} logs")
            for name, share in entry["held"].items():
                print(f"  {name:24} {share:.3f}")
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
