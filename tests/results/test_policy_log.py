"""Logs and policies that cannot be used are refused with the row."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from goeswith.core.errors import DataError
from goeswith.results.policies.log_columns import LogColumns
from goeswith.results.policies.policy_log import make_policy_log

LOG = {"product_id": ["a", "b"], "rank": [1, 2], "reward": [0, 1], "propensity": [0.5, 0.5]}
POLICY: dict[str, list[Any]] = {"product_id": ["a", "b"], "probability": [0.5, 0.5]}
SLATES = LogColumns(slate="slate")


@pytest.mark.parametrize(
    ("log", "policy", "columns", "message"),
    [
        ({"propensity": [0.5, 0]}, {}, LogColumns(), "row 2: propensity is 0.0, and must be a"
         " number that is above 0 and at most 1"),
        ({"reward": ["1", "x"]}, {}, LogColumns(), "row 2: reward is 'x'"),
        ({"reward": [None, 1]}, {}, LogColumns(), "row 1: reward is None"),
        ({"product_id": ["a", None]}, {}, LogColumns(), "row 2: product_id is missing"),
        ({"rank": [0, 1]}, {}, LogColumns(), "row 1: rank is 0"),
        ({"slate": ["s", "s"], "rank": [1, 1]}, {"rank": [1, 2]}, SLATES, "has rank 1 twice"),
        ({"slate": ["s", "s"]}, {}, SLATES, "needs the column 'rank'"),
        ({}, {"probability": [0.5, 1.5]}, LogColumns(), "row 2: probability is 1.5"),
        ({}, {"probability": [0.9, 0.9]}, LogColumns(), "add up to 1.8"),
        ({}, {"product_id": ["a", "a"]}, LogColumns(), "occurs twice"),
        ({}, {"product_id": ["a", "b"], "probability": [1, 1]}, LogColumns(), "needs the column"),
        ({}, None, LogColumns(), "no column 'target_probability'"),
        ({}, {}, LogColumns(context=("user",)), "no column 'user'"),
    ],
)  # fmt: skip
def test_a_fault_is_named(
    log: dict[str, list[Any]],
    policy: dict[str, list[Any]] | None,
    columns: LogColumns,
    message: str,
) -> None:
    table = None if policy is None else pl.DataFrame({**POLICY, **policy})
    with pytest.raises(DataError, match=message):
        make_policy_log(pl.DataFrame({**LOG, **log}), columns, table)


def test_a_log_without_products_of_the_policy_has_target_zero() -> None:
    log = make_policy_log(pl.DataFrame(LOG), LogColumns(), pl.DataFrame({"product_id": ["b"]}))
    assert log.target.tolist() == [0, 1]
    assert log.weights.tolist() == [0, 2]
