"""Fitting the model of the next product in a session, beside the models of complements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from goeswith.core.arrays_file import save_arrays
from goeswith.core.errors import ConfigError, DataError
from goeswith.core.progress import MessageProgress
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.sequences import Sequences, sequences_from_events
from goeswith.settings.sections import AUTO, NONE
from goeswith.store.manifest import SESSION, TRANSITIONS

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.settings.sections import Settings

MAX_DISTANCE: Final = 5
"""Largest distance in a sequence at which one product follows another."""
_MAX_SUCCESSORS: Final = 100
"""Stored successors per product, the most frequent ones."""
_WINDOWS: Final = (50, 20, 10, 5, 2)
_TREE_SEQUENCES: Final = 2000
"""Sequences of two products or more from which auto has trees learn."""
_TREE_PRODUCTS: Final = 100_000
"""Largest catalogue likewise: more products are not measured."""
_MAX_PAIRS: Final = 10_000_000
"""Pairs that auto has its models look at: a few hundred megabytes while they are added up."""


def fit_session(
    dataset: Dataset,
    settings: Settings,
    build: Path,
    checkpoints: Path,
    on_progress: MessageProgress,
) -> dict[str, Any]:
    """Fit the model that `fit.session_model` names, and save it in a build.

    Returns:
        the entry of the manifest: `model`, or None and `why_not`.

    Raises:
        ConfigError: a model is named and the data have no sequences for it.
    """
    spec = settings.fit.session_model
    if spec == NONE:
        return {"model": None, "why_not": 'it was fitted with fit.session_model = "none"'}
    if "session" in settings.fit.without:
        return {"model": None, "why_not": "fit.without leaves out session"}
    try:
        sequences = _sequences(dataset, settings.fit.session_steps, on_progress)
    except DataError as error:
        if spec != AUTO:
            raise ConfigError(f"fit.session_model = {spec!r}: {error}") from error
        return {"model": None, "why_not": str(error)}
    if spec == AUTO:
        spec = choose_session_model(
            sequences,
            item_knn_configured="item_knn" in settings.models,
            with_trees=settings.fit.budget == "best" and len(dataset.catalog) <= _TREE_PRODUCTS,
        )
    model = SESSION_MODELS.make(spec, settings.models)
    model.set_checkpoints(checkpoints, on_progress)
    on_progress(f"fitting the session model {spec}")
    model.fit(dataset.catalog, sequences).save(build / SESSION)
    save_arrays(transition_arrays(sequences, len(dataset.catalog)), build / TRANSITIONS)
    return {"model": spec}


def _sequences(dataset: Dataset, max_steps: int, on_progress: MessageProgress) -> Sequences:
    """The sequences of a data set, of which one at least holds two products.

    Raises:
        DataError: there are none.
    """
    if dataset.events is None:
        raise DataError("the data have no events")
    events = capped_events(dataset.events, max_steps)
    if events.height < dataset.events.height:
        left_out = dataset.events.height - events.height
        on_progress(
            f"session model: {left_out:,} older events of visitors with more than {max_steps:,} "
            "are left out (fit.session_steps)"
        )
    sequences, whose = sequences_from_events(events)
    if not (sequences.lengths > 1).any():
        raise DataError(f"no {whose.columns[0]} has two events, so there is no next product")
    return sequences


def capped_events(events: pl.DataFrame, max_steps: int) -> pl.DataFrame:
    """The latest events of each user, or without users of each session or basket.

    Args:
        events: in any order; events without a user or context stay.
        max_steps: of one user, at most.
    """
    names = ("user_id", "session_id", "basket_id")
    whose = next((name for name in names if name in events.columns), None)
    if whose is None:
        return events
    order = next((name for name in ("timestamp", "position") if name in events.columns), None)
    place = pl.int_range(pl.len()) if order is None else pl.col(order).rank("ordinal")
    rank = place.rank("ordinal", descending=True).over(whose)
    return events.filter((rank <= max_steps) | pl.col(whose).is_null())


def choose_session_model(
    sequences: Sequences, *, item_knn_configured: bool, with_trees: bool = False
) -> str:
    """The mixture; of a log too large for it, item_knn with the widest window that it affords.

    Args:
        sequences: of the log.
        item_knn_configured: by the project file; then item_knn as it is there.
        with_trees: whether session_trees, which takes five times as long to fit and to answer, is
            used in place of the mixture, if there are enough sequences. It uses the mixture alone
            where that is better on held-out sequences.
    """
    if item_knn_configured:
        return "item_knn"
    pairs = {w: int(pairs_within(sequences.lengths, w)) for w in _WINDOWS}
    window = next((w for w in _WINDOWS if pairs[w] <= _MAX_PAIRS), _WINDOWS[-1])
    if window != _WINDOWS[0]:
        return f"item_knn:window={window}"
    enough = int((sequences.lengths > 1).sum()) >= _TREE_SEQUENCES
    return "session_trees" if with_trees and enough else "mixture"


def pairs_within(lengths: npt.NDArray[np.int64], window: int) -> int:
    """Number of pairs of positions at most `window` apart, over all sequences."""
    reach = np.minimum(window, np.maximum(lengths - 1, 0))
    return int((reach * lengths - reach * (reach + 1) // 2).sum())


def transition_arrays(sequences: Sequences, n: int) -> dict[str, npt.NDArray[Any]]:
    """CSR arrays of transitions: how often a product follows another within `MAX_DISTANCE`."""
    count = sparse.csr_matrix((n, n), dtype=np.int32)
    products, run_of = sequences.products, sequences.run_index
    for distance in range(1, MAX_DISTANCE + 1):
        earlier, later = products[:-distance], products[distance:]
        is_kept = (run_of[distance:] == run_of[:-distance]) & (earlier != later)
        ones = np.ones(int(is_kept.sum()), dtype=np.int32)
        count = count + sparse.csr_matrix((ones, (earlier[is_kept], later[is_kept])), shape=(n, n))
    count = count.tocsr()
    count.sort_indices()
    source = np.repeat(np.arange(n), np.diff(count.indptr))
    order = np.lexsort((count.indices, -count.data, source))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - count.indptr[source]
    is_kept = place < _MAX_SUCCESSORS
    starts = np.concatenate([[0], np.cumsum(np.bincount(source[is_kept], minlength=n))])
    return {
        "followed.indptr": starts.astype(np.int64),
        "followed.indices": count.indices[is_kept].astype(np.int32),
        "followed.data": count.data[is_kept].astype(np.int32),
    }
