"""Rules in answers: bans, pins, order, limits; compared with rules applied one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith.core.errors import ConfigError
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.query.rule_preview import with_rules
from goeswith.rules.rule import Rule
from goeswith.rules.rule_check import check_rules
from goeswith.rules.rule_index import MAX_GENERAL


@pytest.fixture(scope="module")
def bundle(shop_bundle: Path) -> Bundle:
    return Bundle.open(shop_bundle)


def ids(answers) -> list[str]:
    return [answer.product_id for answer in answers]


def rule(number: int = 0, /, **fields: Any) -> Rule:
    return Rule.model_validate({"id": f"r{number}", **fields})


def answers(bundle: Bundle, *rules: Rule, k: int = 8, product: str = "phone-1", **given: Any):
    constraints = Constraints(**given) if given else None
    return with_rules(bundle, rules).complements(product, k, constraints)


def test_same_other_and_limit_read_attributes(bundle: Bundle) -> None:
    plain = answers(bundle)
    brand = bundle.product("phone-1")["brand"]
    same = answers(bundle, rule(action="same", attribute="brand", source={"types": ["phone"]}))
    assert {bundle.product(i)["brand"] for i in ids(same)} == {brand}
    other = answers(bundle, rule(action="other", attribute="brand"))
    assert brand not in {bundle.product(i)["brand"] for i in ids(other)}
    limited = answers(bundle, rule(action="limit", attribute="brand", max=2))
    brands = [bundle.product(i)["brand"] for i in ids(limited)]
    assert max(brands.count(b) for b in brands) <= 2
    assert ids(limited)[0] == ids(plain)[0]


@pytest.mark.parametrize("ratio", ["min_price_ratio", "max_price_ratio"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_ratio_of_prices_is_finite(ratio: str, value: float) -> None:
    # it would be stored as null, and the rule ban every product
    with pytest.raises(ValueError, match=ratio):
        rule(action="ban", **{ratio: value})


def test_a_map_of_types_is_several_only_rules(bundle: Bundle) -> None:
    to_case = rule(1, action="only", source={"types": ["phone"]}, target={"types": ["case"]})
    to_tripod = rule(2, action="only", source={"types": ["phone"]}, target={"types": ["tripod"]})
    assert {a.type for a in answers(bundle, to_case)} == {"case"}
    assert {a.type for a in answers(bundle, to_case, to_tripod)} <= {"case", "tripod"}
    assert len(answers(bundle, to_tripod)) == 8  # the saved models answer
    assert {a.type for a in answers(bundle, to_tripod)} == {"tripod"}
    assert answers(bundle, to_case, product="camera-1") == answers(bundle, product="camera-1")


def test_a_boost_and_a_burial_move_by_ranks_and_are_named(bundle: Bundle) -> None:
    first, second, third, *rest = ids(answers(bundle))
    boosted = answers(bundle, rule(action="boost", by=2, target={"products": [third]}))
    assert ids(boosted) == [third, first, second, *rest] or ids(boosted)[:1] == [first]
    assert {a.product_id: a.rules for a in boosted}[third] == ("r0",)
    buried = answers(bundle, rule(action="bury", target={"products": [first]}))
    assert ids(buried) == [second, third, *rest, first]
    assert buried.rules == ["r0"]


def test_prices_are_compared_with_that_of_the_source(bundle: Bundle) -> None:
    price = bundle.product("phone-1")["price"]
    cheap = answers(bundle, rule(action="only", max_price_ratio=1.0))
    assert all(bundle.product(i)["price"] <= price for i in ids(cheap))


def test_markets_and_dates_decide_when_a_rule_applies(bundle: Bundle) -> None:
    first = ids(answers(bundle))[0]
    ban = {"action": "ban", "target": {"products": [first]}}
    assert first in ids(answers(bundle, rule(**ban, end="2020-01-01")))
    assert first in ids(answers(bundle, rule(**ban, start="2999-01-01")))
    assert first not in ids(answers(bundle, rule(**ban, start="2020-01-01", end="2999-01-01")))
    assert first in ids(answers(bundle, rule(**ban, markets=["de"])))
    assert first not in ids(answers(bundle, rule(**ban, markets=["de"]), market="DE"))
    assert first in ids(answers(bundle, rule(**ban, markets=["de"]), market="us"))


def test_two_pins_of_one_rank_are_both_shown_and_it_is_reported(bundle: Bundle) -> None:
    pins = [
        rule(i, action="pin", rank=2, target={"products": [f"tripod-{i}"]}, priority=i)
        for i in (1, 2)
    ]
    shown = answers(bundle, *pins, k=5)
    assert ids(shown)[1:3] == ["tripod-2", "tripod-1"]
    assert [(s.what, s.value) for s in shown.skipped] == [("rule", "r1")]
    problems = check_rules(pins, bundle, bundle.live)
    assert "pins another product at the same rank" in problems[0].problem


def test_a_ban_holds_in_every_list(bundle: Bundle) -> None:
    banned = with_rules(bundle, [rule(action="ban", target={"types": ["case", "phone"]})])
    gone = {"case", "phone"}
    assert not gone & {a.type for a in banned.complements("phone-1", 8)}
    assert not gone & {a.type for a in banned.basket(["phone-1", "protector-1"], 8)}
    assert not gone & {a.type for a in banned.session(["phone-1", "phone-2"], 8)}
    assert not gone & {a.type for a in banned.similars("phone-1", 8)}
    assert not gone & {a.type for a in banned.complements_of_new({"type": "phone"}, 8)}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"action": "pin", "target": {"products": ["a"]}}, "needs 'rank'"),
        ({"action": "pin", "rank": 1}, "needs one product"),
        ({"action": "ban"}, "needs a condition on the target"),
        ({"action": "limit", "attribute": "brand"}, "needs 'max'"),
        ({"action": "ban", "target": {"types": ["a"]}, "rank": 1}, "takes no 'rank'"),
        ({"action": "ban", "target": {"where": ["price"]}}, "COLUMN OPERATOR VALUE"),
        (
            {
                "action": "ban",
                "target": {"types": ["a"]},
                "start": "2024-02-01",
                "end": "2024-01-01",
            },
            "ends before it starts",
        ),
        ({"action": "ban", "target": {"types": ["a"]}, "color": 1}, "color"),
    ],
)
def test_an_invalid_rule_says_why(fields: dict[str, Any], message: str) -> None:
    from goeswith.rules.rules_file import parse_rule

    with pytest.raises(ConfigError, match=message):
        parse_rule({"id": "a", **fields}, "file")


def test_rules_that_every_answer_would_have_to_test_are_limited(bundle: Bundle) -> None:
    many = [
        rule(i, action="ban", target={"where": [f"price>{1000 + i}"]})
        for i in range(MAX_GENERAL + 3)
    ]
    left_out = [p for p in check_rules(many, bundle, bundle.live) if p.is_left_out]
    assert len(left_out) == 3
    assert "answers stay fast" in left_out[0].problem


PRODUCTS = [f"{kind}-{i}" for kind in ("case", "protector", "tripod") for i in range(10)]
SIDES = st.one_of(
    st.just({}),
    st.builds(
        lambda p: {"products": p}, st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=3)
    ),
    st.builds(lambda t: {"types": [t]}, st.sampled_from(["phone", "case", "protector"])),
    st.builds(
        lambda w: {"where": [w]},
        st.sampled_from(["price<8", "brand=brand 1", "brand!=brand 2", "title contains 3"]),
    ),
)
SOURCES = st.one_of(SIDES, st.just({"products": ["phone-1"]}))
RULES = st.lists(
    st.one_of(
        st.builds(
            lambda action, source, target: {"action": action, "source": source, "target": target},
            st.sampled_from(["ban", "only", "bury"]),
            SOURCES,
            SIDES.filter(bool),
        ),
        st.builds(
            lambda product, rank, source: {
                "action": "pin",
                "rank": rank,
                "source": source,
                "target": {"products": [product]},
            },
            st.sampled_from([*PRODUCTS, "gone"]),
            st.integers(1, 9),
            SOURCES,
        ),
        st.builds(lambda n: {"action": "limit", "attribute": "brand", "max": n}, st.integers(1, 3)),
    ),
    max_size=8,
)


def meets(bundle: Bundle, side, product_id: str) -> bool:
    product = bundle.product(product_id)
    tests = {
        "price<8": product["price"] < 8,
        "brand=brand 1": product["brand"] == "brand 1",
        "brand!=brand 2": product["brand"] != "brand 2",
        "title contains 3": "3" in product["title"],
    }
    return (
        (not side.products or product_id in side.products)
        and (not side.types or product["type"] in side.types)
        and all(tests[text] for text in side.where)
    )


@settings(max_examples=150)
@given(RULES, st.integers(1, 8), st.sampled_from(["phone-1", "phone-4"]))
def test_bans_hold_pins_are_at_their_rank_or_explained_and_equal_input_gives_equal_output(
    bundle: Bundle, records, k: int, product: str
) -> None:
    rules = [rule(i, **record) for i, record in enumerate(records)]
    found = answers(bundle, *rules, k=k, product=product)
    shown = ids(found)
    assert len(set(shown)) == len(shown) <= k
    active = [r for r in rules if meets(bundle, r.source, product)]
    for one in active:
        if one.action == "ban":
            assert not [i for i in shown if meets(bundle, one.target, i)]
    only = [r for r in active if r.action == "only"]
    for i in shown:
        assert not only or any(meets(bundle, r.target, i) for r in only)
    explained = {skipped.value for skipped in found.skipped}
    explained |= {p.rule for p in with_rules(bundle, rules).rules.problems}
    pins: dict[str, Rule] = {}
    for one in active:
        if one.action == "pin":
            pins.setdefault(one.target.products[0], one)
    for product_id, one in pins.items():
        at_rank = len(shown) >= one.rank and shown[one.rank - 1] == product_id
        assert at_rank or one.id in explained, (one, shown)
    again = answers(bundle, *rules[::-1], k=k, product=product)
    assert again == found
    assert again.skipped == found.skipped


@settings(max_examples=60)
@given(RULES, st.integers(1, 8))
def test_filters_and_rules_hold_together(bundle: Bundle, records, k: int) -> None:
    rules = [rule(i, **record) for i, record in enumerate(records)]
    banned = [r for r in rules if r.action == "ban" and meets(bundle, r.source, "phone-1")]
    found = with_rules(bundle, rules).complements("phone-1", k, Constraints.from_text(["price<=9"]))
    for i in ids(found):
        assert bundle.product(i)["price"] <= 9
        assert not [r for r in banned if meets(bundle, r.target, i)]
