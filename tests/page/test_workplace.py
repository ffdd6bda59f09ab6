"""The tasks of a merchandiser, from a weak product to the difference that a new build makes."""

from __future__ import annotations

import csv
import io
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.serve.app import create_app, open_snapshot
from goeswith.settings.sections import FitSettings, Settings
from goeswith.settings.serve_settings import ServeSettings

from .outdoor import write_shop
from .visit import SIZES, Visit, visit

if TYPE_CHECKING:
    from fastapi import FastAPI
    from playwright.sync_api import Browser

TENT, HEADLAMP = "tent-0-0", "headlamp-0-1"
SETTINGS = {"log": False, "editors": ["*"]}


@contextmanager
def service(app: FastAPI) -> Iterator[str]:
    """An address at which a service answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def own_bundle(outdoor_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle, which a test may change."""
    return Path(shutil.copytree(outdoor_bundle, tmp_path / "bundle"))


@pytest.fixture(scope="module")
def next_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same shop with another model: what the next build could be."""
    folder = tmp_path_factory.mktemp("next")
    fit = FitSettings(model="popularity", fallbacks=[], k=20)
    fit_bundle(load_data(write_shop(folder / "outdoor")), folder / "bundle", Settings(fit=fit))
    return folder / "bundle"


@pytest.mark.parametrize("size", SIZES)
def test_a_merchandiser_works(
    browser: Browser, own_bundle: Path, next_bundle: Path, axe: Path, size: str
) -> None:
    app = create_app(own_bundle, ServeSettings(**SETTINGS))  # type: ignore[arg-type]
    with service(app) as address, visit(browser, address, size) as look:
        page = look.page
        look.go()
        weak = page.get_by_role("region", name="Products with issues").get_by_role("link").first
        title = weak.inner_text()
        weak.click()
        page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
        look.go("product", id=TENT)

        # ban a bad answer, for all products
        bad = _complements(address)[0]
        _act(look, "Ban", bad["title"])
        page.get_by_label("Applies to").select_option("all")
        page.get_by_role("button", name="Preview").click()
        page.locator(".tried", has_text="Changes").wait_for()
        assert look.overflow() <= 0
        assert not look.barriers(axe)
        page.get_by_role("button", name="Save rule").click()
        page.locator(".toast", has_text="Banned").wait_for()
        assert bad["product_id"] not in [a["product_id"] for a in _complements(address)]
        page.locator(".card .name", has_text=bad["title"]).wait_for(state="detached")
        assert page.evaluate("document.activeElement.tagName") == "H1"

        # pin a new one, in one market, until a date
        page.locator("summary", has_text="Pin another product").click()
        page.get_by_role("combobox", name="Product to pin").fill("headlamp-0-1")
        page.get_by_role("option").first.click()
        page.locator("dialog").get_by_label("Market").fill("de")
        page.get_by_label("Until").fill("2090-12-31")
        page.get_by_role("button", name="Save rule").click()
        page.locator(".toast", has_text="Pinned").wait_for()
        assert _complements(address, market="de")[0]["product_id"] == HEADLAMP
        assert HEADLAMP not in [a["product_id"] for a in _complements(address)]
        look.go("product", id=TENT, market="de")
        first = page.locator(".card").first
        assert "Headlamp 200 lm" in first.inner_text()
        assert "rule page-pin-" in first.inner_text()
        first.get_by_role("link", name="rule page-pin-").click()
        page.locator(".rule.chosen", has_text="until 2090-12-31").wait_for()
        assert "market de" in page.locator(".rule.chosen").inner_text()
        assert not look.barriers(axe)
        assert look.overflow() <= 0

        # undo both
        page.get_by_role("button", name="Undo last change").click()
        page.get_by_text("There is no rule").wait_for()
        page.get_by_role("button", name="Undo last change").click()
        page.get_by_text("No rules").wait_for()
        assert _complements(address)[0]["product_id"] == bad["product_id"]

        # what a new build changes
        look.go("product", id=TENT)
        app.state.snapshot_holder.swap(open_snapshot(next_bundle, ServeSettings()))
        look.go("product", id=TENT, k=6)
        page.locator(".toast", has_text="A new build is in use").wait_for()
        look.go("product", id=TENT)
        note = page.get_by_role("region", name="Changes since the last build")
        note.wait_for()
        assert "Removed: " in note.inner_text()
        page.get_by_text("new since the last build").first.wait_for()

        # export
        with page.expect_download() as expected:
            page.get_by_role("button", name="Export CSV").click()
        text = Path(expected.value.path()).read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["product_id"] for row in rows] == [
            a["product_id"] for a in _complements(address, k="20")
        ]


def test_labels_and_rejections_are_stored_and_undone(browser: Browser, own_bundle: Path) -> None:
    app = create_app(own_bundle, ServeSettings(**SETTINGS))  # type: ignore[arg-type]
    with service(app) as address, visit(browser, address) as look:
        page = look.page
        look.go("product", id=TENT)
        bad = _complements(address)[0]
        page.get_by_label(f"Edit {bad['title']}", exact=True).click()
        group = page.get_by_role("group", name=f"Label of {bad['title']}", exact=True)
        group.get_by_role("button", name="Substitute").click()
        page.locator(".toast", has_text="Labelled substitute").wait_for()
        assert [(one["target"], one["label"]) for one in _labels(address)] == [
            (bad["product_id"], "substitute")
        ]
        page.reload()
        look.shown()
        page.get_by_label(f"Edit {bad['title']}", exact=True).click()
        pressed = group.locator("[aria-pressed=true]")
        assert pressed.inner_text() == "Substitute"
        page.get_by_role("button", name=f"Not a complement: {bad['title']}", exact=True).click()
        page.locator(".toast", has_text="labelled irrelevant").wait_for()
        assert _labels(address)[0]["label"] == "irrelevant"
        assert bad["product_id"] not in [a["product_id"] for a in _complements(address)]
        page.locator(".toast").get_by_role("button", name="Undo").click()
        page.locator(".toast", has_text="Undone").wait_for()
        assert _complements(address)[0]["product_id"] == bad["product_id"]
        assert _labels(address) == []


def test_what_was_not_applied_is_shown_with_the_reason(browser: Browser, own_bundle: Path) -> None:
    app = create_app(own_bundle, ServeSettings(**SETTINGS))  # type: ignore[arg-type]
    with service(app) as address, visit(browser, address) as look:
        sold_out = {"id": "gone", "action": "pin", "rank": 1}
        rule = {**sold_out, "target": {"products": ["headlamp-0-0"]}}
        assert httpx.post(f"{address}v1/rules", json={"rules": [rule]}).status_code == 200
        look.go("product", id=TENT)
        note = look.page.get_by_role("region", name="Not applied").inner_text()
        assert "gone" in note
        assert "not available" in note


def test_a_filter_and_a_problem_of_another_rule_stay_what_they_are(
    browser: Browser, own_bundle: Path
) -> None:
    app = create_app(own_bundle, ServeSettings(**SETTINGS))  # type: ignore[arg-type]
    with service(app) as address, visit(browser, address) as look:
        page = look.page
        gone = {"id": "gone", "action": "ban", "target": {"products": ["no-such-tent"]}}
        assert httpx.post(f"{address}v1/rules", json={"rules": [gone]}).status_code == 200
        look.go("product", id=TENT, where="colour=red")
        assert "colour=red" in page.get_by_role("region", name="Not applied").inner_text()
        assert page.get_by_label("Attribute").input_value() == "colour"
        first = _complements(address)[0]
        _act(look, "Pin", first["title"])
        page.get_by_role("button", name="Preview").click()
        page.locator(".tried", has_text="Changes").wait_for()
        assert page.locator(".tried").inner_text() == "Changes none of 1 list in the preview."
        page.get_by_role("button", name="Save rule").click()
        saved = page.locator(".toast", has_text="Pinned")
        saved.wait_for()
        assert "no-such-tent" not in saved.inner_text()


def test_without_permission_the_page_looks_and_says_why(browser: Browser, address: str) -> None:
    with visit(browser, address) as look:
        look.go("product", id=TENT)
        assert "serve.editors" in look.page.locator(".permission").inner_text()
        assert look.page.locator(".edit").count() == 0
        look.go("rules")
        assert look.page.get_by_role("button", name="Undo last change").count() == 0


def test_the_page_tries_again_when_the_service_is_back(browser: Browser, address: str) -> None:
    with visit(browser, address) as look:
        look.go()
        look.page.route("**/v1/products/**", lambda route: route.abort())
        look.page.goto(f"{address}#/product?id={TENT}")
        look.page.get_by_text("Next attempt in").wait_for()
        look.page.unroute("**/v1/products/**")
        look.page.get_by_role("heading", level=1, name="Trek dome tent I").wait_for()


def test_a_rule_that_is_made_again_replaces_the_first(browser: Browser, address: str) -> None:
    with visit(browser, address) as look:
        look.go()
        script = look.page.locator("script[type=module]").get_attribute("src")
        changes = [
            {},
            {"rank": 3, "until": "2090-01-01", "note": "x"},
            {"market": "de"},
            {"scope": "all"},
            {"scope": "type"},
            {"action": "ban"},
            {"target": {"product_id": "c"}},
        ]
        ids = look.page.evaluate(
            "async ([folder, rule, changes]) => { const m = await import(new URL("
            "`${folder}/ruling.js`, document.baseURI));"
            " return changes.map((one) => m.makeRule({...rule, ...one}).id); }",
            [
                str(script).rpartition("/")[0],
                {
                    "action": "pin",
                    "source": {"product_id": "a", "type": "t"},
                    "target": {"product_id": "b"},
                    "scope": "product",
                    "rank": 1,
                },
                changes,
            ],
        )
        assert ids[0] == ids[1]
        assert len(set(ids)) == 6
        assert all(re.fullmatch(r"page-(pin|ban)-[0-9a-z]{5,14}", one) for one in ids)
        found = look.page.evaluate(
            "async ([folder, problems]) => { const m = await import(new URL("
            "`${folder}/ruling.js`, document.baseURI));"
            " return m.problemsOf([{id: 'r1'}], problems).map((one) => one.rule); }",
            [
                str(script).rpartition("/")[0],
                [
                    {"rule": "r1", "problem": "no product meets its source"},
                    {"rule": "r2", "problem": "the rule r1 bans the product that it pins"},
                    {"rule": "r3", "problem": "the rule r10 bans the product that it pins"},
                ],
            ],
        )
        assert found == ["r1", "r2"]


def test_a_list_exports_no_formula_and_pictures_are_of_listed_origins(
    browser: Browser, address: str
) -> None:
    with visit(browser, address) as look:
        look.go()
        page = look.page
        script = page.locator("script[type=module]").get_attribute("src")
        folder = str(script).rpartition("/")[0]
        cells = page.evaluate(
            "async ([folder, texts]) => { const m = await import(new URL(`${folder}/exporting.js`,"
            " document.baseURI)); return texts.map(m.cell); }",
            [folder, ["=1+1", " @SUM(A1)", 'a "b", c', "plain"]],
        )
        assert cells == ['"\'=1+1"', '"\' @SUM(A1)"', '"a ""b"", c"', '"plain"']
        photos = page.evaluate(
            "async ([folder, urls]) => { const m = await import(new URL(`${folder}/picture.js`,"
            " document.baseURI)); return urls.map((image) => m.photoOf({image},"
            " {image_origins: ['https://ok.example']})); }",
            [
                folder,
                [
                    "https://ok.example/a.png",
                    "https://ok.example.evil.example/a.png",
                    "https://user@ok.example/a.png",
                    "javascript:alert(1)",
                    "data:image/svg+xml,x",
                    7,
                ],
            ],
        )
        assert photos == ["https://ok.example/a.png", None, None, None, None, None]


def _act(look: Visit, action: str, title: str) -> None:
    look.page.get_by_label(f"Edit {title}", exact=True).click()
    look.page.get_by_role("button", name=f"{action} {title}", exact=True).click()


def _complements(address: str, **params: str) -> list[dict[str, Any]]:
    found = httpx.get(f"{address}v1/products/{TENT}/complements", params=params).json()
    complements: list[dict[str, Any]] = found["complements"]
    return complements


def _labels(address: str) -> list[dict[str, Any]]:
    labels: list[dict[str, Any]] = httpx.get(f"{address}v1/labels").json()["labels"]
    return labels


def test_a_shop_owner_reads_what_recommendations_earned(
    browser: Browser, outdoor_bundle: Path, tmp_path: Path
) -> None:
    """Figures, the verdict of the experiment and the money it adds, without a key or a command."""
    file = tmp_path / "experiment.toml"
    file.write_text('name = "light"\nholdout = 0.2\n[variants.a]\n[variants.b]\n')
    folder = tmp_path / "feedback"
    settings = {**SETTINGS, "feedback": str(folder), "exposures": "sent", "experiment": str(file)}
    with service(create_app(outdoor_bundle, ServeSettings(**settings))) as address:
        with httpx.Client(base_url=address) as shop:
            for i in range(40):
                params = {"k": 3, "user_id": f"u{i}"}
                answer = shop.get(f"v1/products/{TENT}/complements", params=params).json()
                shown = answer["complements"]
                buy = {"price": 10.0, "currency": "EUR", "user_id": f"u{i}"}
                events: list[dict[str, Any]] = [{**buy, "event": "purchase", "product_id": TENT}]
                if shown:
                    of = {"product_id": shown[0]["product_id"], "user_id": f"u{i}"}
                    click = {"event": "click", "recommendation_id": answer["recommendation_id"]}
                    events += [{**click, **of}, {**buy, **of, "event": "purchase"}]
                shop.post("v1/feedback", json={"events": events}).raise_for_status()
        with visit(browser, address) as look:
            look.go("results")
            text = look.page.inner_text("main")
            assert "Incremental revenue" in text
            assert "Keep running" in text
            assert "33.33%" in text
            look.page.click("text=rank")
            look.page.wait_for_selector("h2:has-text('By rank')")
            assert look.overflow() == 0
