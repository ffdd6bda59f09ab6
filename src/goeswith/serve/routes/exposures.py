"""Answers in the feedback log: which products were sent, by which model, at which rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from anyio import from_thread
from fastapi import Depends, Query, Request

from goeswith.serve.feedback_log import FeedbackFull, QuotaReached
from goeswith.serve.service_schemas import MAX_TEXT

if TYPE_CHECKING:
    from fastapi import FastAPI

    from goeswith.query.bundle import Bundle
    from goeswith.query.recommendation import Recommendation
    from goeswith.query.recommendation_list import RecommendationList
    from goeswith.results.experiments.experiment_file import Experiment
    from goeswith.settings.serve_settings import ServeSettings

VisitorId = Annotated[str | None, Query(min_length=1, max_length=MAX_TEXT, examples=["s1"])]


@dataclass(frozen=True)
class VisitorIds:
    """Ids of a shopper, which need not say who it is.

    Attributes:
        session_id, user_id: of the request.
        address: of the client, unless a key vouches for the ids.
    """

    session_id: str | None
    user_id: str | None
    address: str = ""


async def _visitor_ids(
    request: Request,
    session_id: Annotated[
        VisitorId,
        Query(description="Id of the shopper's visit. If `session_id` or `user_id` is given and "
        "`serve.exposures` is set, the response is stored with the feedback and has a "
        "`recommendation_id`."),
    ] = None,
    user_id: Annotated[
        VisitorId, Query(description="Anonymous id of the shopper, the same on every visit.")
    ] = None,
) -> VisitorIds:  # fmt: skip
    address = request.client.host if request.client and not request.scope.get("key") else ""
    return VisitorIds(session_id, user_id, address)


Visitor = Annotated[VisitorIds, Depends(_visitor_ids)]


@dataclass(frozen=True)
class Exposure:
    """How an answer came about, for its line of the log.

    Attributes:
        visitor: who it is for.
        market: of the request.
        variant: of the experiment.
        teams: of an interleaved list, the variant that picked each product.
        propensities: of an explored answer, the probability of each product at its rank.
        learned: a rank shows what exploration learned to be better.
    """

    visitor: VisitorIds
    market: str | None = None
    variant: str | None = None
    teams: list[str] | None = None
    propensities: list[float] | None = None
    learned: bool = False


def store_answer(  # noqa: PLR0917
    app: FastAPI,
    settings: ServeSettings,
    bundle: Bundle,
    sources: Sequence[str],
    answers: RecommendationList[Recommendation],
    exposure: Exposure,
) -> dict[str, str]:
    """Store an answer, and return its id as a field of the response; empty if it is not stored.

    Returns when the answer is on disk. An answer that cannot be stored is sent without an id, and
    counted in `goeswith_exposures_lost_total`.
    """
    visitor = exposure.visitor
    if settings.exposures == "none" or not (visitor.session_id or visitor.user_id):
        return {}
    experiment: Experiment | None = app.state.experiment
    record = answer_record(bundle, sources, answers, exposure, settings.exposures, experiment)
    unit = visitor.user_id or visitor.session_id or ""
    if not app.state.shopper_bound.counts(visitor.address, unit):
        record["uncounted"] = True
        app.state.metrics.count_uncounted_answer()
    try:
        from_thread.run(app.state.feedback.append, [record])
    except (FeedbackFull, QuotaReached, OSError):
        app.state.metrics.count_lost_exposure()
        return {}
    return {"recommendation_id": record["recommendation_id"]}


def answer_record(  # noqa: PLR0917
    bundle: Bundle,
    sources: Sequence[str],
    answers: RecommendationList[Recommendation],
    exposure: Exposure,
    counted: str,
    experiment: Experiment | None = None,
) -> dict[str, Any]:
    """An answer as a line of the feedback log; lists have one entry a product, in order."""
    source = bundle.products.row(sources[0]) if len(sources) == 1 else None
    record = {
        "event": "answer",
        "recommendation_id": uuid4().hex,
        "bundle": bundle.id,
        "counted": counted,
        "source_id": None if source is None else sources[0],
        "source_type": None if source is None else bundle.summaries([source])[0].type,
        "sources": list(sources) if len(sources) > 1 else None,
        "session_id": exposure.visitor.session_id,
        "user_id": exposure.visitor.user_id,
        "market": exposure.market,
        "experiment": experiment.name if experiment and exposure.variant else None,
        "variant": exposure.variant,
        "rules": answers.rules or None,
        "products": [answer.product_id for answer in answers],
        "types": [answer.type for answer in answers],
        "models": [answer.model for answer in answers],
        "fallbacks": [answer.fallback for answer in answers],
        "teams": exposure.teams,
        "propensities": exposure.propensities,
        "learned": exposure.learned or None,
    }
    return {name: value for name, value in record.items() if value is not None}
