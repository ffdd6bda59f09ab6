"""Sums over the shoppers of each variant, from the feedback log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import nan, sqrt
from pathlib import Path
from typing import Any, Final

from goeswith.core.errors import DataError
from goeswith.results.experiments.experiment_file import Experiment, Metric
from goeswith.results.reports import fact_queries as sql
from goeswith.results.reports.feedback_tables import feedback_connection


@dataclass(frozen=True)
class VariantSums:
    """Sums over n shoppers, of m impressions, c clicks and r revenue each, b of whom bought."""

    n: int
    m: float = 0.0
    c: float = 0.0
    r: float = 0.0
    b: float = 0.0
    mm: float = 0.0
    mc: float = 0.0
    cc: float = 0.0
    rr: float = 0.0
    clickers: int = 0

    def value(self, metric: Metric) -> float:
        """The metric; nan without observations."""
        if metric == "click_rate":
            return self.c / self.m if self.m else nan
        return (self.r if metric == "revenue" else self.b) / self.n if self.n else nan

    def error(self, metric: Metric) -> float:
        """Standard error of the metric over shoppers; of the click rate by the delta method."""
        if self.n < 2:
            return nan
        if metric == "click_rate":
            if not self.m:
                return nan
            rate = self.c / self.m
            spread = self.cc - 2 * rate * self.mc + rate**2 * self.mm
            return sqrt(max(spread, 0.0) * self.n / (self.n - 1)) / self.m
        total, squares = (self.r, self.rr) if metric == "revenue" else (self.b, self.b)
        return sqrt(max(squares - total**2 / self.n, 0.0) / (self.n - 1) / self.n)

    def events(self, metric: Metric) -> float:
        """Shoppers that the metric has seen an event of."""
        return self.clickers if metric == "click_rate" else self.b


@dataclass(frozen=True)
class DraftSums:
    """Credited clicks of an interleaved variant: of n shoppers that clicked, a and b for each
    ranking, and the sums of their squares and of their product.
    """

    n: int
    a: float = 0.0
    b: float = 0.0
    aa: float = 0.0
    ab: float = 0.0
    bb: float = 0.0

    @property
    def preference(self) -> float:
        """Share of the credited clicks that the first ranking has; nan without clicks."""
        return self.a / (self.a + self.b) if self.a + self.b else nan

    @property
    def error(self) -> float:
        """Standard error of the preference over shoppers, by the delta method."""
        if self.n < 2:
            return nan
        p = self.preference
        # of a - p (a + b) for each shopper
        spread = (1 - p) ** 2 * self.aa - 2 * p * (1 - p) * self.ab + p**2 * self.bb
        return sqrt(max(spread, 0.0) * self.n / (self.n - 1)) / (self.a + self.b)


@dataclass(frozen=True)
class ExperimentSums:
    """What an experiment has seen.

    Attributes:
        variants: name -> sums, `holdout` among them.
        drafts: interleaved variant -> credited clicks.
        mixed: shoppers with answers of several variants, who are left out.
        currency: of the revenue.
        first_day, last_day: of the answers.
    """

    variants: dict[str, VariantSums]
    drafts: dict[str, DraftSums]
    mixed: int = 0
    currency: str | None = None
    first_day: str | None = None
    last_day: str | None = None


_ANSWERS: Final = """
CREATE TEMP TABLE answered AS
SELECT {unit} AS unit, {variant} AS variant, happened, answer, products, teams,
       counted = 'seen' AS seen
FROM answers
WHERE {unit} IS NOT NULL AND {condition} AND happened <= coalesce(?, happened)
"""
_OF_EXPERIMENT: Final = "variant IS NOT NULL AND (experiment IS NULL OR experiment = ?)"
_EVERYBODY: Final = "coalesce(variant, '') <> 'holdout'"

_UNITS: Final = """
CREATE TEMP TABLE units AS
SELECT unit, any_value(variant) AS variant, min(happened) AS since,
       count(DISTINCT variant) AS variants
FROM answered GROUP BY unit
"""

_LISTED: Final = """
CREATE TEMP TABLE listed AS
SELECT a.unit, a.seen, t.clicked_at IS NOT NULL AS clicked, a.team
FROM touched t JOIN (
    SELECT unit, seen, answer, hash(unnest(products)) AS product, unnest(teams) AS team
    FROM answered
) a USING (answer, product)
"""

_SUMS: Final = """
WITH sent AS (
    SELECT unit, sum(len(products)) AS m FROM answered WHERE NOT seen GROUP BY unit
), seen AS (
    SELECT unit, count(*) AS m FROM listed WHERE seen GROUP BY unit
), clicks AS (
    SELECT unit, count(*) AS c FROM listed WHERE clicked GROUP BY unit
), spent AS (
    SELECT u.unit, 1 AS b, coalesce(sum(e.quantity * e.price) FILTER (
        e.currency IS NOT DISTINCT FROM ?), 0) AS r
    FROM units u JOIN bought e ON e.unit = u.unit AND e.happened >= u.since
     AND e.happened <= coalesce(?, e.happened)
    WHERE e.event = 'purchase' GROUP BY u.unit
), shoppers AS (
    SELECT u.variant, coalesce(s.m, 0) + coalesce(v.m, 0) AS m, coalesce(c, 0) AS c,
           coalesce(b, 0) AS b, coalesce(r, 0) AS r
    FROM units u LEFT JOIN sent s USING (unit) LEFT JOIN seen v USING (unit)
    LEFT JOIN clicks USING (unit) LEFT JOIN spent USING (unit)
    WHERE u.variants = 1
)
SELECT variant, count(*) AS n, sum(m) AS m, sum(c) AS c, sum(r) AS r, sum(b) AS b,
       sum(m * m) AS mm, sum(m * c) AS mc, sum(c * c) AS cc, sum(r * r) AS rr,
       count(*) FILTER (c > 0) AS clickers
FROM shoppers GROUP BY variant
"""

_DRAFTS: Final = """
WITH credits AS (
    SELECT u.variant, u.unit, count(*) FILTER (team = ?) AS a, count(*) FILTER (team = ?) AS b
    FROM units u JOIN listed t USING (unit)
    WHERE u.variants = 1 AND u.variant = ? AND t.clicked AND t.team IS NOT NULL GROUP BY ALL
)
SELECT count(*) AS n, sum(a) AS a, sum(b) AS b, sum(a * a) AS aa, sum(a * b) AS ab,
       sum(b * b) AS bb
FROM credits
"""


def experiment_sums(
    folder: Path, experiment: Experiment, until: datetime | None = None
) -> ExperimentSums:
    """Read the sums of an experiment from a folder of feedback.

    Args:
        folder: `serve.feedback`.
        experiment: its file.
        until: the time at which it was stopped, UTC without a zone; None while it runs.

    Raises:
        DataError: the folder has no answers of the experiment.
    """
    unit = experiment.unit
    with feedback_connection(folder) as db:
        answers = _ANSWERS.format(unit=unit, variant="variant", condition=_OF_EXPERIMENT)
        db.execute(answers, [experiment.name, until])
        first, last, n = db.execute(
            "SELECT strftime(min(happened), '%Y-%m-%d'), strftime(max(happened), '%Y-%m-%d'), "
            "count(*) FROM answered"
        ).fetchone()
        if not n:
            raise DataError(
                f"{folder} has no answers of the experiment {experiment.name!r}: set "
                f"serve.experiment, and send {unit} with requests"
            )
        money, variants = _sums(db, unit, until)
        drafts = {}
        for name, variant in experiment.variants.items():
            if variant.interleave is not None:
                (record,) = _records(db.execute(_DRAFTS, [*variant.interleave, name]))
                drafts[name] = DraftSums(**record)
        (mixed,) = db.execute("SELECT count(*) FROM units WHERE variants > 1").fetchone()
    return ExperimentSums(variants, drafts, mixed, money, first, last)


def baseline_sums(folder: Path, unit: str) -> VariantSums:
    """Sums over all shoppers with recommendations, for the size of a future experiment.

    Raises:
        DataError: the folder has no answers.
    """
    with feedback_connection(folder) as db:
        db.execute(_ANSWERS.format(unit=unit, variant="'all'", condition=_EVERYBODY), [None])
        _, variants = _sums(db, unit)
    if not variants:
        raise DataError(f"{folder} has no answers with {unit}: set serve.exposures")
    return variants["all"]


def _sums(
    db: Any, unit: str, until: datetime | None = None
) -> tuple[str | None, dict[str, VariantSums]]:
    """Currency, and sums by variant, of the table `answered`."""
    db.execute(_UNITS)
    db.execute(sql.TOUCHED)
    db.execute(sql.BOUGHT.format(unit=unit))
    db.execute(_LISTED)
    currency = db.execute(sql.CURRENCIES).fetchone()
    money = currency[0] if currency else None
    records = _records(db.execute(_SUMS, [money, until]))
    return money, {record.pop("variant"): VariantSums(**record) for record in records}


def _records(result: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description]
    return [
        {
            name: 0 if value is None else _number(value)
            for name, value in zip(names, row, strict=True)
        }
        for row in result.fetchall()
    ]


def _number(value: Any) -> Any:
    return value if isinstance(value, str | int) else float(value)
