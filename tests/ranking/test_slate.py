from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.ndcg import rank_discounts
from goeswith.ranking.slate import RELEVANCE_FLOOR, build_slate

LISTS = st.lists(st.tuples(st.integers(-1, 12), st.integers(-1, 3), st.booleans()), max_size=25)
K = st.integers(0, 12)
DIVERSITY = st.sampled_from([0.0, 0.1, 0.5, 1.0])
QUOTA = st.none() | st.integers(1, 3)


def columns(rows):
    products = np.array([p for p, _, _ in rows], dtype=np.int32)
    # a product is of one type and allowed or not, wherever it stands
    types = np.array([p % 4 - 1 for p, _, _ in rows], dtype=np.int32)
    allowed = np.array([p % 5 != 0 for p, _, _ in rows], dtype=bool)
    return products, types, allowed


@given(rows=LISTS, k=K, quota=QUOTA, diversity=DIVERSITY, pinned=st.integers(0, 3))
def test_a_slate_holds_allowed_products_once_each_and_keeps_its_quotas(
    rows, k, quota, diversity, pinned
) -> None:
    products, types, allowed = columns(rows)
    rank_within_source = build_slate(
        products, types, k, allowed=allowed, pinned=pinned, per_type=quota, diversity=diversity
    )
    shown = products[rank_within_source].tolist()
    assert len(shown) == len(set(shown)) <= k
    assert -1 not in shown
    assert allowed[rank_within_source].all()
    pins = [p for p in dict.fromkeys(products[:pinned].tolist()) if p >= 0 and p % 5]
    assert shown[: len(pins)] == pins[:k]
    if quota is not None:
        of_type = Counter(types[rank_within_source[min(len(pins), k) :]].tolist())
        assert all(count <= quota for kind, count in of_type.items() if kind >= 0)


@given(rows=LISTS, k=K)
def test_without_diversity_and_quotas_it_is_the_ranking(rows, k) -> None:
    products, types, _ = columns(rows)
    expected = [p for p in dict.fromkeys(products.tolist()) if p >= 0][:k]
    assert products[build_slate(products, types, k)].tolist() == expected


@given(rows=LISTS, k=K, quota=QUOTA, diversity=DIVERSITY)
def test_products_of_one_type_keep_their_order(rows, k, quota, diversity) -> None:
    products, types, _ = columns(rows)
    rank_within_source = build_slate(products, types, k, per_type=quota, diversity=diversity)
    for kind in set(types[rank_within_source].tolist()):
        assert np.all(np.diff(rank_within_source[types[rank_within_source] == kind]) > 0)


@given(rows=LISTS, k=K, diversity=DIVERSITY)
def test_every_place_goes_to_the_best_after_the_discount(rows, k, diversity) -> None:
    products, types, _ = columns(rows)
    rank_within_source = build_slate(products, types, k, diversity=diversity, per_type=10**6)
    relevance = rank_discounts(len(products))
    taken: Counter[int] = Counter()
    gone: set[int] = set()
    for place in rank_within_source.tolist():

        def value(i):
            return relevance[i] * (1 - diversity) ** (taken[types[i]] if types[i] >= 0 else 0)

        others = [i for i in range(len(products)) if products[i] >= 0 and products[i] not in gone]
        least = RELEVANCE_FLOOR * max(relevance[i] for i in others)
        assert relevance[place] >= least
        others = [i for i in others if relevance[i] >= least]
        assert value(place) >= max(map(value, others)) - 1e-12
        taken[types[place]] += 1
        gone.add(products[place])


def test_full_diversity_shows_every_type_once_before_a_second_of_any() -> None:
    products = np.arange(6, dtype=np.int32)
    types = np.array([0, 0, 0, 1, 1, 2], dtype=np.int32)
    assert build_slate(products, types, 5, diversity=1.0).tolist() == [0, 3, 5, 1, 2]


def test_scores_decide_how_much_diversity_moves() -> None:
    products, types = np.arange(3, dtype=np.int32), np.array([0, 0, 1], dtype=np.int32)
    close = build_slate(products, types, 2, relevance=np.array([0.9, 0.8, 0.7]), diversity=0.3)
    far = build_slate(products, types, 2, relevance=np.array([0.9, 0.8, 0.1]), diversity=0.3)
    assert (close.tolist(), far.tolist()) == ([0, 2], [0, 1])


def test_no_product_of_less_than_half_the_relevance_comes_first_for_its_type() -> None:
    products, types = np.arange(4, dtype=np.int32), np.array([0, 0, 1, 2], dtype=np.int32)
    relevance = np.array([0.9, 0.8, 0.41, 0.39])
    shown = build_slate(products, types, 4, relevance=relevance, diversity=1.0)
    assert shown.tolist() == [0, 2, 1, 3]
