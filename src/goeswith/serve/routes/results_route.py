"""The route for what recommendations earned."""

# no postponed annotations: FastAPI reads those of functions inside functions
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from goeswith.core.errors import DataError
from goeswith.results.experiments.experiment_report import finite
from goeswith.results.reports.cached_report import CachedReport
from goeswith.serve.dependencies import CurrentSnapshot
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.routes.product_changes import edit_refusal
from goeswith.serve.schemas import BundleResponse
from goeswith.settings.serve_settings import ServeSettings

_MAX_ROWS: Final = 200
Dimension = Literal[
    "all", "day", "model", "fallback", "type_pair", "rank", "market", "variant", "rule"
]


class ResultsRow(BaseModel):
    """Figures for one value of a dimension. `_low` and `_high` are bounds of 95 % intervals."""

    value: str = Field(description="Value of the dimension.", examples=["2024-01-31"])
    impressions: int = Field(description="Number of recommendations shown.", examples=[1200])
    clicks: int = Field(description="Number of clicked recommendations.", examples=[36])
    carts: int = Field(description="Number of recommendations added to a cart.", examples=[9])
    units: int = Field(
        description="Number of units bought and attributed to recommendations.", examples=[7]
    )
    revenue: float = Field(description="Revenue of these units, in `currency`.", examples=[84.5])
    click_rate: float = Field(description="Clicks / impressions, 0 to 1.", examples=[0.03])
    click_rate_low: float = Field(examples=[0.021])
    click_rate_high: float = Field(examples=[0.042])
    cart_rate: float = Field(description="Carts / impressions, 0 to 1.", examples=[0.0075])
    cart_rate_low: float = Field(examples=[0.004])
    cart_rate_high: float = Field(examples=[0.014])
    units_per_1000: float = Field(description="Units per 1,000 impressions.", examples=[5.8])
    units_per_1000_low: float = Field(examples=[2.2])
    units_per_1000_high: float = Field(examples=[9.4])
    revenue_per_1000: float = Field(description="Revenue per 1,000 impressions.", examples=[70.4])
    revenue_per_1000_low: float = Field(examples=[25.1])
    revenue_per_1000_high: float = Field(examples=[115.7])


class ResultsResponse(BundleResponse):
    """Results of recommendations, from the feedback log; at most one minute old."""

    counted: Literal["sent", "seen"] = Field(
        description="What counts as an impression: a product that was sent to the shopper, or "
        "one that was seen.",
        examples=["seen"],
    )
    currency: str | None = Field(description="ISO 4217 code; null if unknown.", examples=["EUR"])
    touch: Literal["click", "view"] = Field(
        description="What a purchase is attributed to: a click on the product, or a view of it "
        "in a list.",
        examples=["click"],
    )
    window_hours: int = Field(
        description="Hours within which a purchase is attributed.", examples=[24]
    )
    first_at: str = Field(
        description="Time of the first record in the log (UTC).", examples=["2024-01-01T08:00:00"]
    )
    last_at: str = Field(
        description="Time of the last record in the log (UTC).", examples=["2024-01-31T20:00:00"]
    )
    by: Dimension = Field(examples=["day"])
    rows: list[ResultsRow] = Field(description=f"At most {_MAX_ROWS}.")
    more_rows: int = Field(description="Number of rows that were left out.", examples=[0])
    attach: dict[str, Any] = Field(
        description="Attach rate: orders with a product for which recommendations were shown, "
        "those that also contain a recommended product, and their share with a 95 % interval.",
        examples=[{"orders": 200, "attached": 31, "rate": 0.155, "low": 0.11, "high": 0.21}],
    )
    incremental: dict[str, Any] | None = Field(
        description="Additional revenue compared with the holdout group; null if there is none.",
        examples=[{"incremental": 5120.5, "incremental_low": 3010.0, "incremental_high": 7231.0}],
    )
    experiment: dict[str, Any] | None = Field(
        description="Comparison of the variants of `serve.experiment`, with a verdict; null "
        "without an experiment.",
        examples=[{"name": "popularity", "state": "running", "verdict": "Keep running: ..."}],
    )
    notes: list[str] = Field(description="What the figures do not include.", examples=[[]])


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route to a service."""
    reports: list[CachedReport] = []

    @app.get("/v1/results", responses=problem_responses(403, 404))
    def results(
        snapshot: CurrentSnapshot,
        request: Request,
        by: Annotated[
            Dimension,
            Query(
                description="Dimension of the rows: one row for each of its values.",
                examples=["day"],
            ),
        ] = "all",
    ) -> ResultsResponse:
        """Clicks, carts and revenue of recommendations; only for keys in `serve.editors`."""
        _check_key(settings, request.scope.get("key"))
        if settings.feedback is None or settings.exposures == "none":
            raise HTTPException(
                404, "answers are not stored; set feedback and exposures of [serve]"
            )
        if not reports:
            reports.append(CachedReport(Path(settings.feedback), app.state.experiment))
        try:
            report, experiment = reports[0]()
        except DataError as error:
            raise HTTPException(404, f"nothing is stored yet: {error}") from error
        rows = report.rows[by]
        return ResultsResponse.model_validate(
            {
                "bundle": snapshot.bundle.id,
                "counted": report.counted,
                "currency": report.currency,
                "touch": report.touch,
                "window_hours": report.window_hours,
                "first_at": report.counts["first_at"].isoformat(timespec="seconds"),
                "last_at": report.counts["last_at"].isoformat(timespec="seconds"),
                "by": by,
                "rows": rows[-_MAX_ROWS:] if by == "day" else rows[:_MAX_ROWS],
                "more_rows": max(0, len(rows) - _MAX_ROWS),
                "attach": report.attach,
                "incremental": report.incremental,
                "experiment": None if experiment is None else finite(asdict(experiment)),
                "notes": report.notes,
            }
        )


def _check_key(settings: ServeSettings, name: str | None) -> None:
    if edit_refusal(settings, name) is not None:
        raise HTTPException(403, "results are for the keys in the setting serve.editors")
    if name in settings.key_markets:
        raise HTTPException(
            403, "this key is for one market, and results are of all; see serve.key_markets"
        )
