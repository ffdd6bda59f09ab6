from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError, DataError
from goeswith.evaluation.splits import cold_split, session_folds, time_split
from goeswith.relations.graph import RelationGraph
from goeswith.relations.relation import RELATIONS

GRAPHS = st.lists(
    st.tuples(st.integers(0, 19), st.integers(0, 19), st.sampled_from(RELATIONS)), max_size=80
).map(lambda edges: RelationGraph.from_edges(20, edges))


@settings(max_examples=50, deadline=None)
@given(graph=GRAPHS, share=st.floats(0, 0.9), seed=st.integers(0, 9))
def test_a_cold_product_has_no_edge_in_train_and_test_edges_lead_to_or_from_one(graph, share, seed):
    split = cold_split(graph, share, seed)
    assert split.cold.sum() == int(share * 20)
    for relation in [*split.graph.relations.values(), split.graph.complements]:
        assert not split.cold[relation.sources].any()
        assert not split.cold[relation.targets].any()
    assert np.all(split.cold[split.sources] != split.cold[split.targets])


@settings(max_examples=30, deadline=None)
@given(graph=GRAPHS, share=st.floats(0, 0.9), seed=st.integers(0, 9))
def test_the_same_seed_makes_the_same_products_cold(graph, share, seed):
    assert np.array_equal(cold_split(graph, share, seed).cold, cold_split(graph, share, seed).cold)


def test_a_cold_share_out_of_range_is_refused(shop):
    with pytest.raises(ConfigError, match="not 1"):
        cold_split(shop[1], 1.0, 0)


@settings(max_examples=50, deadline=None)
@given(
    minutes=st.lists(st.integers(0, 50), min_size=2, max_size=60).filter(lambda m: len(set(m)) > 1),
    share=st.floats(0.05, 0.5),
)
def test_every_event_to_learn_from_is_earlier_than_every_event_to_test_on(minutes, share):
    events = pl.DataFrame(
        {"timestamp": [datetime(2024, 1, 1) + timedelta(minutes=m) for m in minutes]}
    )
    try:
        train, test = time_split(events, share)
    except DataError:
        # only where the first moment alone is more than the train share
        assert minutes.count(min(minutes)) > (1 - share) * (len(minutes) - 1)
        return
    assert train["timestamp"].max() < test["timestamp"].min()
    assert train.height + test.height == events.height


def test_a_fifth_of_the_events_are_the_later_ones():
    events = pl.DataFrame({"timestamp": [datetime(2024, 1, 1 + day) for day in range(20)]})
    train, test = time_split(events, 0.2)
    assert (train.height, test.height) == (16, 4)


def test_events_without_timestamps_cannot_be_split_by_time():
    with pytest.raises(DataError, match="needs events with a 'timestamp'; this data has position"):
        time_split(pl.DataFrame({"position": [1, 2]}), 0.2)


def test_events_of_one_moment_cannot_be_split_by_time():
    with pytest.raises(DataError, match="the 5 events cannot be split by time"):
        time_split(pl.DataFrame({"timestamp": [datetime(2024, 1, 1)] * 5}), 0.2)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(5, 40), folds=st.integers(2, 5), seed=st.integers(0, 9))
def test_every_session_is_in_one_fold_and_folds_are_of_nearly_equal_size(count, folds, seed):
    sessions = pl.DataFrame({"session_id": [str(s // 2) for s in range(2 * count)]})
    dealt = session_folds(sessions, folds, seed)
    assert sorted(pl.concat(dealt).to_list()) == sorted({str(s) for s in range(count)})
    sizes = [len(fold) for fold in dealt]
    assert max(sizes) - min(sizes) <= 1
    again = session_folds(sessions, folds, seed)
    assert all(a.to_list() == b.to_list() for a, b in zip(dealt, again, strict=True))


def test_fewer_sessions_than_folds_is_an_error():
    with pytest.raises(DataError, match="5 folds need as many sessions; this data has 2"):
        session_folds(pl.DataFrame({"session_id": ["a", "b"]}), 5, 0)
