"""Fitting a bundle: models learn, answers of every product are worked out, all is published."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from goeswith import __version__
from goeswith.arrays import Floats, Rows, Sparse, blocks
from goeswith.arrays_file import save_arrays
from goeswith.bundle.evidence_arrays import evidence_arrays
from goeswith.bundle.format import ANSWERS, EVIDENCE, LOOKUP, PRODUCTS
from goeswith.bundle.products import product_arrays
from goeswith.bundle.publish import new_build, publish
from goeswith.errors import GoesWithError
from goeswith.files import write_parquet
from goeswith.models import make_model
from goeswith.relations.build import build_graph
from goeswith.relations.files import save_graph

if TYPE_CHECKING:
    from goeswith.config import Settings
    from goeswith.data.folder import Dataset
    from goeswith.models.base import Recommender
    from goeswith.relations.graph import RelationGraph

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with (steps done, all steps, what comes next)."""

_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "polars", "duckdb", "ibis-framework")
_BATCH: Final = 512
_MOST_THREADS: Final = 4
"""Each scores blocks of its own: more would hold more memory than they save time."""


def fit_bundle(
    dataset: Dataset,
    out: Path,
    settings: Settings,
    metrics: dict[str, Any] | None = None,
    progress: Progress | None = None,
    *,
    graph: RelationGraph | None = None,
) -> None:
    """Fit the models that `settings.fit` names and leave a bundle at `out`.

    The bundle that was there answers until the new one is whole, and for good if this run ends
    early, however it ends. The same run started again resumes a model's training after the last
    epoch that was finished.

    Args:
        dataset: as `load_data` reads it.
        out: the bundle's folder; made where it is missing.
        settings: `fit`, `relations` and `models` are used; all are recorded.
        metrics: what a benchmark measured, to be kept with the bundle.
        progress: told what is being done.
        graph: the relations of `dataset` where they were built already.

    Raises:
        BundleError: `out` holds other files, or another run is writing it.
        ConfigError: a setting of a model is wrong.
        DataError: no relation can be built from the data.
    """
    tell = _Steps(len(dataset.catalog), 1 + len(settings.fit.fallbacks), progress)
    with new_build(out) as build:
        tell.now("building relations")
        graph = graph or build_graph(dataset, settings.relations)
        # beside the bundle: a killed run's build is cleaned away, its training is not
        checkpoints = out.absolute().with_name(f".{out.name}.training")
        answers, left_out = _answer_all(
            dataset, graph, settings, tell, build=build, checkpoints=checkpoints
        )
        tell.now("writing")
        save_arrays(answers.arrays(), build / ANSWERS)
        save_arrays(product_arrays(dataset.catalog), build / LOOKUP)
        save_arrays(evidence_arrays(dataset.catalog, graph), build / EVIDENCE)
        write_parquet(dataset.catalog.frame, build / PRODUCTS)
        save_graph(graph, build / "relations")
        publish(
            build,
            {
                "goeswith": __version__,
                "python": platform.python_version(),
                "libraries": {name: version(name) for name in _LIBRARIES},
                "settings": settings.model_dump(mode="json"),
                "data": _data_facts(dataset),
                "relations": _relation_facts(graph),
                "k": answers.k,
                "models": answers.models,
                "health": {**answers.health(), "left_out": left_out},
                "metrics": metrics,
            },
        )
        rmtree(checkpoints, ignore_errors=True)
        tell.done()


class _Answers:
    """The k best complements of every product, filled by one model after the other."""

    def __init__(self, n: int, k: int) -> None:
        self.k = k
        self.models: list[str] = []
        self.products = np.full((n, k), -1, dtype=np.int32)
        self.scores = np.full((n, k), -np.inf, dtype=np.float32)
        self.origin = np.full((n, k), -1, dtype=np.int8)

    def open_rows(self) -> Rows:
        """Products with a place left."""
        return np.flatnonzero(self.products[:, -1] < 0).astype(np.int32)

    def fill(self, rows: Rows, products: Rows, scores: Floats) -> None:
        """Put the last of `models`' answers behind those that are there, without repeating any."""
        here = self.products[rows]
        repeated = (products[:, :, None] == here[:, None, :]).any(axis=2)
        kept = np.concatenate([here >= 0, (products >= 0) & ~repeated], axis=1)
        order = np.argsort(~kept, axis=1, kind="stable")[:, : self.k]
        there = np.take_along_axis(kept, order, axis=1)
        origin = np.full(products.shape, len(self.models) - 1, dtype=np.int8)
        for mine, theirs, nothing in (
            (self.products, products, -1),
            (self.scores, scores, -np.inf),
            (self.origin, origin, -1),
        ):
            both = np.concatenate([mine[rows], theirs], axis=1)
            mine[rows] = np.where(there, np.take_along_axis(both, order, axis=1), nothing)

    def arrays(self) -> dict[str, Any]:
        """products, scores and origin, (n, k) each; -1 and -inf where a product has no more."""
        return {"products": self.products, "scores": self.scores, "origin": self.origin}

    def health(self) -> dict[str, Any]:
        """How many products and places each model answers, and what is left unanswered."""
        used = self.origin[self.origin >= 0]
        first = self.origin[:, 0]
        recommended = np.unique(self.products[self.products >= 0])
        return {
            "answers": {
                name: int(np.count_nonzero(used == i)) for i, name in enumerate(self.models)
            },
            "products_first_answered": {
                name: int(np.count_nonzero(first == i)) for i, name in enumerate(self.models)
            },
            "products_without_answers": int(np.count_nonzero(first < 0)),
            "products_recommended": len(recommended),
        }


@dataclass
class _Steps:
    """Progress in products answered, over all models."""

    products: int
    models: int
    progress: Progress | None
    answered: int = 0

    def now(self, what: str) -> None:
        if self.progress is not None:
            self.progress(self.answered, self.products * self.models, what)

    def done(self) -> None:
        self.answered = self.products * self.models
        self.now("done")

    @contextmanager
    def model(self, place: int, what: str) -> Iterator[Callable[[int], None]]:
        """Steps of one model: what is yielded is called with the products it has answered."""
        self.answered = self.products * place
        self.now(f"fitting {what}")

        def answered(count: int) -> None:
            self.answered = self.products * place + count
            self.now(f"answering by {what}")

        yield answered


def _answer_all(
    dataset: Dataset,
    graph: RelationGraph,
    settings: Settings,
    tell: _Steps,
    *,
    build: Path,
    checkpoints: Path,
) -> tuple[_Answers, dict[str, str]]:
    """Fit, ask and save every model; fallbacks that do not suit the data are left out and named."""
    fit = settings.fit
    n = len(dataset.catalog)
    answers = _Answers(n, fit.k)
    left_out: dict[str, str] = {}
    alternatives = graph.similars.count
    alternatives = alternatives.maximum(alternatives.T).tocsr()
    for place, spec in enumerate(dict.fromkeys([fit.model, *fit.fallbacks])):
        name = spec.partition(":")[0]
        folder = build / "model" if not place else build / "fallbacks" / f"{place}-{name}"
        with tell.model(place, spec) as answered:
            try:
                model = make_model(spec, settings.models)
                model.follow(checkpoints, tell.now)
                model.fit(dataset.catalog, graph)
            except GoesWithError as error:
                if not place:
                    raise
                left_out[spec] = str(error)
                continue
            answers.models.append(spec)
            _ask(model, answers, alternatives, answered)
            model.save(folder)
    return answers, left_out


def _ask(
    model: Recommender, answers: _Answers, exclude: Sparse, answered: Callable[[int], None]
) -> None:
    """Ask a model for every product with a place left; numpy and scipy let threads run beside."""
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS))
    try:
        batches = list(blocks(answers.open_rows(), _BATCH))
        found = pool.map(lambda rows: model.recommend(rows, answers.k, exclude), batches)
        done = 0
        for rows in batches:
            answered(done)
            answers.fill(rows, *next(found))
            done += len(rows)
    finally:
        # an interrupt must not wait for every product
        pool.shutdown(cancel_futures=True)


def _data_facts(dataset: Dataset) -> dict[str, Any]:
    tables = {
        name: None if frame is None else frame.height
        for name, frame in (
            ("events", dataset.events),
            ("relations", dataset.relations),
            ("sessions", dataset.sessions),
            ("bundles", dataset.bundles),
        )
    }
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "rows": {"products": len(dataset.catalog), **tables},
        "quarantine": dataset.quarantine.counts().to_dicts(),
    }


def _relation_facts(graph: RelationGraph) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: {"edges": len(relation), "contexts": relation.contexts}
        for name, relation in graph.relations.items()
    }
    signals = {"complement signal": graph.complements, "similarity signal": graph.similars}
    return facts | {
        name: {"edges": len(edges), "contexts": edges.contexts} for name, edges in signals.items()
    }
