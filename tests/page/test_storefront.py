"""The web component in the demo shop, in Chromium."""

from __future__ import annotations

import functools
import gzip
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import pytest
import uvicorn

from goeswith.query.bundle import Bundle
from goeswith.serve.app import create_app
from goeswith.settings.serve_settings import ServeSettings

from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STOREFRONT = Path(__file__).parents[2] / "storefront"
TENT = "tent-0-0"


class Shop(NamedTuple):
    address: str
    service: str
    feedback: Path
    bundle: Path

    def url(self, service: str | None = None) -> str:
        """The page of a product; a slow machine may take longer than a shopper would wait."""
        query = urlencode({"product": TENT, "service": service or self.service, "timeout": 15_000})
        return f"{self.address}/demo/index.html?{query}"

    def events(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for file in self.feedback.glob("feedback-*.jsonl")
            for line in file.read_text(encoding="utf-8").splitlines()
        ]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """No log."""


@pytest.fixture(scope="module")
def shop(outdoor_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo shop, and a service that it may ask from another origin."""
    feedback = tmp_path_factory.mktemp("feedback")
    files = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(STOREFRONT))
    )
    threading.Thread(target=files.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{files.server_port}"
    app = create_app(
        outdoor_bundle, ServeSettings(log=False, origins=[address], feedback=str(feedback))
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        service = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield Shop(address, service, feedback, outdoor_bundle)
        server.should_exit = True
        thread.join(10)
    files.shutdown()
    files.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1400}, locale="en-GB")
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    yield opened
    context.close()


def wait_for_events(shop: Shop, count: int) -> list[dict[str, Any]]:
    end = time.monotonic() + 10
    while len(shop.events()) < count and time.monotonic() < end:
        time.sleep(0.05)
    return shop.events()


def test_the_demo_shop_shows_complements_and_sends_each_impression_once(
    page: Page, shop: Shop, axe: Path
) -> None:
    look = Visit(page, shop.address)
    page.goto(shop.url())
    page.locator("#complements li").first.wait_for()
    page.locator("#together output").wait_for()
    bundle = Bundle.open(shop.bundle)
    expected = [c.product_id for c in bundle.complements(TENT, 4)]
    prices = {p: float(bundle.product(p)["price"]) for p in [TENT, *expected[:2]]}
    links = page.locator("#complements a").evaluate_all("all => all.map(a => a.dataset.id)")
    assert links == expected
    events = wait_for_events(shop, 6)
    assert {e["event"] for e in events} == {"impression"}
    assert sorted(e["product_id"] for e in events) == sorted([*expected, *expected[:2]])
    assert {e["source_id"] for e in events} == {TENT}
    assert len({e["session_id"] for e in events}) == 1

    # the ticks change the total
    output = page.locator("#together output")
    assert output.inner_text() == f"Total: €{sum(prices.values()):.2f}"
    page.locator("#together input").nth(1).uncheck()
    rest = sum(prices.values()) - prices[expected[0]]
    assert output.inner_text() == f"Total: €{rest:.2f}"
    page.locator("#together button").click()
    assert page.locator("#basket").inner_text() == "Basket: 2"
    page.locator("#complete li").first.wait_for()
    wait_for_events(shop, 10)
    shown = page.locator("#complete button")
    assert shown.count() == 4
    shown.first.click()
    assert page.locator("#basket").inner_text() == "Basket: 3"

    measures = page.evaluate("performance.getEntriesByName('goeswith-render').map(m => m.duration)")
    assert len(measures) >= 3
    assert sorted(measures)[1] < 50  # one may wait for another process of the machine
    assert look.barriers(axe) == []

    # drawn again, the same products are no new impressions
    # four of the complements, two beside the product, four of each of the two baskets
    before = wait_for_events(shop, 14)
    assert len(before) == 14
    redraw = """one => new Promise(done => {
        one.addEventListener("goeswith-shown", done, {once: true});
        one.setAttribute(...%s);
    })"""
    page.locator("#complements").evaluate(redraw % '["k", "4"]')
    page.locator("#together").evaluate(redraw % '["k", "2"]')
    page.locator("#complete").evaluate(redraw % '["k", "4"]')
    # a redraw with one more product sends that one alone, after all that came before it
    page.locator("#complements").evaluate(redraw % '["k", "5"]')
    fifth = bundle.complements(TENT, 5)[4].product_id
    wait_for_events(shop, 15)
    page.wait_for_timeout(200)
    new = shop.events()[len(before) :]
    assert [(e["event"], e["product_id"], e["position"]) for e in new] == [("impression", fifth, 4)]

    page.locator("#complements a").first.click()
    page.wait_for_load_state()
    clicks = [e for e in wait_for_events(shop, 16) if e["event"] == "click"]
    assert [(e["product_id"], e["position"]) for e in clicks] == [(expected[0], 0)]
    assert look.faults == []


def test_nothing_is_shown_or_sent_where_the_service_is_away(page: Page, shop: Shop) -> None:
    look = Visit(page, shop.address)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
        page.goto(shop.url(gone))
        page.wait_for_function("[...document.querySelectorAll('goes-with')].every(e => e.hidden)")
    page.locator("#add").click()
    assert page.locator("#basket").inner_text() == "Basket: 1"
    assert page.locator("h1").inner_text() == TENT
    assert look.faults == []


def test_an_element_below_the_fold_loads_when_it_is_scrolled_to(page: Page, shop: Shop) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(shop.url("http://127.0.0.1:9"))
    page.evaluate(
        """service => {
            const far = document.createElement("goes-with");
            far.style.marginTop = "4000px";
            far.setAttribute("mode", "basket");
            far.setAttribute("products", "tent-0-0");  // one id, not as JSON
            far.setAttribute("service", service);
            far.setAttribute("timeout", "15000");
            far.id = "far";
            document.body.append(far);
        }""",
        shop.service,
    )
    page.wait_for_timeout(300)
    assert not [url for url in requested if url.startswith(shop.service)]
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("#far li").first.wait_for()


def test_addresses_of_the_catalogue_run_no_script(page: Page, shop: Shop) -> None:
    page.goto(shop.url())
    page.locator("#complements li").first.wait_for()
    hrefs = page.evaluate(
        """async service => {
            const one = document.createElement("goes-with");
            one.details = ids => Object.fromEntries(
                ids.map(id => [id, {title: "<img src=x onerror=alert(1)>", url: "javascript:1"}]));
            one.setAttribute("product", "tent-0-0");
            one.setAttribute("service", service);
            one.setAttribute("timeout", "15000");
            document.body.prepend(one);
            await new Promise(done => one.addEventListener("goeswith-shown", done));
            return [one.shadowRoot.querySelectorAll("a, img").length,
                    one.shadowRoot.querySelector("li").textContent];
        }""",
        shop.service,
    )
    assert hrefs == [0, "<img src=x onerror=alert(1)>"]


def test_a_market_and_a_locale_are_sent_with_the_request(page: Page, shop: Shop) -> None:
    page.goto(shop.url())
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    add = """([service, name, value]) => {
        const one = document.createElement("goes-with");
        const values = {product: "tent-0-0", timeout: "15000", service, id: name, [name]: value};
        for (const name in values) one.setAttribute(name, values[name]);
        document.body.prepend(one);
    }"""
    with page.expect_request(lambda request: "market=at" in request.url) as complements:
        page.evaluate(add, [shop.service, "market", "at"])
    assert "/complements?" in complements.value.url
    requested.clear()
    # the catalogue of this shop has no titles of a locale
    page.route(
        "**/*locale=de",
        lambda route: route.continue_(url=route.request.url.replace("locale=de", "")),
    )
    page.evaluate(add, [shop.service, "locale", "de"])
    page.locator("#locale li").first.wait_for()
    answers = [url for url in requested if "tent-0-0/complements?" in url and "locale=de" in url]
    assert len(answers) == 1
    assert [url for url in requested if "locale=de" in url and "/complements" not in url]  # details


def test_a_question_narrows_the_products_in_the_words_of_the_shop(page: Page, shop: Shop) -> None:
    page.goto(shop.url())
    element = page.locator("#complements")
    row = element.get_by_role("group", name="Which brand?")
    row.get_by_role("button", name="<u>Odd</u> (6)").wait_for()  # text, not markup
    assert element.locator("u").count() == 0
    labels = {"price": "Welcher Preis?", "Karst": "von Karst", "remove": "Weg"}
    element.evaluate("(one, labels) => one.setAttribute('labels', labels)", json.dumps(labels))
    row.get_by_role("button", name="Karst (6)").focus()
    with page.expect_request("**/complements?**") as requested:
        page.keyboard.press("Enter")
    assert "where=brand%3DKarst" in requested.value.url
    second = element.get_by_role("group", name="Welcher Preis?")
    second.get_by_role("button", name="€27.00 – €36.00 (2)").wait_for()
    focused = "one => one.shadowRoot.activeElement?.getAttribute('aria-label')"
    page.wait_for_function(f"({focused})(document.querySelector('#complements'))")
    assert element.evaluate(focused) == "Welcher Preis?"
    bundle = Bundle.open(shop.bundle)
    brands = [
        bundle.product(one)["brand"]
        for one in element.locator("a").evaluate_all("all => all.map(a => a.dataset.id)")
    ]
    assert set(brands) == {"Karst"}
    second.get_by_role("button", name="Weg: Karst").click()
    row.get_by_role("button", name="von Karst (6)").wait_for()
    row.get_by_role("button", name="Fjell (4)").click()
    element.get_by_role("button", name="Weg: Fjell").wait_for()

    # another product has no answers; a question that fails leaves the products
    page.route(re.compile(r"/question\?"), lambda route: route.fulfill(status=404, json={}))
    with page.expect_request("**/complements?**") as requested:
        element.evaluate("one => one.setAttribute('product', 'stove-1-0')")
    assert "where=" not in requested.value.url
    element.locator("li").first.wait_for()
    assert element.get_by_role("group").count() == 0


def test_the_component_is_small_and_the_package_complete() -> None:
    source = (STOREFRONT / "goeswith.js").read_bytes()
    packed = gzip.compress(source)
    assert len(source) < 10_000  # as it is shipped, not minified
    assert len(packed) < 4_000
    page = (STOREFRONT.parent / "docs" / "how-to" / "storefront.md").read_text()
    sizes = f"one file of {len(source) / 1000:.1f} kB ({len(packed) / 1000:.1f} kB compressed)"
    assert sizes in page.replace("\n", " ")
    package = json.loads((STOREFRONT / "package.json").read_text())
    assert all((STOREFRONT / name).is_file() for name in package["files"])
    assert package["types"] in package["files"]
    for name in ("goeswith.js", "question.js"):
        checked = subprocess.run(
            ["node", "--check", STOREFRONT / name], capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
