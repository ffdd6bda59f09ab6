"""What recommendations earned, from the feedback log: rates with intervals, by dimension."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goeswith.core.errors import DataError
from goeswith.relations.measures import Z_95, wilson_interval
from goeswith.results.reports import fact_queries as sql
from goeswith.results.reports.daily_sums import SumsOf, create_sums
from goeswith.results.reports.fact_queries import Touch
from goeswith.results.reports.feedback_tables import CACHE, feedback_connection
from goeswith.results.reports.impression_tables import seen_join


@dataclass(frozen=True)
class ResultsReport:
    """Figures of a feedback log.

    Attributes:
        counted: what an impression is: sent or seen.
        currency: of the revenue; None where purchases have none.
        window_hours: time between touch and purchase.
        touch: click or view: which one a purchase is attributed to, the last before it.
        counts: numbers of lines of the log, for a check.
        rows: dimension -> one record a value.
        attach: orders with a queried product, those of them with a recommended one, rate, interval.
        incremental: against the holdout group; None without one.
        notes: what the figures do not hold.
    """

    counted: str
    currency: str | None
    window_hours: int
    touch: Touch
    counts: dict[str, Any]
    rows: dict[str, list[dict[str, Any]]]
    attach: dict[str, Any]
    incremental: dict[str, Any] | None
    notes: list[str]


def report_results(
    folder: Path, *, window_hours: int = 24, touch: Touch = "click"
) -> ResultsReport:
    """Compute the figures of a folder of feedback.

    Args:
        folder: `serve.feedback`, with answers (`serve.exposures`).
        window_hours: a cart or purchase this long after a touch is attributed to it.
        touch: click or view.

    Raises:
        DataError: there is no feedback, no answer among it, or answers of both ways of counting.
    """
    with feedback_connection(folder) as db:
        names = [column[0] for column in db.execute(sql.COUNTS).description]
        counts = dict(zip(names, db.fetchone(), strict=True))
        counted = sorted(counts.pop("counted") or [])
        if not counted:
            raise DataError(
                f"{folder} has no answers: set serve.exposures, and send session_id or user_id "
                "with requests"
            )
        if len(counted) > 1:
            raise DataError(
                f"{folder} holds answers that count as sent and answers that count as seen; move "
                "the files of one setting of serve.exposures to another folder"
            )
        is_seen = counted == ["seen"]
        db.execute(sql.BOUGHT.format(unit="coalesce(user_id, session_id)"))
        currencies = db.execute(sql.CURRENCIES).fetchall()
        currency = currencies[0][0] if currencies else None
        db.execute(sql.ORDERS)
        db.execute(sql.ANSWERED)
        create_sums(db, folder / CACHE, SumsOf(is_seen, touch, window_hours, currency))
        rows = {name: _rows(db, name) for name in sql.DIMENSIONS}
        orders, attached = db.execute(sql.ATTACH.format(join=seen_join(seen=is_seen))).fetchone()
        held = db.execute(sql.HOLDOUT, [currency]).fetchall()
    notes = _notes(counts, currencies)
    low, high = wilson(attached, orders)
    attach = {"orders": orders, "attached": attached, "low": low, "high": high}
    attach["rate"] = attached / orders if orders else None
    return ResultsReport(
        counted[0], currency, window_hours, touch, counts, rows, attach, _incremental(held), notes
    )


def _notes(counts: dict[str, Any], currencies: list[tuple[str | None, int]]) -> list[str]:
    notes = []
    for name, text in (
        ("unreadable", "lines that are not JSON are left out"),
        ("unfinished", "files end in a line that is being written; the next report reads it"),
        ("clicks_without_answer", "clicks without a recommendation_id are left out"),
        ("purchases_without_price", "purchases without a price count as units, not as revenue"),
        ("purchases_without_shopper", "purchases without session_id and user_id are left out"),
    ):
        if counts[name]:
            notes.append(f"{counts[name]:,} {text}")
    for currency, n in currencies[1:]:
        name = currency or "no currency"
        notes.append(f"{n:,} purchases in {name} count as units, not as revenue")
    return notes


def wilson(hits: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); 0 to 1 without observations."""
    low, high = wilson_interval(np.array(hits), n)
    return float(low), float(high)


def _rows(db: Any, dimension: str) -> list[dict[str, Any]]:
    """Records of a dimension, the most impressions first; days and ranks in order."""
    by_value: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
    for value, bucket, *sums in db.execute(sql.sums_query(dimension)).fetchall():
        by_value.setdefault(value or "", np.zeros((sql.BUCKETS, 5)))[bucket] = sums
    records = [{"value": value, **_figures(sums)} for value, sums in by_value.items()]
    if dimension in ("day", "rank"):
        return sorted(records, key=lambda record: (len(record["value"]), record["value"]))
    return sorted(records, key=lambda record: (-record["impressions"], record["value"]))


def _figures(buckets: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    """Rates with intervals of (b, 5) sums: impressions, clicks, carts, units, revenue."""
    n, clicks, carts, units, revenue = (float(total) for total in buckets.sum(axis=0))
    figures: dict[str, Any] = {"impressions": int(n), "clicks": int(clicks), "carts": int(carts)}
    figures |= {"units": int(units), "revenue": revenue}
    for column, name, total in ((1, "click_rate", clicks), (2, "cart_rate", carts)):
        error = _ratio_error(buckets[:, 0], buckets[:, column])
        share = total / n
        # as many independent impressions as give this error, at most those there are
        effective = min(n, share * (1 - share) / error**2) if error > 0 else n
        low, high = wilson(share * effective, effective)
        figures |= {name: share, f"{name}_low": low, f"{name}_high": high}
    for column, name, total in ((3, "units_per_1000", units), (4, "revenue_per_1000", revenue)):
        half = Z_95 * _ratio_error(buckets[:, 0], buckets[:, column])
        rate = total / n
        figures |= {
            name: 1000 * rate,
            f"{name}_low": 1000 * max(0.0, rate - half),
            f"{name}_high": 1000 * (rate + half),
        }
    return figures


def _ratio_error(below: Any, above: Any) -> float:
    """Standard error of a ratio of sums, from the spread of random groups of shoppers."""
    used = below > 0
    groups = int(used.sum())
    if groups < 2:
        return 0.0
    below, above = below[used], above[used]
    residual = above - below * (above.sum() / below.sum())
    return float(np.sqrt((residual**2).sum() * groups / (groups - 1)) / below.sum())


def _incremental(held: list[tuple[bool, int, float, float | None]]) -> dict[str, Any] | None:
    """Revenue a shopper above the holdout group's, with a 95 % interval."""
    groups = {held_out: (n, mean, variance or 0.0) for held_out, n, mean, variance in held}
    if len(groups) < 2:
        return None
    (n, mean, variance), (m, base, spread) = groups[False], groups[True]
    half = Z_95 * float(np.sqrt(variance / n + spread / m))
    return {
        "shoppers": n,
        "holdout_shoppers": m,
        "revenue_per_shopper": mean,
        "holdout_revenue_per_shopper": base,
        "incremental_per_shopper": mean - base,
        "low": mean - base - half,
        "high": mean - base + half,
        "incremental": n * (mean - base),
        "incremental_low": n * (mean - base - half),
        "incremental_high": n * (mean - base + half),
    }
