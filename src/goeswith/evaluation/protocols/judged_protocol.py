"""judged: what people who know the products say of the first answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from goeswith.core.arrays import Rows
from goeswith.core.errors import ConfigError, DataError
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import Quarantine
from goeswith.data.tables import read_table
from goeswith.evaluation.metrics import PerSource
from goeswith.evaluation.protocols.case import Answers, BenchmarkData, CaseMetrics, GraphCase
from goeswith.models.base import Recommender
from goeswith.relations.graph import RelationGraph

_SHOWN: Final = 5
_COLUMNS: Final = ("source", "target", "complement", "substitute")


@dataclass
class JudgedCase(GraphCase):
    """Labelled pairs, and models that are fitted on the complete data.

    The first answers of a model are compared with the labels; an answer without a label counts as
    neither, and the share of answers with one is stated. In the pool, the labelled pairs alone are
    ordered by the model's scores.
    """

    catalog: Catalog
    train: RelationGraph
    sources: Rows
    """(q,) distinct."""
    pair_source: npt.NDArray[np.int64]
    """(m,) place of the source of each labelled pair, ascending."""
    pair_target: Rows
    complement: npt.NDArray[np.float64]
    """(m,) share of the judges that say so."""
    substitute: npt.NDArray[np.float64]

    def answer(self, model: Recommender) -> Answers:
        scores = model.score_pairs(self.sources[self.pair_source], self.pair_target)
        return {"ranking": model.recommend(self.sources, _SHOWN)[0], "pairs": scores}

    def measure(self, answers: Answers) -> CaseMetrics:
        shown = answers["ranking"]
        keys = self.pair_source * len(self.catalog) + self.pair_target
        wanted = np.arange(len(shown))[:, None] * len(self.catalog) + shown
        order = np.argsort(keys)
        at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
        labelled = (keys[order][at] == wanted) & (shown >= 0)
        pool = self._best_of_pool(answers["pairs"])
        ideal = self._best_of_pool(self.complement)
        per_source = {"labelled@5": self._share(labelled.sum(axis=1))}
        for name, label in (("complements", self.complement), ("look_alikes", self.substitute)):
            of_shown = np.where(labelled, label[order][at], 0).sum(axis=1)
            per_source[f"{name}@5"] = self._share(of_shown)
            per_source[f"{name}.pool@5"] = self._share(pool @ label)
        per_source["ideal.pool@5"] = self._share(ideal @ self.complement)
        return CaseMetrics(per_source)

    def _best_of_pool(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(q, m) ones for the first five labelled pairs of each source by some scores."""
        values = np.nan_to_num(np.asarray(scores, dtype=np.float64), neginf=-np.inf)
        order = np.lexsort((self.pair_target, -values, self.pair_source))
        source = self.pair_source[order]
        starts = np.searchsorted(source, np.arange(len(self.sources)))
        first = np.arange(len(source)) - starts[source] < _SHOWN
        chosen = np.zeros((len(self.sources), len(source)))
        chosen[source[first], order[first]] = 1
        return chosen

    def _share(self, totals: npt.ArrayLike) -> PerSource:
        parts = np.asarray(totals, dtype=np.float64) / _SHOWN
        return PerSource(self.sources.astype(np.int64), parts, np.ones(len(parts)))


def judged(data: BenchmarkData, seed: int) -> Iterator[GraphCase]:
    """The labelled pairs of `evaluation.judged`; the same for every seed."""
    path = data.settings.evaluation.judged
    if path is None:
        raise ConfigError(
            "the protocol judged needs labelled pairs: set evaluation.judged to a table with the "
            f"columns {', '.join(_COLUMNS)}"
        )
    catalog = data.dataset.catalog
    pairs = _read(Path(path))
    rows = [catalog.rows(pairs[end]) for end in ("source", "target")]
    known = (rows[0] >= 0) & (rows[1] >= 0)
    if not known.any():
        raise DataError(
            f"{path}: none of its {pairs.height:,} pairs is between products of the catalogue"
        )
    pairs, source, target = pairs.filter(pl.Series(known)), rows[0][known], rows[1][known]
    sources, place = np.unique(source, return_inverse=True)
    order = np.argsort(place, kind="stable")
    yield JudgedCase(
        catalog,
        data.graph,
        sources.astype(np.int32),
        place[order].astype(np.int64),
        target[order].astype(np.int32),
        *(pairs[label].to_numpy().astype(np.float64)[order] for label in _COLUMNS[2:]),
    )


def _read(path: Path) -> pl.DataFrame:
    pairs = read_table(path, Quarantine())
    missing = [name for name in _COLUMNS if name not in pairs.columns]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)} of labelled pairs")
    labels = pairs.select(pl.col(name).cast(pl.Float64, strict=False) for name in _COLUMNS[2:])
    wrong = labels.with_row_index("row", offset=1).filter(
        ~pl.all_horizontal(pl.col(name).is_between(0, 1).fill_null(False) for name in _COLUMNS[2:])
    )
    if wrong.height:
        raise DataError(
            f"{path}: row {wrong['row'][0]}: complement and substitute are shares of judges from 0 "
            f"to 1; {wrong.height:,} rows have something else"
        )
    ids = pairs.select(pl.col(name).cast(pl.String) for name in _COLUMNS[:2])
    return pl.concat([ids, labels], how="horizontal").unique(
        ["source", "target"], maintain_order=True
    )
