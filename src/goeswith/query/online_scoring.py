"""Online scoring by the saved models of a bundle, for new products and selective filters."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from goeswith.core import arrays
from goeswith.core.arrays import Floats, Rows
from goeswith.core.errors import BundleError, GoesWithError
from goeswith.data.catalog import Catalog
from goeswith.models import model_class
from goeswith.models.base import Model, Recommender
from goeswith.models.registry import model_name
from goeswith.sequential import SESSION_MODELS
from goeswith.store.manifest import SESSION
from goeswith.store.precomputed_topk import RankedList

if TYPE_CHECKING:
    from goeswith.sequential.base import SessionModel
    from goeswith.store.reader import StoredBundle

M = TypeVar("M", bound=Model)


def model_folders(build: Path) -> list[Path]:
    """The folders of a build's models: the first, then its fallbacks in order."""
    rest = [path for path in (build / "fallbacks").glob("*-*") if path.is_dir()]
    return [build / "model", *sorted(rest, key=lambda path: int(path.name.partition("-")[0]))]


def load_model(folder: Path, spec: str) -> Recommender:
    """A saved model.

    Raises:
        BundleError: it is missing or damaged.
    """
    return _load(model_class, folder, spec)


def _load(find: Callable[[str], type[M]], folder: Path, spec: str) -> M:
    kind = find(model_name(spec))
    try:
        return kind.load(folder)
    except GoesWithError:
        raise
    except Exception as error:  # whatever a damaged file leads to
        raise BundleError(
            f"{folder}: the model {spec!r} cannot be read ({error}); where a later fit has "
            "replaced the bundle, open it again, else fit it again"
        ) from error


@contextmanager
def damage_as_error(folder: Path) -> Iterator[None]:
    """Have whatever a model of inconsistent arrays leads to name its folder."""
    try:
        yield
    except (GoesWithError, MemoryError):
        raise
    except Exception as error:
        raise BundleError(
            f"{folder}: the model cannot score ({type(error).__name__}: {error}); it is damaged: "
            "fit the bundle again"
        ) from error


def reads_attributes(spec: str) -> bool:
    """Whether a model answers for products that were unknown when it was fitted."""
    return model_class(model_name(spec)).score_new is not Recommender.score_new


class OnlineScorer:
    """The models of a bundle, each loaded when those before it leave places open."""

    def __init__(self, bundle: StoredBundle) -> None:
        self._folders = model_folders(bundle.folder)
        # `models` of the bundle may end with stand-ins, which have no model
        self._specs, self._n = bundle.models[: len(self._folders)], len(bundle)
        # without a reference cycle, an unused bundle and its files are released at once
        self._bundle = weakref.proxy(bundle)
        self._models: dict[int, Recommender] = {}
        self._session_model: SessionModel | None = None

    def load(self) -> OnlineScorer:
        """Load every model now, so that no later fit can take its files away.

        Raises:
            BundleError: a model is missing or damaged.
        """
        for place in range(len(self._specs)):
            self._model(place)
        if self._bundle.session_model is not None:
            self.session_model()
        return self

    def session_model(self) -> SessionModel:
        """The model of the next product, of a bundle that has one.

        Raises:
            BundleError: it is damaged.
        """
        if self._session_model is None:
            spec: str = self._bundle.session_model
            self._session_model = _load(SESSION_MODELS.find, self._bundle.folder / SESSION, spec)
        return self._session_model

    def _model(self, place: int) -> Recommender:
        if place not in self._models:
            model = load_model(self._folders[place], self._specs[place])
            if not 0 < model.n <= self._n:
                raise BundleError(
                    f"{self._folders[place]}: the model is of {model.n:,} products, the bundle of "
                    f"{self._n:,}; the two do not match: fit the bundle again"
                )
            self._models[place] = model
        return self._models[place]

    @property
    def specs(self) -> list[str]:
        """The models in order, as written in the settings."""
        return self._specs

    def top_k(
        self, row: int, allowed: npt.NDArray[np.bool_], k: int, only: int | None = None
    ) -> RankedList:
        """The k best allowed complements of a product of the catalogue; see `top_k_by`."""
        return self.top_k_from(lambda model: self._scores(model, row), allowed, k, only=only)

    def score_pair(self, row: int, target: int) -> float | None:
        """Score of a pair by the first model; None if it has none."""
        with damage_as_error(self._folders[0]):
            scores = self._scores(self._model(0), row)
        is_scored = target < scores.shape[1] and np.isfinite(scores[0, target])
        return float(scores[0, target]) if is_scored else None

    def _scores(self, model: Recommender, row: int) -> Floats:
        if row < model.n:
            return model.score(np.array([row], dtype=np.int32))
        # it came after the model was fitted
        return model.score_new(Catalog(self._bundle.table.frame[row : row + 1]))

    def top_k_from(
        self,
        score: Callable[[Recommender], Floats],
        allowed: npt.NDArray[np.bool_],
        k: int,
        *,
        by_attributes: bool = False,
        only: int | None = None,
    ) -> RankedList:
        """The k best allowed products, each model filling the places that those before it left.

        Args:
            score: calls a model; (1, m) for the m products of the model.
            allowed: (n,) what may be answered.
            k: maximum number of products.
            by_attributes: use only models that score products that are not in the catalogue.
            only: index of the one model to use; None uses all.
        """
        still_open = allowed.copy()
        parts: list[tuple[Rows, Floats]] = []
        left = k
        for place in range(len(self._specs)):
            if not left:
                break
            scores = np.full((1, self._n), -np.inf, dtype=np.float32)
            is_used = only is None or place == only
            if is_used and (not by_attributes or reads_attributes(self._specs[place])):
                with damage_as_error(self._folders[place]):
                    scored = score(self._model(place))
                    scores[:, : scored.shape[1]] = scored
            scores[0, ~still_open] = -np.inf
            products, best = arrays.top_k(scores, left)
            is_filled = products[0] >= 0
            parts.append((products[0][is_filled], best[0][is_filled]))
            still_open[parts[-1][0]] = False
            left -= int(is_filled.sum())
        sizes = [len(products) for products, _ in parts]
        return (
            np.concatenate([products for products, _ in parts]),
            np.concatenate([best for _, best in parts]),
            np.repeat(np.arange(len(parts), dtype=np.int8), sizes),
        )
