"""Strength of evidence in words, and what it rests on."""

import math

import pytest

import goeswith as gw
from goeswith.store.evidence import pair_strength


@pytest.mark.parametrize(
    ("lower", "contexts", "customers", "strength"),
    [
        (3.0, 10, 5, "strong"),
        (30.0, 1, 1, "weak"),  # a lift of a thousand in one basket
        (30.0, 240, 1, "weak"),  # one household
        (30.0, 240, 4, "medium"),
        (2.9, 240, 180, "medium"),
        (1.5, 3, 2, "medium"),
        (1.49, 240, 180, "weak"),
        (0.5, 3204, 900, "weak"),
        (3.0, 10, None, "strong"),
        (3.0, 9, None, "medium"),
        (3.0, 2, None, "weak"),
    ],
)
def test_strength_needs_a_lower_bound_contexts_and_customers(lower, contexts, customers, strength):
    bound = math.log(lower) + 1e-9
    assert pair_strength("bought_together", contexts, customers, bound) == strength


@pytest.mark.parametrize("basis", ["linked", "alike", "types", "bought_before"])
def test_what_rests_on_another_pair_is_weak(basis):
    assert pair_strength(basis, 0, None, None) == "weak"


@pytest.mark.parametrize("basis", ["popular", "model"])
def test_without_evidence_there_is_no_strength(basis):
    assert pair_strength(basis, 0, None, None) is None


def test_a_bundle_states_customers_and_strength(tmp_path):
    rows = [(f"b{i}", f"u{i % 6}", p) for i in range(12) for p in ("phone", "case")]
    rows += [(f"c{i}", f"u{i}", f"other-{i % 8}") for i in range(80)]
    events = {"basket_id": [], "user_id": [], "product_id": []}
    for row in rows:
        for column, value in zip(events.values(), row, strict=True):
            column.append(value)
    import polars as pl

    data = gw.Dataset.from_frames(events=pl.DataFrame(events))
    bundle = gw.fit(data, tmp_path / "bundle", model="copurchase")
    (one, *_) = bundle.complements("phone", 1)
    assert one.product_id == "case"
    assert (one.evidence.bought_together, one.evidence.customers) == (6, 6)
    assert one.evidence.strength == "medium"
    assert one.why.startswith("In 6 baskets of 6 customers with phone: ")
