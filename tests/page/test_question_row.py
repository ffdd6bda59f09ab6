"""The question to the shopper above the recommendations of a product, in Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from .visit import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TENT = "tent-0-0"
REQUEST = re.compile(r"/v1/.*/question")
FOCUSED = "document.activeElement.getAttribute('aria-labelledby')"


def test_answers_narrow_the_list_and_a_failed_question_leaves_it(
    browser: Browser, address: str, axe: Path
) -> None:
    httpx.get(f"{address}v1/products/{TENT}/question")  # the first loads what later ones use
    with visit(browser, address, "phone") as look:
        page = look.page
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        look.go("product", id=TENT)
        row = page.get_by_role("group", name="Which brand?")
        assert row.get_by_role("link", name="<u>Odd</u>").count() == 1  # text, not markup
        assert page.locator("main u").count() == 0
        assert page.get_by_role("link", name="Show all").count() == 0
        row.get_by_role("link", name="Karst").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**&where=brand%3DKarst")
        # the next question has the focus, and divides what is left
        second = page.get_by_role("group", name="At what price?")
        second.wait_for()
        assert page.evaluate(FOCUSED) == second.locator("p").get_attribute("id")
        page.locator(".card .brief", has_text="Karst").first.wait_for()
        second.get_by_role("link", name="more than 27, up to 36").click()
        page.wait_for_url("**&where=brand%3DKarst&where=price%3E27&where=price%3C%3D36")
        last = page.get_by_role("group", name="Filters in use")
        last.wait_for()
        assert look.overflow() <= 0
        assert not look.barriers(axe)

        # no question is left: it is requested once, also after another tab
        page.get_by_role("link", name="Alternatives").click()
        page.get_by_role("link", name="Alternatives", exact=True).and_(
            page.locator("[aria-current]")
        ).wait_for()
        page.go_back()
        last.wait_for()
        assert sum("/question?" in url and "price%3E27" in url for url in requested) == 1
        last.get_by_role("link", name="Remove filter: price more than 27, at most 36").click()
        second.wait_for()
        page.go_back()
        last.get_by_role("link", name="Show all").click()
        row.wait_for()
        assert "where" not in page.url

        # a question that fails, and one that does not come, leave the recommendations
        page.route(REQUEST, lambda route: route.fulfill(status=404, json={"title": "none"}))
        page.reload()
        page.locator(".card").first.wait_for()
        assert page.locator(".question").count() == 0
        page.unroute(REQUEST)
        page.route(REQUEST, lambda route: None)
        look.go("product", id=TENT, where="brand=Fjell")
        page.locator(".card .brief", has_text="Fjell").first.wait_for()
        page.get_by_role("link", name="Remove filter: brand is Fjell").wait_for()
