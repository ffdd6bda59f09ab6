"""The policy to evaluate, as a table of probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import ROW
from goeswith.data.tables import require_columns
from goeswith.data.values import identifiers
from goeswith.results.policies.column_checks import (
    numbers_within,
    refuse_null,
    with_row_numbers,
)

if TYPE_CHECKING:
    from goeswith.results.policies.log_columns import LogColumns

PROBABILITY: Final = "probability"
_EXPORTED: Final = "target_id"
"""Name of the recommended product in `goeswith export`."""
_SUM_TOLERANCE: Final = 1e-3


def read_policy_table(
    policy: pl.DataFrame, log: pl.DataFrame, c: LogColumns, file: str
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The columns of a policy that are used, checked, and the keys by which it is joined.

    Raises:
        DataError: a column is missing, a row has an invalid value, or probabilities of one rank
            add up to more than 1.
    """
    if c.product not in policy.columns and _EXPORTED in policy.columns:
        policy = policy.rename({_EXPORTED: c.product})
    require_columns(policy, (c.product,), file)
    policy = with_row_numbers(policy)
    policy = policy.with_columns(identifiers(policy[c.product], file).alias(c.product))
    refuse_null(policy, c.product, file)
    keys = [c.product]
    if c.rank in policy.columns:
        if c.rank not in log.columns:
            raise DataError(
                f"{file} has the column {c.rank!r}, which the log does not have; name "
                "the log's column of ranks with --rank"
            )
        ranks = numbers_within(policy, c.rank, file, low=1)
        policy = policy.with_columns(pl.Series(c.rank, ranks.astype(np.int64)))
        keys.append(c.rank)
    elif c.slate is not None:
        raise DataError(f"{file} needs the column {c.rank!r}, because the log has slates")
    for name in c.context:
        if name in policy.columns:
            policy = policy.with_columns(pl.col(name).cast(log.schema[name], strict=False))
            keys.append(name)
    if PROBABILITY in policy.columns:
        values = numbers_within(policy, PROBABILITY, file, low=0, high=1)
    else:
        values = np.ones(policy.height)
    policy = policy.with_columns(pl.Series(PROBABILITY, values))
    repeated = policy.filter(pl.struct(keys).is_duplicated())
    if repeated.height:
        row = repeated.row(0, named=True)
        where = ", ".join(f"{key} {row[key]!r}" for key in keys)
        raise DataError(f"{file}, row {row[ROW]}: {where} occurs twice; keep one row")
    rest = [key for key in keys if key != c.product]
    total = pl.col(PROBABILITY).sum()
    sums = policy.group_by(rest).agg(total) if rest else policy.select(total)
    worst = sums.sort(PROBABILITY, descending=True).row(0, named=True)
    if worst[PROBABILITY] > 1 + _SUM_TOLERANCE:
        where = ", ".join(f"{key} {worst[key]!r}" for key in rest) or "all products"
        raise DataError(
            f"{file}: the probabilities of {where} add up to {worst[PROBABILITY]:.4g}, more than 1"
            + ("" if c.rank in keys else f"; a list of several ranks needs the column {c.rank!r}")
        )
    return policy.select(*keys, PROBABILITY), tuple(keys)
