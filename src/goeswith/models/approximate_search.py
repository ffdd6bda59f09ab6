"""Approximate search for the largest inner products in a large catalogue, by an index of faiss.

Exact search costs n * n * d for n queries. An index sorts the targets into cells, and a source is
compared with those of the nearest cells only (IVF). The number of cells is tuned on a sample of the
sources: the fewest with a recall of .99, measured against `exact_search`. There is no index if too
many cells are necessary, if faiss is not installed, or if there are too few queries to pay for it.
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
"""Products, and queries, from which on an index with its construction takes half the time."""
_SAMPLE: Final = 1024
_RECALL: Final = 0.995
"""Recall at a depth: .99 then holds for the lower half of the depth, too."""
_DEPTHS: Final = (16, 32, 64, 128, 256)
"""Depths of a search: at least k and the number of excluded products."""
_SHARE: Final = 0.05
"""Maximum share of the cells: a search of more takes about as long as the exact one."""
_CELLS: Final = 12
"""Cells per square root of the products: with fewer than there are clusters, many are searched."""
_POINTS: Final = 20
"""Targets a cell for k-means."""
_ROUNDS: Final = 5
"""Iterations of k-means: more of either cost more than they save."""
_BLOCK: Final = 512
"""Sources of a block whose results are scored exactly."""


class ApproximateIndex:
    """An index of target vectors.

    Attributes:
        targets: (n, d) indexed vectors.
        probes: depth -> number of cells to search; depths that need too many are absent.
        recall: depth -> recall on the sample.
    """

    def __init__(self, targets: Floats, sample: Floats) -> None:
        """Build the index and tune it.

        Args:
            targets: (n, d); a row of zeros is never an answer.
            sample: (m, d) vectors like those of the queries.
        """
        import faiss

        self.targets = targets
        self._rows = np.flatnonzero(targets.any(axis=1)).astype(np.int32)
        vectors = np.ascontiguousarray(targets[self._rows], dtype=np.float32)
        cells = max(1, min(len(vectors), round(_CELLS * len(vectors) ** 0.5)))
        quantizer = faiss.IndexFlatIP(vectors.shape[1])
        self._index = faiss.IndexIVFFlat(
            quantizer, vectors.shape[1], cells, faiss.METRIC_INNER_PRODUCT
        )
        clustering = self._index.cp
        clustering.seed, clustering.niter, clustering.max_points_per_centroid = 0, _ROUNDS, _POINTS
        clustering.min_points_per_centroid = 1  # below which it warns
        self._index.train(vectors)
        self._index.add(vectors)
        self.probes: dict[int, int] = {}
        self.recall: dict[int, float] = {}
        self._tune(np.ascontiguousarray(sample, dtype=np.float32), max(1, int(_SHARE * cells)))

    def _tune(self, sample: Floats, max_probes: int) -> None:
        """Set the fewest cells, at most `max_probes`, with enough recall at each depth."""
        no_source = np.full(len(sample), -1, dtype=np.int32)
        deepest = min(_DEPTHS[-1], len(self._rows))
        truth = best_products(sample, self.targets, no_source, deepest, None)[1]
        probes = 1
        for depth in _DEPTHS:
            if depth > deepest:
                return
            # any of several equal scores may be last, and sums differ in their last bits
            last = truth[:, depth - 1]
            min_scores = last - 1e-5 * np.abs(last)
            while probes <= max_probes:
                scores = self._search(sample, depth, probes)[0]
                recall = float((scores >= min_scores[:, None]).mean())
                if recall >= _RECALL:
                    self.probes[depth], self.recall[depth] = probes, recall
                    break
                probes += max(1, probes // 4)

    def _search(self, vectors: Floats, depth: int, probes: int) -> tuple[Floats, _Places]:
        """Scores and indices among the non-zero targets, (b, depth), best first, -1 for none."""
        import faiss

        parameters = faiss.SearchParametersIVF(nprobe=probes)
        result: tuple[Floats, _Places] = self._index.search(
            np.ascontiguousarray(vectors, dtype=np.float32), depth, params=parameters
        )
        return result

    def best_products(
        self, vectors: Floats, sources: Rows, k: int, exclude: Sparse | None
    ) -> tuple[Rows, Floats]:
        """As `exact_search.best_products`, with a recall of .99; incomplete rows are exact."""
        products = np.full((len(vectors), k), -1, dtype=np.int32)
        scores = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        needed = np.full(len(vectors), k + 1)
        if exclude is not None:
            needed += np.diff(exclude.indptr)[sources]
        depths = np.searchsorted(_DEPTHS, needed)
        queries = np.flatnonzero(vectors.any(axis=1)).astype(np.int32)
        for depth_index in np.unique(depths[queries]):
            depth = _DEPTHS[depth_index] if depth_index < len(_DEPTHS) else 0
            if depth not in self.probes:
                continue
            for rows in blocks(queries[depths[queries] == depth_index], _BLOCK):
                products[rows], scores[rows] = self._search_depth(
                    vectors[rows], sources[rows], k, exclude, depth
                )
        incomplete = queries[products[queries, -1] < 0]
        if len(incomplete):
            products[incomplete], scores[incomplete] = best_products(
                vectors[incomplete], self.targets, sources[incomplete], k, exclude
            )
        return products, scores

    def _search_depth(
        self, vectors: Floats, sources: Rows, k: int, exclude: Sparse | None, depth: int
    ) -> tuple[Rows, Floats]:
        """`best_products` of sources with fewer than depth - k excluded products."""
        places = self._search(vectors, depth, self.probes[depth])[1]
        products = np.where(places < 0, -1, self._rows[places])
        scores = np.einsum("bd,bjd->bj", vectors, self.targets[products])
        scores[(products < 0) | (products == sources[:, None])] = -np.inf
        if exclude is not None:
            excluded = exclude[sources]
            n = len(self.targets)
            excluded_pairs = entry_rows(excluded).astype(np.int64) * n + excluded.indices
            pairs = np.arange(len(products), dtype=np.int64)[:, None] * n + products
            scores[np.isin(pairs, excluded_pairs)] = -np.inf
        order = np.lexsort((products, -scores))[:, :k]
        scores = np.take_along_axis(scores, order, axis=1)
        products = np.take_along_axis(products, order, axis=1)
        return np.where(np.isfinite(scores), products, -1).astype(np.int32), scores


def make_index(targets: Floats, vectors: Floats, sources: Rows) -> ApproximateIndex | None:
    """An index of the targets, or None where exact search is as fast.

    Args:
        targets: (n, d) vectors to search in.
        vectors: (n, d) vectors of all sources.
        sources: rows of `vectors` that will be queries; a sample of them tunes the index.
    """
    if min(len(sources), len(targets)) < _LARGE or find_spec("faiss") is None:
        return None
    if np.count_nonzero(targets.any(axis=1)) < _LARGE:
        return None
    sampled = np.random.default_rng(0).choice(sources, 4 * _SAMPLE, replace=False)
    sample = vectors[sampled]
    sample = sample[sample.any(axis=1)][:_SAMPLE]
    if not len(sample):
        return None
    index = ApproximateIndex(targets, sample)
    return index if index.probes else None
