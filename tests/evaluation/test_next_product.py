"""The protocols of the next product: what is held out, what is measured, and planted leaks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError, DataError, LeakError
from goeswith.data.catalog import Catalog
from goeswith.evaluation.comparison import benchmark
from goeswith.evaluation.leak_check import check_disjoint_sessions, check_prefixes
from goeswith.evaluation.protocols import protocol
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.next_product import target_rank
from goeswith.sequential import SESSION_MODELS
from goeswith.sequential.sequences import Sequences
from goeswith.settings.sections import Settings

QUICK = Settings.model_validate({"evaluation": {"bootstrap": 100}})


def shop(runs: list[list[int]], n: int = 6, **columns):
    """Catalogue and events of sessions s0, s1, ..."""
    catalog = Catalog(pl.DataFrame({"product_id": [f"p{i}" for i in range(n)]}))
    events = pl.DataFrame(
        [
            {"product": row, "session_id": f"s{i}", "position": place}
            | {name: values[i] for name, values in columns.items()}
            for i, run in enumerate(runs)
            for place, row in enumerate(run)
        ]
    )
    return catalog, events.with_columns(pl.col("product").cast(pl.Int32))


@pytest.fixture
def ground(make_dataset):
    def make(runs, n=6, test=None, **columns):
        catalog, events = shop(runs, n, **columns)
        return BenchmarkData(make_dataset(catalog, events=events, test=test), QUICK)

    return make


def listed(sequences):
    return [run.tolist() for run in sequences]


@property_of(
    st.lists(
        st.lists(st.sampled_from([0.0, 1.0, 2.0, -np.inf]), min_size=5, max_size=5), min_size=1
    ),
    st.integers(0, 4),
)
def test_a_rank_is_the_place_in_the_sorted_list_lower_rows_first(rows, target):
    scores = np.array(rows, dtype=np.float32)
    ranks = target_rank(scores, np.full(len(rows), target))
    for row, rank in zip(rows, ranks, strict=True):
        order = sorted(range(5), key=lambda j: (-row[j], j))
        assert rank == (0 if row[target] == -np.inf else order.index(target) + 1)


def test_leave_one_out_tests_the_last_product_and_learns_from_those_before_it(ground):
    (case,) = protocol("leave_one_out")(ground([[0, 1, 2], [3], [4, 5]]), 0)
    assert listed(case.train) == listed(case.prefixes) == [[0, 1], [4]]
    assert case.targets.tolist() == [2, 5]


def test_given_tests_the_table_that_was_given(ground):
    test = pl.DataFrame({"prefix": [[0, 1], [2]], "target": [2, 5]})
    (case,) = protocol("given")(ground([[0, 1, 2]], test=test), 0)
    assert listed(case.train) == [[0, 1, 2]]
    assert listed(case.prefixes) == [[0, 1], [2]]
    assert case.targets.tolist() == [2, 5]
    with pytest.raises(DataError, match="a table `test` with the columns prefix"):
        next(protocol("given")(ground([[0, 1]]), 0))


def test_sessions_are_held_out_whole_and_by_seed(ground):
    runs = [[i % 6, (i + 1) % 6, (i + 2) % 6] for i in range(40)]
    (case,) = protocol("sessions")(ground(runs), 0)
    assert len(case.train) == 30
    assert len(case.prefixes) == len(case.targets) == 10
    held = [
        [*prefix, target]
        for prefix, target in zip(listed(case.prefixes), case.targets, strict=True)
    ]
    assert sorted(listed(case.train) + held) == sorted(runs)
    (other,) = protocol("sessions")(ground(runs), 1)
    assert listed(other.train) != listed(case.train)


def test_what_a_prefix_holds_is_ranked_where_sequences_repeat_and_nowhere_else(ground):
    model = SESSION_MODELS.make("frequent")
    (once,) = protocol("leave_one_out")(ground([[0, 1, 0], [0, 2]]), 0)
    answers = once.answer(once.fit(model))
    assert answers["ranks"].tolist()[0] == 0  # 0 is left out: no one has it twice in train
    (twice,) = protocol("leave_one_out")(ground([[0, 0, 0], [0, 2]]), 0)
    assert twice.answer(twice.fit(model))["ranks"].tolist()[0] == 1


def test_metrics_are_those_one_works_out_by_hand(ground):
    test = pl.DataFrame({"prefix": [[5], [5], [5], [5]], "target": [0, 1, 2, 4]})
    (case,) = protocol("given")(ground([[0, 0, 0], [1, 1], [2], [5, 5, 5, 5]], test=test), 0)
    model = case.fit(SESSION_MODELS.make("frequent"))
    answers = case.answer(model)
    assert answers["ranks"].tolist() == [2, 3, 4, 0]  # 5 is the most frequent; 4 nobody saw
    values = case.measure(answers).values()
    assert values["hit@5"] == 3 / 4
    assert values["mrr@20"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert values["ndcg@10"] == pytest.approx(sum(1 / np.log2([3, 4, 5])) / 4)


def test_locales_are_reported_apart(ground):
    runs = [[i % 6, (i + 1) % 6] for i in range(40)]
    (case,) = protocol("sessions")(ground(runs, locale=["ES"] * 20 + ["FR"] * 19 + [None]), 0)
    values = case.measure(case.answer(case.fit(SESSION_MODELS.make("successors")))).values()
    assert values["hit@20.ES"] == values["hit@20.FR"] == 1


def test_a_planted_last_product_is_found():
    whole = Sequences.from_rows([[0, 1, 2], [3, 4]])
    train, _ = whole.split_last()
    check_prefixes(train, whole)
    for planted in ([[0, 1, 2], [3]], [[0, 2], [3]], [[1, 0], [3]]):
        with pytest.raises(LeakError, match="before the product that is tested"):
            check_prefixes(Sequences.from_rows(planted), whole)


def test_a_session_on_both_sides_is_found():
    check_disjoint_sessions(pl.Series(["a", "b"]), pl.Series(["c"]))
    with pytest.raises(LeakError, match=r"1 sessions .* example b"):
        check_disjoint_sessions(pl.Series(["a", "b"]), pl.Series(["b", "c"]))


def test_a_benchmark_of_next_products_asks_session_models_and_no_others(ground):
    runs = [[i % 6, (i + 1) % 6, (i + 2) % 6] for i in range(12)]
    data = ground(runs).dataset
    found = benchmark(data, None, ["leave_one_out"], [0, 1], QUICK)
    by_model = {result["model"]: result["metrics"] for result in found["results"]}
    assert by_model["successors"]["hit@5"]["mean"] == 1
    assert set(by_model) == {"frequent", "successors", "item_knn", "session_knn", "mixture"}
    with pytest.raises(ConfigError, match="no session model 'ease'"):
        benchmark(data, ["ease"], ["leave_one_out"], [0], QUICK)
    with pytest.raises(ConfigError, match="no model 'item_knn'"):
        benchmark(data, ["item_knn"], ["edges"], [0], QUICK)


def test_data_in_which_nothing_comes_next_are_refused(ground):
    with pytest.raises(DataError, match="no session_id has two events"):
        next(protocol("leave_one_out")(ground([[0], [1]]), 0))
