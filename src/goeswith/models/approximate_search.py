"""The best inner products of a large catalogue that is asked whole, by an index of faiss.

Exactly, n products asked about n cost n * n * d. An index sorts the targets into cells, and a
source is compared with those of the nearest cells alone (IVF). How many cells that are is tried on
a sample of the sources: as few as find .99 of their true answers, which `exact.py` knows. There is
no index where no few do, where faiss is not installed, and where too little is asked to pay for it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Floats, Rows, Sparse, blocks, entry_rows
from goeswith.models.exact_search import best_products

_Places: TypeAlias = npt.NDArray[np.int64]
_LARGE: Final = 100_000
"""Products, and sources asked, from which on an index and its building take half the time."""
_SAMPLE: Final = 1024
_RECALL: Final = 0.995
"""Of a depth's true answers: if the better half is left out, .99 holds of the other half."""
_DEPTHS: Final = (16, 32, 64, 128, 256)
"""Answers that the index is asked for: k, and as many as are left out, or more."""
_SHARE: Final = 0.05
"""Of the cells at most: a search of more takes about as long as the exact one."""
_CELLS: Final = 12
"""Cells a root of the products: with fewer than there are clusters, many have to be looked into."""
_POINTS: Final = 20
"""Targets a cell that are enough to place it, and"""
_ROUNDS: Final = 5
"""of moving it among them: more of either cost more than they save."""
_BLOCK: Final = 512
"""Sources whose answers are scored again at a time."""


class Nearest:
    """An index of target vectors.

    Attributes:
        targets: (n, d) that it is of.
        probes: depth -> cells that are looked into; depths that would take too many are absent.
        recall: depth -> share of the sample's true answers that were found so.
    """

    def __init__(self, targets: Floats, sample: Floats) -> None:
        """Build the index and try it.

        Args:
            targets: (n, d); a row of zeros is never an answer.
            sample: (m, d) vectors like those that will be asked about.
        """
        import faiss

        self.targets = targets
        self._known = np.flatnonzero(targets.any(axis=1)).astype(np.int32)
        known = np.ascontiguousarray(targets[self._known], dtype=np.float32)
        cells = max(1, min(len(known), round(_CELLS * len(known) ** 0.5)))
        quantizer = faiss.IndexFlatIP(known.shape[1])
        self._index = faiss.IndexIVFFlat(
            quantizer, known.shape[1], cells, faiss.METRIC_INNER_PRODUCT
        )
        placing = self._index.cp
        placing.seed, placing.niter, placing.max_points_per_centroid = 0, _ROUNDS, _POINTS
        placing.min_points_per_centroid = 1  # below which it warns
        self._index.train(known)
        self._index.add(known)
        self.probes: dict[int, int] = {}
        self.recall: dict[int, float] = {}
        self._try(np.ascontiguousarray(sample, dtype=np.float32), max(1, int(_SHARE * cells)))

    def _try(self, sample: Floats, most: int) -> None:
        """Find for each depth how many cells, at most `most`, find enough of it."""
        none = np.full(len(sample), -1, dtype=np.int32)
        deepest = min(_DEPTHS[-1], len(self._known))
        truth = best_products(sample, self.targets, none, deepest, None)[1]
        probes = 1
        for depth in _DEPTHS:
            if depth > deepest:
                return
            # of equals that share the last place any will do, and sums differ in their last bits
            last = truth[:, depth - 1]
            least = last - 1e-5 * np.abs(last)
            while probes <= most:
                scores = self._search(sample, depth, probes)[0]
                found = float((scores >= least[:, None]).mean())
                if found >= _RECALL:
                    self.probes[depth], self.recall[depth] = probes, found
                    break
                probes += max(1, probes // 4)

    def _search(self, vectors: Floats, depth: int, probes: int) -> tuple[Floats, _Places]:
        """Scores and places among the known targets, (b, depth), best first; -1 where none is."""
        import faiss

        asked = faiss.SearchParametersIVF(nprobe=probes)
        found: tuple[Floats, _Places] = self._index.search(
            np.ascontiguousarray(vectors, dtype=np.float32), depth, params=asked
        )
        return found

    def best_products(
        self, vectors: Floats, sources: Rows, k: int, exclude: Sparse | None
    ) -> tuple[Rows, Floats]:
        """What `exact.best_products` says, .99 of it; rows that come short are its own."""
        products = np.full((len(vectors), k), -1, dtype=np.int32)
        best = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        needed = np.full(len(vectors), k + 1)
        if exclude is not None:
            needed += np.diff(exclude.indptr)[sources]
        depths = np.searchsorted(_DEPTHS, needed)
        asked = np.flatnonzero(vectors.any(axis=1)).astype(np.int32)
        for depth_at in np.unique(depths[asked]):
            depth = _DEPTHS[depth_at] if depth_at < len(_DEPTHS) else 0
            if depth not in self.probes:
                continue
            for rows in blocks(asked[depths[asked] == depth_at], _BLOCK):
                products[rows], best[rows] = self._of_depth(
                    vectors[rows], sources[rows], k, exclude, depth
                )
        short = asked[products[asked, -1] < 0]
        if len(short):
            products[short], best[short] = best_products(
                vectors[short], self.targets, sources[short], k, exclude
            )
        return products, best

    def _of_depth(
        self, vectors: Floats, sources: Rows, k: int, exclude: Sparse | None, depth: int
    ) -> tuple[Rows, Floats]:
        """`best_products` of sources of which fewer than depth - k are left out."""
        places = self._search(vectors, depth, self.probes[depth])[1]
        found = np.where(places < 0, -1, self._known[places])
        scores = np.einsum("bd,bjd->bj", vectors, self.targets[found])
        scores[(found < 0) | (found == sources[:, None])] = -np.inf
        if exclude is not None:
            out = exclude[sources]
            n = len(self.targets)
            left_out = entry_rows(out).astype(np.int64) * n + out.indices
            pairs = np.arange(len(found), dtype=np.int64)[:, None] * n + found
            scores[np.isin(pairs, left_out)] = -np.inf
        order = np.lexsort((found, -scores))[:, :k]
        scores = np.take_along_axis(scores, order, axis=1)
        found = np.take_along_axis(found, order, axis=1)
        return np.where(np.isfinite(scores), found, -1).astype(np.int32), scores


def nearest(targets: Floats, vectors: Floats, sources: Rows) -> Nearest | None:
    """An index of the targets, or None where asking exactly is as good.

    Args:
        targets: (n, d) what is found.
        vectors: (n, d) what is asked about.
        sources: rows of `vectors` that will be asked about, of which a sample is taken.
    """
    if min(len(sources), len(targets)) < _LARGE or find_spec("faiss") is None:
        return None
    if np.count_nonzero(targets.any(axis=1)) < _LARGE:
        return None
    drawn = np.random.default_rng(0).choice(sources, 4 * _SAMPLE, replace=False)
    sample = vectors[drawn]
    sample = sample[sample.any(axis=1)][:_SAMPLE]
    if not len(sample):
        return None
    index = Nearest(targets, sample)
    return index if index.probes else None
