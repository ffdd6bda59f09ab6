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
    assert found.counts["phone", "a"] == pytest.approx((1, 1.5))  # 60 days ago counts half
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
    assert read_click_counts(tmp_path, "type").counts["phone", "case"][0] == 1
    assert sorted(read_click_counts(tmp_path, "source").counts) == [("p1", "a"), ("p1", "b")]


def test_only_what_is_surely_better_replaces_the_first() -> None:
    few, many = np.array([3.0, 6.0]), np.array([30.0, 60.0])
    assert surely_better(few, np.array([97.0, 94.0])) == 0
    assert surely_better(many, np.array([970.0, 940.0])) == 1
    assert surely_better(many[::-1], np.array([940.0, 970.0])) == 0


def test_diag_linucb_is_the_formula() -> None:
    clusters = SourceClusters(
        np.array([[0, 1], [1, 2]], np.int32), np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    )
    clicks = ClickCounts({("s", "a"): (9, 100), ("t", "a"): (2, 40), ("?", "a"): (9, 9)},
                         np.ones(1), 0.1)  # fmt: skip
    counts = ClusterCounts.from_clicks(clicks, {"s": 0, "t": 1}, clusters)
    d = {0: 0.75**2 * 100, 1: 0.25**2 * 100 + 0.5**2 * 40, 2: 0.5**2 * 40}
    b = {0: 0.75**2 * 9, 1: 0.25**2 * 9 + 0.5**2 * 2, 2: 0.5**2 * 2}
    assert counts.edges == {(c, "a"): (pytest.approx(d[c]), pytest.approx(b[c])) for c in d}
    mean, bonus = counts.scores([0, 1], [0.75, 0.25], ["a", "new"])
    theta = {c: (b[c] + 3) / (d[c] + 30) for c in d}
    assert mean == pytest.approx([0.75 * theta[0] + 0.25 * theta[1], 0.1])
    assert bonus[0] ** 2 == pytest.approx(0.09 * (0.75**2 / (d[0] + 30) + 0.25**2 / (d[1] + 30)))
    assert bonus[1] > bonus[0]  # what was never shown


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
