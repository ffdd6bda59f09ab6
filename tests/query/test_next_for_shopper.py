"""Next products of a shopper: again and new, evidence, unknown shoppers, keys and deletion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import BundleError, ConfigError
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.shopper_model import forget_shopper
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.serve.app import create_app
from goeswith.settings.sections import FitSettings, Settings
from goeswith.settings.serve_settings import ServeSettings
from goeswith.shoppers.histories import Histories
from goeswith.shoppers.shopper_store import ShopperStore
from goeswith.text.shopper_text import again_text, new_text

FIT = FitSettings(
    model="popularity", fallbacks=[], session_model="none", shopper_model="gp_topfreq", k=10
)


def fit(shop_folder: Path, out: Path, **settings: Any) -> Path:
    fit_bundle(load_data(shop_folder), out, Settings(fit=FIT.model_copy(update=settings)))
    return out


@pytest.fixture(scope="module")
def path(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(shop_folder, tmp_path_factory.mktemp("shoppers") / "bundle")


@pytest.fixture(scope="module")
def bought(shop_folder: Path) -> pl.DataFrame:
    events = pl.read_parquet(shop_folder / "events.parquet")
    return events.filter(pl.col("event") == "purchase", pl.col("user_id") == "u1")


def test_what_was_bought_comes_again_and_the_rest_is_new(path: Path, bought: pl.DataFrame) -> None:
    found = Bundle.open(path, verify=True).for_shopper("u1", 5)
    assert found.known
    assert found.model == "gp_topfreq"
    own = set(bought["product_id"])
    assert {one.product_id for one in found.again} <= own
    assert len(found.new) == 5
    assert not {one.product_id for one in found.new} & own
    baskets = bought.group_by("product_id").agg(pl.col("basket_id").n_unique())
    times = dict(baskets.iter_rows())
    for one in found.again:
        assert one.times == times[one.product_id]
        assert one.why.startswith(f"Bought in {one.times} of {one.baskets} baskets")
    assert [one.times for one in found.again] == sorted(times.values(), reverse=True)[:5]
    assert all(one.why.startswith("New for this shopper: ") for one in found.new)


def test_an_unknown_shopper_gets_what_most_bought_and_it_is_said(path: Path) -> None:
    found = Bundle.open(path).for_shopper("nobody", 4)
    assert (found.known, found.again, found.model) == (False, [], "popularity")
    counts = [one.shoppers for one in found.new]
    assert counts == sorted(counts, reverse=True)


def test_filters_and_bans_hold_for_both_lists(path: Path) -> None:
    bundle = Bundle.open(path)
    first = bundle.for_shopper("u1", 8).again[0].product_id
    found = bundle.for_shopper("u1", 8, Constraints.from_text(["type=case"], [first]))
    shown = [*found.again, *found.new]
    assert shown
    assert all(one.type == "case" and one.product_id != first for one in shown)


def test_ids_are_not_in_the_bundle_and_the_key_may_stay_outside(
    shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOESWITH_USER_KEY", "a key of a shop, long enough")
    path = fit(shop_folder, tmp_path / "keyed")
    assert Bundle.open(path).manifest["shoppers"]["key"] == "GOESWITH_USER_KEY"
    for file in path.rglob("*.safetensors"):
        content = file.read_bytes()
        assert b"a key of a shop" not in content
        assert b'"u1"' not in content
    assert Bundle.open(path).for_shopper("u1").known
    monkeypatch.setenv("GOESWITH_USER_KEY", "another key, as long as that")
    with pytest.raises(ConfigError, match="is not the key"):
        Bundle.open(path).for_shopper("u1")
    monkeypatch.delenv("GOESWITH_USER_KEY")
    with pytest.raises(ConfigError, match="set it to the value that it had at the fit"):
        Bundle.open(path).for_shopper("u1")
    monkeypatch.setenv("GOESWITH_USER_KEY", "short")
    with pytest.raises(ConfigError, match="5 characters"):
        fit(shop_folder, tmp_path / "short")


def test_a_shopper_is_forgotten_and_an_update_keeps_the_others(
    shop_folder: Path, tmp_path: Path
) -> None:
    path = fit(shop_folder, tmp_path / "bundle", shopper_model="up_cf:tune=false")
    before = Bundle.open(path).for_shopper("u2", 5)
    assert forget_shopper(path, "u1")
    assert len(list(path.glob("build-*"))) == 1  # that with her history is removed
    assert not forget_shopper(path, "u1")
    bundle = Bundle.open(path, verify=True)
    assert bundle.manifest["shoppers"]["shoppers"] == 39
    assert not bundle.for_shopper("u1").known
    after = bundle.for_shopper("u2", 5)
    assert [one.product_id for one in after.again] == [one.product_id for one in before.again]
    done = CliRunner().invoke(app, ["forget", str(path), "--user", "u3", "--json"])
    assert json.loads(done.stdout) == {"removed": 1}
    assert len(list(path.glob("build-*"))) == 2  # `bundle` reads the earlier one
    assert isinstance(done.exception, BundleError)
    assert "may hold the history still" in str(done.exception)
    del bundle
    assert CliRunner().invoke(app, ["forget", str(path), "--user", "u3"]).exit_code == 0
    assert len(list(path.glob("build-*"))) == 1
    empty = CliRunner().invoke(app, ["forget", str(path), "--user", ""])
    assert isinstance(empty.exception, ConfigError)
    update = tmp_path / "more.csv"
    pl.DataFrame(
        {"user_id": ["u2"], "basket_id": ["n1"], "product_id": ["case-1"], "event": ["purchase"]}
    ).with_columns(timestamp=pl.datetime(2024, 9, 1)).write_csv(update)
    update_bundle(path, update)
    assert Bundle.open(path, verify=True).for_shopper("u2", 5).known


def test_the_service_and_the_command_answer_alike(path: Path) -> None:
    from tests.serve.conftest import Client

    client = Client(create_app(path, ServeSettings(log=False)))
    body = client.get("/v1/users/u1/next?k=3&where=price<=12").json()
    done = CliRunner().invoke(
        app, ["recommend", str(path), "--user", "u1", "-k", "3", "--where", "price<=12", "--json"]
    )
    assert done.exit_code == 0
    assert json.loads(done.stdout) == body
    assert (body["user_id"], body["known"]) == ("u1", True)
    unknown = client.get("/v1/users/nobody/next")
    assert (unknown.status_code, unknown.json()["known"]) == (200, False)
    assert client.get("/v1/users/u1/next?pin=case-1").status_code == 422
    table = CliRunner().invoke(app, ["recommend", str(path), "--user", "nobody", "-k", "2"])
    assert table.stdout.splitlines()[0].startswith("list\trank\tproduct_id")


def test_a_bundle_without_histories_refuses_with_what_to_do(
    shop_bundle: Path, shop_folder: Path, tmp_path: Path
) -> None:
    bundle = Bundle.open(shop_bundle)
    with pytest.raises(ConfigError, match=r'fit.shopper_model = "auto"'):
        bundle.for_shopper("u1", 5)
    with pytest.raises(ConfigError, match="no histories of shoppers to forget"):
        forget_shopper(shop_bundle, "u1")
    events = pl.read_parquet(shop_folder / "events.parquet").drop("user_id")
    (tmp_path / "shop").mkdir()
    events.write_parquet(tmp_path / "shop" / "events.parquet")
    with pytest.raises(ConfigError, match="need purchases with user_id"):
        fit(tmp_path / "shop", tmp_path / "bundle")


def test_sentences_say_what_was_counted() -> None:
    assert again_text(1, 1, None, None) == "Bought in 1 of 1 basket."
    assert again_text(3, 5, 1.2, 0.3) == "Bought in 3 of 5 baskets, every day, last today."
    assert again_text(2, 5, 30.4, 1.0) == "Bought in 2 of 5 baskets, every 30 days, last yesterday."
    assert new_text(1, None) == "New for this shopper: 1 shopper bought it."
    assert new_text(1200, ("Tea", 1)).endswith("bought it, in 1 basket together with Tea.")


def test_a_history_file_of_another_form_is_refused_as_damaged(tmp_path: Path) -> None:
    file = tmp_path / "histories.safetensors"
    ShopperStore.from_ids(Histories.from_rows([[[0], [1, 2]], [[2]]], 3), ["a", "b"]).save(file)
    arrays = load_arrays(file)
    for name, value in {
        "n": np.array([3, 3]),
        "hashes": sparse.csr_matrix((2, 2), dtype=np.float32),
        "starts": arrays["starts"].astype(np.float64),
        "products": np.array([0, 1, 9, 2], dtype=np.int32),
    }.items():
        save_arrays({**arrays, name: value}, file)
        with pytest.raises(BundleError, match="is damaged"):
            ShopperStore.load(file)
