"""Fitting the model of the next product in a session, beside the models of complements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays_file import save_arrays
from goeswith.core.errors import ConfigError, DataError
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.sequences import Sequences, sequences_of
from goeswith.settings.sections import AUTO, NONE
from goeswith.store.manifest import FOLLOWED, SESSION

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.settings.sections import Settings

PLACES: Final = 5
"""What came so many places after a product at most came "next after" it."""
_KEPT: Final = 100
"""Products kept for each, those that came after it most often."""
_WINDOWS: Final = (50, 20, 10, 5, 2)
_MOST_PAIRS: Final = 10_000_000
"""Pairs that auto has its models look at: a few hundred megabytes while they are added up."""


def fit_session(
    dataset: Dataset,
    settings: Settings,
    build: Path,
    checkpoints: Path,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Fit the model that `fit.session_model` names, and save it in a build.

    Returns:
        what the manifest tells: `model`, or None and `why_not`.

    Raises:
        ConfigError: a model is named and the data have no sequences for it.
    """
    spec = settings.fit.session_model
    if spec == NONE:
        return {"model": None, "why_not": 'it was fitted with fit.session_model = "none"'}
    try:
        sequences = _sequences(dataset)
    except DataError as error:
        if spec != AUTO:
            raise ConfigError(f"fit.session_model = {spec!r}: {error}") from error
        return {"model": None, "why_not": str(error)}
    if spec == AUTO:
        spec = auto_model(sequences, settled="item_knn" in settings.models)
    model = SESSION_MODELS.make(spec, settings.models)
    model.follow(checkpoints, tell)
    tell(f"fitting the session model {spec}")
    model.fit(dataset.catalog, sequences).save(build / SESSION)
    save_arrays(followed(sequences, len(dataset.catalog)), build / FOLLOWED)
    return {"model": spec}


def _sequences(dataset: Dataset) -> Sequences:
    """The sequences of a data set, of which one at least holds two products.

    Raises:
        DataError: there are none.
    """
    if dataset.events is None:
        raise DataError("the data have no events")
    sequences, whose = sequences_of(dataset.events)
    if not (sequences.lengths > 1).any():
        raise DataError(f"no {whose.columns[0]} has two events, so nothing comes next")
    return sequences


def auto_model(sequences: Sequences, *, settled: bool) -> str:
    """The mixture; of a log too large for it, item_knn with the widest window that it affords.

    item_knn as it is where its settings are `settled` by the project file.
    """
    if settled:
        return "item_knn"
    pairs = {w: int(pairs_within(sequences.lengths, w)) for w in _WINDOWS}
    window = next((w for w in _WINDOWS if pairs[w] <= _MOST_PAIRS), _WINDOWS[-1])
    return "mixture" if window == _WINDOWS[0] else f"item_knn:window={window}"


def pairs_within(lengths: npt.NDArray[np.int64], window: int) -> int:
    """Pairs of places of a run that stand at most `window` apart, over all runs."""
    reach = np.minimum(window, np.maximum(lengths - 1, 0))
    return int((reach * lengths - reach * (reach + 1) // 2).sum())


def followed(sequences: Sequences, n: int) -> dict[str, npt.NDArray[Any]]:
    """How often a product came at most `PLACES` places after another: CSR arrays for `Edges`."""
    count = sparse.csr_matrix((n, n), dtype=np.int32)
    products, run_of = sequences.products, sequences.run_of
    for distance in range(1, PLACES + 1):
        earlier, later = products[:-distance], products[distance:]
        kept = (run_of[distance:] == run_of[:-distance]) & (earlier != later)
        ones = np.ones(int(kept.sum()), dtype=np.int32)
        count = count + sparse.csr_matrix((ones, (earlier[kept], later[kept])), shape=(n, n))
    count = count.tocsr()
    count.sort_indices()
    source = np.repeat(np.arange(n), np.diff(count.indptr))
    order = np.lexsort((count.indices, -count.data, source))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - count.indptr[source]
    kept = place < _KEPT
    starts = np.concatenate([[0], np.cumsum(np.bincount(source[kept], minlength=n))])
    return {
        "followed.indptr": starts.astype(np.int64),
        "followed.indices": count.indices[kept].astype(np.int32),
        "followed.data": count.data[kept].astype(np.int32),
    }
