"""Variants of an experiment: what each shopper is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from goeswith.core.errors import ConfigError
from goeswith.query.recommendation_list import RecommendationList
from goeswith.results.experiments.experiment_file import HOLDOUT, read_experiment, uniform
from goeswith.results.experiments.team_draft import team_draft

if TYPE_CHECKING:
    from fastapi import FastAPI

    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints
    from goeswith.query.recommendation import Recommendation
    from goeswith.results.experiments.experiment_file import Experiment
    from goeswith.serve.experiment_watch import ExperimentWatch
    from goeswith.serve.routes.exposures import VisitorIds
    from goeswith.settings.serve_settings import ServeSettings


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
    """The variant of a shopper; None without a running experiment, or if it does not take part."""
    watch: ExperimentWatch | None = app.state.experiment_watch
    if watch is None or not watch.has_started() or watch.stopped() is not None:
        return None
    experiment = watch.experiment
    unit = _unit(experiment, visitor)
    return None if unit is None else experiment.assign(unit)


def shown_variant(app: FastAPI, visitor: VisitorIds) -> str | None:
    """The variant that all shoppers see since the experiment was stopped; None while it runs."""
    watch: ExperimentWatch | None = app.state.experiment_watch
    stopped = None if watch is None else watch.stopped()
    if watch is None or stopped is None or _unit(watch.experiment, visitor) is None:
        return None
    return stopped.shows


def _unit(experiment: Experiment, visitor: VisitorIds) -> str | None:
    return visitor.user_id if experiment.unit == "user_id" else visitor.session_id


def complements_of_variant(  # noqa: PLR0917
    app: FastAPI,
    bundle: Bundle,
    variant: str,
    visitor: VisitorIds,
    product_id: str,
    count: int,
    constraints: Constraints | None,
) -> tuple[RecommendationList[Recommendation], list[str] | None]:
    """The complements that a variant shows, none for the holdout group; of an interleaved variant
    also the variant that picked each.
    """
    if variant == HOLDOUT:
        bundle.products.row(product_id)  # an unknown product is an error here too
        return RecommendationList(), None
    experiment: Experiment = app.state.experiment

    def ranking(name: str) -> RecommendationList[Recommendation]:
        model = experiment.variants[name].model
        if model is None:
            return bundle.complements(product_id, count, constraints)
        return bundle.complements_by(model, product_id, count, constraints)

    parts = experiment.variants[variant].interleave
    if parts is None:
        return ranking(variant), None
    unit = _unit(experiment, visitor) or ""

    def coin(draft_round: int) -> bool:
        # of the shopper and the product, so that a page that is loaded again shows the same list
        return uniform(experiment.name, f"draft {draft_round} {product_id}", unit) < 0.5

    first, second = ranking(parts[0]), ranking(parts[1])
    merged, teams = team_draft(first, second, count, lambda one: one.product_id, coin)
    skipped = list(dict.fromkeys([*first.skipped, *second.skipped]))
    rules = list(dict.fromkeys([*first.rules, *second.rules]))
    return RecommendationList(merged, skipped, rules), [parts[team] for team in teams]
