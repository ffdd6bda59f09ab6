"""The saved models of a bundle, asked again: for products and filters that were not foreseen."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Floats, Rows, top_k
from goeswith.core.errors import BundleError, ConfigError, DataError
from goeswith.data.catalog import Catalog
from goeswith.data.clean import clean_products
from goeswith.data.quarantine import ROW, Quarantine
from goeswith.data.variants import variants_of
from goeswith.models import model_class
from goeswith.models.base import Model, Recommender
from goeswith.query.select import RankedList, Wanted, answers, fuse, probable_models, slate
from goeswith.sequential import SESSION_MODELS
from goeswith.store.manifest import SESSION
from goeswith.store.product_lookup import spoken_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goeswith.query.answer import Answer
    from goeswith.query.bundle import Bundle
    from goeswith.query.constraints import Constraints
    from goeswith.sequential.base import SessionModel
    from goeswith.store.evidence import Evidence

M = TypeVar("M", bound=Model)
MOST_CHARACTERS: Final = 50_000
"""Of a product given by its attributes, as JSON."""


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
    try:
        return find(spec.partition(":")[0]).load(folder)
    except (OSError, KeyError, ValueError) as error:
        raise BundleError(
            f"{folder}: the model {spec!r} cannot be read ({error}); where a later fit has "
            "replaced the bundle, open it again, else fit it again"
        ) from error


def reads_attributes(spec: str) -> bool:
    """Whether a model answers for products that were unknown when it was fitted."""
    return model_class(spec.partition(":")[0]).score_new is not Recommender.score_new


class LiveModels:
    """The models of a bundle, each loaded when those before it leave places open."""

    def __init__(self, bundle: Bundle) -> None:
        self._folders = model_folders(bundle.folder)
        # answers may also name stand-ins, which no model gave
        self._specs, self._n = bundle.models[: len(self._folders)], len(bundle)
        # a cycle would keep a bundle that nobody asks any more, and its files, until a collection
        self._bundle = weakref.proxy(bundle)
        self._models: dict[int, Recommender] = {}
        self._session: SessionModel | None = None

    def load(self) -> LiveModels:
        """Load every model now, so that no later fit can take its files away.

        Raises:
            BundleError: a model is missing or damaged.
        """
        for place in range(len(self._specs)):
            self._model(place)
        if self._bundle.session_model is not None:
            self.session()
        return self

    def session(self) -> SessionModel:
        """The model of the next product, of a bundle that has one.

        Raises:
            BundleError: it is damaged.
        """
        if self._session is None:
            spec: str = self._bundle.session_model
            self._session = _load(SESSION_MODELS.find, self._bundle.folder / SESSION, spec)
        return self._session

    def _model(self, place: int) -> Recommender:
        if place not in self._models:
            self._models[place] = load_model(self._folders[place], self._specs[place])
        return self._models[place]

    @property
    def specs(self) -> list[str]:
        """The models, first to last, as they stand in the settings."""
        return self._specs

    def known(
        self, row: int, allowed: npt.NDArray[np.bool_], k: int, only: int | None = None
    ) -> RankedList:
        """The k best allowed complements of a product of the catalogue; see `ranked`."""
        return self.ranked(lambda model: self._scores(model, row), allowed, k, only=only)

    def score_of(self, row: int, target: int) -> float | None:
        """What the first model gives a pair; None where it says nothing."""
        scores = self._scores(self._model(0), row)
        known = target < scores.shape[1] and np.isfinite(scores[0, target])
        return float(scores[0, target]) if known else None

    def _scores(self, model: Recommender, row: int) -> Floats:
        if row < model.n:
            return model.score(np.array([row], dtype=np.int32))
        # it came after the model was fitted
        return model.score_new(Catalog(self._bundle.table.frame[row : row + 1]))

    def ranked(
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
            score: asks a model; (1, m) for the m products that it knows.
            allowed: (n,) what may be answered.
            k: at most so many.
            by_attributes: ask only the models that answer for products unknown at fit.
            only: place of the one model to ask; None asks all.
        """
        open_ = allowed.copy()
        found: list[tuple[Rows, Floats]] = []
        left = k
        for place in range(len(self._specs)):
            if not left:
                break
            scores = np.full((1, self._n), -np.inf, dtype=np.float32)
            asked = only is None or place == only
            if asked and (not by_attributes or reads_attributes(self._specs[place])):
                given = score(self._model(place))
                scores[:, : given.shape[1]] = given
            scores[0, ~open_] = -np.inf
            products, best = top_k(scores, left)
            kept = products[0] >= 0
            found.append((products[0][kept], best[0][kept]))
            open_[found[-1][0]] = False
            left -= int(kept.sum())
        sizes = [len(products) for products, _ in found]
        return (
            np.concatenate([products for products, _ in found]),
            np.concatenate([best for _, best in found]),
            np.repeat(np.arange(len(found), dtype=np.int8), sizes),
        )


def new_products(records: Sequence[Mapping[str, Any]], known: pl.DataFrame, file: str) -> Catalog:
    """Products given by their attributes, cleaned as those of the catalogue were.

    Args:
        records: attributes by name, each with a `product_id`.
        known: the catalogue, whose columns they may have.
        file: name for messages.

    Raises:
        DataError: an attribute is not a column of the catalogue or cannot be read.
    """
    from difflib import get_close_matches

    names = list(dict.fromkeys(name for record in records for name in record))
    for name in names:
        if name not in known.columns:
            near = get_close_matches(name, known.columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known.columns)}"
            raise DataError(f"{file}: the catalogue has no attribute {name!r}; {hint}")
    columns = {ROW: pl.int_range(1, len(records) + 1, eager=True)}
    for name in names:
        values = [record.get(name) for record in records]
        try:
            columns[name] = pl.Series(name, values, dtype=_given(values), strict=False)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{file}: {name} = {values[0]!r} cannot be read: {error}") from error
    quarantine = Quarantine()
    catalog = clean_products(pl.DataFrame(columns), file, quarantine)
    for row in quarantine.rows.head(1).iter_rows(named=True):
        raise DataError(f"{file}: {row['reason']} (got {row['value']!r})")
    return catalog


def _given(values: list[Any]) -> pl.DataType:
    if any(isinstance(value, list) for value in values):
        return pl.List(pl.String)
    if any(isinstance(value, dict) for value in values):
        raise TypeError("a value is a text, a number, true, false, or a list of texts")
    return pl.String()


def answers_to_new(
    bundle: Bundle, attributes: Mapping[str, Any], k: int, constraints: Constraints | None
) -> list[Answer]:
    """See `Bundle.complements_of_new`."""
    if not bundle.asks_models:
        raise ConfigError(
            "new products are answered by models, which are not kept in memory here; set "
            "serve.live = true"
        )
    try:
        written = json.dumps(dict(attributes))
    except (TypeError, ValueError) as error:
        raise DataError(f"the attributes of the product cannot be read: {error}") from error
    if len(written) > MOST_CHARACTERS:
        raise DataError(
            f"the attributes of the product are longer than {MOST_CHARACTERS:,} characters; leave "
            "out what does not describe it"
        )
    product_id = str(attributes.get("product_id") or "new product")
    if bundle.products.has(product_id):
        raise DataError(f"the product {product_id!r} is in the catalogue: ask for it by its id")
    record = {**attributes, "product_id": product_id}
    catalog = new_products([record], bundle.table.frame, "the new product")
    wanted = Wanted.of(bundle, constraints, [])
    titled = bundle.products.titled((catalog.text("title") or [None])[0] or "")
    wanted.allowed[variants_of(catalog, bundle.table.frame, titled)] = False
    found = bundle.live.ranked(
        lambda model: model.score_new(catalog), wanted.allowed, bundle.k, by_attributes=True
    )
    candidates = fuse([found], probable_models(bundle))
    chosen = slate(bundle, candidates, wanted, wanted.allowed, k)
    title = catalog.text("title") or [None]
    kind = catalog.type_names[0] if catalog.type_names else None
    code = bundle.products.type_code(kind)

    def evidence(best: int, targets: Rows, origin: Rows) -> list[Evidence]:
        return bundle.evidence.of_new(code, targets)

    unnamed = title[0] or f"the new {kind or 'product'}"
    name = spoken_name(product_id, title[0], kind) if "product_id" in attributes else unnamed
    return answers(bundle, chosen, evidence, [name], [product_id])
