"""A log of shown products with rewards and propensities, and the policy to evaluate on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.errors import DataError
from goeswith.data.quarantine import FILE, ROW, Quarantine
from goeswith.data.tables import read_table, require_columns
from goeswith.data.values import identifiers
from goeswith.results.policies.column_checks import (
    Floats,
    numbers_within,
    refuse_null,
    with_row_numbers,
)
from goeswith.results.policies.log_columns import LogColumns
from goeswith.results.policies.policy_table import PROBABILITY, read_policy_table


@dataclass(frozen=True)
class PolicyLog:
    """Rows of a log, one a shown product.

    Attributes:
        frame: product, rank and context columns, under their names in `columns`.
        columns: names in `frame`.
        reward, propensity, conditional, target: (n,) floats.
        slate: (n,) number of the answer, from 0.
        unit: (n,) number of the independent unit, from 0.
        policy: the evaluated policy as a table, if it was given as one.
        keys: columns by which `policy` was joined.
        features: of products, for the reward model: the product and further columns.
    """

    frame: pl.DataFrame
    columns: LogColumns
    reward: Floats
    propensity: Floats
    conditional: Floats
    target: Floats
    slate: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    policy: pl.DataFrame | None = None
    keys: tuple[str, ...] = ()
    features: pl.DataFrame | None = None

    @property
    def weights(self) -> Floats:
        """(n,) how much more often the evaluated policy shows the product."""
        ratio: Floats = self.target / self.propensity
        return ratio


def read_policy_log(
    path: Path, columns: LogColumns, policy: Path | None = None, products: Path | None = None
) -> PolicyLog:
    """Read a log, and the policy to evaluate.

    Args:
        path: the log, one row a shown product.
        columns: its columns.
        policy: table of the evaluated policy: `product_id` or `target_id`, optionally the rank and
            context columns of the log, and `probability`; without this column, 1 (a fixed list).
        products: table of products, whose columns become features of the reward model.

    Raises:
        DataError: a column is missing, or a row has an invalid value.
    """
    log, table = _read(path), None if policy is None else _read(policy)
    features = None if products is None else _read(products)
    names = (path.name, policy.name if policy else "", products.name if products else "")
    return make_policy_log(log, columns, table, features, names=names)


def _read(path: Path) -> pl.DataFrame:
    quarantine = Quarantine()
    frame = read_table(path, quarantine)
    counts = quarantine.counts()
    if counts.height:
        first = counts.row(0, named=True)
        raise DataError(
            f"{path.name}: {counts['rows'].sum():,} lines cannot be parsed "
            f"({first['reason']}, such as {first['example']!r}); write the table again, "
            "because a log without some of its rows gives a biased estimate"
        )
    return frame.drop(FILE, strict=False)


def make_policy_log(
    log: pl.DataFrame,
    columns: LogColumns,
    policy: pl.DataFrame | None = None,
    products: pl.DataFrame | None = None,
    *,
    names: tuple[str, str, str] = ("the log", "the policy", "the products"),
) -> PolicyLog:
    """Check a log from frames; arguments as `read_policy_log`.

    Raises:
        DataError: as `read_policy_log`.
    """
    c, file = columns, names[0]
    optional = [name for name in (c.slate, c.unit) if name is not None]
    require_columns(log, (c.product, c.reward, c.propensity, *optional, *c.context), file)
    if c.slate is not None:
        require_columns(log, (c.rank,), file)
    if not log.height:
        raise DataError(f"{file} has no rows")
    log = with_row_numbers(log)
    log = log.with_columns(identifiers(log[c.product], file).alias(c.product))
    refuse_null(log, c.product, file)
    propensity = numbers_within(log, c.propensity, file, low=0, high=1, above_low=True)
    conditional = propensity
    if c.conditional in log.columns:
        conditional = numbers_within(log, c.conditional, file, low=0, high=1, above_low=True)
    reward = numbers_within(log, c.reward, file)
    if c.rank in log.columns:
        ranks = numbers_within(log, c.rank, file, low=1)
        log = log.with_columns(pl.Series(c.rank, ranks.astype(np.int64)))
    keys: tuple[str, ...] = ()
    if policy is None:
        if c.target not in log.columns:
            raise DataError(
                f"{file} has no column {c.target!r}, the probability of the product under the "
                "policy to evaluate; add it, or give the policy as a table (--policy)"
            )
        target = numbers_within(log, c.target, file, low=0, high=1)
    else:
        policy, keys = read_policy_table(policy, log, c, names[1])
        found = log.join(policy, on=list(keys), how="left", maintain_order="left")
        target = found[PROBABILITY].fill_null(0.0).to_numpy().astype(np.float64)
    slate = np.arange(log.height) if c.slate is None else _numbered(log, c.slate, file)
    unit = slate if c.unit is None else _numbered(log, c.unit, file)
    if c.slate is not None:
        _refuse_repeats(log, c.slate, c.rank, file)
    shown = [name for name in (c.product, c.rank, *c.context) if name in log.columns]
    frame = log.select(list(dict.fromkeys(shown)))
    features = None if products is None else _features(products, c.product, names[2])
    return PolicyLog(
        frame, c, reward, propensity, conditional, target, slate, unit, policy, keys, features
    )


def _features(products: pl.DataFrame, name: str, file: str) -> pl.DataFrame:
    require_columns(products, (name,), file)
    products = with_row_numbers(products)
    products = products.with_columns(identifiers(products[name], file).alias(name))
    refuse_null(products, name, file)
    repeated = products.filter(pl.col(name).is_duplicated())
    if repeated.height:
        row = repeated.row(0, named=True)
        raise DataError(f"{file}, row {row[ROW]}: {name} {row[name]!r} occurs twice; keep one row")
    return products.drop(ROW)


def _numbered(frame: pl.DataFrame, name: str, file: str) -> npt.NDArray[np.int64]:
    refuse_null(frame, name, file)
    return (frame[name].rank("dense") - 1).to_numpy().astype(np.int64)


def _refuse_repeats(log: pl.DataFrame, slate: str, rank: str, file: str) -> None:
    repeated = log.filter(pl.struct(slate, rank).is_duplicated())
    if repeated.height:
        row = repeated.row(0, named=True)
        raise DataError(
            f"{file}, row {row[ROW]}: {slate} {row[slate]!r} has rank {row[rank]} twice; a "
            "slate shows one product a rank"
        )
