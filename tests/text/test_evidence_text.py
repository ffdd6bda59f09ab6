"""The sentence of a pair: units, order, lift, and what is true without a co-purchase."""

from __future__ import annotations

from typing import Any

import pytest

from goeswith.store.evidence import Evidence, Link, TypePairCount
from goeswith.text.evidence_text import (
    comparison_text,
    complement_text,
    next_text,
    reverse_text,
    substitute_text,
)

pytestmark = pytest.mark.one_processor

LIFT = "6.2x more often than by chance"
LINK = Link("t", "Tripod", "Tripods", 30, 12)


def evidence(basis: Any = "bought_together", **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "bought_together": 240,
        "source_first": None,
        "viewed_together": 0,
        "confidence": None,
        "lift": 6.21,
        "pmi_lower": None,
        "purchases": 44,
        "counted": True,
        "unit": "baskets",
    }
    return Evidence(basis=basis, **{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "In 240 baskets with X: 6.2x more often than by chance."),
        ({"customers": 180}, f"In 240 baskets of 180 customers with X: {LIFT}."),
        ({"customers": 1}, f"In 240 baskets of 1 customer with X: {LIFT}."),
        ({"customers": 0, "counted": False, "lift": None}, "Listed as bought together with X."),
        (
            {"unit": "sessions", "customers": 9},
            f"Bought in 240 sessions of 9 customers with X: {LIFT}.",
        ),
        ({"unit": "sessions"}, "Bought in 240 sessions with X: 6.2x more often than by chance."),
        ({"unit": "users"}, "Bought by 240 users with X: 6.2x more often than by chance."),
        ({"unit": None}, "Bought 240 times with X: 6.2x more often than by chance."),
        ({"unit": None, "bought_together": 1, "lift": None}, "Bought once with X."),
        ({"bought_together": 1, "lift": None}, "In 1 basket with X."),
        (
            {"bought_together": 3204, "lift": 1.01},
            "In 3,204 baskets with X: as often as by chance.",
        ),
        ({"lift": 0.512}, "In 240 baskets with X: 0.51x as often as by chance."),
        ({"counted": False, "lift": None, "unit": None}, "Listed as bought together with X."),
        (
            {"lift": None, "viewed_together": 3},
            "In 240 baskets with X; also viewed as alternatives 3 times.",
        ),
    ],
)
def test_a_co_purchase_states_its_contexts_and_its_lift(changes: dict[str, Any], text: str) -> None:
    assert complement_text("X", evidence(**changes)) == text


@pytest.mark.parametrize(
    ("first", "then", "text"),
    [
        (4, 0, ""),
        (3, 1, ""),
        (5, 0, "; X first in 5 of 5 with an order"),
        (5, None, "; X first in 5 of 5 with an order"),
        (3, 2, "; X first in 3 of 5 with an order"),
        (2, 3, ""),
        (10, 10, ""),
        (150, 4, "; X first in 150 of 154 with an order"),
        (0, 0, ""),
        (None, None, ""),
        (200, 40, "; X first in 200"),
        (200, 39, "; X first in 200 of 239 with an order"),
    ],
)
def test_order_needs_five_contexts_with_one(first: int, then: int, text: str) -> None:
    given = evidence(source_first=first, target_first=then)
    assert complement_text("X", given) == f"In 240 baskets with X: {LIFT}{text}."
    assert reverse_text("X", given) == (
        f"In 240 baskets with X: {LIFT}{text.replace('X', 'this product')}."
    )
    assert "never" not in complement_text("X", given)


@pytest.mark.parametrize(
    ("given", "model", "text"),
    [
        (
            evidence("popular"),
            "popularity",
            "No direct evidence for X; shown because it is popular (in 44 baskets).",
        ),
        (
            evidence("popular"),
            "ranker:k=3",
            "No direct evidence for X; proposed by the model ranker.",
        ),
        (
            evidence("popular"),
            "similar_complements",
            "No direct evidence for X; recommended for similar products.",
        ),
        (evidence("model"), None, "No direct evidence for X; proposed by the model alone."),
        (evidence("popular"), "pinned", "No direct evidence for X; pinned by the request."),
        (
            evidence("linked", link=LINK),
            "ranker",
            "Linked by Tripod: bought in 30 baskets with X, in 12 baskets with this product.",
        ),
        (
            evidence("linked", link=LINK, counted=False, unit=None),
            "ranker",
            "Linked by Tripod: listed as bought with X and with this product.",
        ),
        (
            evidence("alike", link=LINK),
            "ranker",
            "In 12 baskets with Tripod, of the same type as X.",
        ),
        (
            evidence("alike", link=Link("t", "X", "Tripods", 0, 12)),
            "ranker",
            "In 12 baskets with another product of the same name and type as X.",
        ),
        (
            evidence("types", types=TypePairCount("phone", "case", 3204)),
            "type_popularity",
            "Product types phone and case: bought together 3,204 times.",
        ),
        (
            evidence("types", types=TypePairCount("phone", "case", 1), counted=False),
            "type_popularity",
            "Product types phone and case: 1 pair listed as bought together.",
        ),
        (
            evidence("bought_before", counted=False),
            "ranker",
            "Recorded in the reverse direction only: X with this product.",
        ),
    ],
)
def test_indirect_evidence_is_stated_as_such(given: Evidence, model: str | None, text: str) -> None:
    assert complement_text("X", given, model) == text


def test_the_reverse_list_speaks_of_the_listed_product() -> None:
    assert reverse_text("X", evidence()) == "In 240 baskets with X: 6.2x more often than by chance."
    assert reverse_text("X", evidence("linked", link=LINK)) == (
        "Linked by Tripod: bought in 30 baskets with this product, in 12 baskets with X."
    )
    assert reverse_text("X", evidence("alike", link=LINK)) == (
        "X: in 12 baskets with Tripod, of the same type as this product."
    )
    assert reverse_text("X", evidence("popular"), "popularity") == (
        "No direct evidence for X; recommended because it is popular (in 44 baskets)."
    )


def test_substitutes_state_similarity_or_views() -> None:
    text = substitute_text("X", evidence("attributes", bought_together=0), 0.777)
    assert text == "78 % similar to X (title and attributes)."
    text = substitute_text("X", evidence("viewed_together", viewed_together=9), 9)
    assert text == "Viewed 9 times as an alternative to X; also bought together in 240 baskets."


@pytest.mark.parametrize(
    ("relation", "text"),
    [
        ("complement", "Y is a complement of X, but not the reverse."),
        ("reverse", "X is a complement of Y, but not the reverse."),
        ("mutual", "X and Y are complements of each other."),
        ("substitute", "X and Y are alternatives: viewed together 7 times."),
        ("none", "No evidence links X and Y."),
    ],
)
def test_a_comparison_states_the_relation(relation: str, text: str) -> None:
    given = evidence(viewed_together=7)
    assert comparison_text(relation, ("X", "Y"), given, variants=False) == text


def test_substitutes_by_kind_claim_no_views() -> None:
    text = comparison_text("substitute", ("X", "Y"), evidence(), variants=False)
    assert text == (
        "X and Y are not recommended together: their product kinds are alternatives or exclude "
        "each other."
    )


def test_the_next_product_states_how_often_it_followed() -> None:
    assert next_text("X", 3) == "Viewed or bought soon after X: 3 times."
    assert "no recorded session has it soon after X" in next_text("X", 0)


@pytest.mark.parametrize(
    ("given", "model", "text"),
    [
        (evidence("model"), "knowledge_ranker", "No direct evidence for X."),
        (evidence("popular"), "kinds", "No direct evidence for X."),
        (evidence("model"), "pinned", "No direct evidence for X; pinned by the request."),
        (evidence("model"), "ranker", "No direct evidence for X; proposed by the model ranker."),
        (evidence("types", types=TypePairCount("a", "b", 3)), "kinds", None),
    ],
)
def test_where_general_knowledge_follows_it_is_the_reason_and_not_the_model(given, model, text):
    expected = complement_text("X", given, model) if text is None else text
    assert complement_text("X", given, model, has_knowledge=True) == expected
