"""Choices of learners, and the counts that they learn from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from goeswith.results.exploration import source_clusters
from goeswith.results.exploration.choice_probabilities import (
    choice_probabilities,
    draw,
    surely_better,
)
from goeswith.results.exploration.click_counts import (
    NOTHING,
    ClickCounts,
    position_based,
    read_click_counts,
)
from goeswith.results.exploration.click_prior import PRIOR_IMPRESSIONS, ClickPrior, fit_prior
from goeswith.results.exploration.source_clusters import ClusterCounts, SourceClusters

COUNTS = st.lists(st.tuples(st.floats(0.05, 500), st.floats(0.5, 50_000)), min_size=1, max_size=20)


@given(COUNTS)
def test_the_probabilities_are_those_of_draws(counts: list[tuple[float, float]]) -> None:
    alpha, beta = (np.array(column) for column in zip(*counts, strict=True))
    found = choice_probabilities("thompson", alpha, beta)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    drawn = np.random.default_rng(0).beta(alpha, beta, (4000, len(alpha))).argmax(axis=1)
    shares = np.bincount(drawn, minlength=len(alpha)) / 4000
    assert found == pytest.approx(shares, abs=0.06)


def test_epsilon_shows_the_best_and_any_in_a_tenth() -> None:
    found = choice_probabilities("epsilon", np.array([1.0, 9.0]), np.array([99.0, 91.0]))
    assert found == pytest.approx([0.05, 0.95])


def test_a_draw_follows_the_probabilities() -> None:
    chances = np.array([0.2, 0.5, 0.3])
    at = (np.arange(1000) + 0.5) / 1000
    picks = np.bincount([draw(chances, float(x)) for x in at])
    assert picks / 1000 == pytest.approx(chances, abs=0.002)
    assert draw(chances, 1.0) == 2
    assert draw(np.array([0.4, 0.6, 0.0]), 1.0) == 1  # never what has the probability 0


def test_the_click_model_tells_rank_from_attraction() -> None:
    rng = np.random.default_rng(0)
    attraction, propensity = rng.uniform(0.02, 0.2, 30), np.array([1.0, 0.6, 0.3, 0.2])
    arm, rank = np.repeat(np.arange(30), 4), np.tile(np.arange(4), 30)
    # attractive products stand higher more often
    shown = np.round(2e5 * np.exp(-rank * attraction[arm] * 8))
    clicks = rng.binomial(shown.astype(int), attraction[arm] * propensity[rank]).astype(float)
    found = position_based(arm, rank, shown, clicks)
    assert found[0] == pytest.approx(attraction, rel=0.05)
    assert found[1] == pytest.approx(propensity, rel=0.03)
    raw = np.bincount(rank, clicks) / np.bincount(rank, shown)
    assert raw[3] / raw[0] < 0.16  # the click rate alone mistakes one for the other


def test_counts_are_those_of_the_log_and_expire(tmp_path: Path) -> None:
    def answer(name: str, at: str) -> dict[str, object]:
        return {
            "event": "answer", "timestamp": f"{at}T10:00:00.000+00:00", "recommendation_id": name,
            "counted": "sent", "source_type": "phone", "user_id": "u", "products": ["a", "b"],
        }  # fmt: skip

    click = {"event": "click", "product_id": "a", "recommendation_id": "r2", "user_id": "u",
             "timestamp": "2026-03-02T10:01:00.000+00:00"}  # fmt: skip
    log = [answer("r1", "2026-01-01"), answer("r2", "2026-03-02"), click]
    (tmp_path / "feedback-a-1.jsonl").write_text("".join(json.dumps(x) + "\n" for x in log))
    found = read_click_counts(tmp_path)
    # both are of one shopper, and count half; 60 days ago half of that
    assert found.counts["phone", "a"] == pytest.approx((0.5, 0.75))
    assert found.counts["phone", "b"][0] == 0
    alpha, beta = found.posterior("phone", ["a", "new"])
    assert alpha[0] / (alpha + beta)[0] > alpha[1] / (alpha + beta)[1]
    assert (ClickCounts({}, np.ones(1), 0.1).posterior("phone", ["x"])[0] == 3.0).all()
    assert NOTHING.posterior("", ["x"])[1][0] > 0


def test_types_and_sources_are_counted_too(tmp_path: Path) -> None:
    answer = {"event": "answer", "timestamp": "2026-01-01T10:00:00+00:00", "counted": "sent",
              "recommendation_id": "r", "source_id": "p1", "source_type": "phone", "user_id": "u",
              "products": ["a", "b"], "types": ["case", "case"]}  # fmt: skip
    click = {"event": "click", "product_id": "b", "recommendation_id": "r", "user_id": "u",
             "timestamp": "2026-01-01T10:01:00+00:00"}  # fmt: skip
    log = "".join(json.dumps(line) + "\n" for line in (answer, click))
    (tmp_path / "feedback-a-1.jsonl").write_text(log)
    assert list(read_click_counts(tmp_path, "type").counts) == [("phone", "case")]
    # of two impressions of one shopper one was clicked
    assert read_click_counts(tmp_path, "type").counts["phone", "case"][0] == 0.5
    assert sorted(read_click_counts(tmp_path, "source").counts) == [("p1", "a"), ("p1", "b")]


def test_only_what_is_surely_better_replaces_the_first() -> None:
    few, many = np.array([3.0, 6.0]), np.array([30.0, 60.0])
    assert surely_better(few, np.array([97.0, 94.0]), few) == 0
    assert surely_better(many, np.array([970.0, 940.0]), many) == 1
    assert surely_better(many[::-1], np.array([940.0, 970.0]), many[::-1]) == 0
    # the largest mean has the clicks of one shopper only
    three = np.array([30.0, 60.0, 30.0]), np.array([970.0, 940.0, 10.0])
    assert surely_better(*three, np.array([30.0, 60.0, 1.0])) == 1
    # the largest mean is not sure, the next one is
    assert (
        surely_better(np.array([30.0, 60.0, 4.0]), np.array([970.0, 940.0, 50.0]), many[[0, 1, 1]])
        == 1
    )


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(60, 3000)), min_size=2, max_size=8))
def test_whatever_is_surely_better_passes_the_bound(cells: list[tuple[int, int]]) -> None:
    arms = [str(i) for i in range(len(cells))]
    counts = ClickCounts({("s", a): cell for a, cell in zip(arms, cells, strict=True)},
                         np.ones(1), 0.03)  # fmt: skip
    if surely_better(*counts.posterior("s", arms), counts.clicks("s", arms)):
        assert counts.may_be_surely_better("s", "0", {"0"})
        assert not counts.may_be_surely_better("s", "0", set(arms))
    assert not counts.may_be_surely_better("t", "0", set())


def test_one_of_many_equal_candidates_is_seldom_surely_better() -> None:
    rng, wrong = np.random.default_rng(0), 0
    clicks = rng.binomial(1000, 0.05, (200, 20)).astype(float)
    prior = fit_prior(clicks.ravel(), np.full(clicks.size, 1000.0))
    for one in clicks:
        wrong += surely_better(*prior.posterior(one, np.full(20, 1000.0)), one) > 0
    assert wrong / 200 < 0.06  # by the prior before the clicks .3


def test_the_prior_is_that_of_the_click_rates() -> None:
    rng = np.random.default_rng(0)
    examined = rng.integers(1, 200, 5000).astype(float)
    for mean, weight in ((0.04, 15.0), (0.1, 200.0)):
        rates = rng.beta(mean * weight, (1 - mean) * weight, 5000)
        found = fit_prior(rng.binomial(examined.astype(int), rates).astype(float), examined)
        assert found.mean == pytest.approx(mean, rel=0.1)
        assert found.weight == pytest.approx(weight, rel=0.25)
    # what is shown more often because it was clicked does not count more
    rates = rng.beta(0.6, 14.4, 2000)
    first = rng.binomial(20, rates)
    examined = np.where(first > 1, 1020.0, 20.0)
    clicks = first + np.where(first > 1, rng.binomial(1000, rates), 0)
    assert fit_prior(clicks.astype(float), examined).mean == pytest.approx(0.04, rel=0.15)


def test_a_few_clicks_leave_the_prior_as_it_was() -> None:
    found = fit_prior(np.array([1.0, 0.0, 0.0]), np.array([20.0, 20.0, 10.0]))
    assert found.mean == pytest.approx(0.02, rel=0.3)
    assert found.weight == pytest.approx(PRIOR_IMPRESSIONS, rel=0.2)
    assert 0 < fit_prior(np.zeros(2), np.full(2, 1e6)).mean < 1e-3
    assert fit_prior(np.full(2, 9.0), np.full(2, 9.0)).mean <= 0.5


def test_clusters_show_all_what_is_surely_better() -> None:
    def better(clicks: float, examined: float) -> int:
        edges = {(0, "a"): (1000.0, 20.0), (0, "b"): (examined, clicks)}
        return ClusterCounts(edges, ClickPrior(0.02)).surely_better([0, 1], [0.9, 0.1], ["a", "b"])

    assert [better(90, 1000), better(25, 1000), better(1.4, 2)] == [1, 0, 0]


def test_of_one_cluster_the_posterior_is_that_of_its_edges() -> None:
    names, examined = [str(i) for i in range(20)], np.full(20, 1000.0)
    prior = ClickPrior(0.05, 200.0)
    found = []
    for clicks in np.random.default_rng(0).binomial(1000, 0.05, (20, 20)).astype(float):
        edges = {(0, name): (1000.0, r) for name, r in zip(names, clicks.tolist(), strict=True)}
        found.append(ClusterCounts(edges, prior).surely_better([0], [1.0], names))
        assert found[-1] == surely_better(*prior.posterior(clicks, examined), clicks)
    assert any(found)


def test_an_impression_in_several_clusters_is_not_sure_earlier() -> None:
    """Of the clicks of one source, clusters are at most as sure as the counts of the source."""
    for w in (0.95, 0.8, 0.5):
        weights = [w, (1 - w) / 2, (1 - w) / 2]
        for clicks in range(1, 60):
            edges = {
                (c, name): (v * v * 500.0, v * v * r)
                for c, v in enumerate(weights)
                for name, r in (("a", 10.0), ("b", float(clicks)))
            }
            counts = ClusterCounts(edges, ClickPrior(0.02))
            alone = surely_better(
                *counts.prior.posterior(np.array([10.0, clicks]), np.full(2, 500.0)),
                np.array([10.0, clicks]),
            )
            assert counts.surely_better(range(3), weights, ["a", "b"]) <= alone


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abc"), st.integers(0, 40))))
def test_what_clusters_are_sure_of_passes_their_bound(cells: list[tuple[int, str, int]]) -> None:
    edges = {(c, name): (40.0, float(clicks)) for c, name, clicks in cells}
    counts = ClusterCounts(edges, ClickPrior(0.05))
    if best := counts.surely_better([0, 1], [0.7, 0.3], ["a", "b", "c"]):
        assert counts.may_be_surely_better([0, 1], set("abc") - {"abc"[best]})
        assert not counts.may_be_surely_better([0, 1], set("abc"))


def test_diag_linucb_is_the_formula() -> None:
    clusters = SourceClusters(
        np.array([[0, 1], [1, 2]], np.int32), np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    )
    clicks = ClickCounts({("s", "a"): (9, 100), ("t", "a"): (2, 40), ("?", "a"): (9, 9)},
                         np.ones(1), 0.1)  # fmt: skip
    counts = ClusterCounts.from_clicks(clicks, {"s": 0, "t": 1}, clusters)
    fitted, counts = counts, ClusterCounts(counts.edges, ClickPrior(0.1))
    d = {0: 0.75**2 * 100, 1: 0.25**2 * 100 + 0.5**2 * 40, 2: 0.5**2 * 40}
    b = {0: 0.75**2 * 9, 1: 0.25**2 * 9 + 0.5**2 * 2, 2: 0.5**2 * 2}
    assert counts.edges == {(c, "a"): (pytest.approx(d[c]), pytest.approx(b[c])) for c in d}
    mean, bonus = counts.scores([0, 1], [0.75, 0.25], ["a", "new"])
    theta = {c: (b[c] + 3) / (d[c] + 30) for c in d}
    assert mean == pytest.approx([0.75 * theta[0] + 0.25 * theta[1], 0.1])
    assert bonus[0] ** 2 == pytest.approx(0.09 * (0.75**2 / (d[0] + 30) + 0.25**2 / (d[1] + 30)))
    assert bonus[1] > bonus[0]  # what was never shown
    examined, clicked = np.array(list(counts.edges.values())).T
    assert fitted.prior == fit_prior(clicked, examined)


@pytest.mark.parametrize("rare", [0, 300])
def test_products_of_one_kind_share_a_cluster(rare: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_clusters, "_MAX_TOKENS", 3)
    rng = np.random.default_rng(0)
    kinds = rng.integers(3, size=300)
    dense = np.eye(3)[kinds] + rng.normal(0, 0.1, (300, 3))
    dense = np.hstack([3 * np.eye(300)[:, :rare], dense])  # tokens of one product each
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    vectors = sparse.csr_matrix(dense.astype(np.float32))
    frequent = source_clusters._of_frequent_tokens(vectors).toarray()
    assert frequent.shape == (300, 3)
    assert np.linalg.norm(frequent, axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    found = SourceClusters.fit(vectors)
    assert found.weights.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    nearest = found.clusters[np.arange(300), found.weights.argmax(axis=1)]
    assert all(len(set(kinds[nearest == c].tolist())) == 1 for c in set(nearest.tolist()))
