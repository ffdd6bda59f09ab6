"""Comparisons of what two computations say that may round differently.

Sums of products are added up in another order by another processor, another library of linear
algebra or another shape of the same matrices, so their last bits differ. What is promised to the
last bit (the same run twice, a resumed run) is compared with `np.array_equal` in the tests.
"""

from __future__ import annotations

import numpy as np

from goeswith.core.arrays import Floats, Rows, Sparse
from goeswith.models.base import mask_excluded
from goeswith.models.neural.typed_vectors import TypedSlate, TypedVectors

RTOL = 1e-5


def slack(scores: Floats) -> float:
    """How far apart two roundings of the largest of these scores may lie."""
    finite = np.abs(scores[np.isfinite(scores)])
    return RTOL * float(finite.max(initial=0))


def assert_same_scores(found: Floats, expected: Floats) -> None:
    """Scores of one shape, -inf in the same places, and elsewhere the same but for rounding."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(np.isneginf(found), np.isneginf(expected))
    np.testing.assert_allclose(found, expected, rtol=RTOL, atol=slack(expected))


def assert_best(
    answers: tuple[Rows, Floats],
    scores: Floats,
    sources: Rows,
    k: int,
    exclude: Sparse | None = None,
) -> None:
    """Answers are the k best of a matrix of scores, and ties go to the lower product.

    Args:
        answers: products (b, k), padded with -1, and their scores, padded with -inf.
        scores: (b, n) of all products, computed in any way.
        sources: (b,) rows, which are not among their answers.
        k: how many; where fewer than that can be answered, all of them are.
        exclude: (n, n) CSR of what is left out.
    """
    allowed = scores.copy()
    mask_excluded(allowed, sources, exclude)
    products, best = answers
    width = min(k, scores.shape[1])
    assert products.shape == best.shape == (len(sources), width)
    assert products.dtype == np.int32
    assert best.dtype == np.float32
    for row, shown, said in zip(allowed, products, best, strict=True):
        can = np.flatnonzero(np.isfinite(row))
        there = shown >= 0
        count = min(width, len(can))
        assert there[:count].all()
        assert not there[count:].any()
        assert np.isneginf(said[count:]).all()
        listed, values = shown[:count], said[:count]
        assert len(set(listed.tolist())) == count
        assert np.isin(listed, can).all()
        near = slack(row)
        # each score is the product's own, and place by place that of the best
        np.testing.assert_allclose(values, row[listed], rtol=RTOL, atol=near)
        np.testing.assert_allclose(values, -np.sort(-row[can])[:count], rtol=RTOL, atol=near)
        assert np.all(values[:-1] >= values[1:])
        tied = values[:-1] == values[1:]
        assert np.all(listed[:-1][tied] < listed[1:][tied])
        # nothing that is clearly above the last is missing
        if count:
            last = float(values[-1])
            above = can[row[can] > last + near + RTOL * abs(last)]
            assert np.isin(above, listed).all()


def assert_same_answers(
    found: tuple[Rows, Floats], expected: tuple[Rows, Floats], share: float = 1.0
) -> None:
    """Two lists of answers, best first, that differ only among products of one score.

    Args:
        found: products (b, k), padded with -1, and their scores, padded with -inf.
        expected: the same.
        share: of the rows that must be so; 1 is all.
    """
    same = []
    for mine, my_scores, theirs, their_scores in zip(*found, *expected, strict=True):
        near = 2 * slack(their_scores)
        there = theirs >= 0
        alike = np.array_equal(mine < 0, theirs < 0) and np.allclose(
            my_scores[there], their_scores[there], rtol=RTOL, atol=near
        )
        if alike and there.any():
            last = their_scores[there][-1] + near
            alike = set(mine[there][my_scores[there] > last].tolist()) <= set(
                theirs[there].tolist()
            ) and set(theirs[there][their_scores[there] > last].tolist()) <= set(
                mine[there].tolist()
            )
            # a product stands elsewhere only where its neighbours score the same
            moved = np.flatnonzero((mine != theirs) & there)
            place = {product: at for at, product in enumerate(theirs[there].tolist())}
            alike = alike and all(
                abs(float(their_scores[place[int(mine[at])]] - their_scores[at])) <= near
                for at in moved
                if int(mine[at]) in place
            )
        same.append(alike)
    assert np.mean(same) >= share if same else True


def assert_same_slates(
    found: TypedSlate, expected: TypedSlate, model: TypedVectors, sources: Rows
) -> None:
    """Two slates whose products and types score alike, place by place."""
    scores, kinds = model.score(sources), model.type_scores(sources)
    for mine, theirs, said in (
        (found.products, expected.products, scores),
        (found.types, expected.types, kinds),
    ):
        np.testing.assert_array_equal(mine < 0, theirs < 0)
        values = [np.take_along_axis(said, np.maximum(rows, 0), axis=1) for rows in (mine, theirs)]
        np.testing.assert_allclose(values[0], values[1], rtol=RTOL, atol=slack(said))
