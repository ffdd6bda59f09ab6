"""Working out the answers of every product: one model after the other fills the places left."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Floats, Rows, Sparse, blocks
from goeswith.core.errors import GoesWithError
from goeswith.data.variants import variant_codes
from goeswith.models.registry import model_name

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.models.base import Recommender
    from goeswith.relations.graph import RelationGraph

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with (steps done, all steps, what comes next)."""

_BATCH: Final = 2048
_MOST_THREADS: Final = 4
"""Each scores blocks of its own: more would hold more memory than they save time."""


class Answers:
    """The k best complements of every product, filled by one model after the other."""

    def __init__(self, n: int, k: int) -> None:
        self.k = k
        self.models: list[str] = []
        self.probabilities: list[str] = []
        self.left_out: dict[str, str] = {}
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

    def drop(self, out: npt.NDArray[np.bool_]) -> None:
        """Take answers out, (n, k); those behind them move up."""
        for values, nothing in ((self.products, -1), (self.scores, -np.inf), (self.origin, -1)):
            values[out] = nothing
        self.reorder(np.argsort(out, axis=1, kind="stable"))

    def reorder(self, order: npt.NDArray[np.int64]) -> None:
        """Put the first c answers of every product in the order of (n, c) places."""
        width = order.shape[1]
        for values in (self.products, self.scores, self.origin):
            values[:, :width] = np.take_along_axis(values[:, :width], order, axis=1)

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
class Steps:
    """Progress in products answered, over all models."""

    products: int
    models: int
    progress: Progress | None
    answered: int = 0

    def now(self, what: str) -> None:
        """Tell what comes next."""
        if self.progress is not None:
            self.progress(self.answered, self.products * self.models, what)

    def done(self) -> None:
        """Tell that all is done."""
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


class NeverTogether:
    """What is never an answer: a product's substitutes and variants, found a batch at a time."""

    def __init__(self, catalog: Catalog, graph: RelationGraph) -> None:
        similar = graph.similars.count
        self._substitutes = similar.maximum(similar.T).tocsr()
        self._codes = variant_codes(catalog)
        order = np.argsort(self._codes, kind="stable")
        self._members = order[np.searchsorted(self._codes[order], 0) :]
        self._starts = np.searchsorted(
            self._codes[self._members], np.arange(self._codes.max(initial=-1) + 2)
        )

    def of(self, rows: Rows) -> Sparse:
        """(n, n) CSR whose rows `rows` have an entry for each; the others are not to be read."""
        n = len(self._codes)
        substitutes = self._substitutes[rows]
        grouped = rows[self._codes[rows] >= 0]
        groups = [
            self._members[self._starts[code] : self._starts[code + 1]]
            for code in self._codes[grouped].tolist()
        ]
        source = [
            np.repeat(rows, np.diff(substitutes.indptr)),
            np.repeat(grouped, [len(group) for group in groups]),
        ]
        at = (np.concatenate(source), np.concatenate([substitutes.indices, *groups]))
        return sparse.csr_matrix((np.ones(len(at[0]), dtype=np.float32), at), shape=(n, n))


def answer_all(
    specs: list[str],
    fitted: Callable[[str], Recommender],
    catalog: Catalog,
    graph: RelationGraph,
    tell: Steps,
    *,
    build: Path,
    k: int,
) -> Answers:
    """Have every model answer and save it; fallbacks that do not suit the data are left out.

    Args:
        specs: the models, first to last.
        fitted: the model of a spec, ready to answer.
        catalog: the products.
        graph: tells what is never an answer.
        tell: progress.
        build: where models are saved.
        k: answers a product.
    """
    answers = Answers(len(catalog), k)
    never = NeverTogether(catalog, graph)
    for place, spec in enumerate(specs):
        name = model_name(spec)
        safe = re.sub(r"[^\w.-]", "-", name)
        folder = build / "model" if not place else build / "fallbacks" / f"{place}-{safe}"
        with tell.model(place, spec) as answered:
            try:
                model = fitted(spec)
            except GoesWithError as error:
                if not place:
                    raise
                answers.left_out[spec] = str(error)
                continue
            answers.models.append(spec)
            if model.probabilities:
                answers.probabilities.append(spec)
            # products of one type together: what models work out for one serves the others
            rows = answers.open_rows()
            rows = rows[np.argsort(catalog.type_codes[rows], kind="stable")]
            _ask(model, rows, answers, never, answered)
            model.save(folder)
    return answers


def _ask(
    model: Recommender,
    rows: Rows,
    answers: Answers,
    never: NeverTogether,
    answered: Callable[[int], None],
) -> None:
    """Ask a model for the products `rows`; numpy and scipy let threads run beside."""
    model.expect(rows)
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS))
    try:
        batches = list(blocks(rows, _BATCH))
        found = pool.map(lambda batch: model.recommend(batch, answers.k, never.of(batch)), batches)
        done = 0
        for batch in batches:
            answered(done)
            answers.fill(batch, *next(found))
            done += len(batch)
    finally:
        # an interrupt must not wait for every product
        pool.shutdown(cancel_futures=True)
