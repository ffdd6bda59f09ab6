"""Neighbour models against what one works out by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from goeswith.data.catalog import Catalog
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.mixture import best_weights, held_back_sequences
from goeswith.sequential.sequences import Sequences


def fit(spec: str, runs: list[list[int]], n: int = 4):
    catalog = Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(n)]}))
    return SESSION_MODELS.make(spec).fit(catalog, Sequences.from_rows(runs))


def scores(model, *prefix: int) -> list[float]:
    return model.score(Sequences.from_rows([list(prefix)]))[0].tolist()


NONE = float("-inf")


def test_successors_count_what_came_after_the_last_product_by_distance():
    model = fit("successors", [[0, 1, 2], [0, 2]])
    assert scores(model, 0) == [NONE, 1, 1.5, NONE]
    assert scores(model, 3, 0) == scores(model, 0)
    assert scores(model, 2) == [NONE] * 4


def test_item_knn_weighs_distance_order_frequency_and_recency():
    model = fit(
        "item_knn:distance_power=1,backward=0.5,source_power=1,target_power=0.5,recency=0.5",
        [[0, 1, 2], [0, 2]],
    )
    assert scores(model, 0) == pytest.approx([NONE, 1 / 2, 1.5 / 2 / np.sqrt(2), NONE])
    from_2 = np.array([(0.5 + 0.25) / 2 / np.sqrt(2), 0.5 / 2])
    from_0 = np.array([0, 1 / 2])
    assert scores(model, 0, 2)[:2] == pytest.approx(from_2 + 0.5 * from_0)


def test_two_hops_reach_what_never_stood_beside_the_product():
    runs = [[0, 1], [1, 3]]
    assert scores(fit("item_knn", runs), 0)[3] == NONE
    assert scores(fit("item_knn:hops=2", runs), 0)[3] > 0


def test_a_later_sequence_counts_more_where_age_counts():
    runs = [[0, 1], [0, 2]]
    even = scores(fit("item_knn", runs), 0)
    aged = scores(fit("item_knn:half_life=0.1", runs), 0)
    assert even[1] == even[2]
    assert aged[2] / aged[1] == pytest.approx(2**5)  # half of all sequences is five half-lives


def test_session_knn_asks_the_most_similar_sessions_alone():
    runs = [[0, 1, 3], [0, 2], [1, 2]]
    plain = "session_knn:rarity=0,length_power=0,recency=1"
    assert scores(fit(plain, runs), 0, 1) == [4 + 1, 4 + 1, 1 + 1, 4]
    assert scores(fit(plain + ",neighbours=1", runs), 0, 1) == [4, 4, NONE, 4]


def test_a_long_session_and_a_common_product_say_less():
    runs = [[0, 1, 2], [0, 3], [0]]
    by_length = scores(fit("session_knn:rarity=0,length_power=1", runs), 0)
    assert by_length[3] > by_length[1]
    common = scores(fit("session_knn:length_power=0,recency=1", [[0, 1], [0, 2], [3, 2]]), 0, 3)
    assert common[2] > common[1]  # what goes with the rarer product 3 counts more


def test_a_mixture_trusts_the_member_that_knew_what_was_held_back():
    rng = np.random.default_rng(0)
    runs = [[start, (start + 1) % 6] for start in rng.integers(0, 6, 200).tolist()]
    model = fit("mixture:members=frequent:own=0+successors", runs, n=6)
    weights = model.importances()
    assert weights["successors"] >= 0.5
    assert sum(weights.values()) == pytest.approx(1)
    shares = model.shares(Sequences.from_rows([[2]]))[0]
    assert shares.argmax() == 3


def test_a_mixture_of_one_member_ranks_what_is_new_as_that_member_does():
    runs = [[0, 1, 2], [0, 2], [2, 3]]
    prefix = Sequences.from_rows([[2]])
    mixed = fit("mixture:members=item_knn:window=2;recency=0", runs).score(prefix)[0]
    alone = fit("item_knn:window=2,recency=0", runs).score(prefix)[0]
    new = [0, 1, 3]
    np.testing.assert_allclose(mixed[new] / mixed[3], alone[new] / alone[3], rtol=1e-6)


def test_weights_of_a_mixture_place_targets_as_well_as_any_on_a_grid():
    rng = np.random.default_rng(1)
    targets, rivals = rng.random((200, 2)), rng.random((200, 30, 2)) ** 2

    def gain(w: float) -> float:
        above = (rivals @ [w, 1 - w] > (targets @ [w, 1 - w])[:, None]).sum(axis=1)
        return float(np.where(above < 20, 1 / np.log2(above + 2), 0).mean())

    found = best_weights(targets, rivals)
    assert found.sum() == pytest.approx(1)
    assert gain(found[0]) >= max(gain(w) for w in np.linspace(0, 1, 21)) - 0.01
    assert gain(found[0]) >= gain(0.5)


def test_a_member_that_says_nothing_of_what_comes_next_weighs_nothing():
    targets = np.array([[0.5, 0.0]] * 5)
    rivals = np.array([[[0.1, 0.9], [0.2, 0.9]]] * 5)
    assert best_weights(targets, rivals)[0] > 0.7


def test_a_tenth_of_the_sequences_lend_their_last_product_and_at_most_so_many():
    sequences = Sequences.from_rows([[i % 5, 5 + i % 5] for i in range(40)] + [[1]] * 5)
    assert len(held_back_sequences(sequences, max_sequences=100, seed=0)) == 4
    lent = held_back_sequences(sequences, max_sequences=2, seed=0)
    assert len(lent) == 2
    assert (sequences.lengths[lent] > 1).all()


def test_a_mixture_learns_whether_people_come_back_to_what_a_session_holds():
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 6, 300)
    back = [[i, (i + 1) % 6, i] for i in starts.tolist()]
    never = [[i, (i + 1) % 6, (i + 2) % 6] for i in starts.tolist()]
    prefix = Sequences.from_rows([[2, 3]])
    again = {
        name: fit("mixture", runs, n=6) for name, runs in {"back": back, "never": never}.items()
    }
    assert again["back"].recommend(prefix, 1)[0].item() in {2, 3}
    assert again["back"].repeat_rate[2] > 0.9
    assert not again["never"].repeat_rate.any()
    assert again["never"].recommend(prefix, 1)[0].tolist() == [[4]]
