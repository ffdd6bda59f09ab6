"""Kinds of titles without a phrase of the table, learned from the other titles of the shop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from goeswith.kinds.tagger import SHOP, Tag

if TYPE_CHECKING:
    from goeswith.core.arrays import Sparse

MIN_COSINE: Final = 0.6
"""Of a title with the centroid of a kind, below which it has no kind."""
MIN_MARGIN: Final = 1.15
"""How much nearer the nearest kind has to be than the second."""
MIN_TITLES: Final = 3
"""Titles of a kind from which its centroid is made."""
CONFIDENT: Final = 0.8
"""Confidence from which a title teaches."""
_WORD: Final = re.compile(r"\w\w+")


def tag_by_text(titles: Sequence[str | None], tags: Sequence[Tag]) -> list[Tag]:
    """The tags, and for titles without one the kind whose titles share most of their words.

    Nearest centroid of TF-IDF vectors (Rocchio; Manning et al., Introduction to Information
    Retrieval, 2008, section 14.2).

    Args:
        titles: n.
        tags: of the same, from `Tagger`.
    """
    texts = [title or "" for title in titles]
    taught = [i for i, tag in enumerate(tags) if tag.kind and tag.confidence >= CONFIDENT]
    unset = [i for i, tag in enumerate(tags) if tag.kind is None and tag.source != SHOP]
    open_ = [i for i in unset if texts[i]]
    if not taught or not open_:
        return list(tags)
    vectors = _tf_idf(texts)
    names, codes, counts = np.unique(
        [str(tags[i].kind) for i in taught], return_inverse=True, return_counts=True
    )
    ones = np.ones(len(taught), dtype=np.float32)
    members = sparse.csr_matrix((ones, (codes, taught)), shape=(len(names), len(texts)))
    centroids = _unit_rows(members @ vectors)
    cosines = (vectors[open_] @ centroids.T).toarray()
    cosines[:, counts < MIN_TITLES] = 0
    if cosines.shape[1] < 2:
        return list(tags)
    order = np.argsort(-cosines, axis=1)[:, :2]
    first, second = (np.take_along_axis(cosines, order[:, [i]], axis=1)[:, 0] for i in (0, 1))
    found = list(tags)
    for row, place in enumerate(open_):
        if first[row] >= MIN_COSINE and first[row] >= MIN_MARGIN * second[row]:
            runner_up = str(names[order[row, 1]]) if second[row] > 0 else None
            confidence = 0.58 + 0.5 * float(first[row] - MIN_COSINE)
            found[place] = Tag(str(names[order[row, 0]]), confidence, "", runner_up, "text")
    return found


def _tf_idf(texts: Sequence[str]) -> Sparse:
    """(n, v) CSR of unit rows: (1 + log tf) (1 + log (1 + n) / (1 + df)) of words of two texts."""
    codes: dict[str, int] = {}
    words = [_WORD.findall(text.lower()) for text in texts]
    columns = [codes.setdefault(word, len(codes)) for some in words for word in some]
    starts = np.cumsum([0, *map(len, words)])
    ones = np.ones(len(columns))
    counts = sparse.csr_matrix((ones, columns, starts), shape=(len(texts), len(codes)))
    counts.sum_duplicates()
    texts_with = np.bincount(counts.indices, minlength=len(codes))
    counts = counts[:, texts_with > 1]
    texts_with = texts_with[texts_with > 1]
    idf = np.log((1 + len(texts)) / (1 + texts_with)) + 1
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    return _unit_rows(counts)


def _unit_rows(matrix: Sparse) -> Sparse:
    """The rows with length 1; empty ones stay empty."""
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
    scaled = matrix.tocsr(copy=True)
    scaled.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(scaled.indptr))
    return scaled
