"""Complements for one shopper: order, products left out, reasons, service and command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from goeswith.core.errors import ConfigError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.relations.config import MiningConfig
from goeswith.settings.sections import FitSettings, PersonalSettings, Settings
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.similar_shoppers import SimilarShoppers
from goeswith.shoppers.trial_repeat import trial_and_repeat

TEAS = [f"tea-{i}" for i in range(4)]


def shop(folder: Path) -> Path:
    """Shoppers a buy teas 0 and 1 with a kettle again and again, shoppers b teas 2 and 3.

    A toaster is bought once, a mug or a spoon only in the last basket; others buy soap.
    """
    folder.mkdir()
    lines = []

    def buy(user: str, basket: int, *products: str) -> None:
        lines.extend((user, f"{user}-{basket}", product, basket) for product in products)

    for i in range(30):
        teas = TEAS[:2] if i % 2 else TEAS[2:]
        user = f"{'a' if i % 2 else 'b'}{i}"
        buy(user, 1, "kettle", *teas, "toaster")
        buy(user, 2, "kettle", *teas)
        buy(user, 3, "kettle", *teas, "mug" if i % 3 else "spoon")
        for basket in range(4):
            buy(f"c{i}-{basket}", 1, "soap", "sponge")
    frame = pl.DataFrame(lines, schema=["user_id", "basket_id", "product_id", "day"], orient="row")
    frame.select(
        "user_id",
        "basket_id",
        "product_id",
        pl.lit("purchase").alias("event"),
        pl.datetime(2024, 1, pl.col("day")).alias("timestamp"),
    ).write_parquet(folder / "events.parquet")
    return folder


def fit(folder: Path, out: Path, **settings: str) -> Path:
    fitted = FitSettings(model="copurchase", fallbacks=[], session_model="none", k=8).model_copy(
        update=settings
    )
    personal = PersonalSettings(min_repeat_rate=0.3)
    counted = MiningConfig(per_user_cap=3)
    fit_bundle(load_data(folder), out, Settings(fit=fitted, personal=personal, relations=counted))
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("data") / "teas")


@pytest.fixture(scope="module")
def path(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(folder, tmp_path_factory.mktemp("bundles") / "b", shopper_model="gp_topfreq")


def ids(found: list[Any]) -> list[str]:
    return [one.product_id for one in found]


def test_trial_and_repeat_are_those_of_a_plain_count() -> None:
    histories = Histories.from_rows([[[0, 1], [0, 2]], [[0], [1], [0, 1]], [[2]]], 4)
    rates = trial_and_repeat(histories, np.array([0, 0, -1, -1], dtype=np.int32))
    assert rates is not None
    # buyers with a later basket: 2 of product 0, 2 of product 1, none of 2 (last baskets alone)
    rate = 3 / 4
    of_type = (3 + 10 * rate) / (4 + 10)
    expected = [(2 + 10 * of_type) / 12, (1 + 10 * of_type) / 12, rate, rate]
    np.testing.assert_allclose(rates["repeat"], expected, rtol=1e-6)
    # of two last baskets, one holds product 2 for the first time; it is in 2 of 6 baskets
    np.testing.assert_allclose(rates["trial"][2], (1 / 2 + 1e-4) / (2 / 6 + 1e-4), rtol=1e-6)
    assert rates["trial"][0] < 1e-3
    assert trial_and_repeat(Histories.from_rows([[[0]], [[1]]], 2), np.zeros(2, np.int32)) is None


def test_similar_shoppers_are_compared_with_all() -> None:
    similar = SimilarShoppers(Histories.from_rows([[[0, 1]], [[0, 2]], [[3]], [[3]]], 4))
    lifts = similar.lifts(np.array([0, 9], np.int32), np.array([1, 3, 9], np.int32))
    # shoppers 0 and 1 are equally similar: half of them bought product 1, a quarter of all did
    np.testing.assert_allclose(lifts, [(0.5 + 0.25) / 0.5, 0.5, 1.0])
    np.testing.assert_array_equal(
        similar.lifts(np.array([9], np.int32), np.array([1], np.int32)), 1
    )


def test_what_is_new_and_what_similar_shoppers_buy_moves_up(path: Path) -> None:
    bundle = Bundle.open(path, verify=True)
    for_all = ids(bundle.complements("kettle", 8))
    of_a = bundle.complements("kettle", 8, history=["tea-0"])
    of_b = bundle.complements("kettle", 8, history=["tea-3"])
    assert sorted(for_all) == sorted(ids(of_a)) == sorted(ids(of_b))
    ranks = [{one: rank for rank, one in enumerate(ids(found))} for found in (of_a, of_b)]
    assert ranks[0]["tea-1"] < ranks[0]["tea-2"]
    assert ranks[1]["tea-2"] < ranks[1]["tea-1"]
    assert [for_all[one.rank_for_all - 1] for one in of_a] == ids(of_a)
    moved = {one.product_id: one for one in of_a}
    assert moved["spoon"].rank_for_all > 1 + ranks[0]["spoon"]
    assert moved["spoon"].personal.startswith(f"Up from {moved['spoon'].rank_for_all}: ")
    assert "new buyers" in moved["spoon"].personal
    assert moved["tea-2"].personal.startswith("Down from ")
    assert "similar purchases buy it less often" in moved["tea-2"].personal
    by_id = {one.product_id: one for one in bundle.complements("kettle", 8)}
    assert all(one.score == by_id[one.product_id].score for one in of_a)
    assert all(one.why == by_id[one.product_id].why for one in of_a)


def test_durable_products_are_left_out_and_named_unless_they_are_wanted(path: Path) -> None:
    bundle = Bundle.open(path)
    first = ids(bundle.complements("tea-0", 6))
    assert {"kettle", "tea-1", "toaster"} <= set(first)
    own = ["toaster", "tea-1", "no such product", "toaster"]
    found = bundle.complements("tea-0", 6, history=own)
    assert "toaster" not in ids(found)
    assert "tea-1" in ids(found)
    report = found.personal
    assert report is not None
    assert (report.source, report.known, report.products, report.unknown) == ("history", True, 2, 1)
    assert [one.product_id for one in report.left_out] == ["toaster"]
    assert report.left_out[0].reason == (
        "Bought before, and 18.8 % of its buyers bought it again (limit 30 %)."
    )
    none = bundle.complements("tea-0", 6, history=own, repeats="none")
    assert not {"toaster", "tea-1"} & set(ids(none))
    assert {one.reason for one in none.personal.left_out} == {"Bought before."}
    every = bundle.complements("tea-0", 6, history=own, repeats="all")
    assert "toaster" in ids(every)
    assert every.personal.left_out == []
    pinned = bundle.complements("tea-0", 6, Constraints(pin=("toaster",)), history=own)
    assert ids(pinned)[0] == "toaster"
    assert pinned[0].personal is None
    assert pinned.personal.left_out == []


def test_a_shopper_of_the_bundle_is_ordered_as_her_posted_history(path: Path, folder: Path) -> None:
    bundle = Bundle.open(path)
    events = pl.read_parquet(folder / "events.parquet").filter(pl.col("user_id") == "a1")
    bought = events["product_id"].unique().to_list()
    by_user = bundle.complements("kettle", 5, user="a1")
    by_history = bundle.complements("kettle", 5, history=bought)
    assert list(by_user) == list(by_history)
    assert (by_user.personal.source, by_user.personal.products) == ("user", len(bought))


def test_without_knowledge_of_the_shopper_the_list_is_that_for_all(path: Path) -> None:
    bundle = Bundle.open(path)
    for_all = bundle.complements("kettle", 5)
    assert for_all.personal is None
    for given in ({"user": "nobody"}, {"history": []}, {"history": ["no such product"]}):
        found = bundle.complements("kettle", 5, **given)
        assert ids(found) == ids(for_all)
        assert not found.personal.known
        assert {one.personal for one in found} == {None}


def test_a_bundle_without_shoppers_leaves_out_what_is_bought_only_where_it_is_wanted(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    events = pl.read_parquet(folder / "events.parquet").drop("user_id")
    events.write_parquet(tmp_path / "shop" / "events.parquet")
    bundle = Bundle.open(fit(tmp_path / "shop", tmp_path / "b"))
    for_all = ids(bundle.complements("tea-0", 5))
    found = bundle.complements("tea-0", 5, history=["toaster"])
    assert (ids(found), found.personal.similar_shoppers) == (for_all, False)
    none = bundle.complements("tea-0", 5, history=["kettle"], repeats="none")
    assert ids(none)[:4] == [one for one in for_all if one != "kettle"][:4]
    with pytest.raises(ConfigError, match=r"fit.shopper_model = "):
        bundle.complements("tea-0", 5, user="a1")


def test_wrong_requests_are_refused_with_the_remedy(path: Path) -> None:
    bundle = Bundle.open(path)
    with pytest.raises(ConfigError, match="either the history of a shopper or a user id"):
        bundle.complements("kettle", 3, history=["mug"], user="a1")
    with pytest.raises(ConfigError, match="up to 500 products, 501 were given"):
        bundle.complements("kettle", 3, history=[str(i) for i in range(501)])
    with pytest.raises(ConfigError, match="repeats is one of auto, all, none, not 'some'"):
        bundle.complements("kettle", 3, history=["mug"], repeats="some")


def test_an_update_keeps_the_rates_and_a_new_product_is_never_left_out(
    folder: Path, tmp_path: Path
) -> None:
    path = fit(folder, tmp_path / "b", shopper_model="gp_topfreq")
    rates = Bundle.open(path).trial_repeat["repeat"].copy()
    pl.DataFrame({"product_id": ["whisk"], "title": ["Whisk"]}).write_csv(tmp_path / "new.csv")
    update_bundle(path, products=tmp_path / "new.csv")
    bundle = Bundle.open(path, verify=True)
    np.testing.assert_array_equal(bundle.trial_repeat["repeat"], rates)
    assert len(bundle) == len(rates) + 1
    found = bundle.complements("kettle", 8, history=["whisk", "toaster"])
    assert "whisk" not in [one.product_id for one in found.personal.left_out]


def test_the_service_orders_for_a_posted_history_and_logs_none_of_it(
    path: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from tests.serve.conftest import Client

    from goeswith.serve.app import create_app
    from goeswith.settings.serve_settings import ServeSettings

    settings = ServeSettings(log=True, feedback=str(tmp_path / "feedback"), exposures="sent")
    client = Client(create_app(path, settings))
    address = "/v1/products/tea-0/complements?k=4"
    before = client.get(address).json()
    body = client.post(address, json={"history": ["toaster", "secret-id"]}).json()
    expected = Bundle.open(path).complements("tea-0", 4, history=["toaster", "secret-id"])
    assert [one["product_id"] for one in body["complements"]] == ids(expected)
    assert [one["rank_for_all"] for one in body["complements"]] == [
        one.rank_for_all for one in expected
    ]
    assert body["personal"]["unknown"] == 1
    assert "recommendation_id" not in body
    by_user = client.post(address, json={"user_id": "a1", "repeats": "none"}).json()
    assert by_user["personal"]["source"] == "user"
    assert client.get(address).json() == before
    wrong = client.post(address, json={"history": ["secret-id"] * 501})
    both = client.post(address, json={"history": ["secret-id"], "user_id": "a1"})
    none = client.post(address, json={})
    assert [wrong.status_code, both.status_code, none.status_code] == [422, 422, 422]
    assert "secret-id" not in wrong.text + both.text
    assert "give either history or user_id" in none.text
    client.app.state.log.flush()
    out = capfd.readouterr()
    assert "/v1/products/" in out.out + out.err
    assert "secret-id" not in out.out + out.err
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(b"secret-id" in content or b"toaster" in content for content in written)


def test_the_command_orders_for_a_shopper_and_says_what_it_left_out(path: Path) -> None:
    from typer.testing import CliRunner

    from goeswith.cli.main import app

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["recommend", str(path), *arguments])

    done = run("tea-0", "-k", "4", "--history", "toaster,nope")
    assert done.exit_code == 0
    assert "left out toaster: Bought before, and 18.8 %" in done.output
    assert "ignored 1 id that" in done.output
    assert done.stdout.splitlines()[0].endswith("rank_for_all\tpersonal")
    found = json.loads(run("tea-0", "-k", "4", "--user", "a1", "--json").stdout)
    assert found["personal"]["source"] == "user"
    plain = json.loads(run("tea-0", "-k", "4", "--json").stdout)
    assert "personal" not in plain
    assert "rank_for_all" not in plain["complements"][0]
    for arguments, message in (
        (["--history", "mug"], "order the complements of one product"),
        (["tea-0", "tea-1", "--user", "a1"], "order the complements of one product"),
        (["tea-0", "--user", "a1", "--history", "mug"], "give one of --user and --history"),
        (["tea-0", "--repeats", "none"], "--repeats needs"),
        (["tea-0", "--user", "a1", "--repeats", "some"], "repeats is one of auto, all, none"),
    ):
        refused = run(*arguments)
        assert isinstance(refused.exception, ConfigError)
        assert message in str(refused.exception)
