"""Sequences: every operation against the same thing done on lists."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import DataError
from goeswith.sequential.sequences import Sequences, sequences_from_events

pytestmark = pytest.mark.one_processor

runs_of_rows = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), max_size=8)


def listed(sequences: Sequences) -> list[list[int]]:
    return [run.tolist() for run in sequences]


@given(runs_of_rows, st.integers(1, 4), st.data())
def test_parts_of_sequences_are_those_of_the_lists_they_were_made_from(runs, longest, data):
    sequences = Sequences.from_rows(runs)
    assert listed(sequences) == runs
    assert listed(sequences.tail(longest)) == [run[-longest:] for run in runs]
    before, last = sequences.split_last()
    assert listed(before) == [run[:-1] for run in runs]
    assert last.tolist() == [run[-1] for run in runs]
    chosen = data.draw(st.lists(st.sampled_from(range(len(runs))))) if runs else []
    assert listed(sequences.take(np.array(chosen, dtype=np.int64))) == [runs[i] for i in chosen]
    assert sequences.has_repeats == any(len(set(run)) < len(run) for run in runs)
    assert sequences.steps_back.tolist() == [
        len(run) - 1 - place for run in runs for place in range(len(run))
    ]


@given(runs_of_rows, st.data())
def test_what_is_taken_out_of_sequences_leaves_the_rest_in_its_order(runs, data):
    places = [(i, k) for i, run in enumerate(runs) for k in range(len(run))]
    gone = data.draw(st.sets(st.sampled_from(range(len(places))))) if places else set()
    left = Sequences.from_rows(runs).without(np.array(sorted(gone), dtype=np.int64))
    out = {places[index] for index in gone}
    assert listed(left) == [
        [row for k, row in enumerate(run) if (i, k) not in out] for i, run in enumerate(runs)
    ]


def test_events_are_put_in_order_of_time_and_sequences_in_that_of_their_first_event():
    events = pl.DataFrame(
        {
            "product": [1, 2, 3, 4],
            "session_id": ["late", "early", "late", "early"],
            "timestamp": [datetime(2024, 1, day) for day in (5, 2, 4, 1)],
        }
    )
    sequences, whose = sequences_from_events(events)
    assert whose["session_id"].to_list() == ["early", "late"]
    assert listed(sequences) == [[4, 2], [3, 1]]
    assert np.diff(sequences.seconds[:2]).tolist() == [24 * 3600]


def test_positions_order_what_has_no_time_and_the_file_what_has_neither():
    events = pl.DataFrame({"product": [1, 2, 3], "user_id": ["u", "v", "u"], "position": [2, 1, 1]})
    sequences, whose = sequences_from_events(events)
    assert whose["user_id"].to_list() == ["u", "v"]
    assert listed(sequences) == [[3, 1], [2]]
    assert listed(sequences_from_events(events.drop("position"))[0]) == [[1, 3], [2]]


def test_sessions_come_before_users_and_events_of_no_session_are_left_out():
    events = pl.DataFrame(
        {
            "product": [1, 2, 3],
            "user_id": ["u", "u", "u"],
            "session_id": ["s", None, "t"],
            "locale": ["ES", "FR", None],
        }
    )
    sequences, whose = sequences_from_events(events)
    assert listed(sequences) == [[1], [3]]
    assert whose.rows() == [("s", "ES"), ("t", None)]


def test_events_that_belong_to_nobody_make_no_sequence():
    with pytest.raises(DataError, match="session_id, user_id, basket_id"):
        sequences_from_events(pl.DataFrame({"product": [1]}))


def test_old_sequences_count_less_by_the_half_life_that_was_requested():
    sequences = Sequences.from_rows([[0]] * 5)
    assert sequences.freshness(None).tolist() == [1] * 5
    assert sequences.freshness(0.2).tolist() == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]
