"""Several shops in one service."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import socket
import weakref
from pathlib import Path
from typing import Any

import httpx
import pytest

from goeswith.core.errors import ConfigError
from goeswith.query.bundle import Bundle
from goeswith.serve.api_keys import new_key
from goeswith.serve.process import server
from goeswith.serve.process.served_bundle import ServedBundle
from goeswith.serve.process.worker import make_reloader, run_worker
from goeswith.serve.shops.shop_arguments import served_shops
from goeswith.serve.shops.shops_app import ShopsApp, create_shops_app
from goeswith.settings.project_file import load_settings
from goeswith.settings.serve_settings import ServeSettings
from goeswith.settings.shop_settings import ShopSettings

COMPLEMENTS = "v1/products/phone-1/complements"


def request(app: ShopsApp, method: str, path: str, **given: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **given)

    return asyncio.run(send())


@pytest.fixture
def bundles(shop_bundle: Path, tmp_path: Path) -> dict[str, Path]:
    """Two bundles that may be changed."""
    paths = {name: tmp_path / name for name in ("north", "south")}
    for path in paths.values():
        shutil.copytree(shop_bundle, path)
    return paths


def service(bundles: dict[str, Path], serve: ServeSettings, **shops: dict[str, Any]) -> ShopsApp:
    settings = {
        name: ShopSettings(bundle=str(path), **shops.get(name, {}))
        for name, path in bundles.items()
    }
    served = served_shops([], settings, serve)
    return create_shops_app({str(name): one for name, one in served.items()}, serve)


def test_each_shop_has_its_own_keys_facts_rules_feedback_and_metrics(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    key, line = new_key("north-key")
    (tmp_path / "keys").write_text(line)
    app = service(
        bundles,
        ServeSettings(log=False, feedback=str(tmp_path / "feedback"), editors=["*"]),
        north={"keys_file": str(tmp_path / "keys"), "editors": ["north-key"]},
    )
    headers = {"X-API-Key": key}
    north, south = f"/shops/north/{COMPLEMENTS}", f"/shops/south/{COMPLEMENTS}"
    before = request(app, "GET", south).json()
    assert request(app, "GET", north).status_code == 401
    assert request(app, "GET", north, headers=headers).json() == before
    best = before["complements"][0]["product_id"]

    hidden = {"attributes": {"visible": False}}
    path = f"/shops/north/v1/products/{best}"
    assert request(app, "PATCH", path, json=hidden).status_code == 401
    assert request(app, "PATCH", path, json=hidden, headers=headers).status_code == 200
    answer = request(app, "GET", north, headers=headers).json()
    assert best not in {one["product_id"] for one in answer["complements"]}
    assert request(app, "GET", south).json() == before

    rule = {"id": "no", "action": "ban", "target": {"products": [best]}}
    for shop, expected in (("north", 0), ("south", 1)):
        if shop == "south":
            put = request(app, "POST", "/shops/south/v1/rules", json={"rules": [rule]})
            assert put.status_code == 200, put.text
        rules = request(app, "GET", f"/shops/{shop}/v1/rules", headers=headers).json()["rules"]
        assert len(rules) == expected

    event = {"event": "click", "product_id": "case-1", "session_id": "s"}
    sent = request(app, "POST", "/shops/south/v1/feedback", json={"events": [event]})
    assert sent.status_code == 202
    files = {path.parent.name: path.stat().st_size for path in tmp_path.glob("feedback/*/*.jsonl")}
    assert files["north"] == 0 < files["south"]

    metrics = request(app, "GET", "/shops/south/metrics").text
    assert 'goeswith_feedback_events_total{shop="south"} 1.0' in metrics
    assert 'shop="north"' not in metrics
    assert metrics.count("# TYPE goeswith_bundle_info gauge") == 1
    own = request(app, "GET", "/shops/north/metrics", headers=headers).text
    assert 'goeswith_bundle_products{shop="north"}' in own


def test_a_new_build_is_of_its_shop_alone(bundles: dict[str, Path]) -> None:
    app = service(bundles, ServeSettings(log=False))
    before = request(app, "GET", "/shops/south/v1/bundle").json()["bundle"]
    manifest = json.loads((bundles["north"] / "manifest.json").read_text())
    (bundles["north"] / "manifest.json").write_text("{ half")
    outcomes = [make_reloader(app.shops[name], bundles[name]).check() for name in app.shops]
    assert outcomes == [False, False]
    for shop in app.shops:
        assert request(app, "GET", f"/shops/{shop}/v1/health/ready").json()["bundle"] == before
    assert manifest["id"] == before


def test_a_replaced_build_is_released(shop_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ServeSettings(log=False)
    served = ServedBundle("north", shop_bundle, settings, None, Bundle.open(shop_bundle))
    first = weakref.ref(served.current())

    def serve(app: ShopsApp, *_: object, **__: object) -> None:
        make_reloader(app.shops["north"], shop_bundle)._swap(Bundle.open(shop_bundle))
        gc.collect()
        assert first() is None, "the first build stays mapped and on disk"

    monkeypatch.setattr(server, "serve", serve)
    with socket.socket() as listener:
        run_worker([served], settings, listener)


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/", 200, 'href="shops/north/"'),
        ("GET", "/v1/health/live", 200, '"shops":2'),
        ("GET", "/v1/health/ready", 200, '"status":"ready"'),
        ("GET", f"/{COMPLEMENTS}", 404, "/shops/NAME/"),
        ("POST", "/v1/feedback", 404, "/shops/NAME/"),
        ("GET", "/shops/west/", 404, "there is no shop 'west'"),
        ("GET", "/shops/north", 404, "/shops/north/"),
        ("GET", "/shops/north/", 200, "<title>goeswith"),
        ("GET", "/shops/north/docs", 200, "API reference"),
        ("GET", "/shops/north/openapi.json", 200, '"url":"/shops/north"'),
        ("GET", "/shops/north/%2e%2e/south/v1/bundle", 404, ""),
        ("GET", "/shops/north/shops/north/v1/bundle", 404, ""),
        ("GET", "/shops/north/shops/south/v1/bundle", 404, ""),
    ],
)
def test_what_has_no_shop(
    two_shops: ShopsApp, method: str, path: str, status: int, text: str
) -> None:
    answer = request(two_shops, method, path)
    assert answer.status_code == status
    assert text in answer.text


@pytest.fixture(scope="module")
def two_shops(shop_bundle: Path) -> ShopsApp:
    return service({"north": shop_bundle, "south": shop_bundle}, ServeSettings(log=False))


def test_hosts_and_the_list_of_shops_are_no_public_matter(
    shop_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_text(new_key("one")[1])
    serve = ServeSettings(log=False, keys_file=str(tmp_path / "keys"))
    app = service({"north": shop_bundle}, serve)
    assert "north" not in request(app, "GET", "/").text
    stranger = {"Host": "evil.example"}
    for path in ("/", "/v1/health/ready", f"/shops/north/{COMPLEMENTS}"):
        assert request(app, "GET", path, headers=stranger).status_code == 421


def test_shutting_down_holds_for_every_shop(shop_bundle: Path) -> None:
    app = service({"north": shop_bundle, "south": shop_bundle}, ServeSettings(log=False))
    app.state.ending = True
    for path in ("/v1/health/ready", "/shops/south/v1/health/ready"):
        assert request(app, "GET", path).status_code == 503


def test_the_arguments_of_serve(tmp_path: Path) -> None:
    serve = ServeSettings(feedback="kept")
    shops = {"a": ShopSettings(bundle="x", editors=["me"])}
    assert served_shops(["bundle"], shops, serve) == {None: (Path("bundle"), serve)}
    (tmp_path / "a=b").mkdir()
    assert list(served_shops([str(tmp_path / "a=b")], {}, serve)) == [None]
    chosen = served_shops(["a=one", "b=two=2"], shops, serve)
    assert {name: path for name, (path, _) in chosen.items()} == {
        "a": Path("one"),
        "b": Path("two=2"),
    }
    assert chosen["a"][1].editors == ["me"]
    assert chosen["b"][1].editors == []
    assert chosen["b"][1].feedback == str(Path("kept") / "b")
    assert [path for path, _ in served_shops([], shops, serve).values()] == [Path("x")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "pass a bundle"),
        (["one", "two"], "'one' has no name"),
        (["a=one", "two"], "'two' has no name"),
        (["a="], "has no name"),
        (["a=one", "a=two"], "two bundles for the shop 'a'"),
        (["../a=one"], "is not a valid name for a shop"),
        (["=one"], "is not a valid name for a shop"),
    ],
)
def test_arguments_that_say_nothing_clear_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        served_shops(arguments, {}, ServeSettings())


def test_two_shops_do_not_share_feedback() -> None:
    shops = {name: ShopSettings(bundle=name, feedback="f") for name in "ab"}
    with pytest.raises(ConfigError, match="'a' and 'b' have the folder 'f'"):
        served_shops([], shops, ServeSettings())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[shops.a]\nbundle = 1\n", r"shops\.a\.bundle = 1"),
        ("[shops.a]\neditors = []\n", r"shops\.a\.bundle"),
        ("[shops.a]\nbundle = 'x'\neditor = []\n", r"unknown key 'shops\.a\.editor'.*'editors'"),
        ("[shops.'a/b']\nbundle = 'x'\n", "is not a valid name for a shop"),
    ],
)
def test_a_fault_of_a_shop_in_the_project_file_says_where(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "goeswith.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_settings(tmp_path / "goeswith.toml")


def test_a_damaged_bundle_of_a_shop_stops_the_start(bundles: dict[str, Path]) -> None:
    (bundles["south"] / "manifest.json").write_text("{")
    with pytest.raises(Exception, match="south"):
        service(bundles, ServeSettings(log=False))
    assert len(Bundle.open(bundles["north"]))
