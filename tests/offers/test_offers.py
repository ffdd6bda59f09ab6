"""Sets to sell as one, against counts over all baskets."""

from __future__ import annotations

import json
import math
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError
from goeswith.data.dataset import Dataset
from goeswith.offers.discount import set_price
from goeswith.offers.joint_baskets import JointBaskets
from goeswith.offers.propose_offers import OfferLimits, propose_offers
from goeswith.offers.set_search import ProductSet, SearchLimits, absorbing_sets, find_sets
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.measures import wilson_lower
from goeswith.settings.sections import FitSettings, Settings

BASKETS = st.lists(st.sets(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=25)


def matrix(baskets: list[set[int]], n: int = 6) -> Any:
    rows = [i for i, basket in enumerate(baskets) for _ in basket]
    columns = [product for basket in baskets for product in basket]
    ones = np.ones(len(rows), dtype=np.float32)
    return sparse.csr_matrix((ones, (rows, columns)), shape=(len(baskets), n))


@given(BASKETS, st.integers(1, 3))
def test_all_sets_above_chance_are_found_with_their_counts(
    baskets: list[set[int]], min_baskets: int
) -> None:
    joint = JointBaskets(matrix(baskets))
    everyone = np.arange(6, dtype=np.int32)

    def others(row: int) -> Any:
        return everyone[everyone != row]

    limits = SearchLimits(3, min_baskets, lambda rows: True)
    found = find_sets(joint, range(6), others, limits)
    expected: dict[tuple[int, ...], int] = {}
    for size in (2, 3):
        for rows in combinations(range(6), size):
            count = sum(set(rows) <= basket for basket in baskets)
            chance = len(baskets) * math.prod(
                sum(row in basket for basket in baskets) / len(baskets) for row in rows
            )
            above = float(wilson_lower(np.array(count), len(baskets))) * len(baskets) - chance
            if abs(above) < 1e-9:
                continue  # either answer is right
            # a set of three is only reached by a pair that is above chance itself
            parts = size == 2 or any(pair in expected for pair in combinations(rows, 2))
            if count >= min_baskets and above > 0 and parts:
                expected[rows] = count
    assert expected.items() <= {one.rows: one.baskets for one in found}.items()
    assert all(one.excess > -1e-9 for one in found)
    assert [one.rank_key for one in found] == sorted(one.rank_key for one in found)


def test_of_sets_in_one_basket_that_of_the_products_bought_most_is_first() -> None:
    baskets = [{0, 1}, {0, 2}, {0, 3}, {0, 4}, {2, 5}, *[{5}] * 200, *[{4}] * 3]
    joint = JointBaskets(matrix(baskets))
    everyone = np.arange(6, dtype=np.int32)
    limits = SearchLimits(2, 1, lambda rows: True)
    found = find_sets(joint, range(6), lambda row: everyone[everyone != row], limits)
    assert [one.rows for one in found] == [(0, 4), (0, 2), (0, 1), (0, 3)]  # 2, 5: chance


def test_a_larger_set_takes_the_place_of_parts_that_are_seldom_bought_without_it() -> None:
    often = ProductSet((0, 1), 20, 1.0), ProductSet((0, 1, 2), 18, 0.1)
    assert absorbing_sets(often) == {(0, 1): [(0, 1, 2)]}
    seldom = ProductSet((0, 1), 20, 1.0), ProductSet((0, 1, 2), 11, 0.1)
    assert absorbing_sets(seldom) == {}
    # one basket says little about the next
    once = ProductSet((0, 1), 1, 0.1), ProductSet((0, 1, 2), 1, 0.1)
    assert absorbing_sets(once) == {}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Tents with pegs and a lamp, and a mug that anybody buys; cost is 60 % of the price."""
    prices = {"tent": 100.0, "pegs": 10.0, "lamp": 20.0, "mug": 5.0, "tent2": 90.0, "rope": 8.0}
    baskets = [["tent", "pegs", "lamp"]] * 20 + [["tent2", "pegs"]] * 8 + [["mug"]] * 40
    baskets += [["tent", "mug"]] * 2 + [["rope", "lamp"]] * 9 + [["pegs"]] * 5
    data = Dataset.from_frames(
        products=pl.DataFrame(
            {
                "product_id": list(prices),
                "title": [name.title() for name in prices],
                "type": ["tent", "pegs", "lamp", "mug", "tent", "rope"],
                "price": list(prices.values()),
                "cost": [0.6 * price for price in prices.values()],
                "note": ["x"] * 6,
            }
        ),
        events=pl.DataFrame(
            {
                "basket_id": [str(i) for i, basket in enumerate(baskets) for _ in basket],
                "product_id": [product for basket in baskets for product in basket],
                "event": ["purchase" for basket in baskets for _ in basket],
            }
        ),
    )
    out = tmp_path_factory.mktemp("offers") / "bundle"
    fit_bundle(data, out, Settings(fit=FitSettings(model="copurchase", k=4)))
    return Bundle.open(out)


def ids(offers: list[Any]) -> list[list[str]]:
    return [[product.product_id for product in offer.products] for offer in offers]


def test_the_best_set_is_that_of_most_baskets_with_its_evidence(bundle: Bundle) -> None:
    best = propose_offers(bundle, OfferLimits(), 10)[0]
    assert sorted(ids([best])[0]) == ["lamp", "pegs", "tent"]
    assert best.products[0].product_id == "tent"  # the dearest
    assert best.evidence.baskets == 20
    assert best.evidence.attach == pytest.approx(20 / 22)
    assert best.evidence.expected == pytest.approx(84 * (22 / 84) * (33 / 84) * (29 / 84))
    assert best.price.price == 130
    assert best.price.discount == 0  # nine of ten take all of them anyway
    # nobody buys two of these without the third
    pairs = [sorted(one) for one in ids(propose_offers(bundle, OfferLimits(), 10))]
    assert ["lamp", "tent"] not in pairs
    assert ["lamp", "rope"] in pairs


def test_parts_of_a_set_above_the_price_limit_are_offered(bundle: Bundle) -> None:
    offers = ids(propose_offers(bundle, OfferLimits(max_price=125), 10))
    assert all(len(one) == 2 for one in offers)
    assert ["tent", "lamp"] in offers


def test_limits_hold(bundle: Bundle) -> None:
    assert all(len(one) == 2 for one in ids(propose_offers(bundle, OfferLimits(max_size=2), 9)))
    cheap = propose_offers(bundle, OfferLimits(max_price=30), 9)
    assert cheap
    assert all(offer.price.price <= 30 for offer in cheap if offer.price.price is not None)
    dear = propose_offers(bundle, OfferLimits(min_price=105), 9)
    assert dear
    assert all((offer.price.price or 0) >= 105 for offer in dear)
    no_lamp = propose_offers(bundle, OfferLimits(where=("type!=lamp",)), 9)
    assert no_lamp
    assert all("lamp" not in one for one in ids(no_lamp))
    for offer in propose_offers(bundle, OfferLimits(max_size=4, min_baskets=1, per_type=1), 99):
        types = [product.type for product in offer.products]
        assert len(set(types)) == len(types)
    with_cost = OfferLimits(cost_column="cost", min_margin=0.3)
    assert all(
        offer.price.margin is not None and offer.price.margin >= 0.3
        for offer in propose_offers(bundle, with_cost, 9)
    )
    assert propose_offers(bundle, OfferLimits(cost_column="cost", min_margin=0.5), 9) == []


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (OfferLimits(max_size=5), "2 to 4 products"),
        (OfferLimits(min_margin=0.2), "needs --cost COLUMN"),
        (OfferLimits(cost_column="note"), "it has price, cost"),
        (OfferLimits(min_baskets=0), "at least 1"),
    ],
)
def test_limits_that_cannot_be_met_say_why(
    bundle: Bundle, limits: OfferLimits, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        propose_offers(bundle, limits, 1)


def test_a_bundle_of_lists_has_no_baskets(tmp_path: Path) -> None:
    pairs = pl.DataFrame(
        {"source": ["a", "b"], "target": ["b", "c"], "relation": ["co_purchase"] * 2}
    )
    data = Dataset.from_frames(products=pl.DataFrame({"product_id": list("abc")}), relations=pairs)
    fit_bundle(data, tmp_path / "b", Settings(fit=FitSettings(model="copurchase", k=1)))
    with pytest.raises(ConfigError, match="fit it from events"):
        propose_offers(Bundle.open(tmp_path / "b"), OfferLimits(), 1)


@pytest.mark.parametrize(
    ("attach", "min_margin", "discount", "margin"),
    [
        (0.05, None, 0.10, 1 / 3),
        (0.2, None, 0.05, 7 / 19),
        (0.5, None, 0.0, 0.4),
        (0.05, 0.36, 0.05, 7 / 19),
        (0.05, 0.40, 0.0, 0.4),
    ],
)
def test_a_discount_stops_where_the_margin_does(
    attach: float, min_margin: float | None, discount: float, margin: float
) -> None:
    price = set_price([60.0, 40.0], [40.0, 20.0], attach, min_margin)
    assert price is not None
    assert (price.discount, price.margin) == (discount, pytest.approx(margin))
    assert price.break_even_attach == pytest.approx(attach * 40 / (100 * (1 - discount) - 60))


def test_a_price_or_cost_that_is_unknown_stays_unknown() -> None:
    assert set_price([1.0, None], None, 0.5, None) is not None
    assert set_price([1.0, None], None, 0.5, 0.1) is None
    known = set_price([1.0, 2.0], [None, 1.0], 0.5, None)
    assert known is not None
    assert (known.price, known.margin) == (3.0, None)
    assert set_price([1.0, 2.0], [None, 1.0], 0.5, 0.1) is None


def test_the_command_prints_sets(bundle: Bundle) -> None:
    ended = CliRunner().invoke(app, ["bundles", str(bundle.path), "-n", "1", "--json"])
    assert ended.exit_code == 0, ended.output
    document = json.loads(ended.stdout)
    assert document["bundle"] == bundle.id
    assert document["sets"][0]["evidence"]["baskets"] == 20
    none = CliRunner().invoke(app, ["bundles", str(bundle.path), "--min-baskets", "99"])
    assert "lower --min-baskets" in none.stderr
