"""Answers in the feedback log: which products were sent, by which model, at which rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from anyio import from_thread
from fastapi import Depends, Query

from goeswith.core.errors import ConfigError
from goeswith.query.recommendation_list import RecommendationList
from goeswith.results.experiments.experiment_file import HOLDOUT, read_experiment
from goeswith.serve.feedback_log import FeedbackFull, QuotaReached
from goeswith.serve.service_schemas import MAX_TEXT

if TYPE_CHECKING:
    from fastapi import FastAPI

    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints
    from goeswith.query.recommendation import Recommendation
    from goeswith.results.experiments.experiment_file import Experiment
    from goeswith.settings.serve_settings import ServeSettings

VisitorId = Annotated[str | None, Query(min_length=1, max_length=MAX_TEXT, examples=["s1"])]


@dataclass(frozen=True)
class VisitorIds:
    """Ids of a shopper, which need not say who it is."""

    session_id: str | None
    user_id: str | None


async def _visitor_ids(
    session_id: Annotated[
        VisitorId,
        Query(description="The shopper's visit. With it or `user_id`, and `serve.exposures` set, "
              "the response has a `recommendation_id` and is stored with the feedback."),
    ] = None,
    user_id: Annotated[
        VisitorId, Query(description="An anonymous id of the shopper over several visits.")
    ] = None,
) -> VisitorIds:  # fmt: skip
    return VisitorIds(session_id, user_id)


Visitor = Annotated[VisitorIds, Depends(_visitor_ids)]


def open_experiment(settings: ServeSettings, bundle: Bundle) -> Experiment | None:
    """The experiment of the settings.

    Raises:
        ConfigError: there is no folder for answers, or the experiment cannot run.
    """
    if settings.exposures != "none" and not settings.feedback:
        raise ConfigError(
            f"serve.exposures = {settings.exposures!r} needs serve.feedback, the folder that "
            "answers are stored in"
        )
    if settings.experiment is None:
        return None
    if settings.exposures == "none":
        raise ConfigError("serve.experiment needs serve.exposures = 'sent' or 'seen'")
    experiment = read_experiment(Path(settings.experiment))
    for name, variant in experiment.variants.items():
        if variant.model is not None and variant.model not in bundle.models:
            raise ConfigError(
                f"{settings.experiment}: the variant {name!r} has the model {variant.model!r}, "
                f"which the bundle does not have; it has {', '.join(bundle.models)}"
            )
    return experiment


def assigned_variant(app: FastAPI, visitor: VisitorIds) -> str | None:
    """The variant of a shopper; None without an experiment, or if it does not take part."""
    experiment: Experiment | None = app.state.experiment
    if experiment is None:
        return None
    unit = visitor.user_id if experiment.unit == "user_id" else visitor.session_id
    return None if unit is None else experiment.assign(unit)


def complements_of_variant(  # noqa: PLR0917
    app: FastAPI,
    bundle: Bundle,
    variant: str,
    product_id: str,
    count: int,
    constraints: Constraints | None,
) -> RecommendationList[Recommendation]:
    """The complements that a variant shows; none for the holdout group."""
    if variant == HOLDOUT:
        bundle.products.row(product_id)  # an unknown product is an error here too
        return RecommendationList()
    model = app.state.experiment.variants[variant].model
    if model is None:
        return bundle.complements(product_id, count, constraints)
    return bundle.complements_by(model, product_id, count, constraints)


def store_answer(  # noqa: PLR0917
    app: FastAPI,
    settings: ServeSettings,
    bundle: Bundle,
    sources: Sequence[str],
    answers: RecommendationList[Recommendation],
    visitor: VisitorIds,
    market: str | None = None,
    variant: str | None = None,
) -> dict[str, str]:
    """Store an answer, and return its id as a field of the response; empty if it is not stored.

    Returns when the answer is on disk. An answer that cannot be stored is sent without an id, and
    counted in `goeswith_exposures_lost_total`.
    """
    if settings.exposures == "none" or not (visitor.session_id or visitor.user_id):
        return {}
    record = answer_record(bundle, sources, answers, visitor, market, settings.exposures, variant)
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
    visitor: VisitorIds,
    market: str | None,
    counted: str,
    variant: str | None = None,
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
        "session_id": visitor.session_id,
        "user_id": visitor.user_id,
        "market": market,
        "variant": variant,
        "rules": answers.rules or None,
        "products": [answer.product_id for answer in answers],
        "types": [answer.type for answer in answers],
        "models": [answer.model for answer in answers],
        "fallbacks": [answer.fallback for answer in answers],
    }
    return {name: value for name, value in record.items() if value is not None}
