"""Exploration while serving: another product at one rank, for a share of the shoppers."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, NamedTuple

from goeswith.core.errors import ConfigError, DataError
from goeswith.query.recommendation_list import RecommendationList
from goeswith.results.experiments.experiment_file import uniform
from goeswith.results.exploration.choice_probabilities import Learner, choice_probabilities, draw
from goeswith.results.exploration.click_counts import NOTHING, ClickCounts, read_click_counts

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
    """A list and, if it was explored, the probability of each product at its rank."""

    recommendations: RecommendationList[Recommendation]
    propensities: list[float] | None


class Explorer:
    """Replaces the product at one rank.

    The candidates are the product that the bundle puts there and those after the end of the list,
    in the order of the bundle, so that filters, rules and availability hold for them. They have the
    same model and at least the share `explore_floor` of its score.
    """

    def __init__(self, settings: ServeSettings) -> None:
        """Args: settings: with an `explore` other than none.

        Raises:
            ConfigError: answers are not stored.
        """
        if settings.exposures == "none" or settings.feedback is None:
            raise ConfigError(
                f"serve.explore = {settings.explore!r} needs serve.feedback, and serve.exposures = "
                "'sent' or 'seen', to learn from"
            )
        self._settings, self._folder = settings, Path(settings.feedback)
        self._lock = Lock()
        self._read_at: float | None = None
        self.counts: ClickCounts = NOTHING

    def explore(
        self,
        unit: str,
        product_id: str,
        source_type: str | None,
        shown: RecommendationList[Recommendation],
        longer: Callable[[], RecommendationList[Recommendation]],
    ) -> Explored:
        """The list for a shopper.

        Args:
            unit: id of the shopper, whose list of a product changes within a day only as counts do.
            product_id: the queried product.
            source_type: its type.
            shown: the list without exploration.
            longer: computes the longest list of the bundle; called for explored answers only.
        """
        self._refresh()
        place = self._settings.explore_rank - 1
        day = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
        if (
            place >= len(shown)
            or shown[place].pinned
            or uniform(f"explored {day}", product_id, unit) >= self._settings.explore_share
        ):
            return Explored(shown, None)
        candidates = self._candidates(shown, longer(), place)
        if len(candidates) < 2:
            return Explored(shown, None)
        learner: Learner = "thompson" if self._settings.explore == "thompson" else "epsilon"
        ids = [one.product_id for one in candidates]
        chances = choice_probabilities(learner, *self.counts.posterior(source_type or "", ids))
        choice = draw(chances, uniform(f"choice {day}", product_id, unit))
        propensities = [1.0] * len(shown)
        propensities[place] = float(chances[choice])
        items = [*shown[:place], candidates[choice], *shown[place + 1 :]]
        explored = RecommendationList(items, shown.skipped, shown.rules)
        return Explored(explored, propensities)

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

    def _refresh(self) -> None:
        """Read the log again in a thread, at most every ten minutes."""
        now = time.monotonic()
        if self._read_at is not None and now < self._read_at + _REFRESH_SECONDS:
            return
        if self._lock.acquire(blocking=False):
            self._read_at = now
            try:
                Thread(target=self._read, daemon=True).start()
            except RuntimeError:  # no thread is to be had: the counts stay
                self._lock.release()

    def _read(self) -> None:
        try:
            self.counts = read_click_counts(self._folder)
        except DataError:  # there is no log yet
            pass
        except Exception as error:
            print(f"exploration keeps its counts: {error}", file=sys.stderr, flush=True)  # noqa: T201
        finally:
            self._lock.release()


def explored_complements(  # noqa: PLR0917
    app: FastAPI,
    bundle: Bundle,
    visitor: VisitorIds,
    product_id: str,
    shown: RecommendationList[Recommendation],
    constraints: Constraints | None,
) -> tuple[RecommendationList[Recommendation], list[float] | None]:
    """The list for a shopper, explored; as given without a shopper and for an empty list."""
    unit = visitor.user_id or visitor.session_id
    # a variant's own model has no longer list in the bundle
    if unit is None or not shown or shown[0].model not in bundle.models[:1]:
        return shown, None
    explorer: Explorer = app.state.explorer
    source_type = bundle.summaries([bundle.products.row(product_id)])[0].type
    return explorer.explore(
        unit,
        product_id,
        source_type,
        shown,
        lambda: bundle.complements(product_id, bundle.k, constraints),
    )
