"""A key with a market has recommendations for that market only."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from goeswith.core.errors import ConfigError
from goeswith.facts.fact_writer import FactChange, FactWriter
from goeswith.query.bundle import Bundle
from goeswith.query.constraints import Constraints
from goeswith.serve.api_keys import new_key

PATH = "/v1/products/phone-1/complements"


@pytest.fixture
def service(shop_bundle: Path, serve: Any, tmp_path: Path) -> tuple[Any, dict[str, str], Bundle]:
    bundle = Bundle.open(Path(shutil.copytree(shop_bundle, tmp_path / "bundle")))
    first = bundle.complements("phone-1", 1)[0].product_id
    FactWriter(bundle, bundle.live).write([FactChange(first, {"markets": ["fr"]})])
    keys = {name: new_key(name) for name in ("shop-de", "all")}
    (tmp_path / "keys").write_text("\n".join(line for _, line in keys.values()))
    client = serve(bundle.path, keys_file=str(tmp_path / "keys"), key_markets={"shop-de": "de"})
    return client, {name: key for name, (key, _) in keys.items()}, bundle


def ids(answer: Any, field: str = "complements") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["product_id"] for one in answer.json()[field]]


def test_every_route_of_recommendations_is_of_the_market_of_the_key(
    service: tuple[Any, dict[str, str], Bundle],
) -> None:
    client, keys, bundle = service
    german = {"headers": {"X-API-Key": keys["shop-de"]}}
    free = {"headers": {"X-API-Key": keys["all"]}}
    everything = [one.product_id for one in bundle.complements("phone-1", 5)]
    market = Constraints.from_text(market="de")
    expected = [one.product_id for one in bundle.complements("phone-1", 5, market)]
    assert everything[0] not in expected
    # the plain path too, and after a key without a market has filled the cache
    assert ids(client.get(f"{PATH}?k=5", **free)) == everything
    assert ids(client.get(f"{PATH}?k=5", **german)) == expected
    assert ids(client.get(f"{PATH}?k=5", **free)) == everything
    assert ids(client.get(f"{PATH}?k=5&market=DE", **german)) == expected
    assert ids(client.get(f"{PATH}?k=5&market=de", **free)) == expected
    assert ids(client.get("/v1/basket?k=5&product=phone-1", **german)) == expected
    batch = client.post("/v1/batch", json={"product_ids": ["phone-1"], "k": 5}, **german)
    assert [one["product_id"] for one in batch.json()["answers"][0]["complements"]] == expected
    similars = ids(client.get("/v1/products/camera-1/similars?k=8", **german), "similars")
    assert everything[0] not in similars


def test_the_page_learns_the_market_of_its_key(
    service: tuple[Any, dict[str, str], Bundle],
) -> None:
    client, keys, _ = service
    markets = {
        name: client.get("/v1/bundle", headers={"X-API-Key": key}).json()["market"]
        for name, key in keys.items()
    }
    assert markets == {"shop-de": "de", "all": None}


def test_another_market_is_refused(service: tuple[Any, dict[str, str], Bundle]) -> None:
    client, keys, _ = service
    refused = client.get(f"{PATH}?market=fr", headers={"X-API-Key": keys["shop-de"]})
    assert refused.status_code == 403
    assert "this key is for the market 'de'" in refused.json()["detail"]


def test_markets_of_keys_need_keys(serve: Any) -> None:
    with pytest.raises(ConfigError, match=r"set serve\.keys_file"):
        serve(key_markets={"shop-de": "de"})
