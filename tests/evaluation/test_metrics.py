import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from goeswith.evaluation import metrics
from goeswith.evaluation.metrics import PerSource, Rankings
from goeswith.relations.relation import csr

N = 12
TYPES = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, -1], dtype=np.int32)


@st.composite
def rankings(draw):
    """Four sources with test targets, and for each a ranking of distinct products, -1 padded."""
    sources = np.arange(4, dtype=np.int32)
    truth = [
        (source, target)
        for source in sources
        for target in draw(
            st.sets(st.integers(0, N - 1).filter(lambda t, s=source: t != s), min_size=1)
        )
    ]
    products = np.full((4, N), -1, dtype=np.int32)
    for row in products:
        order = draw(st.permutations(range(N)))
        shown = draw(st.integers(0, N))
        row[:shown] = order[:shown]
    u, v = np.array(truth).T
    return Rankings(sources, products, csr(N, u, v, np.ones(len(u))))


def one_ranking(products, truth):
    """One source, row 0."""
    targets = np.array(truth, dtype=np.int32)
    return Rankings(
        np.zeros(1, dtype=np.int32),
        np.array([products], dtype=np.int32),
        csr(N, np.zeros(len(targets)), targets, np.ones(len(targets))),
    )


@settings(max_examples=60, deadline=None)
@given(case=rankings())
def test_shares_lie_between_0_and_1_and_grow_with_the_places_counted(case):
    for metric in (
        metrics.hit,
        metrics.mrr,
        lambda r, k: metrics.type_hit(r, TYPES.clip(0), k),
    ):
        values = [metric(case, k).value for k in (1, 3, 10)]
        assert all(0 <= value <= 1 for value in values)
        assert values == sorted(values)
    assert 0 <= metrics.ndcg(case, 10).value <= 1
    assert 0 <= metrics.coverage(case, 10, N) <= 1


@settings(max_examples=60, deadline=None)
@given(case=rankings())
def test_slices_by_popularity_partition_the_hits_and_the_pairs(case):
    in_degree = np.bincount(case.truth.indices, minlength=N)
    slices = [metrics.hit(case, 10, mask) for mask in metrics.popularity_slices(in_degree).values()]
    whole = metrics.hit(case, 10)
    assert np.allclose(sum(part.totals for part in slices), whole.totals)
    assert np.allclose(sum(part.weights for part in slices), whole.weights)


@settings(max_examples=40, deadline=None)
@given(case=rankings())
def test_the_truth_ranked_first_is_perfect(case):
    products = np.full((4, N), -1, dtype=np.int32)
    for row, source in zip(products, case.sources, strict=True):
        targets = case.truth[source].indices
        row[: len(targets)] = targets
    perfect = Rankings(case.sources, products, case.truth)
    assert metrics.ndcg(perfect, 10).value == pytest.approx(1)
    assert metrics.mrr(perfect, 20).value == 1
    assert metrics.hit(perfect, N).value == 1


def test_hit_is_a_share_of_pairs_and_mrr_a_mean_over_sources():
    two = Rankings(
        np.array([0, 5], dtype=np.int32),
        np.array([[1, 2, 3], [9, 8, 7]], dtype=np.int32),
        csr(N, [0, 0, 0, 5], [1, 2, 4, 8], np.ones(4)),
    )
    assert metrics.hit(two, 3).value == 3 / 4
    assert metrics.hit(two, 1).value == 1 / 4
    assert metrics.mrr(two, 3).value == (1 + 1 / 2) / 2


def test_ndcg_discounts_by_place():
    assert metrics.ndcg(one_ranking([5, 1, 2], [1, 3]), 10).value == pytest.approx(
        (1 / np.log2(3)) / (1 + 1 / np.log2(3))
    )


def test_padding_is_a_miss_even_where_the_last_product_is_a_target():
    last = N - 1
    short = one_ranking([-1, -1, -1], [last])
    assert metrics.hit(short, 3).value == 0
    assert metrics.hit(short, 3, np.ones(N, dtype=bool)).value == 0
    assert metrics.ndcg(short, 3).value == 0
    assert metrics.mrr(short, 3).value == 0
    assert metrics.type_hit(short, np.zeros(N, dtype=np.int32), 3).value == 0
    assert metrics.coverage(short, 3, N) == 0


def test_type_hit_counts_the_first_distinct_types():
    # places by type: 0 0 1 1 2 3
    case = one_ranking([1, 2, 3, 4, 6, 9], [9, 8])
    assert metrics.type_hit(case, TYPES, 1).value == 0
    assert metrics.type_hit(case, TYPES, 3).value == 1 / 2
    assert metrics.type_hit(case, TYPES, 4).value == 1


def test_targets_without_a_type_are_left_out_of_type_hit():
    assert metrics.type_hit(one_ranking([1], [2, 11]), TYPES, 3).value == 1
    assert metrics.type_hit(one_ranking([1], [11]), TYPES, 3).value is None


def test_metrics_of_types_are_absent_where_the_catalogue_has_none():
    none = np.full(N, -1, dtype=np.int32)
    case = one_ranking([1, 2], [1])
    for metric in (metrics.type_hit, metrics.distinct_types, metrics.type_entropy):
        assert metric(case, none, 10).value is None


def test_types_are_counted_and_their_entropy_is_in_nats():
    case = one_ranking([1, 2, 3, 4], [1])
    assert metrics.distinct_types(case, TYPES, 10).value == 2
    assert metrics.type_entropy(case, TYPES, 10).value == pytest.approx(np.log(2))
    assert metrics.type_entropy(one_ranking([1, 2], [1]), TYPES, 10).value == 0


def test_substitutes_are_counted_in_either_direction_and_over_the_places_shown():
    viewed = csr(N, [0, 2, 5], [1, 0, 6], np.ones(3))
    assert metrics.substitutes(one_ranking([1, 2, 3, 4], [7]), viewed, 10).value == 2 / 4
    assert metrics.substitutes(one_ranking([1, 3, -1, -1], [7]), viewed, 10).value == 1 / 2
    assert metrics.substitutes(one_ranking([-1, -1], [7]), viewed, 10).value is None


def test_coverage_counts_each_product_once():
    two = Rankings(
        np.array([0, 5], dtype=np.int32),
        np.array([[1, 2, 3], [1, 2, 4]], dtype=np.int32),
        csr(N, [0], [1], [1]),
    )
    assert metrics.coverage(two, 2, 10) == 0.2
    assert metrics.coverage(two, 3, 10) == 0.4


@settings(max_examples=60, deadline=None)
@given(degrees=st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_every_product_is_in_one_slice_and_the_head_is_the_more_popular(degrees):
    slices = metrics.popularity_slices(degrees)
    assert np.all(sum(mask.astype(int) for mask in slices.values()) == 1)
    head, tail = (np.array(degrees)[slices[name]] for name in ("head", "tail"))
    if len(head) and len(tail):
        assert head.min() >= tail.max()


def test_slices_hold_a_third_of_the_train_edges_each():
    degrees = np.array([6, 3, 3, 2, 2, 2, 0])
    slices = metrics.popularity_slices(degrees)
    assert [int(degrees[mask].sum()) for mask in slices.values()] == [6, 6, 6]
    assert slices["tail"][-1]


def test_direction_counts_ties_one_half():
    sources = np.array([3, 3, 1, 0], dtype=np.int32)
    forward = np.array([2, 1, 0, -np.inf], dtype=np.float32)
    backward = np.array([1, 1, 5, -np.inf], dtype=np.float32)
    accuracy = metrics.direction_accuracy(sources, forward, backward)
    assert accuracy.value == (1 + 0.5 + 0 + 0.5) / 4
    assert accuracy.sources.tolist() == [0, 1, 3]
    assert accuracy.totals.tolist() == [0.5, 0, 1.5]


def test_without_a_one_way_edge_there_is_no_direction_accuracy():
    none = np.zeros(0, dtype=np.float32)
    assert metrics.direction_accuracy(none.astype(np.int32), none, none).value is None


@settings(max_examples=60, deadline=None)
@given(
    judged=st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40).filter(
        lambda pairs: len({positive for positive, _ in pairs}) == 2
    )
)
def test_auc_is_that_of_scikit_learn(judged):
    positive = np.array([p for p, _ in judged])
    scores = np.array([s for _, s in judged], dtype=np.float32)
    ours = metrics.auc(np.arange(len(judged)) // 3, scores, positive)
    assert ours.value == pytest.approx(roc_auc_score(positive, scores))


def test_a_pair_that_a_model_says_nothing_of_ranks_below_all_and_ties_with_its_like():
    scores = np.array([0.5, -np.inf, -np.inf, -7], dtype=np.float32)
    positive = np.array([True, True, False, False])
    assert metrics.auc(np.zeros(4, dtype=np.int64), scores, positive).value == (1 + 0.25) / 2


def test_auc_of_several_folds_is_their_average():
    one = metrics.auc(np.array([1, 1]), np.array([1.0, 0.0]), np.array([True, False]))
    two = metrics.auc(
        np.array([2, 2, 3, 3]), np.array([0.0, 1, 0, 0]), np.array([True, False, True, False])
    )
    assert one.value == 1
    assert two.value == pytest.approx(0.25)
    assert PerSource.concatenate([one, two]).value == pytest.approx((1 + 0.25) / 2)


def test_auc_of_one_kind_of_pairs_does_not_exist():
    assert metrics.auc(np.zeros(2, dtype=np.int64), np.zeros(2), np.array([True] * 2)).value is None
