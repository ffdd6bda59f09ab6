"""The compiled skip-gram against the same loop in Python, and what it must not change."""

from __future__ import annotations

import numpy as np
import pytest

from goeswith.core.arrays import Floats
from goeswith.models import compiled_skip_gram
from goeswith.models.compiled_skip_gram import CompiledSkipGram

pytest.importorskip("numba")

N, D = 7, 6
SHARES = np.cumsum([0, 0.5, 0.25, 0, 0.25, 0, 0])
SOURCES = np.array([0, 3, 0, 5], dtype=np.int32)
TARGETS = np.array([1, 2, 4, 1], dtype=np.int32)


def tables() -> dict[str, Floats]:
    rng = np.random.default_rng(0)
    return {
        "in": rng.standard_normal((N, D)).astype(np.float32),
        "out": rng.standard_normal((N, D)).astype(np.float32),
        "in_squares": np.zeros(N, dtype=np.float32),
        "out_squares": np.zeros(N, dtype=np.float32),
    }


def test_machine_code_trains_as_python_does(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for compiles in (True, False):
        if not compiles:
            monkeypatch.setattr(compiled_skip_gram, "jit_compile", lambda loop: loop)
        held = tables()
        model = CompiledSkipGram(held, SHARES, 3, 0.01)
        results.append((held, [model.epoch(SOURCES, TARGETS, seed) for seed in (1, 2**62 + 1)]))
    (compiled, losses), (plain, expected) = results
    assert losses == pytest.approx(expected, rel=1e-5)
    for name, table in plain.items():
        np.testing.assert_allclose(compiled[name], table, rtol=1e-5, atol=1e-6, err_msg=name)


def test_an_epoch_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, in_parts = tables(), tables()
    loss = CompiledSkipGram(at_once, SHARES, 3, 0.01).epoch(SOURCES, TARGETS, 9)
    monkeypatch.setattr(compiled_skip_gram, "_PAIRS_AT_ONCE", 3)
    assert CompiledSkipGram(in_parts, SHARES, 3, 0.01).epoch(SOURCES, TARGETS, 9) == pytest.approx(
        loss
    )
    assert all(np.array_equal(at_once[name], in_parts[name]) for name in at_once)


def test_only_rows_of_pairs_and_possible_negatives_change() -> None:
    before, after = tables(), tables()
    CompiledSkipGram(after, SHARES, 50, 0.01).epoch(SOURCES, TARGETS, 5)
    changed = {
        name: np.flatnonzero((after[name] != before[name]).any(axis=1)) for name in ("in", "out")
    }
    assert changed["in"].tolist() == [0, 3, 5]
    assert changed["out"].tolist() == [1, 2, 4]


def test_a_first_step_goes_down_the_gradient() -> None:
    held = tables()
    s, t = held["in"].copy(), held["out"].copy()
    nobody = np.cumsum([0, 0, 0, 1.0, 0, 0, 0])  # the one negative is product 3
    loss = CompiledSkipGram(held, nobody, 1, 0.01).epoch(SOURCES[:1], TARGETS[:1], 1)
    rises = 1 / (1 + np.exp(-(s[0] @ t[[1, 3]].T)))
    assert loss == pytest.approx(-np.log(rises[0]) - np.log(1 - rises[1]), rel=1e-5)
    error = rises - [1, 0]
    size = np.sqrt(np.mean(s[0] ** 2))
    expected = t[[1, 3]] - 0.05 * np.sign(error)[:, None] * s[0] / size
    np.testing.assert_allclose(held["out"][[1, 3]], expected, rtol=1e-4)
    gradient = error @ t[[1, 3]]
    moved = s[0] - 0.05 * gradient / np.sqrt(np.mean(gradient**2))
    np.testing.assert_allclose(held["in"][0], moved, rtol=1e-4, atol=1e-5)


def test_without_pairs_nothing_changes() -> None:
    before, after = tables(), tables()
    none = np.zeros(0, dtype=np.int32)
    assert CompiledSkipGram(after, np.zeros(N), 3, 0.01).epoch(none, none, 1) == 0
    assert all(np.array_equal(before[name], after[name]) for name in before)
