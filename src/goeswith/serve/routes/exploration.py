"""Exploration while serving: another product at one rank, for a share of the shoppers."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, NamedTuple

from goeswith.core.errors import BundleError, ConfigError, DataError
from goeswith.query.recommendation_list import RecommendationList
from goeswith.query.similar_products import check_similars
from goeswith.results.experiments.experiment_file import uniform
from goeswith.results.exploration.choice_probabilities import draw
from goeswith.results.exploration.learners import ClickLearner, ClusterLearner, Source, make_learner

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints
    from goeswith.query.recommendation import Recommendation
    from goeswith.serve.routes.exposures import VisitorIds
    from goeswith.settings.serve_settings import ServeSettings

MAX_CANDIDATES: Final = 20
_REFRESH_SECONDS: Final = 600.0


class Explored(NamedTuple):
    """A list, and whether and how it was explored.

    Attributes:
        recommendations: the list.
        propensities: of an explored list, the probability of each product at its rank.
        learned: the list shows what was learned to be better, to a shopper who is not explored on.
    """

    recommendations: RecommendationList[Recommendation]
    propensities: list[float] | None = None
    learned: bool = False


class Explorer:
    """Replaces the product at one rank.

    The candidates are the product that the bundle puts there and those after the end of the list,
    in the order of the bundle, so that filters, rules and availability hold for them. They have the
    same model and at least the share `explore_floor` of its score.
    """

    def __init__(self, settings: ServeSettings, bundle: Bundle) -> None:
        """Args: settings: with an `explore` other than none; bundle: the first that is served.

        Raises:
            ConfigError: answers are not stored, or the bundle has no similar products to cluster.
        """
        if settings.exposures == "none" or settings.feedback is None:
            raise ConfigError(
                f"serve.explore = {settings.explore!r} needs serve.feedback, and serve.exposures = "
                "'sent' or 'seen', to learn from"
            )
        if settings.explore == "linucb":
            try:
                check_similars(bundle)
            except BundleError as error:
                raise ConfigError(
                    f"serve.explore = 'linucb' needs similar products: {error}, or set "
                    "serve.explore = 'thompson'"
                ) from error
        self._settings, self._folder = settings, Path(settings.feedback)
        self._lock = Lock()
        self._read_at: float | None = None
        self.learner: ClickLearner | ClusterLearner = make_learner(settings.explore)

    def explore(
        self,
        unit: str,
        source: Source,
        shown: RecommendationList[Recommendation],
        longer: Callable[[], RecommendationList[Recommendation]],
    ) -> Explored:
        """The list for a shopper.

        Args:
            unit: id of the shopper, whose list of a product changes within a day only as counts do.
            source: the queried product.
            shown: the list without exploration.
            longer: computes the longest list of the bundle.
        """
        self._refresh(source.bundle)
        place = self._settings.explore_rank - 1
        if place >= len(shown) or shown[place].pinned:
            return Explored(shown)
        day = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
        share = self._settings.explore_share
        is_explored = uniform(f"explored {day}", source.product_id, unit) < share
        # 50 products take twice as long as the ten that are shown
        if not is_explored and not self.learner.may_replace(source, shown, place):
            return Explored(shown)
        candidates = self._candidates(shown, longer(), place)
        if len(candidates) < 2:
            return Explored(shown)
        if not is_explored:
            best = self.learner.surely_better(source, candidates)
            return (
                Explored(_with(shown, place, candidates[best]), None, learned=True)
                if best
                else Explored(shown)
            )
        chances = self.learner.chances(source, candidates)
        choice = draw(chances, uniform(f"choice {day}", source.product_id, unit))
        propensities = [1.0] * len(shown)
        propensities[place] = float(chances[choice])
        return Explored(_with(shown, place, candidates[choice]), propensities)

    def _candidates(
        self,
        shown: RecommendationList[Recommendation],
        longer: RecommendationList[Recommendation],
        place: int,
    ) -> list[Recommendation]:
        usual, listed = shown[place], {one.product_id for one in shown}
        floor = self._settings.explore_floor * usual.score
        others = [
            one
            for one in longer
            if one.product_id not in listed
            and one.model == usual.model
            and not one.pinned
            and one.score >= floor
        ]
        return [usual, *others[: MAX_CANDIDATES - 1]]

    def _refresh(self, bundle: Bundle) -> None:
        """Read the log again in a thread, at most every ten minutes."""
        now = time.monotonic()
        if self._read_at is not None and now < self._read_at + _REFRESH_SECONDS:
            return
        if self._lock.acquire(blocking=False):
            self._read_at = now
            try:
                Thread(target=self._read, args=(bundle,), daemon=True).start()
            except RuntimeError:  # no thread is to be had: the counts stay
                self._lock.release()

    def _read(self, bundle: Bundle) -> None:
        try:
            self.learner = self.learner.read(self._folder, bundle)
        except DataError:  # there is no log yet
            pass
        except Exception as error:
            print(f"exploration keeps its counts: {error}", file=sys.stderr, flush=True)  # noqa: T201
        finally:
            self._lock.release()


def _with(
    shown: RecommendationList[Recommendation], place: int, product: Recommendation
) -> RecommendationList[Recommendation]:
    """The list with another product at a place."""
    items = [*shown[:place], product, *shown[place + 1 :]]
    return RecommendationList(items, shown.skipped, shown.rules)


def explored_complements(  # noqa: PLR0917
    app: FastAPI,
    bundle: Bundle,
    visitor: VisitorIds,
    product_id: str,
    shown: RecommendationList[Recommendation],
    constraints: Constraints | None,
) -> Explored:
    """The list for a shopper, explored; as given without a shopper and for an empty list."""
    unit = visitor.user_id or visitor.session_id
    # a variant's own model has no longer list in the bundle
    if unit is None or not shown or shown[0].model not in bundle.models[:1]:
        return Explored(shown)
    explorer: Explorer = app.state.explorer
    row = bundle.products.row(product_id)
    source = Source(bundle, product_id, row, bundle.summaries([row])[0].type or "")
    return explorer.explore(
        unit, source, shown, lambda: bundle.complements(product_id, bundle.k, constraints)
    )
