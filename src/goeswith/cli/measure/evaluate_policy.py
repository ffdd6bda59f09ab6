"""`goeswith evaluate-policy`: what another policy would have earned, from a log."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from goeswith.cli.options import Json

if TYPE_CHECKING:
    from goeswith.results.policies.policy_value import PolicyEvaluation
    from goeswith.results.policies.reward_model import RewardModelName

_NAMES = {
    "logged": "logging policy",
    "ips": "IPS",
    "snips": "SNIPS",
    "dr": "DR",
}


def command(
    log: Annotated[
        Path,
        typer.Argument(
            metavar="LOG",
            help="Table of shown products: product_id, rank, reward, propensity, context columns.",
        ),
    ],
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="The policy to evaluate: product_id, rank, context columns, probability. Without "
            "it, the log has the column target_probability.",
        ),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A context column of the log; repeatable."),
    ] = None,
    products: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Product columns, as features of the reward model."),
    ] = None,
    slate: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Id of the answer, if one has several products."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Rows that may depend on each other, such as user_id."),
    ] = None,
    estimator: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="position: a reward depends on its rank; cascade: on the products above it too.",
        ),
    ] = "position",
    reward_model: Annotated[
        str, typer.Option(metavar="NAME", help="Of DR: linear, trees, or none to leave DR out.")
    ] = "linear",
    product_column: Annotated[
        str, typer.Option("--product", metavar="COLUMN", help="Column of the shown product.")
    ] = "product_id",
    rank_column: Annotated[
        str, typer.Option("--rank", metavar="COLUMN", help="Column of its rank, from 1.")
    ] = "rank",
    reward_column: Annotated[
        str, typer.Option("--reward", metavar="COLUMN", help="Column of its reward.")
    ] = "reward",
    propensity_column: Annotated[
        str,
        typer.Option(
            "--propensity",
            metavar="COLUMN",
            help="Column of the probability with which the logging policy shows it at its rank.",
        ),
    ] = "propensity",
    confidence: Annotated[
        float,
        typer.Option(
            min=0.5, max=0.999, metavar="SHARE", help="Confidence level of the intervals."
        ),
    ] = 0.95,
    min_effective: Annotated[
        float,
        typer.Option(min=2, metavar="ROWS", help="Minimum effective sample size."),
    ] = 100.0,
    max_unsupported: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Maximum share of the policy that was never shown in the log.",
        ),
    ] = 0.05,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of the folds of the reward model.")
    ] = 0,
    json: Json = False,
) -> None:
    """Estimate what another policy would have earned, from a log with propensities.

        goeswith evaluate-policy log.parquet --policy new.csv --context source_id

    The value of a policy is the expected reward of an answer. The command refuses a log that has
    too little overlap with the policy.
    """
    from goeswith.cli.output import Output
    from goeswith.core.errors import ConfigError
    from goeswith.results.policies.log_columns import LogColumns
    from goeswith.results.policies.policy_log import read_policy_log
    from goeswith.results.policies.policy_value import evaluate_policy

    for name, value, allowed in (
        ("--estimator", estimator, ("position", "cascade")),
        ("--reward-model", reward_model, ("linear", "trees", "none")),
    ):
        if value not in allowed:
            raise ConfigError(f"{name} is {value!r}; give {', '.join(allowed)}")
    columns = LogColumns(
        product=product_column,
        rank=rank_column,
        reward=reward_column,
        propensity=propensity_column,
        slate=slate,
        unit=unit,
        context=tuple(context or ()),
    )
    rows = read_policy_log(log, columns, policy, products)
    evaluation = evaluate_policy(
        rows,
        interaction="cascade" if estimator == "cascade" else "position",
        reward_model=None if reward_model == "none" else cast("RewardModelName", reward_model),
        confidence=confidence,
        min_effective=min_effective,
        max_unsupported=max_unsupported,
        seed=seed,
    )
    output = Output(json)
    _print(output, evaluation)
    if rows.policy is not None:
        output.say(f"The policy was joined by {', '.join(rows.keys)}.")
    if "dr" not in {estimate.estimator for estimate in evaluation.estimates}:
        output.say(
            "DR is left out: it needs the policy as a table (--policy), the estimator position, "
            "and a reward model."
        )


def _print(output: Any, evaluation: PolicyEvaluation) -> None:
    from goeswith.cli.terminal_table import Column, Table

    records = [asdict(estimate) for estimate in evaluation.estimates]
    share = f"{evaluation.confidence:.0%}".replace(" ", "")
    columns = [
        Column("estimator", lambda record: _NAMES[record["estimator"]]),
        Column("value", lambda record: f"{record['value']:.4g}", is_figure=True),
        Column("standard error", lambda record: f"{record['error']:.2g}", is_figure=True, drop=1),
        Column(
            f"{share} interval",
            lambda record: f"{record['low']:.4g} to {record['high']:.4g}",
            is_figure=True,
        ),
    ]
    o = evaluation.overlap
    output.result(
        Table("Expected reward of an answer", records, columns),
        {
            "estimates": records,
            "confidence": evaluation.confidence,
            "overlap": asdict(o),
        },
    )
    output.say(
        f"Overlap: {o.rows:,} rows of {o.slates:,} answers; the policy can show {o.matched:.1%} of "
        f"the rows; effective sample {o.effective:,.0f}; largest weight {o.max_weight:.3g}; mean "
        f"weight {o.mean_weight:.3f} ± {o.mean_weight_error:.3f} (1 is expected); never shown in "
        f"the log: {o.unsupported:.1%} of the policy."
    )
