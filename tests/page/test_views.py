from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .outdoor import HOSTILE, SCRIPT
from .visit import SIZES, Visit, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

TENT, SHEET = "tent-0-0", "groundsheet-0-0"
# view, parameters, and text that only that view shows
VIEWS: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, "Best sellers"),
    ("search", {"q": "headlamp"}, "Headlamp 450 lm"),
    ("product", {"id": TENT, "k": 8}, "by chance"),
    ("product", {"id": TENT, "tab": "similars", "k": 4}, "as an alternative to"),
    ("product", {"id": SHEET, "tab": "reverse", "k": 5, "by": "type"}, "by chance"),
    ("product", {"id": TENT, "where": ["price<=40", "in_stock=true"], "per_type": 1}, "at most"),
    ("map", {"id": TENT}, "Show as list"),
    ("basket", {"diversity": 0.5, "k": 6}, "Recommended with this basket"),
    ("basket", {"order": 1, "k": 6}, "Next product in the session"),
    ("models", {"id": TENT}, "in common"),
    ("compare", {"source": TENT, "target": SHEET}, "Second recommended with the first"),
    ("report", {}, "type_hit@3"),
    ("rules", {}, "No rules"),
    ("health", {}, "ealth"),
    ("new", {"like": TENT}, "Try a new product"),
    ("product", {"id": "no-such-tent"}, "no product"),
]


def test_every_view_is_whole_at_every_width_and_theme_and_for_those_who_cannot_see(
    browser: Browser, address: str, axe: Path
) -> None:
    barriers, wider = [], []
    for size in SIZES:
        with visit(browser, address, size) as look:
            look.go()
            _fill_basket(look, TENT, "stove-1-0")
            for view, params, text in VIEWS:
                look.go(view, **params)
                if "where" in params and size == "phone":  # closed there, so that the list is seen
                    look.page.locator("summary[data-keep=filters]").click()
                look.page.get_by_text(text).first.wait_for(state="attached")
                assert text in look.page.locator("main").inner_text() + _values(look), (view, size)
                barriers += [f"{size}: {one}" for one in look.barriers(axe)]
                if look.overflow() > 0:
                    wider.append(f"{look.page.url} at {size}: {look.overflow()}")
            ground = "getComputedStyle(document.body).backgroundColor"
            dark = look.page.evaluate(ground)
            look.page.get_by_role("button", name="Theme").click()
            assert look.page.locator("html").get_attribute("data-theme") == "light"
            assert look.page.evaluate(ground) != dark
    assert not barriers, "\n".join(barriers)
    assert wider == []


def test_text_of_products_is_shown_and_does_nothing(browser: Browser, address: str) -> None:
    with visit(browser, address, "phone") as look:
        page = look.page
        page.on("dialog", lambda dialog: look.faults.append(f"a dialog: {dialog.message}"))
        for product_id in HOSTILE:
            for view in ("product", "map", "models", "new"):
                look.go(view, **{"like" if view == "new" else "id": product_id})
                assert look.overflow() <= 0, (view, product_id)
                assert page.locator("main script, main img, main b, main u, main i").count() == 0
            look.go("compare", source=product_id, target=TENT)
            look.go("search", q=HOSTILE[product_id][:80])
            assert look.overflow() <= 0, product_id
        assert page.title() != "owned"
        look.go("product", id="<b>bold</b>&amp;")
        assert page.locator("h1").inner_text() == SCRIPT
        look.go("product", id="long")
        assert len(page.locator("main").inner_text()) < 30_000
        look.go("product", id="zero")
        assert page.locator("h1").inner_text() == "null�byte �[31mred� bell"
        look.go("product", id="javascript:alert(1)")
        heading = page.locator("h1").inner_text()
        assert heading == "turned round right to left"
        with page.expect_response(f"**/{TENT}/complements?**") as received:
            look.go("product", id=TENT, k=20)
        first = received.value.json()["complements"][0]
        page.locator(".shopper summary").first.click()
        assert page.locator(".card .explanation").first.inner_text() == first["explanation"]
        page.get_by_role("checkbox", name="Group by type").check()
        page.locator(".group").first.wait_for()
        assert "</h3><script>alert('type')</script> thing" in page.locator("main").inner_text()
        look.go("basket")
        _fill_basket(look, *HOSTILE)
        look.go("basket")
        look.page.get_by_text("Recommended with this basket").wait_for()
        assert look.overflow() <= 0
        look.go("basket", order=1)
        look.page.get_by_role("heading", name="Next product in the session").wait_for()
        assert look.overflow() <= 0
        assert page.locator("main script, main img, main b, main u, main i").count() == 0


def test_the_page_is_worked_with_the_keyboard_alone(browser: Browser, address: str) -> None:
    with visit(browser, address) as look:
        page = look.page
        look.go()
        page.keyboard.press("/")
        page.keyboard.type("trek dome", delay=5)
        find = page.get_by_role("combobox", name="Search products")
        page.get_by_role("option").first.wait_for()
        assert find.get_attribute("aria-expanded") == "true"
        page.wait_for_load_state("networkidle")  # a later response begins the selection anew
        page.keyboard.press("ArrowDown")
        chosen = page.locator("[role=option][aria-selected=true]")
        assert find.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
        page.keyboard.press("Escape")
        assert find.get_attribute("aria-expanded") == "false"
        page.keyboard.press("ArrowDown")
        page.get_by_role("option").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.get_by_role("heading", level=1, name="Trek dome tent").wait_for()
        assert "Recommended with it" in page.locator("[role=status]").inner_text()

        page.get_by_role("link", name="Alternatives").focus()
        page.keyboard.press("Enter")
        page.locator("a[aria-current=page]", has_text="Alternatives").wait_for()
        assert page.evaluate("document.activeElement.textContent") == "Alternatives"

        look.go("map", id=TENT)
        before = page.locator("h1").inner_text()
        page.locator("svg.map a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("nav.trail")
        assert page.locator("h1").inner_text() != before
        page.go_back()
        page.get_by_role("heading", level=1, name=before).wait_for()

        look.go("product", id=TENT)
        page.get_by_role("button", name="Add to basket: Trek dome tent I").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="In basket: Trek dome tent I").wait_for()
        assert page.locator("#in-basket").inner_text() == "1"


def test_a_switch_sends_a_basket_in_its_order(browser: Browser, address: str) -> None:
    with visit(browser, address) as look:
        page = look.page
        look.go()
        _fill_basket(look, "stove-1-0", TENT)
        look.go("basket", per_type=2)
        switch = page.get_by_role("checkbox", name="Use as a session, oldest product first")
        assert not switch.is_checked()
        switch.focus()
        with page.expect_response("**/v1/session?**") as received:
            page.keyboard.press("Space")
        assert "product=stove-1-0&product=tent-0-0" in received.value.url
        assert "per_type=2" in received.value.url
        page.get_by_role("heading", name="Next product in the session").wait_for()
        assert page.evaluate("document.activeElement.checked") is True
        assert page.locator("ol.basket li").count() == 2
        first = received.value.json()["next"][0]
        assert first["why"] in page.locator("main").inner_text()
        assert "probability" not in page.locator(".cards").first.inner_text()
        with page.expect_response("**/v1/basket?**"):
            page.keyboard.press("Space")
        page.get_by_role("heading", name="Recommended with this basket").wait_for()


def test_lists_are_filtered_and_a_new_product_is_answered(browser: Browser, address: str) -> None:
    with visit(browser, address) as look:
        page = look.page
        look.go("product", id=TENT)
        page.locator("summary", has_text="Filters").click()
        page.get_by_role("button", name="Add filter").click()
        page.get_by_label("Attribute").select_option("brand")
        page.get_by_label("Value").fill("Karst")
        page.get_by_label("Maximum per type").fill("2")
        page.get_by_role("button", name="Apply").click()
        page.wait_for_url("**where=brand%3DKarst**")
        look.shown()
        page.locator(".card .brief", has_text="Karst").first.wait_for()
        page.get_by_role("checkbox", name="Group by type").check()
        page.locator(".group").first.wait_for()
        assert max(page.locator(".group").nth(i).locator(".card").count() for i in range(2)) <= 2

        look.go("new")
        page.get_by_label("type", exact=True).fill("Tent")
        page.get_by_label("price", exact=True).fill("about ten")
        page.get_by_role("button", name="Recommend").click()
        page.locator(".problem").wait_for()
        assert "price" in page.locator(".problem").inner_text()
        page.get_by_label("price", exact=True).fill("99,5")
        page.get_by_role("button", name="Recommend").click()
        page.locator(".answer .card").first.wait_for()


def test_the_report_is_sorted_and_its_best_figures_are_marked(
    browser: Browser, address: str, figures: dict[str, Any]
) -> None:
    with visit(browser, address) as look:
        page = look.page
        look.go("report")
        table = page.locator("table").first
        first = figures["protocols"][0]["results"]
        best = max(first, key=lambda r: r["metrics"]["ndcg@10"]["mean"])
        assert table.locator("tbody th").first.inner_text() == best["model"]
        assert table.locator("td.best").count() >= 5
        table.get_by_role("button", name="ndcg@10").click()
        worst = min(first, key=lambda r: r["metrics"]["ndcg@10"]["mean"])
        assert table.locator("tbody th").first.inner_text() == worst["model"]
        assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
        plot = page.locator("figure.plot svg").first
        assert f"{best['model']} {best['metrics']['ndcg@10']['mean']:.3f}" in str(
            plot.get_attribute("aria-label")
        )
        assert page.locator("figure.plot .error").count() > 0


def test_a_key_is_requested_and_stored_in_the_tab(browser: Browser, address: str) -> None:
    from playwright.sync_api import expect

    def refuse(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer open sesame":
            route.continue_()
        else:
            problem = {"title": "Unauthorized", "status": 401, "detail": "send a key"}
            route.fulfill(
                status=401, content_type="application/problem+json", body=json.dumps(problem)
            )

    with visit(browser, address) as look:
        page = look.page
        page.route("**/v1/**", refuse)
        look.go("product", id=TENT)
        page.get_by_label("API key").fill("wrong")
        page.keyboard.press("Enter")
        # refused: it is asked for anew; what is filled in before that would be lost
        expect(page.get_by_label("API key")).to_have_value("")
        page.get_by_label("API key").fill("open sesame")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("heading", level=1, name="Trek dome tent I").wait_for()
        page.reload()
        page.get_by_role("heading", level=1, name="Trek dome tent I").wait_for()


def _fill_basket(look: Visit, *product_ids: str) -> None:
    kept = [{"product_id": one, "title": one, "type": None} for one in product_ids]
    look.page.evaluate("v => localStorage.setItem('goeswith.basket', v)", json.dumps(kept))
    look.page.reload()
    look.shown()


def _values(look: Visit) -> str:
    """What stands in the chosen options of the page's fields."""
    return " ".join(look.page.locator("main option:checked").all_inner_texts())
