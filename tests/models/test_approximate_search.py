"""The best inner products by an index, against all of them."""

from importlib.util import find_spec

import numpy as np
import pytest
from tests.same import assert_same_answers

from goeswith.models import approximate_search as module
from goeswith.models.approximate_search import make_index
from goeswith.models.base import VectorModel
from goeswith.models.exact_search import best_products
from goeswith.relations.relation import csr

N, D = 6000, 24
needs_faiss = pytest.mark.skipif(find_spec("faiss") is None, reason="faiss is not installed")


class Fitted(VectorModel):
    name = "fitted"

    def __init__(self, sources, targets):
        super().__init__()
        self.source_vectors, self.target_vectors = sources, targets

    def fit(self, catalog, graph):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def six_thousand_are_many(monkeypatch):
    monkeypatch.setattr(module, "_LARGE", 5000)


@pytest.fixture(scope="module")
def vectors():
    """Targets in clusters, of lengths 0 and near 1; sources near a target; sources of length 0."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(N // 60, D))
    targets = centres[rng.integers(len(centres), size=N)] + 0.5 * rng.normal(size=(N, D))
    targets /= np.linalg.norm(targets, axis=1, keepdims=True) * rng.uniform(0.9, 1.1, (N, 1))
    sources = targets[rng.permutation(N)] + 0.05 * rng.normal(size=(N, D))
    targets[rng.choice(N, 50)] = 0
    sources[rng.choice(N, 50)] = 0
    return sources.astype(np.float32), targets.astype(np.float32)


def share(found, true):
    found, true = found[0], true[0]
    same = [np.isin(t[t >= 0], f).sum() for f, t in zip(found, true, strict=True)]
    return sum(same) / (true >= 0).sum()


ROWS = np.arange(N, dtype=np.int32)
SOME = ROWS[::5]


@needs_faiss
def test_an_index_finds_99_of_100_and_their_scores(vectors):
    sources, targets = vectors
    index = make_index(targets, sources, ROWS)
    found = index.best_products(sources[SOME], SOME, 10, None)
    true = best_products(sources[SOME], targets, SOME, 10, None)
    assert share(found, true) >= 0.99
    assert np.array_equal(found[0] < 0, true[0] < 0)
    some = found[0] >= 0
    scores = np.take_along_axis(sources[SOME] @ targets.T, found[0].astype(np.int64), axis=1)
    np.testing.assert_allclose(found[1][some], scores[some], rtol=1e-5, atol=1e-6)
    assert np.isneginf(found[1][~some]).all()
    assert (found[1][:, :-1] >= found[1][:, 1:]).all()
    assert index.probes[16] > 1  # one cell would not have done


@needs_faiss
def test_what_is_left_out_is_no_answer_and_others_take_its_place(vectors):
    sources, targets = vectors
    # of every source its very best; of some more than the index is ever asked for
    best = best_products(sources[SOME], targets, SOME, 40, None)[0]
    row, column = np.repeat(SOME, 40), best.ravel()
    many = np.repeat(SOME[:20], 1000), np.random.default_rng(1).integers(0, N, 20_000)
    row, column = np.concatenate([row, many[0]]), np.concatenate([column, many[1]])
    exclude = csr(N, row[column >= 0], column[column >= 0], np.ones((column >= 0).sum()))
    found = make_index(targets, sources, ROWS).best_products(sources[SOME], SOME, 10, exclude)
    true = best_products(sources[SOME], targets, SOME, 10, exclude)
    assert not np.isin(row * N + column, (SOME[:, None] * N + found[0])[found[0] >= 0]).any()
    assert not (found[0] == SOME[:, None]).any()
    assert share(found, true) >= 0.99
    assert_same_answers(tuple(part[:20] for part in found), tuple(part[:20] for part in true))
    assert np.array_equal(found[0] < 0, true[0] < 0)


@needs_faiss
def test_an_index_is_the_same_each_time_and_in_any_parts(vectors):
    sources, targets = vectors
    one, again = (
        make_index(targets, sources, ROWS).best_products(sources[SOME], SOME, 10, None)
        for _ in range(2)
    )
    assert_same_answers(again, one)
    index = make_index(targets, sources, ROWS)
    parts = [index.best_products(sources[r], r, 10, None) for r in np.array_split(SOME, 7)]
    other = tuple(np.concatenate(answers) for answers in zip(*parts, strict=True))
    # rounding may send a source to another cell, which is as near to it
    assert_same_answers(other, one, share=0.999)


@needs_faiss
def test_of_equals_the_lower_row_comes_first(vectors):
    sources, targets = vectors
    targets = targets.copy()
    targets[N // 2 :] = targets[: N // 2]
    products, scores = make_index(targets, sources, ROWS).best_products(
        sources[SOME], SOME, 10, None
    )
    tied = (scores[:, :-1] == scores[:, 1:]) & (products[:, 1:] >= 0)
    assert tied.any()
    assert (products[:, :-1] < products[:, 1:])[tied].all()


@needs_faiss
def test_vectors_in_no_clusters_have_no_index():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(N, D)).astype(np.float32)
    assert make_index(vectors, vectors, ROWS) is None


@needs_faiss
def test_a_model_that_expects_many_questions_answers_by_an_index_until_its_vectors_change(vectors):
    sources, targets = vectors
    model = Fitted(sources, targets)
    exact = model.recommend(SOME, 10)
    assert_same_answers(exact, best_products(sources[SOME], targets, SOME, 10, None))
    model.prepare_batch(ROWS)
    index = make_index(targets, sources, ROWS).best_products(sources[SOME], SOME, 10, None)
    assert_same_answers(model.recommend(SOME, 10), index)
    model.target_vectors = -targets
    changed = best_products(sources[SOME], -targets, SOME, 10, None)
    assert_same_answers(model.recommend(SOME, 10), changed)


def test_few_questions_need_no_index(vectors):
    assert make_index(vectors[1], vectors[0], ROWS[:4000]) is None
    silent = np.zeros_like(vectors[1])
    assert make_index(silent, vectors[0], ROWS) is None
    assert make_index(vectors[1], silent, ROWS) is None


def test_without_faiss_answers_are_exact(vectors, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    model = Fitted(*vectors)
    model.prepare_batch(ROWS)
    true = best_products(vectors[0][SOME], vectors[1], SOME, 10, None)
    assert_same_answers(model.recommend(SOME, 10), true)
